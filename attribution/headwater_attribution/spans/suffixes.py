"""The suffix array of a text over words: where its words begin, in the byte order of what follows.

All places where a phrase stands are neighbours in that order, so two binary searches count it.

Source: Manber and Myers, "Suffix Arrays: A New Method for On-Line String Searches", 1990; built by
libdivsufsort (Mori), which sorts the words' numbers: their order is the order of the words' bytes.
"""

import numpy as np
from pydivsufsort import divsufsort

from headwater_attribution.spans.text import U32, RowText


def suffix_array(rows: RowText) -> U32:
    """`[W]` the byte positions of all words, ordered by the text from there to its end."""
    total = len(rows.word_starts) + len(rows.row_words)
    if not len(rows.word_starts):
        return rows.word_starts
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
