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

/// @notice A node: its hash and the sum of what is below it.
struct SumNode {
    bytes32 hash;
    uint128 sum;
}

/// @title Merkle sum trees of entitlements: every node commits to the sums of both its children.
/// @notice leaf = keccak256(0x00 ‖ chainid:32 ‖ vault:20 ‖ token:20 ‖ position:4 ‖ account:20 ‖
/// cumulative:16 ‖ detailRoot:32); node = keccak256(0x01 ‖ hL:32 ‖ sL:16 ‖ hR:32 ‖ sR:16); an unused
/// slot is (0, 0). Bit i of the position picks the side at level i: 0 is left. A proof is the
/// neighbours from the leaf up, hash:32 ‖ sum:16 each.
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
    /// @dev Of a neighbour in a proof: as it stands in the hash of the node above.
    uint256 private constant NODE_BYTES = 48;

    /// @notice The leaf's hash in the tree of one vault and token.
    function leafHash(Entitlement memory leaf, address vault, address token)
        internal
        view
        returns (bytes32 hash)
    {
        // Ascending stores: the low end of each is overwritten by the next.
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            mstore8(buffer, 0)
            mstore(add(buffer, 1), chainid())
            mstore(add(buffer, 33), shl(96, vault))
            mstore(add(buffer, 53), shl(96, token))
            mstore(add(buffer, 73), shl(224, mload(leaf)))
            mstore(add(buffer, 77), shl(96, mload(add(leaf, 32))))
            mstore(add(buffer, 97), shl(128, mload(add(leaf, 64))))
            mstore(add(buffer, 113), mload(add(leaf, 96)))
            hash := keccak256(buffer, 145)
        }
    }

    /// @notice Whether the node of `hash` and `total` at `position` leads to `root` with the sum `sum`
    /// over `depth` levels.
    function opens(
        bytes32 root,
        uint128 sum,
        uint8 depth,
        uint32 position,
        bytes32 hash,
        uint128 total,
        bytes calldata proof
    ) internal pure returns (bool) {
        if (proof.length != NODE_BYTES * depth || uint256(position) >> depth != 0) {
            return false;
        }
        (bytes32 top, uint256 topSum) = _climb(position, hash, total, proof);
        return top == root && topSum == sum;
    }

    /// @notice Where `proof` leads from a node at `position`: hash and sum of the top.
    /// @return fits whether the position lies in a tree of that depth and every sum is below 2^128.
    function climb(uint32 position, bytes32 hash, uint128 total, bytes calldata proof)
        internal
        pure
        returns (bool fits, bytes32 top, uint256 topSum)
    {
        uint256 depth = proof.length / NODE_BYTES;
        if (
            proof.length != NODE_BYTES * depth || depth > MAX_DEPTH
                || uint256(position) >> depth != 0
        ) return (false, 0, 0);
        (top, topSum) = _climb(position, hash, total, proof);
        fits = topSum >> 128 == 0;
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

    /// @dev Over whole nodes, at most 32. A sum of 2^128 or more comes out as that.
    function _climb(uint256 position, bytes32 hash, uint256 total, bytes calldata proof)
        private
        pure
        returns (bytes32 top, uint256 topSum)
    {
        (top, topSum) = (hash, total);
        // The same as `node` level by level, at a fifth of the gas: a claim climbs twenty levels. The
        // buffer holds 0x01 ‖ hL ‖ sL ‖ hR ‖ sR. A sum is written before its hash, which overwrites
        // what the word has above 16 bytes. At most 33 values below 2^128 are added, so the total does
        // not wrap, and it never falls on the way. Two levels to a round; where
        // their number is odd, which bit 4 of 48 * depth says, one goes first.
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            mstore8(buffer, 1)
            let left := add(buffer, 1)
            let both := add(add(left, left), 48)
            let at := proof.offset
            let end := add(at, proof.length)
            if and(proof.length, 16) {
                let own := add(left, mul(and(position, 1), 48))
                mstore(add(own, 16), topSum)
                mstore(own, top)
                calldatacopy(sub(both, own), at, 48)
                top := keccak256(buffer, 97)
                topSum := add(topSum, shr(128, calldataload(add(at, 32))))
                position := shr(1, position)
                at := add(at, 48)
            }
            for {} lt(at, end) { at := add(at, 96) } {
                let own := add(left, mul(and(position, 1), 48))
                mstore(add(own, 16), topSum)
                mstore(own, top)
                calldatacopy(sub(both, own), at, 48)
                top := keccak256(buffer, 97)
                topSum := add(topSum, shr(128, calldataload(add(at, 32))))

                own := add(left, mul(and(shr(1, position), 1), 48))
                mstore(add(own, 16), topSum)
                mstore(own, top)
                calldatacopy(sub(both, own), add(at, 48), 48)
                top := keccak256(buffer, 97)
                topSum := add(topSum, shr(128, calldataload(add(at, 80))))
                position := shr(2, position)
            }
        }
    }
}
