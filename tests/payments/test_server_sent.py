"""Payment events come out of a stream whole, and nothing else of it is changed or held."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_payments.errors import InvalidInputError
from headwater_payments.event_lines import EventLines
from headwater_payments.server_sent import (
    MAX_EVENT_BYTES,
    EventBoundaries,
    EventFilter,
    ServerEvent,
)

OURS = b'event: payment-receipt\ndata: {"a":1}\n\n'
OTHERS = (
    b"data: x\n\n",
    b"event: payment\ndata: y\n\n",
    b"event: payment-receipts\ndata: z\n\n",
    b"data: event: payment-receipt\n\n",
    b": keep alive\r\n\r\n",
    b"id: 1\rdata: old\r\r",
    b"\n",
)


def run(chunks: list[bytes]) -> tuple[bytes, list[ServerEvent]]:
    taking = EventFilter(["payment-receipt", "payment-need-voucher"])
    parts = [part for chunk in chunks for part in taking.feed(chunk)] + taking.finish()
    passed = b"".join(part for part in parts if isinstance(part, bytes))
    return passed, [part for part in parts if isinstance(part, ServerEvent)]


def cut(whole: bytes, places: list[int]) -> list[bytes]:
    marks = sorted({0, len(whole), *(place % (len(whole) + 1) for place in places)})
    return [whole[a:b] for a, b in pairwise(marks)]


@given(st.lists(st.sampled_from((OURS, *OTHERS)), max_size=8), st.lists(st.integers(0, 400)))
def test_however_a_stream_is_cut_only_our_events_are_taken(
    events: list[bytes], places: list[int]
) -> None:
    passed, taken = run(cut(b"".join(events), places))
    assert passed == b"".join(event for event in events if event != OURS)
    assert [event.data for event in taken] == [b'{"a":1}'] * events.count(OURS)


def test_bytes_that_cannot_be_ours_are_not_held_back() -> None:
    taking = EventFilter(["payment-receipt"])
    assert taking.feed(b"data: hel") == [b"data: hel"]
    assert taking.feed(b"lo\n") == [b"lo\n"]
    assert taking.feed(b"\neve") == [b"\n"]
    assert taking.feed(b"ry") == [b"every"]


def test_a_stream_that_ends_inside_our_event_still_gives_it() -> None:
    passed, taken = run([b"data: x\n\n", b"event: payment-receipt\ndata: 1"])
    assert (passed, [event.data for event in taken]) == (b"data: x\n\n", [b"1"])


def test_an_event_without_an_end_is_passed_on_rather_than_kept() -> None:
    flood = b"event: payment-receipt\ndata: " + b"x" * (MAX_EVENT_BYTES + 1)
    assert run([flood[:100], flood[100:], b"y"]) == (flood + b"y", [])


def test_another_event_fits_between_whole_events_only() -> None:
    follow = EventBoundaries()
    assert follow.between_events
    assert follow.passed(b"data: x\n") is None
    assert not follow.between_events
    assert follow.passed(b"\ndata: y") == 1
    assert follow.passed(b"\r\n\r\ndata: z\n\n") == 13
    assert follow.between_events


LINES = st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=9))


@given(LINES, st.lists(st.sampled_from(("\n", "\r", "\r\n"))), st.lists(st.integers(0, 400)))
def test_lines_end_where_the_standard_says_however_they_are_cut(
    lines: list[str], ends: list[str], places: list[int]
) -> None:
    whole = "".join(
        line + (ends[number] if number < len(ends) else "\n") for number, line in enumerate(lines)
    )
    reader = EventLines()
    read = [line for chunk in cut(whole.encode(), places) for line in reader.feed(chunk)]
    first = [line.removeprefix("\ufeff") for line in lines[:1]]
    assert joined(read + reader.finish()) == joined(first + lines[1:])


def joined(lines: list[str]) -> list[str]:
    """Without empty lines: a CR before an LF of the next line's ends one line and not two."""
    return [line for line in lines if line]


def test_unicode_separators_end_no_line() -> None:
    reader = EventLines()
    text = "a\u2028b\x85c\x0bd\x1ce"
    assert reader.feed(f"{text}\n".encode()) == [text]


def fed(reader: EventLines, chunks: list[bytes]) -> list[str]:
    return [line for chunk in chunks for line in reader.feed(chunk)]


@pytest.mark.parametrize("size", [1, 7, 101])
def test_a_line_without_end_is_held_no_further_than_a_bound(size: int) -> None:
    reader = EventLines(longest=100)
    assert reader.feed(b"x" * 99 + b"\n") == ["x" * 99]
    with pytest.raises(InvalidInputError, match="more than 100 bytes"):
        fed(reader, [b"x" * size] * 102)
