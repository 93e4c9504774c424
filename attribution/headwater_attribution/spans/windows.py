"""The earliest place of every window of words in a text, found by hash and confirmed by the text.

Rows shorter than the window are one window of their own length, from `SHORTEST` words on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from headwater_attribution.spans.hashing import window_hashes, window_hashes_by_size, word_hashes
from headwater_attribution.spans.text import LARGE, U32, U64, RowText

SHORTEST = 5
_FEW = 4096  # hashes that stay in a cache
_USUAL = set(range(SHORTEST, 9))  # sizes that are asked for together
NOWHERE = -1

I64 = npt.NDArray[np.int64]


class Query:
    """The words of an answer, prepared to be looked up.

    Attributes:
        words: `[n]` the canonical words in UTF-8.
        hashes: `[n]` their hashes.
        starts: `[n + 1]` the byte position of each word in `joined`, and one past its end.
        joined: the words, each followed by a space.
    """

    def __init__(self, words: Sequence[bytes]) -> None:
        self.words = words
        self._windows: dict[int, U64] = {}
        self.hashes = word_hashes(words)
        self.joined = b" ".join(words) + b" "
        lengths = np.fromiter(map(len, words), np.int64, len(words))
        self.starts: I64 = np.zeros(len(words) + 1, dtype=np.int64)
        np.cumsum(lengths + 1, out=self.starts[1:])

    def windows(self, size: int) -> U64:
        """`[n - size + 1]` the hashes of the windows of `size` words."""
        if size not in self._windows:
            self._windows |= window_hashes_by_size(self.hashes, _USUAL | {size})
        return self._windows[size]

    @cached_property
    def _offsets(self) -> list[int]:
        offsets: list[int] = self.starts.tolist()
        return offsets

    def phrase(self, start: int, stop: int) -> bytes:
        """Words `start` to `stop`, apart by a space and without one at the end."""
        return self.joined[self._offsets[start] : self._offsets[stop] - 1]


@dataclass(frozen=True, slots=True)
class WindowTable:
    """The distinct windows of one size: sorted hashes and, for each, where it stands first.

    Hashes are spread evenly, so a directory by their first bits leaves a few to search.

    Attributes:
        hashes: `[windows]` rising.
        firsts: `[windows]` byte positions.
        directory: `[2^k + 1]` how many hashes have smaller first `k` bits than each value of them.
    """

    hashes: U64
    firsts: U32
    directory: U32

    def find(self, wanted: U64) -> I64:
        """`[wanted]` the first position of each hash, or `NOWHERE`."""
        if not len(self.hashes) or not len(wanted):
            return np.full(len(wanted), NOWHERE, dtype=np.int64)
        few = len(self.hashes) <= _FEW
        smaller = self.hashes.searchsorted(wanted) if few else self._smaller(wanted)
        at = np.minimum(smaller, len(self.hashes) - 1)
        return np.where(self.hashes[at] == wanted, self.firsts[at].astype(np.int64), NOWHERE)

    def _smaller(self, wanted: U64) -> U32:
        """`[wanted]` how many hashes are smaller, by a search inside a bucket of the directory."""
        bucket = wanted >> np.uint64(65 - len(self.directory).bit_length())
        low: U32 = self.directory[bucket]
        high = self.directory[bucket + np.uint64(1)]
        last = np.uint32(len(self.hashes) - 1)
        for _ in range(int((high - low).max(initial=0)).bit_length()):
            middle = (low + high) >> np.uint32(1)
            below = self.hashes[np.minimum(middle, last)] < wanted
            low = np.where(below & (low < high), middle + np.uint32(1), low)
            high = np.where(below, high, middle)
        return low


def window_tables(
    rows: RowText, window: int, *, compiled: bool | None = None
) -> dict[int, WindowTable]:
    """The tables over `rows`, by size; sizes that no row has are left out.

    Args:
        rows: the text.
        window: the words of a window.
        compiled: whether to compile the loop over words, to the same result; unless said, where
            the text is `LARGE`.
    """
    by_word = word_hashes(rows.vocabulary)
    first_words = np.cumsum(rows.row_words, dtype=np.int64) - rows.row_words
    tables = {}
    short = rows.row_words[rows.row_words < max(window, 0)]
    for size in np.unique(short).tolist():
        if size >= SHORTEST:
            starts = first_words[rows.row_words == size]
            inside = rows.word_numbers[starts[:, None] + np.arange(size)]
            whole = window_hashes(by_word[inside], size)[:, 0]
            tables[size] = _table(whole, rows.word_starts[starts])
    if window > 0 and (rows.row_words >= window).any():
        large = len(rows.text) >= LARGE if compiled is None else compiled
        tables[window] = (_table_by_kernels if large else _full_table)(rows, by_word, window)
    return tables


def _full_table(rows: RowText, by_word: U64, window: int) -> WindowTable:
    first_words = np.cumsum(rows.row_words, dtype=np.int64) - rows.row_words
    inside = _windows_inside(rows.row_words, first_words, window)
    hashes = window_hashes(by_word[rows.word_numbers], window)[inside]
    return _table(hashes, rows.word_starts[: len(inside)][inside])


def _table_by_kernels(rows: RowText, by_word: U64, window: int) -> WindowTable:
    from headwater_attribution.spans import compiled

    words = len(rows.word_numbers)
    ends, keys = np.empty(words, np.uint32), np.empty(words, np.uint64)
    place_bits = words.bit_length()
    count = compiled.hash_windows(
        by_word, rows.word_numbers, rows.row_words, window, place_bits, ends, keys
    )
    keys = keys[:count]
    keys.sort()
    firsts = np.empty(count, np.uint32)
    found = compiled.distinct_windows(keys, place_bits, ends, rows.word_starts, keys, firsts)
    bits = _directory_bits(found)
    directory = np.empty((1 << bits) + 1, np.uint32)
    compiled.count_below(keys[:found], bits, directory)
    return WindowTable(keys[:found], firsts[:found], directory)


def _windows_inside(row_words: U32, first_words: I64, size: int) -> npt.NDArray[np.bool_]:
    """`[windows]` whether the window at each word ends in the row it begins in."""
    inside = np.ones(int(row_words.sum(dtype=np.int64)), dtype=np.bool_)
    ends = first_words + row_words
    for back in range(1, size):
        inside[np.maximum(ends - back, first_words)[row_words > 0]] = False
    return inside[: max(0, len(inside) - size + 1)]


def _table(hashes: U64, starts: U32) -> WindowTable:
    order = _stable_order(hashes)
    ordered = hashes[order]
    new = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    distinct = ordered[new]
    return WindowTable(distinct, starts[order[new]], _directory(distinct))


def _stable_order(hashes: U64) -> I64:
    """`np.argsort(hashes, kind="stable")`, several times as fast where hashes are spread evenly.

    Each hash gives up its last bits to its index, so that plain numbers are sorted; what is then
    nearly in order costs a stable sort little more than one pass.
    """
    index_bits = np.uint64(max(1, len(hashes)).bit_length())
    keys = hashes >> index_bits
    keys <<= index_bits
    keys |= np.arange(len(hashes), dtype=np.uint64)
    keys.sort()
    keys &= (np.uint64(1) << index_bits) - np.uint64(1)
    nearly = keys.astype(np.int64)
    return nearly[np.argsort(hashes[nearly], kind="stable")]


def _directory(hashes: U64) -> U32:
    bits = _directory_bits(len(hashes))
    bounds = np.arange(1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
    return np.append(np.searchsorted(hashes, bounds), len(hashes)).astype(np.uint32)


def _directory_bits(hashes: int) -> int:
    return max(1, hashes.bit_length() - 4)


def earliest_windows(
    text: memoryview, tables: Mapping[int, WindowTable], query: Query, size: int
) -> I64:
    """`[n - size + 1]` the first byte position of each window of the query, or `NOWHERE`.

    Every position has been compared with the text. Neighbours that stand side by side there, too,
    are compared in one go.
    """
    found = tables[size].find(query.windows(size))
    hits = np.flatnonzero(found != NOWHERE)
    if not len(hits):
        return found
    shift = found[hits] - query.starts[hits]
    apart = (hits[1:] - hits[:-1] != 1) | (shift[1:] != shift[:-1])
    bounds = [0, *(np.flatnonzero(apart) + 1).tolist(), len(hits)]
    first, places = hits.tolist(), found[hits].tolist()
    for low, high in pairwise(bounds):
        start, stop = first[low], first[high - 1]
        if not stands_at(text, places[low], query.phrase(start, stop + size)):
            for window in range(start, stop + 1):
                if not stands_at(text, int(found[window]), query.phrase(window, window + size)):
                    found[window] = NOWHERE
    return found


def stands_at(text: memoryview, position: int, phrase: bytes) -> bool:
    """Whether the words of `phrase` stand at `position`, which is the beginning of a word."""
    stop = position + len(phrase)
    return bytes(text[position : stop + 1]) in (phrase + b" ", phrase + b"\n")
