"""What the contract of panels records."""

from dataclasses import dataclass
from typing import ClassVar

from headwater_contracts.clients.base import as_address, as_tuple
from headwater_contracts.clients.panel_rules import PanelRules
from headwater_contracts.events.event import Event
from headwater_payments.address import Address


def _addresses(value: object) -> tuple[Address, ...]:
    return tuple(as_address(each) for each in as_tuple(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelOpened(Event):
    """A panel came to be; what it says never changes."""

    structs: ClassVar = {
        "rules": PanelRules.from_tuple,
        "arbiters": _addresses,
        "verifiers": _addresses,
    }

    panel: int
    rules: PanelRules
    arbiters: tuple[Address, ...]
    verifiers: tuple[Address, ...]


PanelsEvent = PanelOpened
PANELS_EVENTS: tuple[type[PanelsEvent], ...] = (PanelOpened,)
