// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EpochRoots} from "./EpochRoots.sol";
import {Fault, IConvictions} from "./Fault.sol";
import {DetailOpening, DetailTop, Opening, Openings} from "./Openings.sol";
import {ReceiptOpening, ReceiptTree} from "./ReceiptTree.sol";
import {RevenueVault} from "./RevenueVault.sol";
import {WHOLE} from "./Shares.sol";
import {SumTree} from "./SumTree.sol";
import {VaultTerms} from "./VaultTerms.sol";

/// @title Faults of a pending root that the chain itself decides. Each cancels the root, whole.
/// @notice A proof needs no permission and no bond. Where the tree's leaves are what the rules say and
/// only their reasons are false, the dispute is about one position and goes to arbiters. This contract
/// holds nothing and stores nothing: it verifies, and tells the vault's court.
contract EpochFaults {
    error NoFault();
    error InvalidReceipt();
    error PositionsNotAscending(uint32 position);

    /// @notice Two openings of one position, in the final root and in the pending one, which shows
    /// another account or less. A slot left empty is opened as the zero entitlement.
    function proveRegression(RevenueVault vault, Opening calldata was, Opening calldata is_)
        external
    {
        (VaultTerms memory t, EpochRoots.Root memory pending) = Openings.pendingOf(vault);
        if (was.leaf.position != is_.leaf.position || was.leaf.account == address(0)) {
            revert NoFault();
        }
        Openings.requireOpens(vault, t, vault.finalRoot(), was);
        Openings.requireOpens(vault, t, pending, is_);
        uint256 least = vault.floorOf(was.leaf.position, was.leaf.cumulative);
        if (is_.leaf.account == was.leaf.account && is_.leaf.cumulative >= least) revert NoFault();
        _fault(vault, Fault.Regression, is_.leaf.position);
    }

    /// @notice One opening that contradicts what its position already claimed: another account, or
    /// less than was paid.
    function proveBelowClaims(RevenueVault vault, Opening calldata is_) external {
        (VaultTerms memory t, EpochRoots.Root memory pending) = Openings.pendingOf(vault);
        Openings.requireOpens(vault, t, pending, is_);
        (address account, uint96 claimed) = vault.positions(is_.leaf.position);
        if (
            account == address(0) || (is_.leaf.account == account && is_.leaf.cumulative >= claimed)
        ) revert NoFault();
        _fault(vault, Fault.BelowClaims, is_.leaf.position);
    }

    /// @notice A leaf that stands at another slot than it names, or under another sum than it states:
    /// nobody could ever claim it.
    /// @param slot where it stands.
    /// @param sum that the tree gives it.
    function proveMalformed(RevenueVault vault, uint32 slot, uint128 sum, Opening calldata is_)
        external
    {
        (VaultTerms memory t, EpochRoots.Root memory pending) = Openings.pendingOf(vault);
        bytes32 hash = SumTree.leafHash(is_.leaf, address(vault), t.token);
        if (!SumTree.opens(pending.hash, pending.sum, pending.depth, slot, hash, sum, is_.proof)) {
            revert Openings.InvalidOpening();
        }
        if (
            is_.leaf.position == slot && is_.leaf.cumulative == sum
                && is_.leaf.account != address(0)
        ) revert NoFault();
        _fault(vault, Fault.Malformed, slot);
    }

    /// @notice An increment that is not the sum of the receipts behind it.
    /// @param was the position's leaf in the final root; the zero entitlement where it had none.
    function proveDetailSum(
        RevenueVault vault,
        Opening calldata was,
        Opening calldata is_,
        DetailTop calldata detail
    ) external {
        (VaultTerms memory t, EpochRoots.Root memory pending) = Openings.pendingOf(vault);
        uint256 increment = Openings.incrementOf(vault, t, pending, was, is_);
        uint256 stated = Openings.detailSum(is_.leaf.detailRoot, detail);
        if (stated == increment) revert NoFault();
        _fault(vault, Fault.DetailSum, is_.leaf.position);
    }

    /// @notice A receipt that pays one position twice, or stands out of order so that it could.
    function proveDetailOrder(
        RevenueVault vault,
        Opening calldata is_,
        DetailOpening calldata earlier,
        DetailOpening calldata later
    ) external {
        (VaultTerms memory t, EpochRoots.Root memory pending) = Openings.pendingOf(vault);
        Openings.requireOpens(vault, t, pending, is_);
        Openings.requireDetail(is_.leaf.detailRoot, earlier);
        Openings.requireDetail(is_.leaf.detailRoot, later);
        if (earlier.proof.length != later.proof.length || earlier.index >= later.index) {
            revert Openings.InvalidDetail();
        }
        if (earlier.receiptId < later.receiptId) revert NoFault();
        _fault(vault, Fault.DetailOrder, is_.leaf.position);
    }

    /// @notice A receipt that pays a position and was never committed: two neighbours in the
    /// commitment leave no room for it. At either end `before` or `beyond` is left empty (size 0).
    function proveUnknownReceipt(
        RevenueVault vault,
        Opening calldata is_,
        DetailOpening calldata detail,
        ReceiptOpening calldata before,
        ReceiptOpening calldata beyond
    ) external {
        (VaultTerms memory t, EpochRoots.Root memory pending) = Openings.pendingOf(vault);
        Openings.requireOpens(vault, t, pending, is_);
        Openings.requireDetail(is_.leaf.detailRoot, detail);
        _requireAbsent(vault.commitment().receiptsRoot, detail.receiptId, before, beyond);
        _fault(vault, Fault.UnknownReceipt, is_.leaf.position);
    }

    /// @notice Two neighbours in the commitment that stand out of order, or are one receipt twice.
    function proveReceiptOrder(
        RevenueVault vault,
        ReceiptOpening calldata earlier,
        ReceiptOpening calldata later
    ) external {
        Openings.pendingOf(vault);
        bytes32 root = vault.commitment().receiptsRoot;
        if (!ReceiptTree.opens(root, earlier) || !ReceiptTree.opens(root, later)) {
            revert InvalidReceipt();
        }
        if (earlier.index + 1 != later.index) revert InvalidReceipt();
        if (earlier.leaf.receiptId < later.leaf.receiptId) revert NoFault();
        _fault(vault, Fault.ReceiptOrder, 0);
    }

    /// @notice Positions that together get more of one receipt than its contributors' part.
    /// @param leaves ascending by position.
    function proveOverAllocation(
        RevenueVault vault,
        ReceiptOpening calldata receipt,
        Opening[] calldata leaves,
        DetailOpening[] calldata details
    ) external {
        (VaultTerms memory t, EpochRoots.Root memory pending) = Openings.pendingOf(vault);
        if (!ReceiptTree.opens(vault.commitment().receiptsRoot, receipt)) revert InvalidReceipt();
        if (leaves.length == 0 || leaves.length != details.length) revert Openings.InvalidDetail();
        uint256 total;
        for (uint256 i = 0; i < leaves.length; ++i) {
            uint32 position = leaves[i].leaf.position;
            if (i > 0 && position <= leaves[i - 1].leaf.position) {
                revert PositionsNotAscending(position);
            }
            Openings.requireOpens(vault, t, pending, leaves[i]);
            Openings.requireDetail(leaves[i].leaf.detailRoot, details[i]);
            if (details[i].receiptId != receipt.leaf.receiptId) revert Openings.InvalidDetail();
            total += details[i].amount;
        }
        if (total <= uint256(receipt.leaf.charge) * t.contributorsShare / WHOLE) revert NoFault();
        _fault(vault, Fault.OverAllocation, leaves[0].leaf.position);
    }

    /// @dev The vault's own court is told, which knows this contract and whether that is a vault.
    function _fault(RevenueVault vault, Fault fault, uint32 position) private {
        IConvictions(address(vault.court())).convict(vault, msg.sender, fault, position);
    }

    function _requireAbsent(
        bytes32 receiptsRoot,
        bytes32 receiptId,
        ReceiptOpening calldata before,
        ReceiptOpening calldata beyond
    ) private view {
        bool first = before.size == 0;
        bool last = beyond.size == 0;
        if (first && last) {
            // An epoch without receipts: nothing can be paid from it.
            if (receiptsRoot != ReceiptTree.EMPTY_ROOT) revert InvalidReceipt();
            return;
        }
        if (!first) {
            if (!ReceiptTree.opens(receiptsRoot, before)) revert InvalidReceipt();
            if (before.leaf.receiptId >= receiptId) revert NoFault();
        }
        if (!last) {
            if (!ReceiptTree.opens(receiptsRoot, beyond)) revert InvalidReceipt();
            if (beyond.leaf.receiptId <= receiptId) revert NoFault();
        }
        // Neighbours, or the very ends of the list.
        if (first && beyond.index != 0) revert InvalidReceipt();
        if (last && before.index + 1 != before.size) revert InvalidReceipt();
        if (!first && !last && before.index + 1 != beyond.index) revert InvalidReceipt();
    }
}
