"""How much of an answer is read: sellers are strangers, and being paid changes nothing in that."""

from collections.abc import AsyncIterator
from typing import Final

import httpx

from headwater_agents.errors import ServiceFailedError

MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024


async def bounded(response: httpx.Response, most: int = MAX_ANSWER_BYTES) -> AsyncIterator[bytes]:
    """An answer's body, unpacked, as it comes.

    Raises:
        ServiceFailedError: it is longer than `most` bytes.
    """
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > most:
            raise ServiceFailedError(f"The seller's answer has more than {most} bytes.", most=most)
        yield chunk
