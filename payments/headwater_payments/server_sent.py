"""Server-sent events as bytes: where one ends, and taking named ones out of a passing stream.

Source: HTML Living Standard, "Server-sent events"; an event ends with a blank line.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

MAX_EVENT_BYTES: Final = 65_536
"""A longer event is passed on, whatever its name."""

_BLANK_LINE: Final = re.compile(rb"\n\n|\n\r\n|\r\r")
_KEPT: Final = 2


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """An event that was taken out of a stream: its name, its data, and the bytes it came in."""

    name: str
    data: bytes
    raw: bytes


class EventBoundaries:
    """Follows a stream of events and knows where another may be put between two of them."""

    def __init__(self) -> None:
        self._tail = b"\n\n"

    @property
    def between_events(self) -> bool:
        """Whether everything so far is whole events."""
        return any(self._tail.endswith(end) for end in (b"\n\n", b"\n\r\n", b"\r\r"))

    def passed(self, chunk: bytes) -> int | None:
        """Note the next bytes of the stream.

        Returns:
            The offset in `chunk` behind the last event that ends in it; None where none does.
        """
        before, self._tail = self._tail, (self._tail + chunk)[-_KEPT - 1 :]
        ends = (found.end() for found in _BLANK_LINE.finditer(before + chunk))
        return max((end - len(before) for end in ends if end > len(before)), default=None)


class EventFilter:
    """Takes events of some names out of a stream; everything else passes at once, untouched.

    Held back are only bytes that may yet turn out to be the first line of such an event, and the
    event itself until it ends.

    Args:
        names: of the events to take, as the sender writes them: `event: name` on the first line.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._heads = tuple(f"event: {name}\n".encode() for name in names)
        self._longest = max(len(head) for head in self._heads)
        self._state: Literal["start", "other", "taking"] = "start"
        self._held = self._tail = b""

    def feed(self, chunk: bytes) -> list[bytes | ServerEvent]:
        """The next bytes of the stream, as what passes on and the events taken, in order."""
        data, self._held = self._held + chunk, b""
        parts: list[bytes | ServerEvent] = []
        start = at = 0
        while at < len(data):
            if self._state == "start":
                step = self._begin(data, at)
                if step is None:
                    break
                at += step
            elif self._state == "other":
                at = self._skip(data, at)
            else:
                parts += [data[start:at]] if at > start else []
                start, end = at, _BLANK_LINE.search(data, at)
                if end is None:
                    break
                parts.append(_event(data[at : end.end()]))
                start = at = end.end()
                self._state = "start"
        if self._state == "taking" and len(data) - at > MAX_EVENT_BYTES:
            self._state, at = "other", len(data)
        self._held = data[at:]
        parts += [data[start:at]] if at > start else []
        return parts

    def finish(self) -> list[bytes | ServerEvent]:
        """What was held back when the stream ended."""
        held, self._held = self._held, b""
        if not held:
            return []
        return [_event(held) if self._state == "taking" else held]

    def _begin(self, data: bytes, at: int) -> int | None:
        """How far to go on at the start of an event; None where more bytes must tell."""
        if data[at : at + 1] in (b"\r", b"\n"):
            return 1
        first = data[at : at + self._longest]
        if any(first.startswith(head) for head in self._heads):
            self._state = "taking"
        elif any(head.startswith(first) for head in self._heads):
            return None
        else:
            self._state, self._tail = "other", b""
        return 0

    def _skip(self, data: bytes, at: int) -> int:
        """Where the event that began before `at` ends, or the end of the data."""
        seen = self._tail + data[at:]
        for found in _BLANK_LINE.finditer(seen):
            if found.end() > len(self._tail):
                self._state = "start"
                return at + found.end() - len(self._tail)
        self._tail = seen[-_KEPT:]
        return len(data)


def _event(raw: bytes) -> ServerEvent:
    name, data = "", []
    for line in raw.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"event":
            name = value.strip().decode("utf-8", "replace")
        elif field == b"data":
            data.append(value.removeprefix(b" "))
    return ServerEvent(name, b"\n".join(data), raw)
