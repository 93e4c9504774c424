"""Checking a posted epoch, and what to send about each leaf that is false.

A leaf that takes something back, or whose increment is not the sum of its receipts, is a fault that
the chain decides: the whole root is cancelled. A leaf that pays other amounts than the evidence
gives is disputed: the vault's arbiters decide, and until then its increment is held.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from headwater_attribution.bundle import EpochBundle, LeafPart
from headwater_attribution.entitlement import detail_node, detail_root
from headwater_attribution.recompute import recompute_epoch
from headwater_attribution.sumtree import SumTree
from headwater_contracts.clients.epoch_court import EpochCourtClient
from headwater_contracts.clients.epoch_faults import EpochFaultsClient
from headwater_contracts.clients.openings import DetailTop, Entitlement, Opening, SumProof
from headwater_contracts.clients.panels import PanelsClient
from headwater_contracts.clients.revenue_vault import RevenueVaultClient
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_payments.address import parse_address
from headwater_payments.hexadecimal import parse_hex
from headwater_wallet.transactions import TransactionSender


class Remedy(StrEnum):
    """Who decides about a false leaf."""

    TAKES_BACK = "takes back"
    NOT_ITS_RECEIPTS = "not its receipts"
    DISPUTE = "dispute"

    @property
    def is_fault(self) -> bool:
        """Whether the chain decides it, by a proof."""
        return self is not Remedy.DISPUTE


@dataclass(frozen=True, slots=True)
class FalseLeaf:
    """A posted leaf that recomputation does not confirm.

    Attributes:
        position: where it stands.
        stated: its cumulative amount as posted, atomic units.
        recomputed: what it should be; None where nobody earned anything.
        remedy: what there is to do about it.
    """

    position: int
    stated: int
    recomputed: int | None
    remedy: Remedy


def false_leaves(bundle: EpochBundle, before: EpochBundle | None = None) -> list[FalseLeaf]:
    """Recompute `bundle` and name each posted leaf that is false, faults of the chain first.

    Args:
        bundle: as published for the pending root.
        before: the bundle of the last final root; None for the first epoch.

    Raises:
        UnknownMethodError: the bundle names a method or rule that is not installed here.
    """
    right = recompute_epoch(bundle, before)
    earlier = {leaf.position: leaf for leaf in before.leaves} if before else {}
    found = []
    for leaf in bundle.leaves:
        known = right.tree.entitlements.get(leaf.position)
        if known == leaf.entitlement():
            continue
        amounts = right.details.get(leaf.position, {})
        remedy = _remedy(leaf, earlier.get(leaf.position), amounts)
        should_be = known.cumulative if known is not None else None
        found.append(FalseLeaf(leaf.position, leaf.cumulative, should_be, remedy))
    return sorted(found, key=lambda leaf: (not leaf.remedy.is_fault, leaf.position))


class Challenger:
    """Sends what a false leaf calls for.

    Args:
        sender: the challenger's account; it is credited its part of the attributor's bond.
        vault: whose root is challenged.
    """

    def __init__(self, sender: TransactionSender, vault: RevenueVaultClient) -> None:
        self._sender, self._vault = sender, vault

    async def challenge(
        self, leaf: FalseLeaf, bundle: EpochBundle, before: EpochBundle | None = None
    ) -> int | None:
        """Prove a fault, or raise a dispute with the bundle's hash as evidence.

        Returns:
            The number of the dispute; None when the root was cancelled.

        Raises:
            ContractRevertError: the court refuses, for example because the window has closed; the
                bond of a dispute that was not raised stays with the sender.
        """
        reader, vault = self._sender.reader, self._vault.address
        court = EpochCourtClient(reader, await self._vault.court())
        was, now = openings(leaf.position, bundle, before)
        if leaf.remedy.is_fault:
            faults = EpochFaultsClient(reader, await court.faults())
            if leaf.remedy is Remedy.TAKES_BACK:
                proof = faults.prove_regression(vault, was, now)
            else:
                amounts = recompute_epoch(bundle, before).details.get(leaf.position, {})
                proof = faults.prove_detail_sum(vault, was, now, detail_top(amounts))
            await self._sender.send(proof)
            return None
        terms = await self._vault.terms()
        panels = PanelsClient(reader, await court.panels())
        price = (await panels.rules(terms.panel)).dispute_bond
        token = SettlementTokenClient(reader, terms.token)
        await self._sender.send(token.approve(court.address, price))
        evidence = hashlib.sha256(bundle.model_dump_json().encode()).digest()
        raised = await self._sender.send(court.dispute_leaf(vault, was, now, evidence))
        return court.raised_dispute(raised)


def openings(
    position: int, bundle: EpochBundle, before: EpochBundle | None
) -> tuple[Opening, Opening]:
    """A position in the last final root and in the pending one, as the court takes them.

    Raises:
        KeyError: the bundle has no such position.
    """
    now = _opening(next(leaf for leaf in bundle.leaves if leaf.position == position))
    if before is None or position >> before.depth:
        return Opening.never(position), now
    for leaf in before.leaves:
        if leaf.position == position:
            return _opening(leaf), now
    tree = SumTree(
        {leaf.position: leaf.entitlement().node(before.vault.domain()) for leaf in before.leaves},
        min_depth=before.depth,
    )
    empty = tuple((node.hash, node.sum) for node in tree.prove(position))
    return Opening(Opening.never(position).leaf, empty), now


def detail_top(amounts: Mapping[bytes, int]) -> DetailTop:
    """What a detail root over these amounts is the hash of."""
    order = sorted(amounts)
    if not order:
        return DetailTop.nothing()
    if len(order) == 1:
        return DetailTop(True, (order[0], amounts[order[0]]), (bytes(32), 0))
    tree = SumTree({i: detail_node(key, amounts[key]) for i, key in enumerate(order)})
    left, right = tree.children
    return DetailTop(False, (left.hash, left.sum), (right.hash, right.sum))


def _remedy(leaf: LeafPart, earlier: LeafPart | None, amounts: Mapping[bytes, int]) -> Remedy:
    had = earlier.cumulative if earlier else 0
    if leaf.cumulative < had or (earlier and earlier.account != leaf.account):
        return Remedy.TAKES_BACK
    stated = parse_hex(leaf.detail_root, length=32)
    if stated == detail_root(amounts) and leaf.cumulative - had != sum(amounts.values()):
        return Remedy.NOT_ITS_RECEIPTS
    return Remedy.DISPUTE


def _opening(leaf: LeafPart) -> Opening:
    proof: SumProof = [(parse_hex(node.hash, length=32), node.sum) for node in leaf.proof]
    entitlement = Entitlement(
        leaf.position,
        parse_address(leaf.account),
        leaf.cumulative,
        parse_hex(leaf.detail_root, length=32),
    )
    return Opening(entitlement, proof)
