"""An epoch of a million contributors: shares → payouts → tree, as columns from end to end.

The rule, the leaf and the trees are those of `settlement.py` and `entitlement.py`, so a root made
here is the root made there; only the loops are over arrays. Positions are the account indices of
the rule's columns: an account that stood before keeps its position, newcomers follow it.
"""

from dataclasses import dataclass

import numpy as np

from headwater_attribution.apportion import Int64s
from headwater_attribution.columns import RuleColumns
from headwater_attribution.entitlement import Entitlement, VaultDomain
from headwater_attribution.keccak import Bytes, keccak_rows
from headwater_attribution.rules import RewardRule
from headwater_attribution.sum_columns import ColumnTree, NodeColumns, roots_of_segments, sums_16
from headwater_attribution.sumtree import SumNode, SumProof
from headwater_payments.address import parse_address
from headwater_payments.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class AccountColumns:
    """Whose the positions are: `accounts` `[a, 20]` addresses, `cumulative` `[a]` earned before."""

    accounts: Bytes
    cumulative: Int64s


@dataclass(frozen=True, slots=True)
class ReceiptAmounts:
    """What each receipt paid each position, by position and then receipt; positive amounts only.

    Attributes:
        positions: `[m]`.
        receipts: `[m]` indices into the epoch's receipt ids.
        amounts: `[m]` atomic units.
    """

    positions: Int64s
    receipts: Int64s
    amounts: Int64s


class LargeEpoch:
    """One vault's entitlements after an epoch.

    Args:
        domain: the vault.
        before: every position's account and what it had earned, newcomers with 0.
        receipt_ids: `[R, 32]` ascending, each once.
        columns: one world of the epoch's receipts, in the order of `receipt_ids`; account indices
            are positions.
        rule: one that pays by receipt.
        min_depth: the depth of the last final root.

    Attributes:
        unattributed: what the epoch's receipts left in the pool, atomic units.

    Raises:
        InvalidInputError: the rule doesn't pay by receipt, columns disagree, receipts are out of
            order, or what all positions earned reaches 2^63.
        MissingExtraError: numba is not installed.
    """

    def __init__(
        self,
        domain: VaultDomain,
        before: AccountColumns,
        receipt_ids: Bytes,
        columns: RuleColumns,
        rule: RewardRule,
        *,
        min_depth: int = 0,
    ) -> None:
        _check(before, receipt_ids, columns)
        self._domain, self._accounts, self._receipt_ids = domain, before.accounts, receipt_ids
        self._paid, self.unattributed = _payouts(columns, rule)
        earned = np.zeros(len(before.accounts), dtype=np.int64)
        np.add.at(earned, self._paid.positions, self._paid.amounts)
        if int(earned.sum()) + sum(before.cumulative.tolist()) >= 2**63:
            raise InvalidInputError("The entitlements of a large epoch sum to less than 2^63.")
        self._cumulative = before.cumulative + earned
        self._details = self._detail_roots()
        self._tree = ColumnTree(self._leaves(), min_depth=min_depth)

    @property
    def root(self) -> bytes:
        """32 bytes, as `postRoot` takes them."""
        return self._tree.root.hash

    @property
    def sum(self) -> int:
        """All cumulative entitlements, atomic units."""
        return self._tree.root.sum

    @property
    def depth(self) -> int:
        """Levels between a leaf and the root."""
        return self._tree.depth

    @property
    def root_node(self) -> SumNode:
        """Root and sum, as `entitlement_opens` compares them."""
        return self._tree.root

    def leaf(self, position: int) -> Entitlement:
        """The leaf at `position`."""
        return Entitlement(
            position,
            parse_address("0x" + self._accounts[position].tobytes().hex()),
            int(self._cumulative[position]),
            self._details[position].tobytes(),
        )

    def prove(self, position: int) -> SumProof:
        """The proof with which the account of `position` claims."""
        return self._tree.prove(position)

    def amounts(self, position: int) -> dict[bytes, int]:
        """What each receipt of this epoch paid `position`, for `entitlement.prove_detail`."""
        start, stop = np.searchsorted(self._paid.positions, [position, position + 1])
        return {
            self._receipt_ids[self._paid.receipts[i]].tobytes(): int(self._paid.amounts[i])
            for i in range(start, stop)
        }

    def _detail_roots(self) -> Bytes:
        paid = self._paid
        columns = (b"\x02", self._receipt_ids[paid.receipts], sums_16(paid.amounts))
        leaves = NodeColumns(keccak_rows(columns, len(paid.amounts)), paid.amounts)
        counts = np.bincount(paid.positions, minlength=len(self._accounts))
        return roots_of_segments(leaves, counts.astype(np.int64))

    def _leaves(self) -> NodeColumns:
        domain, count = self._domain, len(self._accounts)
        positions = np.arange(count, dtype=">u4").view(np.uint8).reshape(-1, 4)
        columns = (
            b"\x00" + domain.chain_id.to_bytes(32, "big"),
            bytes.fromhex(domain.vault[2:]) + bytes.fromhex(domain.token[2:]),
            positions,
            self._accounts,
            sums_16(self._cumulative),
            self._details,
        )
        return NodeColumns(keccak_rows(columns, count), self._cumulative)


def _payouts(columns: RuleColumns, rule: RewardRule) -> tuple[ReceiptAmounts, int]:
    if not rule.by_receipt:
        raise InvalidInputError(
            f"The rule {rule.rule_id} doesn't pay by receipt, so it can't fill a vault's tree."
        )
    payout = rule.settle(columns)
    assert payout.slots is not None
    slots, accounts = payout.slots[0], columns.accounts[0]
    receipt, slot = np.nonzero(slots)
    key = accounts[receipt, slot] * len(slots) + receipt
    order = np.argsort(key, kind="stable")
    key, amounts = key[order], slots[receipt, slot][order]
    # A receipt may name one account in several slots: its amounts are one leaf.
    first = np.flatnonzero(np.diff(key, prepend=-1))
    summed = np.add.reduceat(amounts, first) if len(first) else amounts
    position, receipt = np.divmod(key[first], max(len(slots), 1))
    return ReceiptAmounts(position, receipt, summed), int(payout.unattributed[0])


def _check(before: AccountColumns, receipt_ids: Bytes, columns: RuleColumns) -> None:
    count = len(before.cumulative)
    if before.accounts.shape != (count, 20) or columns.rows.shape != (1, count):
        raise InvalidInputError("An epoch has an address, an amount and rows for each position.")
    if (before.cumulative < 0).any():
        raise InvalidInputError("Nobody has earned less than nothing.")
    if receipt_ids.shape != (columns.charges.shape[1], 32):
        raise InvalidInputError("An epoch has an id of 32 bytes for each receipt.")
    words = np.ascontiguousarray(receipt_ids).view(">u8")
    in_order = np.lexsort(words.T[::-1]) == np.arange(len(words))
    if not in_order.all() or (words[1:] == words[:-1]).all(axis=1).any():
        raise InvalidInputError("The receipts of an epoch stand in the order of their ids, once.")
