// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EpochRoots} from "./EpochRoots.sol";
import {RevenueVault} from "./RevenueVault.sol";
import {Entitlement, SumNode, SumTree} from "./SumTree.sol";
import {VaultTerms} from "./VaultTerms.sol";

/// @notice A leaf and its proof.
struct Opening {
    Entitlement leaf;
    bytes proof;
}

/// @notice What a detail root is the hash of: nothing (all zeros), the single receipt of a tree with
/// one leaf (`left.hash` its id, `left.sum` its amount), or its two children.
struct DetailTop {
    bool single;
    SumNode left;
    SumNode right;
}

/// @notice One receipt's amount in a position's detail tree.
struct DetailOpening {
    uint32 index;
    bytes32 receiptId;
    uint128 amount;
    bytes proof;
}

/// @title What an opening shows: a leaf in a vault's tree, its increment, the receipts behind it.
library Openings {
    error InvalidOpening();
    error InvalidDetail();
    error NoRootPending();

    /// @dev A vault's pending root, which there must be, and its terms.
    function pendingOf(RevenueVault vault)
        internal
        view
        returns (VaultTerms memory t, EpochRoots.Root memory pending)
    {
        pending = vault.pendingRoot();
        if (pending.postedAt == 0) revert NoRootPending();
        t = vault.terms();
    }

    /// @dev What the pending root adds to a position beyond its floor in the final one.
    function incrementOf(
        RevenueVault vault,
        VaultTerms memory t,
        EpochRoots.Root memory pending,
        Opening calldata was,
        Opening calldata is_
    ) internal view returns (uint256) {
        if (was.leaf.position != is_.leaf.position) revert InvalidOpening();
        requireOpens(vault, t, pending, is_);
        EpochRoots.Root memory last = vault.finalRoot();
        if (last.epoch == 0 || uint256(was.leaf.position) >> last.depth != 0) {
            // The last tree had no such slot, so nothing was earned there.
            if (!isZero(was.leaf) || was.proof.length != 0) revert InvalidOpening();
        } else {
            requireOpens(vault, t, last, was);
        }
        uint256 least = vault.floorOf(was.leaf.position, was.leaf.cumulative);
        if (is_.leaf.cumulative < least) revert InvalidOpening();
        return is_.leaf.cumulative - least;
    }

    function requireOpens(
        RevenueVault vault,
        VaultTerms memory t,
        EpochRoots.Root memory root,
        Opening calldata opening
    ) internal view {
        bytes32 hash;
        if (!isZero(opening.leaf)) {
            hash = SumTree.leafHash(opening.leaf, address(vault), t.token);
        }
        if (!SumTree.opens(
                root.hash,
                root.sum,
                root.depth,
                opening.leaf.position,
                hash,
                opening.leaf.cumulative,
                opening.proof
            )) revert InvalidOpening();
    }

    function detailSum(bytes32 root, DetailTop calldata top) internal pure returns (uint256) {
        if (root == bytes32(0)) return 0;
        bytes32 hash = top.single
            ? detailHash(top.left.hash, top.left.sum)
            : SumTree.node(top.left.hash, top.left.sum, top.right.hash, top.right.sum);
        if (hash != root) revert InvalidDetail();
        return top.single ? top.left.sum : uint256(top.left.sum) + top.right.sum;
    }

    function requireDetail(bytes32 root, DetailOpening calldata detail) internal pure {
        bytes32 leaf = detailHash(detail.receiptId, detail.amount);
        (bool fits, bytes32 hash,) = SumTree.climb(detail.index, leaf, detail.amount, detail.proof);
        if (!fits || hash != root) revert InvalidDetail();
    }

    function detailHash(bytes32 receiptId, uint128 amount) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x02), receiptId, amount));
    }

    function isZero(Entitlement calldata leaf) internal pure returns (bool) {
        return leaf.account == address(0) && leaf.cumulative == 0 && leaf.detailRoot == bytes32(0);
    }
}
