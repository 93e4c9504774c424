// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice One contributor's entitlement as a leaf states it.
/// @param position the contributor's slot in this vault, assigned once.
/// @param account who is paid.
/// @param cumulative everything earned so far, atomic units.
/// @param detailRoot commitment to the receipts behind it.
struct Entitlement {
    uint32 position;
    address account;
    uint128 cumulative;
    bytes32 detailRoot;
}

/// @notice A neighbour on the way up: its hash and its sum.
struct SumNode {
    bytes32 hash;
    uint128 sum;
}

/// @title Merkle sum trees of entitlements: every node commits to the sums of both its children.
/// @notice leaf = keccak256(0x00 ‖ chainid:32 ‖ vault:20 ‖ token:20 ‖ position:4 ‖ account:20 ‖
/// cumulative:16 ‖ detailRoot:32); node = keccak256(0x01 ‖ hL:32 ‖ sL:16 ‖ hR:32 ‖ sR:16); an unused
/// slot is (0, 0). Bit i of the position picks the side at level i: 0 is left.
///
/// Invariants (`test/SumTree.t.sol`):
///  1. An honest opening holds at every position: `testFuzz_every_leaf_opens`.
///  2. Changing any part of an opening breaks it: `testFuzz_a_changed_opening_fails`.
///  3. Sums of children cannot be moved between them, which a hash over their total would allow:
///     `test_two_leaves_cannot_share_one_sum`.
///  4. Climbing agrees with hashing node by node: `testFuzz_climbing_is_hashing_level_by_level`.
///  5. A proof shorter or longer than the depth fails: `test_a_proof_has_the_depth_of_the_tree`.
library SumTree {
    uint8 internal constant MAX_DEPTH = 32;

    /// @notice The leaf's hash in the tree of one vault and token.
    function leafHash(Entitlement memory leaf, address vault, address token)
        internal
        view
        returns (bytes32)
    {
        return keccak256(
            abi.encodePacked(
                bytes1(0x00),
                block.chainid,
                vault,
                token,
                leaf.position,
                leaf.account,
                leaf.cumulative,
                leaf.detailRoot
            )
        );
    }

    /// @notice Whether `start` at `position` leads to `root` with total `sum` over `depth` levels.
    function opens(
        bytes32 root,
        uint128 sum,
        uint8 depth,
        uint32 position,
        SumNode memory start,
        SumNode[] calldata proof
    ) internal pure returns (bool) {
        if (proof.length != depth) return false;
        (bool fits, bytes32 hash, uint256 total) = climb(position, start, proof);
        return fits && hash == root && total == sum;
    }

    /// @notice Where `proof` leads from `start` at `position`: hash and sum of the top.
    /// @return fits whether the position lies in a tree of that depth and every sum is below 2^128.
    function climb(uint32 position, SumNode memory start, SumNode[] calldata proof)
        internal
        pure
        returns (bool fits, bytes32 hash, uint256 total)
    {
        uint256 depth = proof.length;
        if (depth > MAX_DEPTH || uint256(position) >> depth != 0) return (false, 0, 0);
        hash = start.hash;
        total = start.sum;
        // The same as `node` level by level, at a third of the gas: a claim climbs twenty levels. One
        // buffer holds 0x01 ‖ hL ‖ sL ‖ hR ‖ sR; a sum is written left-aligned and its lower half is
        // overwritten by what follows. Sums of 128 bits and more are remembered and open nothing.
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            let excess := 0
            mstore8(buffer, 1)
            for { let i := 0 } lt(i, depth) { i := add(i, 1) } {
                let other := add(proof.offset, shl(6, i))
                let otherHash := calldataload(other)
                let otherSum := calldataload(add(other, 32))
                switch and(shr(i, position), 1)
                case 0 {
                    mstore(add(buffer, 1), hash)
                    mstore(add(buffer, 33), shl(128, total))
                    mstore(add(buffer, 49), otherHash)
                    mstore(add(buffer, 81), shl(128, otherSum))
                }
                default {
                    mstore(add(buffer, 1), otherHash)
                    mstore(add(buffer, 33), shl(128, otherSum))
                    mstore(add(buffer, 49), hash)
                    mstore(add(buffer, 81), shl(128, total))
                }
                hash := keccak256(buffer, 97)
                total := add(total, otherSum)
                excess := or(excess, or(shr(128, otherSum), shr(128, total)))
            }
            fits := iszero(excess)
        }
        if (!fits) return (false, 0, 0);
    }

    /// @notice The hash of the node above two others.
    function node(bytes32 leftHash, uint128 leftSum, bytes32 rightHash, uint128 rightSum)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encodePacked(bytes1(0x01), leftHash, leftSum, rightHash, rightSum));
    }
}
