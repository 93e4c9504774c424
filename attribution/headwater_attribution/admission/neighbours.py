"""Earlier rows that resemble a new one: candidates by MinHash, then exact measures in integers.

Clusters are stars: a row is compared with accepted rows only, each of which is the centre of its
own star, so likeness is never carried on from one copy to the next.

Source: Broder, "On the resemblance and containment of documents", 1997.
"""

from collections import Counter, defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from rensa import RMinHash, RMinHashLSH

from headwater_attribution.admission.fingerprint import Fingerprint
from headwater_attribution.admission.parameters import AdmissionParameters
from headwater_attribution.admission.verdict import RowRef
from headwater_attribution.admission.word_weights import Bag, WordWeights

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
        self._bags: list[Bag] = []
        self._weights = WordWeights()
        self._first_with_window: dict[int, int] = {}
        self._by_canonical: dict[str, RowRef] = {}
        self._by_minhash = RMinHashLSH(0.5, _PERMUTATIONS, _BANDS)
        self._least_bps = _least_bps(parameters)

    def add(self, ref: RowRef, row: Fingerprint) -> None:
        """Take in an accepted row as the centre of a star."""
        key = len(self._rows)
        self._rows.append((ref, row))
        self._bags.append(self._weights.take(row.bag))
        self._by_canonical.setdefault(row.canonical, ref)
        fresh = row.windows.difference(self._first_with_window)
        self._first_with_window.update(dict.fromkeys(fresh, key))
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
        first, known = self._first_with_window, self._rows
        held = [first[window] for window in row.windows if window in first]
        keys = [key for key in held if known[key][0].contribution_id not in own]
        if not keys:
            return None
        most = min(Counter(keys).items(), key=lambda item: (-item[1], item[0]))[0]
        return Match(self._rows[most][0], len(keys) * 10_000 // len(row.windows))

    def alike(self, row: Fingerprint, own: Container[int] = ()) -> list[Match]:
        """Earlier rows that share word weight with `row`, whatever the order, most alike first.

        Those that share less than any rule asks for, and rows of the contributions `own`, are left
        out.
        """
        return self.alike_each([row], own)[0]

    def alike_each(
        self, rows: Sequence[Fingerprint], own: Container[int] = ()
    ) -> list[list[Match]]:
        """`alike` of each of several rows, weighed in one go."""
        near = [self._near(row, own) for row in rows]
        everyone = list({key: None for keys in near for key in keys})
        others = self._weights.weigh([self._bags[key] for key in everyone])
        place = {key: at for at, key in enumerate(everyone)}
        found = []
        for row, keys in zip(rows, near, strict=True):
            places = np.array([place[key] for key in keys], dtype=np.int64)
            shared = self._weights.shared_bps(row.bag, others, places).tolist()
            matches = [
                Match(self._rows[key][0], alike_bps)
                for key, alike_bps in zip(keys, shared, strict=True)
                if alike_bps >= self._least_bps
            ]
            found.append(sorted(matches, key=lambda match: (-match.alike_bps, match.ref)))
        return found

    def _near(self, row: Fingerprint, own: Container[int]) -> list[int]:
        """Candidates of a length that can be compared."""
        if not row.bag:
            return []
        size, ratio, rows = row.bag_size, self.parameters.length_ratio_bps, self._rows
        most = (size * ratio + 20_000) // 10_000
        near = []
        for key in self._by_minhash.query(_minhash(row)):
            ref, other = rows[key]
            longer = other.bag_size
            if longer > most or size * 10_000 > longer * ratio + 20_000:
                continue
            if ref.contribution_id not in own:
                near.append(key)
        return near


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


def _least_bps(parameters: AdmissionParameters) -> int:
    """The least likeness that makes a difference to any rule, and 1 at least."""
    asked = (
        parameters.alike_long_bps,
        parameters.alike_medium_bps,
        parameters.alike_short_bps,
        parameters.small_alike_bps,
        parameters.kin_bps,
        parameters.derived_alike_bps,
    )
    return max(1, min(asked))


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
