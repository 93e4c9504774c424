// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A SHA-256 Merkle tree over a list, whose root binds how long it is.
/// @notice leaf = SHA-256(0x00 ‖ data), node = SHA-256(0x01 ‖ left ‖ right), root = SHA-256(0x02 ‖
/// size:8 ‖ top); an odd node moves up unchanged. The tree is that of RFC 6962 section 2.1 except for
/// the root. A proof holds the neighbours from the leaf up, without the levels that have none.
///
/// Invariants:
///  1. A leaf opens at its own index, of its own list, with its whole proof, and nowhere else:
///     `test_receipts_open_at_their_index_with_their_proof_only`.
library MerkleList {
    /// @notice Whether `leaf`, a leaf's hash, stands at `index` of the list of `size` with this root.
    function opens(
        bytes32 root,
        uint256 size,
        uint256 index,
        bytes32 leaf,
        bytes32[] calldata proof
    ) internal view returns (bool) {
        if (index >= size || size > type(uint64).max) return false;
        uint256 used;
        // Some twenty levels a proof: the compiler's packing and bounds would be a third of its gas.
        assembly ("memory-safe") {
            // 0x01 ‖ left:32 ‖ right:32, beyond what is allocated.
            let free := mload(0x40)
            let left := add(free, 1)
            let right := add(free, 33)
            mstore8(free, 1)
            // What stands behind the proof may be read here, and is refused by its length below.
            let next := proof.offset
            for { let last := sub(size, 1) } last { last := shr(1, last) } {
                let isRight := and(index, 1)
                // The last node of a level without a neighbour moves up.
                if or(isRight, lt(index, last)) {
                    switch isRight
                    case 1 {
                        mstore(left, calldataload(next))
                        mstore(right, leaf)
                    }
                    default {
                        mstore(left, leaf)
                        mstore(right, calldataload(next))
                    }
                    next := add(next, 32)
                    // SHA-256 fails for want of gas only, and then so does what comes next.
                    if iszero(staticcall(gas(), 2, free, 65, 0, 32)) { revert(0, 0) }
                    leaf := mload(0)
                }
                index := shr(1, index)
            }
            used := shr(5, sub(next, proof.offset))
        }
        // It fits: checked above.
        // forge-lint: disable-next-line(unsafe-typecast)
        bytes32 top = sha256(abi.encodePacked(bytes1(0x02), uint64(size), leaf));
        return used == proof.length && top == root;
    }
}
