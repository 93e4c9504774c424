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
///  4. A proof shorter or longer than the depth fails: `test_a_proof_has_the_depth_of_the_tree`.
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
        for (uint256 i = 0; i < depth; ++i) {
            SumNode calldata other = proof[i];
            hash = (position >> i) & 1 == 0
                ? node(hash, uint128(total), other.hash, other.sum)
                : node(other.hash, other.sum, hash, uint128(total));
            total += other.sum;
            // Every sum is below 2^128; a proof that overflows opens nothing.
            if (total > type(uint128).max) return (false, 0, 0);
        }
        fits = true;
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
