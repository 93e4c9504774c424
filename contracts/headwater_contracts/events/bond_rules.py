"""What the contract of bond rules records."""

from dataclasses import dataclass
from typing import ClassVar

from headwater_contracts.clients.penalties import BondRule, Grade, grades_from
from headwater_contracts.events.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesOpened(Event):
    """Rules came to be; what they say never changes."""

    structs: ClassVar = {"rules": BondRule.from_tuple, "grades": grades_from}

    rules_id: int
    rules: BondRule
    grades: tuple[Grade, ...]


RULES_EVENTS: tuple[type[RulesOpened], ...] = (RulesOpened,)
