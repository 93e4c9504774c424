"""What shows only over everything that one identity handed in: one form, filled in piece by piece.

A form that is stamped out shows in a contribution (`collective`), unless its rows come in a few at
a time. So the three-word windows of an identity's accepted rows are counted over its contributions.
Only rows in small contributions are, as a larger one shows its forms by itself. Refused rows aren't
counted, so nobody is judged by what others hand in under their name and see refused.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final

from headwater_attribution.admission.fingerprint import Fingerprint
from headwater_attribution.admission.parameters import AdmissionParameters
from headwater_payments.address import Address

FORM: Final = "identity-template/1"
"""The rule's id."""

_WINDOW = 3


@dataclass(slots=True)
class _Handed:
    """What an identity handed in so far: rows, and in how many of them each window stands."""

    rows: int = 0
    windows: Counter[tuple[str, ...]] = field(default_factory=Counter)


class Habits:
    """The forms of every identity; a function of the rows taken in, and of their order only.

    Args:
        parameters: the thresholds.
    """

    def __init__(self, parameters: AdmissionParameters) -> None:
        self._parameters = parameters
        self._of: defaultdict[Address, _Handed] = defaultdict(_Handed)

    def take(self, contributor: Address, row: Fingerprint) -> None:
        """Count an accepted row."""
        handed = self._of[contributor]
        handed.rows += 1
        handed.windows.update(_windows(row))

    def stock_bps(self, contributor: Address, row: Fingerprint) -> int:
        """The share of the row's windows, in basis points, that its contributor keeps repeating.

        Those are the windows that stand in `habit_rows` earlier rows of the identity or more, and
        in `habit_bps` of them or more.
        """
        handed = self._of.get(contributor)
        windows = _windows(row)
        if handed is None or not windows or handed.rows < self._parameters.habit_rows:
            return 0
        share = -(-handed.rows * self._parameters.habit_bps // 10_000)
        needed = max(self._parameters.habit_rows, share)
        return sum(handed.windows[each] >= needed for each in windows) * 10_000 // len(windows)

    def rows_of(self, contributor: Address) -> int:
        """How many rows of the identity are counted."""
        handed = self._of.get(contributor)
        return 0 if handed is None else handed.rows


def _windows(row: Fingerprint) -> set[tuple[str, ...]]:
    return set(zip(*(row.words[start:] for start in range(_WINDOW)), strict=False))
