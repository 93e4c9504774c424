"""The rules of a panel, as its contract keeps them."""

from dataclasses import astuple, dataclass

from headwater_contracts.calls import require_uint
from headwater_contracts.clients.base import as_int, as_tuple

_BITS = (96, 32, 96, 8, 8, 32, 32, 32, 32, 32, 96, 96, 96)


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelRules:
    """Under which rules a vault's epochs are judged.

    Amounts are atomic units of the vault's token, windows are seconds. The contract refuses rules
    under which cheating pays on average: the bond's multiple is at least (1 - p) / p for audit
    probability p.

    Attributes:
        min_bond: the least that an attributor locks.
        bond_bps: the bond's multiple of a root's increment, basis points.
        max_increment: what one root may add to the last one.
        arbiter_quorum: votes that decide a dispute, more than half of the arbiters.
        verifier_quorum: signatures that a root needs; 0 asks for none.
        audit_probability: with which a root's evidence is executed anew, parts per 10^8.
        epoch_length: between two epochs; after two missed ones anyone bonded may post.
        demand_window: in which a demanded part of a tree must be shown.
        ruling_window: in which arbiters decide.
        compensation_window: how long a bond stays reachable after its owner asks for it back.
        demand_price: of a posting's first demand; the n-th costs n times as much.
        dispute_bond: what raising a dispute costs a loser.
        arbiter_fee: what a decided dispute pays its voters.
    """

    min_bond: int
    bond_bps: int
    max_increment: int
    arbiter_quorum: int
    verifier_quorum: int = 0
    audit_probability: int
    epoch_length: int
    demand_window: int
    ruling_window: int
    compensation_window: int
    demand_price: int
    dispute_bond: int
    arbiter_fee: int

    def as_tuple(self) -> tuple[int, ...]:
        """In the order of the ABI.

        Raises:
            InvalidInputError: a value does not fit.
        """
        values = zip(self.__slots__, astuple(self), _BITS, strict=True)
        return tuple(require_uint(name, value, bits) for name, value, bits in values)

    @classmethod
    def from_tuple(cls, value: object) -> "PanelRules":
        """From the decoded struct."""
        values = (as_int(each) for each in as_tuple(value))
        return cls(**dict(zip(cls.__slots__, values, strict=True)))
