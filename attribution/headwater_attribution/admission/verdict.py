"""What is submitted, and what is said about each row of it."""

from dataclasses import dataclass

from headwater_payments.address import Address

ACCEPTED = "accepted/1"


@dataclass(frozen=True, slots=True)
class Contribution:
    """The rows one contributor submitted together under one licence (an SPDX id).

    Attributes:
        contribution_id: the number that the datanet gave it.
        contributor: who is paid.
        licence_id: an SPDX id.
        rows: the texts.
        consent: to the terms of the datanet, as JSON (`consent.Consent`); none where it is empty.
        withdrawal: the one that covers it, as JSON (`consent.Withdrawal`), where there is one.
        sources: SPDX ids of the works that it was made from, as the contributor says.
    """

    contribution_id: int
    contributor: Address
    licence_id: str
    rows: tuple[str, ...]
    consent: str = ""
    withdrawal: str = ""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class RowRef:
    """A submitted row: which contribution, and which row of it, counted from 0."""

    contribution_id: int
    row: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome for one submitted row.

    Attributes:
        ref: the row judged.
        rule: the id and version of the rule that decided, `accepted/1` when none objected.
        reason: one sentence for the contributor.
        similar_to: the earlier row it resembles most, where that decided.
        similarity_bps: how much it resembles it, in basis points.
    """

    ref: RowRef
    rule: str
    reason: str
    similar_to: RowRef | None = None
    similarity_bps: int | None = None

    @property
    def accepted(self) -> bool:
        """Whether the row enters the datanet."""
        return self.rule == ACCEPTED
