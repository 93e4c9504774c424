"""Earlier rows that resemble a new one: candidates by MinHash, then exact measures in integers.

Clusters are stars: a row is compared with accepted rows only, each of which is the centre of its
own star, so likeness is never carried on from one copy to the next.

Source: Broder, "On the resemblance and containment of documents", 1997.
"""

from collections import Counter, defaultdict
from collections.abc import Container
from dataclasses import dataclass
from functools import lru_cache
from operator import mul

from rensa import RMinHash, RMinHashLSH

from headwater_attribution.admission.fingerprint import Fingerprint
from headwater_attribution.admission.parameters import AdmissionParameters
from headwater_attribution.admission.verdict import RowRef

_BANDS, _ROWS_A_BAND, _SEED = 42, 3, 8_402
_PERMUTATIONS = _BANDS * _ROWS_A_BAND


@dataclass(frozen=True, slots=True)
class Match:
    """An earlier row and how much of the word weight of either it shares, in basis points."""

    ref: RowRef
    alike_bps: int


class NeighbourIndex:
    """The rows accepted so far, searchable by likeness.

    A word weighs the rounded logarithm of how rare it is among the rows accepted so far, so that
    sharing "the bytearray" counts for more than sharing "return a value".
    """

    def __init__(self, parameters: AdmissionParameters) -> None:
        self.parameters = parameters
        self._rows: list[tuple[RowRef, Fingerprint]] = []
        self._rows_with_word: Counter[str] = Counter()
        self._first_with_window: dict[int, int] = {}
        self._by_canonical: dict[str, RowRef] = {}
        self._by_minhash = RMinHashLSH(0.5, _PERMUTATIONS, _BANDS)
        self._weights = _Weights(self)
        self._totals: dict[int, int] = {}

    def add(self, ref: RowRef, row: Fingerprint) -> None:
        """Take in an accepted row as the centre of a star."""
        key = len(self._rows)
        self._rows.append((ref, row))
        self._rows_with_word.update(row.bag.keys())
        self._weights.clear()
        self._totals.clear()
        self._by_canonical.setdefault(row.canonical, ref)
        for window in row.windows:
            self._first_with_window.setdefault(window, key)
        if row.bag:
            self._by_minhash.insert(key, _minhash(row))

    def same(self, row: Fingerprint) -> RowRef | None:
        """The earlier row with the same canonical text, if any."""
        return self._by_canonical.get(row.canonical)

    def copied(self, row: Fingerprint, own: Container[int] = ()) -> Match | None:
        """The share of the row's five-word windows that stand in any earlier row.

        The match names the row that most of them come from. Rows of the contributions `own` are
        left out.
        """
        if not row.windows:
            return None
        first = (self._first_with_window.get(window) for window in row.windows)
        keys = [k for k in first if k is not None and self._rows[k][0].contribution_id not in own]
        if not keys:
            return None
        most = min(Counter(keys).items(), key=lambda item: (-item[1], item[0]))[0]
        return Match(self._rows[most][0], len(keys) * 10_000 // len(row.windows))

    def alike(self, row: Fingerprint, own: Container[int] = ()) -> list[Match]:
        """Earlier rows that share word weight with `row`, whatever the order, most alike first.

        Rows of the contributions `own` are left out.
        """
        if not row.bag:
            return []
        total = self._weight(row)
        matches = []
        for key in self._by_minhash.query(_minhash(row)):
            ref, other = self._rows[key]
            if ref.contribution_id in own:
                continue
            alike_bps = self._alike_bps(row, total, key, other)
            if alike_bps:
                matches.append(Match(ref, alike_bps))
        return sorted(matches, key=lambda match: (-match.alike_bps, match.ref))

    def _alike_bps(self, row: Fingerprint, total: int, key: int, other: Fingerprint) -> int:
        shorter, longer = row.bag_size, other.bag_size
        if shorter > longer:
            shorter, longer = longer, shorter
        if longer * 10_000 > shorter * self.parameters.length_ratio_bps + 20_000:
            return 0
        mine, others, weights = row.bag, other.bag, self._weights
        common = mine.keys() & others.keys()
        shared = sum([min(mine[word], others[word]) * weights[word] for word in common])
        others_total = self._totals.get(key)
        if others_total is None:
            others_total = self._totals[key] = self._weight(other)
        return shared * 10_000 // min(total, others_total)

    def _weight(self, row: Fingerprint) -> int:
        """The weight of all content words of a row."""
        return sum(map(mul, map(self._weights.__getitem__, row.bag), row.bag.values()))

    def weight_of(self, word: str) -> int:
        """What one occurrence of a word weighs among the rows that are here now."""
        rarity = (len(self._rows) + 1) // (self._rows_with_word.get(word) or 1)
        return (rarity + 1).bit_length()


class _Weights(dict[str, int]):
    """What words weigh until the next row comes in, each worked out once."""

    def __init__(self, index: NeighbourIndex) -> None:
        super().__init__()
        self._index = index

    def __missing__(self, word: str) -> int:
        weight = self[word] = self._index.weight_of(word)
        return weight


def nearest_centre(index: NeighbourIndex, row: Fingerprint) -> Match | None:
    """The accepted row that `row` is a copy of by one of the three measures, or None."""
    same = index.same(row)
    if same is not None:
        return Match(same, 10_000)
    copied = index.copied(row)
    if copied is not None and copied.alike_bps >= index.parameters.copied_windows_bps:
        return copied
    alike = index.alike(row)
    if alike and alike[0].alike_bps >= alike_threshold_bps(row, index.parameters):
        return alike[0]
    return None


def alike_threshold_bps(row: Fingerprint, parameters: AdmissionParameters) -> int:
    """The shared word weight from which `row` counts as a copy; short rows coincide more often."""
    if row.bag_size >= 12:
        return parameters.alike_long_bps
    return parameters.alike_medium_bps if row.bag_size >= 8 else parameters.alike_short_bps


def rows_by_source(matches: list[list[Match]], at_least_bps: int) -> dict[int, int]:
    """How many rows have a match of `at_least_bps` in each earlier contribution."""
    counts: defaultdict[int, int] = defaultdict(int)
    for row in matches:
        for source in {m.ref.contribution_id for m in row if m.alike_bps >= at_least_bps}:
            counts[source] += 1
    return dict(counts)


@lru_cache(maxsize=4_096)
def _minhash(row: Fingerprint) -> RMinHash:
    """Of the row's content words, in any order; asked for when it is judged and when it enters."""
    sketch = RMinHash(_PERMUTATIONS, _SEED)
    sketch.update(list(row.bag))
    return sketch
