"""Lines of a stream of server-sent events, out of bytes as they come.

They end with CR, LF or both, and with nothing else: a line separator of Unicode (U+2028, U+0085)
stands in the middle of a line, where readers of text files would break it.

Source: HTML Living Standard, "Server-sent events", section 9.2.5.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Final

from headwater_payments.errors import InvalidInputError

MAX_LINE_BYTES: Final = 4 * 1024 * 1024
_END: Final = re.compile(rb"\r\n|\n|\r")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class EventLines:
    """Takes bytes in any pieces, and gives the lines that have ended.

    Args:
        longest: bytes that a line may have.
    """

    def __init__(self, longest: int = MAX_LINE_BYTES) -> None:
        self._longest = longest
        self._held: list[bytes] = []
        self._size = 0
        self._after_return = False
        self._first = True

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that end in the next bytes.

        Raises:
            InvalidInputError: a line is longer than it may be.
        """
        if self._after_return:
            chunk = chunk.removeprefix(b"\n")
        if chunk:
            self._after_return = chunk.endswith(b"\r")
        *ended, rest = _END.split(chunk)
        lines = []
        for part in ended:
            self._hold(part)
            lines.append(self._taken())
        self._hold(rest)
        return lines

    def finish(self) -> list[str]:
        """What stood behind the last line's end."""
        return [self._taken()] if self._size else []

    def _hold(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._longest:
            raise InvalidInputError(f"A line of the stream has more than {self._longest} bytes.")
        self._held.append(part)

    def _taken(self) -> str:
        line = b"".join(self._held)
        self._held, self._size = [], 0
        if self._first:
            self._first, line = False, line.removeprefix(_BYTE_ORDER_MARK)
        return line.decode("utf-8", "replace")


async def event_lines(
    chunks: AsyncIterable[bytes], longest: int = MAX_LINE_BYTES
) -> AsyncGenerator[str]:
    """The lines of `chunks`, each as soon as it has ended.

    Raises:
        InvalidInputError: a line is longer than it may be.
    """
    lines = EventLines(longest)
    async for chunk in chunks:
        for line in lines.feed(chunk):
            yield line
    for line in lines.finish():
        yield line
