"""Rules under which contributions are bonded. Anyone opens some; nobody ever changes them."""

from collections.abc import Sequence

from headwater_contracts.calls import Call, require_uint
from headwater_contracts.clients.base import ContractClient
from headwater_contracts.clients.penalties import BondRule, Grade, grades_from
from headwater_contracts.events.bond_rules import RULES_EVENTS, RulesOpened
from headwater_contracts.reader import Receipt


class BondRulesClient(ContractClient[RulesOpened]):
    """Rules are numbered from 1, and so are the rows of their tables."""

    contract = "BondRules"
    event_kinds = RULES_EVENTS

    async def count(self) -> int:
        """How many rules there are."""
        return await self._view_int("rulesCount")

    async def rule(self, rules_id: int) -> BondRule:
        """Rules; all zero where there are none."""
        (value,) = await self._view("ruleOf", require_uint("rules_id", rules_id, 32))
        return BondRule.from_tuple(value)

    async def grades(self, rules_id: int) -> tuple[Grade, ...]:
        """The table of penalties, lightest row first; row 1 is the first."""
        (value,) = await self._view("gradesOf", require_uint("rules_id", rules_id, 32))
        return grades_from(value)

    def open_rules(self, rule: BondRule, grades: Sequence[Grade]) -> Call:
        """Open rules for good; their number is in the receipt (`opened_rules`)."""
        return self._build(
            f"open bond rules with {len(grades)} penalties",
            "openRules",
            rule.as_tuple(),
            [grade.as_tuple() for grade in grades],
        )

    def opened_rules(self, receipt: Receipt) -> int:
        """The number of the rules that a transaction opened.

        Raises:
            InvalidInputError: it opened none.
        """
        return self._only(receipt, RulesOpened).rules_id
