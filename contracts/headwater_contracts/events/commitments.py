"""What the contract of hiding commitments records."""

from dataclasses import dataclass

from headwater_contracts.events.event import Event
from headwater_payments.address import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsCommitted(Event):
    """Somebody had rows by this block; who, an opening shows."""

    root: bytes
    sender: Address
    block_number: int


COMMITMENT_EVENTS: tuple[type[RowsCommitted], ...] = (RowsCommitted,)
