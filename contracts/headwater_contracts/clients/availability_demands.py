"""Demands to be shown a part of a pending tree, and the answers."""

from headwater_contracts.calls import Call, require_uint
from headwater_contracts.clients.base import ContractClient
from headwater_contracts.clients.openings import DetailTop, Opening, SumProof, sum_node, sum_proof
from headwater_contracts.events.demands import DEMAND_EVENTS, Demanded, DemandEvent
from headwater_contracts.reader import Receipt
from headwater_payments.address import Address, parse_address


class AvailabilityDemandsClient(ContractClient[DemandEvent]):
    """Whoever demands prepays in the vault's token and approves it; whoever answers is paid."""

    contract = "AvailabilityDemands"
    event_kinds = DEMAND_EVENTS

    async def credit(self, token: Address, account: Address) -> int:
        """What an account may withdraw, atomic units."""
        return await self._view_int("credits", parse_address(token), parse_address(account))

    def demand(self, vault: Address, level: int, index: int) -> Call:
        """Ask to be shown the node `index` of `level` (0: the leaves) of the pending tree."""
        return self._build(
            f"demand node {index} of level {level}",
            "demand",
            parse_address(vault),
            require_uint("level", level, 8),
            require_uint("index", index, 32),
        )

    def raised_demand(self, receipt: Receipt) -> int:
        """The number of the demand that a transaction raised.

        Raises:
            InvalidInputError: it raised none.
        """
        return self._only(receipt, Demanded).demand_id

    def show_leaf(self, demand_id: int, opening: Opening, detail: DetailTop) -> Call:
        """Answer with a leaf and what its detail root is made of; anyone may."""
        return self._build(
            f"show leaf {opening.leaf.position}",
            "showLeaf",
            _number(demand_id),
            opening.as_tuple(),
            detail.as_tuple(),
        )

    def show_node(
        self, demand_id: int, left: tuple[bytes, int], right: tuple[bytes, int], proof: SumProof
    ) -> Call:
        """Answer with a node's two children, and the proof of the node itself."""
        return self._build(
            "show a node",
            "showNode",
            _number(demand_id),
            sum_node(left),
            sum_node(right),
            sum_proof(proof),
        )

    def prove_unavailable(self, demand_id: int) -> Call:
        """Cancel the root of a demand that nobody answered in time; anyone may."""
        return self._build(f"cancel for demand {demand_id}", "proveUnavailable", _number(demand_id))

    def close_moot_demand(self, demand_id: int) -> Call:
        """Give back the price of a demand whose root was cancelled for another reason."""
        return self._build(f"close demand {demand_id}", "closeMootDemand", _number(demand_id))

    def withdraw(self, token: Address) -> Call:
        """Take what was credited to the sender."""
        return self._build("withdraw credits of demands", "withdraw", parse_address(token))


def _number(demand_id: int) -> int:
    return require_uint("demand_id", demand_id, 256)
