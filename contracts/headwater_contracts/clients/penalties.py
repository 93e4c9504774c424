"""A table of penalties and the rules around it, as their contract keeps them."""

from dataclasses import astuple, dataclass, fields

from headwater_contracts.calls import require_uint
from headwater_contracts.clients.base import as_address, as_int, as_tuple
from headwater_payments.address import Address, parse_address

_GRADE_BITS = (16, 16, 32)
_RULE_BITS = (32, 32, 96, 96, 96, 96, 32, 32, 32, 32, 32)


@dataclass(frozen=True, slots=True)
class Grade:
    """One row of a table of penalties.

    Attributes:
        malice: whether the row punishes intent; errors can be put right, malice cannot.
        penalty_bps: of the contribution's bond, basis points.
        remedied_bps: the same when the error was put right in time.
        remedy_window: seconds to put it right in; 0 for malice.
    """

    malice: bool
    penalty_bps: int
    remedied_bps: int
    remedy_window: int

    def as_tuple(self) -> tuple[bool, int, int, int]:
        """In the order of the ABI.

        Raises:
            InvalidInputError: a value does not fit.
        """
        names = ("penalty_bps", "remedied_bps", "remedy_window")
        values = (self.penalty_bps, self.remedied_bps, self.remedy_window)
        given = zip(names, values, _GRADE_BITS, strict=True)
        penalty, remedied, window = (require_uint(name, value, bits) for name, value, bits in given)
        return self.malice, penalty, remedied, window


@dataclass(frozen=True, slots=True, kw_only=True)
class BondRule:
    """Under which rules contributions are bonded.

    Amounts are atomic units of the token, windows are seconds, each from 1 to 30 days.

    Attributes:
        token: one that the factory of vaults allows.
        beneficiary: has what penalties leave; none of a case's parties.
        panel: whose arbiters decide, by `Panels`.
        appeal_panel: whose arbiters decide again; another panel.
        min_bond: the least that a contribution locks.
        challenge_bond: what raising a case costs a loser; at least two fees.
        appeal_bond: what an appeal costs a loser; at least one fee.
        arbiter_fee: what a hearing pays its voters together.
        priority_window: in which only the contributor is heard.
        ruling_window: in which arbiters vote.
        appeal_window: in which a loser may appeal.
        release_delay: how long a bond stays reachable after its owner asks for it back.
        tag_duration: how long a tag freezes royalties unless it is renewed.
    """

    token: Address
    beneficiary: Address
    panel: int
    appeal_panel: int
    min_bond: int
    challenge_bond: int
    appeal_bond: int
    arbiter_fee: int
    priority_window: int
    ruling_window: int
    appeal_window: int
    release_delay: int
    tag_duration: int

    def as_tuple(self) -> tuple[object, ...]:
        """In the order of the ABI.

        Raises:
            InvalidInputError: a value does not fit.
        """
        names = [field.name for field in fields(self)][2:]
        numbers = zip(names, astuple(self)[2:], _RULE_BITS, strict=True)
        return (
            parse_address(self.token),
            parse_address(self.beneficiary),
            *(require_uint(name, value, bits) for name, value, bits in numbers),
        )

    @classmethod
    def from_tuple(cls, value: object) -> "BondRule":
        """From the decoded struct."""
        token, beneficiary, *numbers = as_tuple(value)
        names = [field.name for field in fields(cls)][2:]
        return cls(
            token=as_address(token),
            beneficiary=as_address(beneficiary),
            **{name: as_int(each) for name, each in zip(names, numbers, strict=True)},
        )


def grades_from(value: object) -> tuple[Grade, ...]:
    """The rows of a decoded table."""
    rows = (as_tuple(row) for row in as_tuple(value))
    return tuple(
        Grade(bool(malice), as_int(penalty), as_int(remedied), as_int(window))
        for malice, penalty, remedied, window in rows
    )
