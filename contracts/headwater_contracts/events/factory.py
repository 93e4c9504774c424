"""What the factory of vaults records."""

from dataclasses import dataclass
from typing import ClassVar

from headwater_contracts.clients.base import as_bytes, as_tuple
from headwater_contracts.clients.vault_terms import PACKED_BYTES, VaultTerms
from headwater_contracts.events.event import Event
from headwater_payments.address import Address, parse_address


def _terms(words: object) -> VaultTerms:
    packed = b"".join(as_bytes(word) for word in as_tuple(words))
    return VaultTerms.from_packed(parse_address("0x" + packed[PACKED_BYTES:].hex()), packed)


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultCreated(Event):
    """A vault's terms took effect."""

    structs: ClassVar = {"terms": _terms}

    version_id: int
    vault: Address
    terms: VaultTerms


FACTORY_EVENTS: tuple[type[VaultCreated], ...] = (VaultCreated,)
