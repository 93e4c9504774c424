"""What the court of epochs records. Amounts are atomic units of the vault's token."""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from headwater_contracts.clients.base import as_int
from headwater_contracts.events.event import Event
from headwater_payments.address import Address


class Fault(IntEnum):
    """Why a pending root was cancelled."""

    REGRESSION = 0
    BELOW_CLAIMS = 1
    MALFORMED = 2
    DETAIL_SUM = 3
    DETAIL_ORDER = 4
    UNKNOWN_RECEIPT = 5
    RECEIPT_ORDER = 6
    OVER_ALLOCATION = 7
    UNAVAILABLE = 8


class DisputeKind(IntEnum):
    """What a dispute is about: a leaf before finality, or a loss after it."""

    LEAF = 0
    LOSS = 1


class DisputeState(IntEnum):
    """How far a dispute is; `UPHELD` means that the leaf was false, or the loss is owed."""

    NONE = 0
    OPEN = 1
    UPHELD = 2
    REJECTED = 3
    SILENT = 4
    MOOT = 5


def _fault(value: object) -> Fault:
    return Fault(as_int(value))


def _kind(value: object) -> DisputeKind:
    return DisputeKind(as_int(value))


def _state(value: object) -> DisputeState:
    return DisputeState(as_int(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class BondLocked(Event):
    """An attributor locked more for a vault."""

    vault: Address
    attributor: Address
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockRequested(Event):
    """An attributor asked for its bond back; it backs no root from now on."""

    vault: Address
    attributor: Address
    unlock_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockRevoked(Event):
    """An attributor leaves its bond where it is."""

    vault: Address
    attributor: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class BondReturned(Event):
    """A bond went back to its owner."""

    vault: Address
    attributor: Address
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BondSlashed(Event):
    """A bond paid for a fault or a false leaf: a part to the challenger, a part to insurance."""

    vault: Address
    attributor: Address
    challenger: Address
    to_challenger: int
    to_insurance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InsuranceReleased(Event):
    """Idle insurance went to the vault's fallback."""

    vault: Address
    to: Address
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Credited(Event):
    """An account may withdraw this much more."""

    token: Address
    account: Address
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn(Event):
    """An account withdrew what was credited to it."""

    token: Address
    account: Address
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultProved(Event):
    """A pending root was cancelled."""

    structs: ClassVar = {"fault": _fault}

    vault: Address
    posting: int
    challenger: Address
    fault: Fault
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeRaised(Event):
    """A leaf or a loss is before the arbiters; `amount` is the increment held or the loss."""

    structs: ClassVar = {"kind": _kind}

    dispute_id: int
    vault: Address
    challenger: Address
    kind: DisputeKind
    attributor: Address
    posting: int
    position: int
    amount: int
    evidence_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Voted(Event):
    """An arbiter voted: yes, the leaf is false or the loss is owed."""

    dispute_id: int
    arbiter: Address
    yes: bool
    reason_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeResolved(Event):
    """A dispute ended; `returned` to the pool, `compensated` to the one who lost."""

    structs: ClassVar = {"state": _state}

    dispute_id: int
    state: DisputeState
    returned: int
    compensated: int


CourtEvent = (
    BondLocked
    | UnlockRequested
    | UnlockRevoked
    | BondReturned
    | BondSlashed
    | InsuranceReleased
    | Credited
    | Withdrawn
    | FaultProved
    | DisputeRaised
    | Voted
    | DisputeResolved
)
COURT_EVENTS: tuple[type[CourtEvent], ...] = (
    BondLocked,
    UnlockRequested,
    UnlockRevoked,
    BondReturned,
    BondSlashed,
    InsuranceReleased,
    Credited,
    Withdrawn,
    FaultProved,
    DisputeRaised,
    Voted,
    DisputeResolved,
)
