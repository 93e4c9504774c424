"""Shares of an answer over the contributions that caused it, each with an interval."""

from collections.abc import Iterable
from dataclasses import dataclass

from headwater_payments.address import Address
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS


@dataclass(frozen=True, slots=True, order=True)
class Share:
    """One contribution's share of one answer, in parts per 10^8.

    Attributes:
        contribution_id: the contribution.
        contributor: who is paid for it.
        parts: the estimate.
        low: the lower end of its interval; `0 <= low <= parts`.
        high: the upper end; `parts <= high <= 10^8`.
        influence: what the contribution's passages scored by themselves, copies included, in
            millionths; rules that pay for mere similarity use it, the shipped rule does not.
    """

    contribution_id: int
    contributor: Address
    parts: int
    low: int
    high: int
    influence: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.parts <= self.high <= PARTS or self.influence < 0:
            raise InvalidInputError(
                "A share needs 0 <= low <= parts <= high <= 10^8 and an influence of at least 0.",
                contribution_id=self.contribution_id,
                interval=[self.low, self.parts, self.high],
            )


@dataclass(frozen=True, slots=True)
class Attribution:
    """The shares of one answer, by contribution id; what they leave of 10^8 is unattributed.

    Raises:
        InvalidInputError: the shares exceed the whole, or a contribution stands twice.
    """

    shares: tuple[Share, ...]

    def __post_init__(self) -> None:
        ids = [share.contribution_id for share in self.shares]
        if ids != sorted(set(ids)) or self.unattributed < 0:
            raise InvalidInputError(
                "Shares stand once for each contribution, by its id, and sum to at most 10^8.",
                total=PARTS - self.unattributed,
            )

    @property
    def unattributed(self) -> int:
        """Parts per 10^8 that no contribution is shown to have caused."""
        return PARTS - sum(share.parts for share in self.shares)


def attribution_of(shares: Iterable[Share]) -> Attribution:
    """Order shares by contribution; those with nothing in them are left out."""
    return Attribution(tuple(sorted(s for s in shares if s.high or s.influence)))
