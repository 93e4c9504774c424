"""An identity's record: how much it hands in at once, and how much of it was refused before.

Both are held against an identity only where every contribution is signed by it (`consent`):
otherwise anybody could hand in rubbish under its name. And only in rounds, which give "at once" and
"before" a meaning that everybody recomputes: what is judged depends on earlier rounds and on the
order of the present one. Rows that this rule itself keeps back, and contributions that were refused
whole for their consent or licence, are nobody's record, so whoever waits is judged again. Rows that
come a second time with the same consent aren't counted again: anybody who saw them can do that.

A new key has no record and costs nothing. What these rules do is to bound what one key may cost
whoever reviews; they keep nobody out who makes another.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from headwater_attribution.admission.consent import CONSENT, rows_hash
from headwater_attribution.admission.licensing import CONFLICT, LICENCE
from headwater_attribution.admission.parameters import AdmissionParameters
from headwater_attribution.admission.verdict import Contribution, Verdict
from headwater_payments.address import Address

BURST: Final = "identity-burst/1"
"""The id of the rule on rows in one round."""

RECORD: Final = "identity-record/1"
"""The id of the rule on rows refused in earlier rounds."""

_REFUSED_WHOLE: Final = frozenset({CONFLICT, CONSENT, LICENCE})


@dataclass(slots=True)
class _Round:
    """What an identity handed in in one round; judged and refused by what the rows say."""

    rows: int = 0
    judged: int = 0
    refused: int = 0


@dataclass(slots=True)
class _Identity:
    rounds: defaultdict[int, _Round] = field(default_factory=lambda: defaultdict(_Round))
    counted: set[str] = field(default_factory=set)


class IdentityRecord:
    """The records of all identities; a function of the verdicts taken in, and of their order only.

    Args:
        parameters: the thresholds.
    """

    def __init__(self, parameters: AdmissionParameters) -> None:
        self._parameters = parameters
        self._of: defaultdict[Address, _Identity] = defaultdict(_Identity)

    def take(self, contribution: Contribution, number: int, verdicts: Sequence[Verdict]) -> None:
        """Count the verdicts on a contribution of round `number`; nothing where it is 0."""
        handed_in = [each for each in verdicts if each.rule not in _REFUSED_WHOLE]
        judged = [each for each in handed_in if each.rule not in (BURST, RECORD)]
        # What was not signed for is not counted at all, or it would count for what was.
        if not number or not judged:
            return
        identity, signed_for = self._of[contribution.contributor], rows_hash(contribution)
        if signed_for in identity.counted:
            return
        identity.counted.add(signed_for)
        rounds = identity.rounds
        here = rounds[number]
        here.rows += len(handed_in)
        here.judged += len(judged)
        here.refused += sum(not each.accepted for each in judged)
        for old in [each for each in rounds if each < number - self._parameters.record_rounds]:
            del rounds[old]

    def objections(self, contribution: Contribution, number: int) -> list[tuple[str, str] | None]:
        """For each row of a contribution of round `number` the rule and reason to keep it back."""
        rows = len(contribution.rows)
        if not number:
            return [None] * rows
        refused = self._refused(contribution.contributor, number)
        if refused is not None:
            return [(RECORD, refused)] * rows
        most, before = self._parameters.burst_rows, self._rows_in(contribution.contributor, number)
        reason = (
            f"It is quarantined: its contributor handed in more than {most} rows in round "
            f"{number}, and this one comes after those."
        )
        return [(BURST, reason) if before + row >= most else None for row in range(rows)]

    def _refused(self, contributor: Address, number: int) -> str | None:
        known, identity = self._parameters, self._of.get(contributor)
        first = max(1, number - known.record_rounds)
        earlier = [
            each
            for at, each in (identity.rounds.items() if identity else ())
            if first <= at < number
        ]
        judged, refused = sum(e.judged for e in earlier), sum(e.refused for e in earlier)
        if judged < known.record_rows or refused * 10_000 < known.record_refused_bps * judged:
            return None
        return (
            f"It is quarantined: of the {judged} rows that its contributor handed in in rounds "
            f"{first} to {number - 1}, {refused} were refused."
        )

    def _rows_in(self, contributor: Address, number: int) -> int:
        identity = self._of.get(contributor)
        here = identity.rounds.get(number) if identity else None
        return here.rows if here else 0
