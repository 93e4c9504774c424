"""Licence statements that can't hold: rows under licences their sources, or the datanet, forbid.

Four statements are held against each other: the licence rows are handed in under, those of the
works they were made from as their contributor says, the one that a row states of itself, and the
one that the datanet gives its versions out under. None is proof of a right; a contradiction
between two is proof that one of them is wrong, whoever may tell which.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from headwater_attribution.admission.licence_families import conflict, stated_in, use_conflict
from headwater_attribution.admission.verdict import Contribution

LICENCE: Final = "licence/1"
"""The id of the rule that rows have one of the licences that are taken."""

CONFLICT: Final = "licence-conflict/1"
"""The id of the rule that statements do not contradict each other."""


@dataclass(frozen=True, slots=True)
class LicenceTerms:
    """What a datanet does with rows.

    Attributes:
        given_out_under: the SPDX id of its versions' licence; where it is empty, each row keeps its
            own.
        sold: whether answers made from the rows are paid for.
    """

    given_out_under: str = ""
    sold: bool = True


class Licensing:
    """Holds the statements about rows against each other.

    Args:
        taken: SPDX ids that rows may be handed in under; any where None.
        terms: what the datanet does with rows; where None, that is not looked at.
    """

    def __init__(self, taken: Iterable[str] | None, terms: LicenceTerms | None) -> None:
        self._taken = None if taken is None else tuple(sorted(set(taken)))
        self._terms = terms

    @property
    def taken(self) -> tuple[str, ...] | None:
        """The ids, in order."""
        return self._taken

    def objection(self, contribution: Contribution) -> tuple[str, str] | None:
        """The rule and reason for which none of a contribution's rows may enter, or None."""
        stated = contribution.licence_id
        if self._taken is not None and stated not in self._taken:
            taken = ", ".join(self._taken) or "none"
            return (
                LICENCE,
                f"It is handed in under {stated or 'no licence'}, and taken are {taken}.",
            )
        for source in contribution.sources:
            contradicts = conflict(source, stated)
            if contradicts is not None:
                return CONFLICT, f"Its contributor says it was made from a work: {contradicts}."
        terms = self._terms
        if terms is None:
            return None
        for one in (stated, *contribution.sources):
            forbids = use_conflict(one, sold=terms.sold)
            if forbids is not None:
                return CONFLICT, f"The datanet can't take it: {forbids}."
        passed_on = terms.given_out_under and conflict(stated, terms.given_out_under)
        if passed_on:
            return CONFLICT, f"The datanet can't give it out under its licence: {passed_on}."
        return None

    def row_objection(self, contribution: Contribution, text: str) -> tuple[str, str] | None:
        """The rule and reason for which one row may not enter by what it states, or None."""
        itself = stated_in(text)
        contradicts = itself and conflict(itself, contribution.licence_id)
        if contradicts:
            return CONFLICT, f"It is quarantined: it states a licence of itself: {contradicts}."
        return None
