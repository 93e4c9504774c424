"""Machine-readable licences, and which may follow from which: the reference of `Licences`."""

from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from enum import IntEnum
from typing import Final

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from headwater_contracts.calls import require_uint
from headwater_contracts.clients.base import as_address, as_bytes, as_int, as_tuple
from headwater_payments.address import ZERO_ADDRESS, Address
from headwater_payments.errors import InvalidInputError

_ABI = (
    "(bool,uint8,uint96,uint40,bool,bool,address,bytes,uint32,uint96,bool,bool,bool,bool,uint96,"
    "address,string,bool,bool,bool,uint32)"
)
_BITS = {
    "royalty_policy": 8,
    "default_minting_fee": 96,
    "expiration": 40,
    "commercial_rev_share": 32,
    "commercial_rev_ceiling": 96,
    "derivative_rev_ceiling": 96,
    "min_downstream": 32,
}
_GRANTS = ("transferable", "commercial_use", "training", "inference", "retrieval")
_LIMITS = ("expiration", "commercial_rev_ceiling", "derivative_rev_ceiling")
_DUTIES = ("commercial_attribution", "derivatives_attribution")


class Use(IntEnum):
    """What a derived version does with its parent; it follows from what both are."""

    DERIVATIVE = 0
    TRAINING = 1
    INFERENCE = 2
    RETRIEVAL = 3


RELATIVE: Final = 0
"""Each direct child owes a share of its gross."""

ABSOLUTE: Final = 1
"""Every descendant owes a share of its first sales, once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """The seventeen fields of Story's PIL terms, and what may be done with data and models.

    Shares are parts per 10^8, fees and ceilings atomic units, times unix seconds; 0 is no end and
    no ceiling. Ceilings are stated and inherited; vaults do not enforce them.

    Attributes:
        royalty_policy: `RELATIVE`, a share of each direct child's gross, or `ABSOLUTE`, a share of
            what every descendant sells first.
        commercial_rev_share: that share.
        commercializer_checker: a contract that says who may derive commercially; zero for none.
        derivatives_approval: whether the owner names each asset that may derive.
        derivatives_reciprocal: whether derivatives carry this very licence.
        min_downstream: the least that derivatives ask of theirs.
    """

    transferable: bool = False
    royalty_policy: int = RELATIVE
    default_minting_fee: int = 0
    expiration: int = 0
    commercial_use: bool = False
    commercial_attribution: bool = False
    commercializer_checker: Address = ZERO_ADDRESS
    commercializer_checker_data: bytes = b""
    commercial_rev_share: int = 0
    commercial_rev_ceiling: int = 0
    derivatives_allowed: bool = False
    derivatives_attribution: bool = False
    derivatives_approval: bool = False
    derivatives_reciprocal: bool = False
    derivative_rev_ceiling: int = 0
    currency: Address = ZERO_ADDRESS
    uri: str = ""
    training: bool = False
    inference: bool = False
    retrieval: bool = False
    min_downstream: int = 0

    def __post_init__(self) -> None:
        for name, bits in _BITS.items():
            require_uint(name, getattr(self, name), bits)

    def as_tuple(self) -> tuple[object, ...]:
        """In the order of the ABI."""
        return astuple(self)

    @property
    def hash(self) -> bytes:
        """Its name on chain: keccak256 of its encoding."""
        return keccak(encode([_ABI], [self.as_tuple()]))

    @classmethod
    def from_tuple(cls, value: object) -> "Licence":
        """From the decoded struct."""
        found: dict[str, object] = {}
        for field, each in zip(fields(cls), as_tuple(value), strict=True):
            if field.type is bool:
                found[field.name] = bool(each)
            elif field.type is int:
                found[field.name] = as_int(each)
            elif field.type is bytes:
                found[field.name] = as_bytes(each)
            else:
                found[field.name] = str(each) if field.name == "uri" else as_address(each)
        return cls(**found)  # type: ignore[arg-type]


def refusals(
    parent: Licence, child: Licence, use: Use = Use.DERIVATIVE, *, approved: bool = False
) -> Iterator[str]:
    """The fields by which a version under `child` may not follow from one under `parent`.

    Expiration against the clock and the commercializer's checker are the chain's to ask.

    Args:
        parent: the licence that grants.
        child: the licence that the derived version would have.
        use: what is done with the parent.
        approved: whether the parent's owner named the child's asset.
    """
    if not parent.derivatives_allowed:
        yield "derivatives_allowed"
    if parent.derivatives_approval and not approved:
        yield "derivatives_approval"
    if use is not Use.DERIVATIVE and not getattr(parent, use.name.lower()):
        yield use.name.lower()
    if parent.derivatives_reciprocal and child != parent:
        yield "derivatives_reciprocal"
    yield from (name for name in _GRANTS if getattr(child, name) > getattr(parent, name))
    for name in _LIMITS:
        limit, given = getattr(parent, name), getattr(child, name)
        if limit and (not given or given > limit):
            yield name
    yield from (name for name in _DUTIES if getattr(parent, name) > getattr(child, name))
    if parent.currency != ZERO_ADDRESS and child.currency != parent.currency:
        yield "currency"
    if child.derivatives_allowed and child.commercial_use:
        if child.commercial_rev_share < parent.min_downstream:
            yield "commercial_rev_share"
        if child.min_downstream < parent.min_downstream:
            yield "min_downstream"


def broadest(parents: list[Licence], wish: Licence) -> Licence:
    """As much of `wish` as all `parents` grant: their intersection.

    Raises:
        InvalidInputError: no licence can follow from all of them.
    """
    found = {field.name: getattr(wish, field.name) for field in fields(Licence)}
    for parent in parents:
        for name in _GRANTS:
            found[name] = found[name] and getattr(parent, name)
        for name in _DUTIES:
            found[name] = found[name] or getattr(parent, name)
        for name in _LIMITS:
            limits = [limit for limit in (found[name], getattr(parent, name)) if limit]
            found[name] = min(limits, default=0)
        found["min_downstream"] = max(found["min_downstream"], parent.min_downstream)
        if parent.currency != ZERO_ADDRESS:
            found["currency"] = parent.currency
    if not found["commercial_use"]:
        found["commercial_rev_share"] = 0
    elif found["derivatives_allowed"]:
        found["commercial_rev_share"] = max(found["commercial_rev_share"], found["min_downstream"])
    for parent in parents:
        if parent.derivatives_reciprocal:
            found = {field.name: getattr(parent, field.name) for field in fields(Licence)}
    licence = Licence(**found)
    for parent in parents:
        for name in refusals(parent, licence, approved=True):
            raise InvalidInputError(
                f"No licence follows from all of these parents: {name} stands against it.",
                field=name,
            )
    return licence
