"""What the desk of receipts records."""

from dataclasses import dataclass

from headwater_contracts.events.event import Event
from headwater_payments.address import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSet(Event):
    """A host named the key that serves for its vault from now on."""

    vault: Address
    operator: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargePosted(Event):
    """A receipt was posted: no refund of the channel before so much is claimed."""

    vault: Address
    channel_id: bytes
    cumulative: int


DeskEvent = OperatorSet | ChargePosted
DESK_EVENTS: tuple[type[DeskEvent], ...] = (OperatorSet, ChargePosted)
