"""The suffix array of a text over words: where its words begin, in the byte order of what follows.

All places where a phrase stands are neighbours in that order, so two binary searches count it.

What is sorted are the words' numbers: their order is the order of the words' bytes. libdivsufsort
sorts small texts. Large ones are sorted by their first symbols packed into plain integers, which
vectorised sorting is quick at, and what these leave alike by doubling.

Source: Manber and Myers, "Suffix Arrays: A New Method for On-Line String Searches", 1990; Larsson
and Sadakane, "Faster Suffix Sorting", 2007; libdivsufsort by Mori.
"""

import numpy as np
from pydivsufsort import divsufsort

from headwater_attribution.spans.text import LARGE, U32, U64, RowText

_PACKED = 6
"""Symbols that packed sorting goes up to; in source text they tell two of three words apart."""


def suffix_array(rows: RowText, *, compiled: bool | None = None) -> U32:
    """`[W]` the byte positions of all words, ordered by the text from there to its end.

    Args:
        rows: the text.
        compiled: whether to sort with compiled loops, to the same result; unless said, where the
            text is `LARGE`.
    """
    if not len(rows.word_starts):
        return rows.word_starts
    large = len(rows.text) >= LARGE if compiled is None else compiled
    return _by_doubling(rows) if large else _by_divsufsort(rows)


def _by_divsufsort(rows: RowText) -> U32:
    total = len(rows.word_starts) + len(rows.row_words)
    row = np.repeat(np.arange(len(rows.row_words)), rows.row_words)
    at = np.arange(len(rows.word_starts)) + row
    kind = np.uint16 if len(rows.vocabulary) < 2**16 - 1 else np.uint32
    numbers = np.zeros(total, dtype=kind)  # 0 closes a row
    numbers[at] = rows.word_numbers + 1
    positions = np.zeros(total, dtype=np.uint32)
    positions[at] = rows.word_starts
    order = divsufsort(numbers)[len(rows.row_words) :]  # what closes rows comes first
    found: U32 = positions[order]
    return found


def _by_doubling(rows: RowText) -> U32:
    """Fresh memory costs as much as the sorting does, so what is no longer wanted serves again."""
    from headwater_attribution.spans import compiled

    total = len(rows.word_starts) + len(rows.row_words)
    symbols, ranks = np.empty(total, np.uint32), np.empty(total, np.uint32)
    compiled.symbols_of(rows.row_words, rows.word_numbers, symbols)
    keys, place_bits = np.empty(total, np.uint64), total.bit_length()
    known = _sort_by_beginning(symbols, len(rows.vocabulary) + 1, ranks, keys, place_bits)
    order, heads = keys.view(np.uint32)[:total], np.empty(total // 2 + 1, np.uint32)
    groups, largest = compiled.group_keys(keys, place_bits, order, ranks, heads)
    spare, next_heads = np.empty(largest, np.uint64), np.empty_like(heads)
    while groups:
        groups = compiled.refine_groups(order, ranks, heads, groups, known, spare, next_heads)
        heads, next_heads, known = next_heads, heads, 2 * known
    compiled.positions_of(rows.row_words, rows.word_starts, symbols)
    return np.take(symbols, order[len(rows.row_words) :], out=ranks[: len(rows.word_starts)])


def _sort_by_beginning(
    symbols: U32, last_symbol: int, ranks: U32, keys: U64, place_bits: int
) -> int:
    """Sort `keys`, each with a place in its last bits; gives the symbols they are sorted by."""
    from headwater_attribution.spans import compiled

    bits = last_symbol.bit_length()
    known = (64 - place_bits) // bits
    compiled.key_beginnings(symbols, known, bits, place_bits, keys)
    keys.sort()
    while known < _PACKED:
        rank_bits = int(compiled.rank_keys(keys, place_bits, ranks) - 1).bit_length()
        more = (64 - place_bits - rank_bits) // bits
        if not more:
            break
        compiled.key_longer(ranks, symbols, known, more, bits, place_bits, keys)
        keys.sort()
        known += more
    return known


class Suffixes:
    """Binary search over a suffix array.

    Args:
        text: the canonical text.
        order: `[W]` byte positions in the order of the suffixes.
    """

    def __init__(self, text: memoryview, order: U32) -> None:
        self._text = text
        self.order = np.ascontiguousarray(order, dtype=np.uint32)
        self._places = self.order.data

    def ranks(self, phrase: bytes) -> tuple[int, int]:
        """The half-open run of ranks whose suffixes begin with the words of `phrase`.

        `phrase` has its words apart by single spaces. Words end where a space or newline follows,
        and both sort below every byte of a word, so two plain keys enclose the run.
        """
        low = self.rank(phrase + b"\n")
        key, stop, step = phrase + b"!", low, 1
        while stop < len(self._places) and self._begins_below(stop, key):
            stop, step = stop + step, 2 * step
        return low, self.rank(key, max(low, stop - step // 2), min(stop, len(self._places)))

    def rank(self, key: bytes, low: int = 0, high: int | None = None) -> int:
        """The first rank from `low` whose suffix does not begin below `key`."""
        high = len(self._places) if high is None else high
        while low < high:
            middle = (low + high) // 2
            if self._begins_below(middle, key):
                low = middle + 1
            else:
                high = middle
        return low

    def longest(self, words: bytes) -> tuple[int, int]:
        """The longest beginning of `words` that stands in the text: its length and a place of it.

        `words` are followed by a space each; the length is in bytes, and what it cuts off may be
        part of a word.
        """
        rank = self.rank(words)
        best = (0, 0)
        for neighbour in (rank - 1, rank):
            if 0 <= neighbour < len(self._places):
                place = self._places[neighbour]
                best = max(best, (self._common(words, place), place))
        return best

    def _begins_below(self, rank: int, key: bytes) -> bool:
        place = self._places[rank]
        return bytes(self._text[place : place + len(key)]) < key

    def _common(self, words: bytes, place: int) -> int:
        here = bytes(self._text[place : place + len(words)])
        if here == words:
            return len(words)
        ours = np.frombuffer(words, np.uint8, len(here))
        differs = np.flatnonzero(ours != np.frombuffer(here, np.uint8))
        return int(differs[0]) if len(differs) else len(here)
