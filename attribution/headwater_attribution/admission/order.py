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
from itertools import pairwise

from headwater_attribution.admission.lexicon import FUNCTION_WORDS

_COMMON_FROM_ROWS = 8
_STRETCH = 40
_ENDINGS = ("ing", "ed", "ly", "tion", "s")
_PARTS_OF_A_BIT = 16
_SMOOTHING = 10


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
        self._rows_with_word: Counter[str] = Counter()
        self._classes: Counter[str] = Counter()
        self._pairs: Counter[tuple[str, str]] = Counter()
        self._scores: dict[tuple[str, str], int] = {}
        self.words = 0

    def learn(self, words: Sequence[str]) -> None:
        """Take in the words of an accepted row."""
        self._rows_with_word.update(set(words))
        classes = [self._class(word) for word in words]
        self._classes.update(classes)
        self._pairs.update(pairwise(classes))
        self.words += len(words)
        self._scores.clear()

    def gain(self, words: Sequence[str]) -> OrderGain:
        """What the order of `words` gains where it gains least: in the worst stretch of them.

        About nothing for words in any order, so a sentence before or after them is of no help.
        """
        classes = [self._class(word) for word in words]
        last = max(0, len(classes) - _STRETCH)
        starts = sorted({*range(0, last, _STRETCH // 2), last})
        stretches = [self._stretch(classes[start : start + _STRETCH]) for start in starts]
        return min(stretches, key=lambda gain: gain.sixteenths)

    def _stretch(self, classes: Sequence[str]) -> OrderGain:
        """Neighbours' scores less the mean over all ordered pairs, which is what a shuffle has."""
        pairs = len(classes) - 1
        if pairs < 1:
            return OrderGain(0, 0)
        found = sum(self._score(pair) for pair in pairwise(classes))
        counts = list(Counter(classes).items())
        shuffled = sum(
            self._score((one, other)) * times * (others - (one == other))
            for one, times in counts
            for other, others in counts
        )
        return OrderGain(found - shuffled // len(classes), pairs)

    def _score(self, pair: tuple[str, str]) -> int:
        score = self._scores.get(pair)
        if score is None:
            by_chance = max(self._classes[pair[0]] * self._classes[pair[1]], self.words // 20, 1)
            together = _SMOOTHING * self.words * self._pairs[pair]
            score = _log(together + by_chance) - _log((_SMOOTHING + 1) * by_chance)
            self._scores[pair] = score
        return score

    def _class(self, word: str) -> str:
        if word in FUNCTION_WORDS or self._rows_with_word[word] >= _COMMON_FROM_ROWS:
            return word
        if word.isdigit():
            return "<number>"
        if len(word) == 1:
            return "<letter>"
        return next((f"<{ending}>" for ending in _ENDINGS if word.endswith(ending)), "<word>")


def _log(number: int) -> int:
    """The binary logarithm in sixteenths, rounded down, plus one; exact, so the same everywhere."""
    power: int = number**_PARTS_OF_A_BIT
    return power.bit_length()
