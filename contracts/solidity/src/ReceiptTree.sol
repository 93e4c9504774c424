// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MerkleList} from "./MerkleList.sol";

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
/// @notice leaf = SHA-256(0x00 ‖ receiptId:32 ‖ charge:16 ‖ evidence:32), in a `MerkleList`.
///
/// Invariants:
///  1. What Python builds verifies here, and nothing changed of it does: `tests/contracts/test_court.py`.
library ReceiptTree {
    /// @notice The root of no receipts: one leaf without data.
    bytes32 internal constant EMPTY_ROOT =
        sha256(abi.encodePacked(bytes1(0x02), uint64(1), sha256(abi.encodePacked(bytes1(0x00)))));

    /// @notice Whether the receipt stands at its index of the list with this root.
    function opens(bytes32 root, ReceiptOpening calldata opening) internal view returns (bool) {
        bytes32 leaf = sha256(
            abi.encodePacked(
                bytes1(0x00), opening.leaf.receiptId, opening.leaf.charge, opening.leaf.evidence
            )
        );
        return MerkleList.opens(root, opening.size, opening.index, leaf, opening.proof);
    }
}
