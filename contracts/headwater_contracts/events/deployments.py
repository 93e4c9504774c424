"""What a planned deployment records."""

from dataclasses import dataclass

from headwater_contracts.events.event import Event
from headwater_payments.address import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class PartCreated(Event):
    """The contract at `index` of the plan was created at `part`."""

    index: int
    part: Address


CONTRACT_SET_EVENTS: tuple[type[PartCreated], ...] = (PartCreated,)
