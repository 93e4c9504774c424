"""Whether words stand in an order: how much likelier neighbours are than the same words shuffled.

Text says something through the order of its words; filler, bait and shuffled copies hold words that
are as likely in any other order. Both sides of the comparison are the row's own words, so a rare or
foreign vocabulary neither helps nor hurts, and no second row of the same author is needed.

Source: the score of a pair is pointwise mutual information (Church & Hanks, "Word association
norms", 1990), smoothed towards independence; rare words count as their class, which their ending
tells (Brown et al., "Class-based n-gram models of natural language", 1992).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import numpy.typing as npt

from headwater_attribution.admission.lexicon import FUNCTION_WORDS
from headwater_attribution.apportion import Int64s

Bools = npt.NDArray[np.bool_]

_COMMON_FROM_ROWS = 8
_STRETCH = 40
_ENDINGS = ("ing", "ed", "ly", "tion", "s")
_PARTS_OF_A_BIT = 16
_SMOOTHING = 10
_BITS = 32
_AT_ONCE = 64
"""Stretches judged in one go."""

_NEAR = 2_048
"""Pairs of the first so many classes are counted in a table, which is read a stretch at a time."""


@dataclass(frozen=True, slots=True)
class OrderGain:
    """What the order of some words gains over a shuffle of them.

    Attributes:
        sixteenths: the gain in sixteenths of a bit, summed over the pairs.
        pairs: neighbouring pairs judged.
    """

    sixteenths: int
    pairs: int

    def __add__(self, other: "OrderGain") -> "OrderGain":
        return OrderGain(self.sixteenths + other.sixteenths, self.pairs + other.pairs)

    @property
    def millibits(self) -> int:
        """The gain of one pair in thousandths of a bit, rounded down; 0 where there is no pair."""
        return self.sixteenths * 1_000 // (_PARTS_OF_A_BIT * self.pairs) if self.pairs else 0


class WordOrder:
    """Which words follow which in the rows accepted so far; refused rows leave no trace here."""

    def __init__(self) -> None:
        self._rows_with_word: dict[str, int] = {}
        self._number_of: dict[str, int] = {}
        self._class_of = _Classes(self)
        self._classes: list[int] = []
        self._near = np.zeros(_NEAR * _NEAR, dtype=np.int32)
        self._pairs: Counter[int] = Counter()
        self.words = 0

    def learn(self, words: Sequence[str]) -> None:
        """Take in the words of an accepted row."""
        self.learn_each([words])

    def learn_each(self, rows: Sequence[Sequence[str]]) -> None:
        """Take in the words of accepted rows, in order."""
        rows_with, class_of = self._rows_with_word, self._class_of
        found: list[int] = []
        ends: list[int] = []
        for words in rows:
            for word in set(words):
                count = rows_with[word] = rows_with.get(word, 0) + 1
                if count == _COMMON_FROM_ROWS:
                    class_of.pop(word, None)
            found += [class_of[word] for word in words]
            ends.append(len(found))
        for number, times in Counter(found).items():
            self._classes[number] += times
        self._count(np.array(found, dtype=np.int64), ends)
        self.words += len(found)

    def _count(self, classes: Int64s, ends: Sequence[int]) -> None:
        """Count neighbours; the last word of a row has none in the next row."""
        inside = np.ones(max(0, len(classes) - 1), dtype=np.bool_)
        inside[[end - 1 for end in ends if 0 < end < len(classes)]] = False
        one, other = classes[:-1][inside], classes[1:][inside]
        if len(self._classes) > _NEAR:
            near = np.maximum(one, other) < _NEAR
            self._pairs.update((one << _BITS | other)[~near].tolist())
            one, other = one[near], other[near]
        np.add.at(self._near, one * _NEAR + other, 1)

    def gains(self, rows: Sequence[Sequence[str]]) -> list[OrderGain]:
        """What the order of each row's words gains where it gains least: in its worst stretch.

        About nothing for words in any order, so a sentence before or after them is of no help.
        """
        stretches: list[list[int]] = []
        row_of: list[int] = []
        for row, words in enumerate(rows):
            classes = [self._class_of[word] for word in words]
            last = max(0, len(classes) - _STRETCH)
            for start in sorted({*range(0, last, _STRETCH // 2), last}):
                stretches.append(classes[start : start + _STRETCH])
                row_of.append(row)
        found: dict[int, OrderGain] = {}
        for at in range(0, len(stretches), _AT_ONCE):
            gains = self._stretches(stretches[at : at + _AT_ONCE])
            for row, gain in zip(row_of[at:], gains, strict=False):
                least = found.get(row)
                if least is None or gain.sixteenths < least.sixteenths:
                    found[row] = gain
        return [found[row] for row in range(len(rows))]

    def gain(self, words: Sequence[str]) -> OrderGain:
        """`gains` of one row."""
        return self.gains([words])[0]

    def _stretches(self, stretches: Sequence[Sequence[int]]) -> list[OrderGain]:
        """Neighbours' scores less the mean over all ordered pairs, which is what a shuffle has."""
        lengths = np.array([len(each) for each in stretches], dtype=np.int64)
        width = max(1, int(lengths.max(initial=0)))
        classes = np.zeros((len(stretches), width), dtype=np.int64)
        for line, each in zip(classes, stretches, strict=True):
            line[: len(each)] = each
        there = np.arange(width) < lengths[:, None]
        both = there[:, :, None] & there[:, None, :]
        scores = self._scores(classes[:, :, None], classes[:, None, :], both)
        neighbours = scores[:, np.arange(width - 1), np.arange(1, width)].sum(axis=1)
        # A word is not its own neighbour in a shuffle; two equal words may be.
        shuffled = scores.sum(axis=(1, 2)) - np.einsum("sii->s", scores)
        gained = neighbours - shuffled // np.maximum(lengths, 1)
        return [
            OrderGain(gain, length - 1) if length > 1 else OrderGain(0, 0)
            for gain, length in zip(gained.tolist(), lengths.tolist(), strict=True)
        ]

    def _scores(self, one: Int64s, other: Int64s, wanted: Bools) -> Int64s:
        """`[S, L, L]` the score of each pair of classes; 0 where it isn't wanted."""
        counts = np.array(self._classes or [0], dtype=np.int64)
        by_chance = np.maximum(counts[one] * counts[other], max(self.words // 20, 1))[wanted]
        together = self._together(
            np.broadcast_to(one, wanted.shape)[wanted], np.broadcast_to(other, wanted.shape)[wanted]
        )
        seen = _SMOOTHING * self.words * together + by_chance
        scores = np.zeros(wanted.shape, dtype=np.int64)
        scores[wanted] = _logs(seen) - _logs((_SMOOTHING + 1) * by_chance)
        return scores

    def _together(self, one: Int64s, other: Int64s) -> Int64s:
        """`[P]` how often each pair of classes stands side by side."""
        if len(self._classes) <= _NEAR:
            counted: Int64s = self._near[one * _NEAR + other].astype(np.int64)
            return counted
        near = (one < _NEAR) & (other < _NEAR)
        found = np.zeros(len(one), dtype=np.int64)
        found[near] = self._near[one[near] * _NEAR + other[near]]
        keys = (one << _BITS | other)[~near].tolist()
        found[~near] = np.fromiter(map(self._pairs.get, keys, repeat(0)), np.int64, len(keys))
        return found

    def class_of(self, word: str) -> int:
        """The number of the class that a word counts as now."""
        name = self._class(word)
        number = self._number_of.get(name)
        if number is None:
            number = self._number_of[name] = len(self._classes)
            self._classes.append(0)
        return number

    def _class(self, word: str) -> str:
        if word in FUNCTION_WORDS or self._rows_with_word.get(word, 0) >= _COMMON_FROM_ROWS:
            return word
        if word.isdigit():
            return "<number>"
        if len(word) == 1:
            return "<letter>"
        return next((f"<{ending}>" for ending in _ENDINGS if word.endswith(ending)), "<word>")


class _Classes(dict[str, int]):
    """What words count as, each worked out once; a word that becomes common is forgotten."""

    def __init__(self, order: WordOrder) -> None:
        super().__init__()
        self._order = order

    def __missing__(self, word: str) -> int:
        number = self[word] = self._order.class_of(word)
        return number


def _first_with(sixteenths: int) -> int:
    """The smallest whole number whose binary logarithm has so many sixteenths: n^16 >= 2^k."""
    power: int = 1 << sixteenths
    low, high = 1, 1 << (sixteenths // _PARTS_OF_A_BIT + 1)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if middle**_PARTS_OF_A_BIT >= power else (middle + 1, high)
    return low


_STEPS = np.array([_first_with(k) for k in range(_PARTS_OF_A_BIT * 62)], dtype=np.int64)


def _logs(numbers: Int64s) -> Int64s:
    """The binary logarithms in sixteenths, rounded down, plus one; exact, so the same everywhere.

    Of numbers from 1 to 2^61. A float is near enough to be wrong by one step at most.
    """
    near = (np.log2(numbers) * _PARTS_OF_A_BIT).astype(np.int64)
    near -= numbers < _STEPS[near]
    near += numbers >= _STEPS[near + 1]
    return near + 1
