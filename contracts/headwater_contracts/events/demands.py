"""What the contract of demands records: the parts of a tree that were asked for and shown."""

from dataclasses import dataclass
from typing import ClassVar

from headwater_contracts.clients.base import as_address, as_bytes, as_int, as_tuple
from headwater_contracts.clients.openings import DetailTop, Entitlement, Opening
from headwater_contracts.events.court import Credited, Withdrawn
from headwater_contracts.events.event import Event
from headwater_payments.address import Address


def _node(value: object) -> tuple[bytes, int]:
    hash_, total = as_tuple(value)
    return as_bytes(hash_), as_int(total)


def _opening(value: object) -> Opening:
    leaf, packed = as_tuple(value)
    position, account, cumulative, detail = as_tuple(leaf)
    entitlement = Entitlement(
        as_int(position), as_address(account), as_int(cumulative), as_bytes(detail)
    )
    proof = as_bytes(packed)
    nodes = (proof[at : at + 48] for at in range(0, len(proof), 48))
    return Opening(
        entitlement, tuple((node[:32], int.from_bytes(node[32:], "big")) for node in nodes)
    )


def _detail(value: object) -> DetailTop:
    single, left, right = as_tuple(value)
    return DetailTop(bool(single), _node(left), _node(right))


@dataclass(frozen=True, slots=True, kw_only=True)
class Demanded(Event):
    """Somebody asked to be shown a node; no answer by `deadline` cancels the root."""

    demand_id: int
    vault: Address
    posting: int
    level: int
    index: int
    price: int
    deadline: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafShown(Event):
    """A leaf was shown, with what its detail root is made of."""

    structs: ClassVar = {"opening": _opening, "detail": _detail}

    demand_id: int
    by: Address
    opening: Opening
    detail: DetailTop


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeShown(Event):
    """A node above the leaves was shown as its two children."""

    structs: ClassVar = {"left": _node, "right": _node}

    demand_id: int
    by: Address
    left: tuple[bytes, int]
    right: tuple[bytes, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandMoot(Event):
    """A demand's root was cancelled for another reason; its price went back."""

    demand_id: int


DemandEvent = Demanded | LeafShown | NodeShown | DemandMoot | Credited | Withdrawn
DEMAND_EVENTS: tuple[type[DemandEvent], ...] = (
    Demanded,
    LeafShown,
    NodeShown,
    DemandMoot,
    Credited,
    Withdrawn,
)
