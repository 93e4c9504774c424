"""Which rows the words of an answer come from: maximal rare spans, each word to its earliest row.

1. Windows of the answer that stand in a row, and in neither the prompt nor a text quoted under its
   own licence, join to *maximal spans*: stretches that stand in one row and can't be lengthened.
2. A span has a *surprise*, in bits: for each word, how many binary digits (words of the version ÷
   exact count of the word) has. A span is rare when it has `rare` times the digits of the whole.
   At 2, less than one such span would be expected by chance if words fell independently.
3. A word inside rare spans goes to the earliest committed row with a window over it. So who quotes
   an earlier row earns for the new words of a span only.

With nothing asked of the surprise this is `span-match` with windows of 8 words.

Source: Liu et al., "OLMoTrace", 2025 (spans by unigram probability); first committer: ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from headwater_attribution.canonical import word_bytes
from headwater_attribution.spans.index import SpanIndex
from headwater_attribution.spans.maximal import maximal_spans
from headwater_attribution.spans.segment import WINDOW, IndexedRow
from headwater_attribution.spans.text import U64
from headwater_attribution.spans.windows import I64, NOWHERE, SHORTEST, Query

RARE = 2
_LATER = np.int64(2**63 - 1)  # no row is as late as this


@dataclass(frozen=True, slots=True)
class Span:
    """Words `start` to `stop` of the answer stand in a row one after the other.

    Attributes:
        start: the first word, counted from 0 in the canonical words of the answer.
        stop: one past the last.
        surprise: in bits; see the module.
    """

    start: int
    stop: int
    surprise: int


@dataclass(frozen=True, slots=True)
class Credit:
    """Words `start` to `stop` of the answer, all first committed in `row`."""

    start: int
    stop: int
    row: IndexedRow


@dataclass(frozen=True, slots=True)
class Trace:
    """What an index knows about one answer.

    Attributes:
        index: the index that was asked.
        words: the canonical words of the answer.
        spans: all maximal spans, by start, whether rare or not.
        bits: the binary digits of the number of words in the version.
        windows: by size, `[n - size + 1]` the sequence of the earliest row with each window, or a
            sequence later than all; sizes of which no window stands in a row are left out.
    """

    index: SpanIndex
    words: tuple[bytes, ...]
    spans: tuple[Span, ...]
    bits: int
    windows: tuple[tuple[int, I64], ...]

    def rare_spans(self, rare: int = RARE) -> tuple[Span, ...]:
        """The spans with at least `rare` times `bits` of surprise."""
        return tuple(span for span in self.spans if span.surprise >= rare * self.bits)

    def owners(self, rare: int = RARE) -> I64:
        """`[n]` the sequence of the row that each word is credited to, or `NOWHERE`."""
        owner = np.full(len(self.words), _LATER, dtype=np.int64)
        spans = self.rare_spans(rare)
        for size, earliest in self.windows:
            inside = np.full(len(earliest), _LATER, dtype=np.int64)
            for span in spans:
                part = slice(span.start, max(span.start, span.stop - size + 1))
                inside[part] = earliest[part]
            for word in range(size):
                covered = owner[word : word + len(inside)]
                np.minimum(covered, inside, out=covered)
        owner[owner == _LATER] = NOWHERE
        return owner

    def credits(self, rare: int = RARE) -> tuple[Credit, ...]:
        """The credited stretches, by start; neighbours belong to different rows."""
        owner = self.owners(rare)
        bounds = [0, *(np.flatnonzero(np.diff(owner)) + 1).tolist(), len(owner)]
        return tuple(
            Credit(start, stop, self.index.row(int(owner[start])))
            for start, stop in pairwise(bounds)
            if start < stop and owner[start] != NOWHERE
        )


def trace(index: SpanIndex, answer: str, prompt: str = "", quoted: Sequence[str] = ()) -> Trace:
    """Find the words of `answer` in the rows of `index`.

    Args:
        index: one version of a datanet.
        answer: the text to explain.
        prompt: what the buyer sent; windows that stand in it earn nothing.
        quoted: texts that the answer quotes under a licence of their own, or that belong to
            everybody; windows that stand in them earn nothing.
    """
    query = Query(word_bytes(answer))
    others = [Query(word_bytes(text)) for text in (prompt, *quoted) if text]
    spans: set[tuple[int, int]] = set()
    windows = []
    for size in range(WINDOW, SHORTEST - 1, -1):
        if not any(size in segment.tables for segment in index.segments):
            continue
        allowed = _allowed(query, others, size)
        earliest, found_any = np.full(len(allowed), _LATER, dtype=np.int64), False
        for segment in index.segments:
            places = segment.places(query, size)
            held = np.flatnonzero((places != NOWHERE) & allowed)
            if not len(held):
                continue
            sequences = segment.sequences[segment.row_numbers(places[held])].astype(np.int64)
            earliest[held] = np.minimum(earliest[held], sequences)
            if size == WINDOW:
                spans.update(maximal_spans(segment, query, places, allowed))
            else:
                spans.update((start, start + size) for start in held.tolist())
            found_any = True
        if found_any:
            windows.append((size, earliest))
    weights = _weights(index, query.hashes)
    found = (Span(*span, int(weights[span[1]] - weights[span[0]])) for span in _maximal(spans))
    return Trace(index, tuple(query.words), tuple(found), index.words.bit_length(), tuple(windows))


def _allowed(query: Query, others: Sequence[Query], size: int) -> npt.NDArray[np.bool_]:
    """`[n - size + 1]` windows that stand in none of the other texts."""
    mine = query.windows(size)
    if not others or not len(mine):
        return np.ones(len(mine), dtype=np.bool_)
    theirs = np.concatenate([other.windows(size) for other in others])
    return ~np.isin(mine, theirs)


def _weights(index: SpanIndex, hashes: U64) -> I64:
    """`[n + 1]` the bits of all words before each, summed."""
    none: I64 = np.zeros(len(hashes), dtype=np.int64)
    counts = reduce(np.add, (segment.word_counts(hashes) for segment in index.segments), none)
    _, digits = np.frexp((index.words // np.maximum(counts, 1)).astype(np.float64))  # exact
    return np.concatenate([[0], np.cumsum(digits, dtype=np.int64)])


def _maximal(spans: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans that no other contains, by start."""
    kept: list[tuple[int, int]] = []
    for start, stop in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not kept or stop > kept[-1][1]:
            kept.append((start, stop))
    return kept
