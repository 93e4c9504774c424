"""What words weigh among the rows accepted so far, and how much weight two rows share.

A word weighs the rounded binary logarithm of how rare it is. Words are numbered as they come, so a
row is two short arrays, and a row is weighed against all its candidates in one pass.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from headwater_attribution.apportion import Int64s


class Bag(NamedTuple):
    """An accepted row's content words: `[W]` their numbers, `[W]` how often each stands."""

    words: Int64s
    times: Int64s


@dataclass(frozen=True, slots=True)
class WeighedBags:
    """Several bags, one after the other.

    Attributes:
        words: `[T]` the numbers of all their words.
        times: `[T]` how often each stands in its bag.
        weights: `[T]` what each weighs.
        starts: `[B]` where each bag begins.
        totals: `[B]` the weight of each.
    """

    words: Int64s
    times: Int64s
    weights: Int64s
    starts: Int64s
    totals: Int64s


class WordWeights:
    """In how many accepted rows each word stands."""

    def __init__(self) -> None:
        self._number_of: dict[str, int] = {}
        self._rows_with = np.zeros(1_024, dtype=np.int64)
        self._times = np.zeros(1_024, dtype=np.int64)
        self._rows = 0

    def take(self, bag: Mapping[str, int]) -> Bag:
        """Count the content words of a row that is accepted; no bag is taken twice."""
        number_of = self._number_of
        numbers = [number_of.setdefault(word, len(number_of)) for word in bag]
        if len(number_of) > len(self._rows_with):
            more = np.zeros(len(number_of), dtype=np.int64)
            self._rows_with = np.concatenate((self._rows_with, more))
            self._times = np.zeros(len(self._rows_with), dtype=np.int64)
        words = np.array(numbers, dtype=np.int64)
        self._rows_with[words] += 1
        self._rows += 1
        return Bag(words, np.array(list(bag.values()), dtype=np.int64))

    def weigh(self, bags: Sequence[Bag]) -> WeighedBags:
        """Weigh bags of one word or more by how rare words are now."""
        if not bags:
            none = np.zeros(0, dtype=np.int64)
            return WeighedBags(none, none, none, none, none)
        words = np.concatenate([bag.words for bag in bags])
        times = np.concatenate([bag.times for bag in bags])
        sizes = np.array([len(bag.words) for bag in bags], dtype=np.int64)
        starts = np.cumsum(sizes) - sizes
        weights = self._weights(words)
        return WeighedBags(words, times, weights, starts, np.add.reduceat(weights * times, starts))

    def shared_bps(self, bag: Mapping[str, int], others: WeighedBags, places: Int64s) -> Int64s:
        """`[P]` the weight a row shares with some of the bags, in parts of the lighter's weight.

        Args:
            bag: the row's content words, one at least where there are places.
            others: weighed since a row was last taken.
            places: `[P]` of the bags in `others`.
        """
        if not len(places):
            return places
        mine = [(self._number_of.get(word, -1), times) for word, times in bag.items()]
        known = np.array([each for each in mine if each[0] >= 0], dtype=np.int64).reshape(-1, 2)
        words, times = known[:, 0], known[:, 1]
        total = int(self._weights(words) @ times)
        total += _weight(self._rows + 1) * sum(times for word, times in mine if word < 0)
        ends = np.append(others.starts[1:], len(others.words))
        sizes = ends[places] - others.starts[places]
        firsts = np.cumsum(sizes) - sizes
        at = np.arange(int(sizes.sum())) + np.repeat(others.starts[places] - firsts, sizes)
        self._times[words] = times
        both = np.minimum(self._times[others.words[at]], others.times[at]) * others.weights[at]
        self._times[words] = 0
        shared = np.add.reduceat(both, firsts)
        found: Int64s = shared * 10_000 // np.minimum(total, others.totals[places])
        return found

    def _weights(self, words: Int64s) -> Int64s:
        rarity = (self._rows + 1) // self._rows_with[words]
        # The exponent of a float is the length in bits of a whole number below 2^53.
        bits: Int64s = np.frexp((rarity + 1).astype(np.float64))[1].astype(np.int64)
        return bits


def _weight(rarity: int) -> int:
    return (rarity + 1).bit_length()
