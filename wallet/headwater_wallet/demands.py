"""The body of a 402, which is read to its end before anybody asks for it: no further than a bound.

A seller that a wallet knows nothing of yet decides how long its demand is. One without an end would
hold the request for ever, and one that unpacks to gigabytes the process.
"""

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from typing import Final

from headwater_payments.errors import InvalidInputError

MAX_DEMAND_BYTES: Final = 262_144
MAX_PACKED_BYTES: Final = 65_536
"""Of a compressed body, which unpacks to a thousand times as much at most."""


class Demand:
    """The stream of one 402's body.

    Args:
        headers: of the answer, looked up in any letter case.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        packed = headers.get("content-encoding", "identity") != "identity"
        self._most = MAX_PACKED_BYTES if packed else MAX_DEMAND_BYTES

    async def through(self, stream: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """The stream's chunks.

        Raises:
            InvalidInputError: they are more than a demand for payment has.
        """
        size = 0
        async for chunk in stream:
            size += len(chunk)
            if size > self._most:
                raise InvalidInputError(
                    f"The seller's demand for a payment has more than {self._most} bytes."
                )
            yield chunk

    async def ended(self) -> None:
        """The stream is closed."""
