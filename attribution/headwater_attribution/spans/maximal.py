"""The maximal stretches of an answer that stand in a segment, word for word.

A stretch is maximal when no longer one that contains it stands there as well. Only runs of windows
that all stand somewhere are looked at; in most of them the run stands in one place as a whole, and
the suffix array is asked about the others.

Source: the maximal matching spans of Liu et al., "OLMoTrace", 2025, section 3.
"""

import numpy as np
import numpy.typing as npt

from headwater_attribution.spans.segment import WINDOW, Segment
from headwater_attribution.spans.windows import I64, NOWHERE, Query, stands_at


def maximal_spans(
    segment: Segment, query: Query, places: I64, allowed: npt.NDArray[np.bool_]
) -> list[tuple[int, int]]:
    """Half-open ranges of words of `query`, by rising start, at least `WINDOW` words each.

    Args:
        segment: where the words may stand.
        query: the answer.
        places: `[n - WINDOW + 1]` the first place of each window in the segment, or `NOWHERE`.
        allowed: `[n - WINDOW + 1]` windows that may be part of a span.
    """
    usable = np.flatnonzero((places != NOWHERE) & allowed)
    if not len(usable):
        return []
    breaks = np.flatnonzero(np.diff(usable) != 1) + 1
    firsts = usable[np.concatenate([[0], breaks])].tolist()
    lasts = usable[np.concatenate([breaks - 1, [len(usable) - 1]])].tolist()
    spans: list[tuple[int, int]] = []
    for first, last in zip(firsts, lasts, strict=True):
        spans += _within(segment, query, places, first, last + WINDOW)
    return spans


def _within(
    segment: Segment, query: Query, places: I64, start: int, limit: int
) -> list[tuple[int, int]]:
    """The maximal spans inside words `start` to `limit`, all of whose windows stand somewhere."""
    spans = []
    while True:
        stop = _longest(segment, query, int(places[start]), start, limit)
        spans.append((start, stop))
        if stop == limit:
            return spans
        low, high = start + 1, stop + 1 - WINDOW  # words[high:stop + 1] is a window that stands
        while low < high:
            middle = (low + high) // 2
            if _stands(segment, query, int(places[middle]), middle, stop + 1):
                high = middle
            else:
                low = middle + 1
        start = low


def _longest(segment: Segment, query: Query, place: int, start: int, limit: int) -> int:
    """The largest `stop <= limit` for which words `start` to `stop` stand in the segment."""
    if stands_at(segment.text, place, query.phrase(start, limit)):
        return limit
    length, found = segment.suffixes.longest(query.phrase(start, limit) + b" ")
    stop = int(np.searchsorted(query.starts, query.starts[start] + length, side="right")) - 1
    if stop < limit and stands_at(segment.text, found, query.phrase(start, stop + 1)):
        stop += 1  # its last word ends a row
    return stop


def _stands(segment: Segment, query: Query, place: int, start: int, stop: int) -> bool:
    phrase = query.phrase(start, stop)
    if stands_at(segment.text, place, phrase):
        return True
    low, high = segment.suffixes.ranks(phrase)
    return low < high
