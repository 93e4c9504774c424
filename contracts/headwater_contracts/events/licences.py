"""What the contract of licences records."""

from dataclasses import dataclass
from typing import ClassVar

from headwater_contracts.clients.licence_terms import Licence
from headwater_contracts.events.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceOpened(Event):
    """A licence came to be; what it says never changes."""

    structs: ClassVar = {"licence": Licence.from_tuple}

    licence_hash: bytes
    licence: Licence


LICENCE_EVENTS: tuple[type[LicenceOpened], ...] = (LicenceOpened,)
