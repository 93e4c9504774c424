// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice One receipt of an epoch as its commitment holds it.
/// @param charge gross, atomic units.
struct ReceiptLeaf {
    bytes32 receiptId;
    uint128 charge;
    bytes32 evidence;
}

/// @notice Where a receipt stands among the epoch's receipts, and the proof of it.
struct ReceiptOpening {
    ReceiptLeaf leaf;
    uint64 index;
    uint64 size;
    bytes32[] proof;
}

/// @title The commitment to an epoch's receipts: a SHA-256 Merkle tree, ascending by receipt id.
/// @notice leaf = SHA-256(0x00 ‖ receiptId:32 ‖ charge:16 ‖ evidence:32), node = SHA-256(0x01 ‖ left ‖
/// right), root = SHA-256(0x02 ‖ size:8 ‖ top); an odd node moves up unchanged. The tree is that of
/// RFC 6962 section 2.1 except for the root, which binds the size.
///
/// Invariants:
///  1. What Python builds verifies here, and nothing changed of it does: `tests/contracts/test_court.py`.
library ReceiptTree {
    /// @notice The root of no receipts: one leaf without data.
    bytes32 internal constant EMPTY_ROOT =
        sha256(abi.encodePacked(bytes1(0x02), uint64(1), sha256(abi.encodePacked(bytes1(0x00)))));

    /// @notice Whether the receipt stands at its index of the list with this root.
    function opens(bytes32 root, ReceiptOpening calldata opening) internal pure returns (bool) {
        if (opening.index >= opening.size) return false;
        bytes32 current = sha256(
            abi.encodePacked(
                bytes1(0x00), opening.leaf.receiptId, opening.leaf.charge, opening.leaf.evidence
            )
        );
        uint256 index = opening.index;
        uint256 used;
        for (uint256 last = opening.size - 1; last > 0; last >>= 1) {
            if (index ^ 1 <= last) {
                if (used == opening.proof.length) return false;
                bytes32 other = opening.proof[used++];
                current = index & 1 == 1 ? _node(other, current) : _node(current, other);
            }
            index >>= 1;
        }
        bytes32 top = sha256(abi.encodePacked(bytes1(0x02), opening.size, current));
        return used == opening.proof.length && top == root;
    }

    function _node(bytes32 left, bytes32 right) private pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x01), left, right));
    }
}
