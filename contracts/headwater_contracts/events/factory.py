"""What the factory of vaults records."""

from dataclasses import dataclass
from typing import ClassVar

from headwater_contracts.clients.vault_terms import VaultTerms
from headwater_contracts.events.event import Event
from headwater_payments.address import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultCreated(Event):
    """A vault's terms took effect."""

    structs: ClassVar = {"terms": VaultTerms.from_tuple}

    vault: Address
    version_id: int
    host: Address
    terms: VaultTerms


FACTORY_EVENTS: tuple[type[VaultCreated], ...] = (VaultCreated,)
