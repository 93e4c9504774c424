// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

/// @title Who had a row first, without showing it.
/// @notice A contributor commits to rows before anybody else sees them, operators and watchers of the
/// mempool included: the root of a tree over keccak256(keccak256(row hash, owner, salt)). Later a row
/// is opened to show since which block its owner had it. The owner stands inside the hash, so copying
/// somebody's root gains nothing, and the salt keeps short rows from being guessed.
///
/// Invariants (`test/RowCommitments.t.sol`):
///  1. A root keeps the block of its first commitment: `test_the_first_block_counts`.
///  2. An opening shows one owner's row only: `test_a_copied_root_opens_for_its_author_only`.
contract RowCommitments {
    mapping(bytes32 root => uint64) public blockOf;

    event RowsCommitted(bytes32 indexed root, address indexed sender, uint64 blockNumber);

    error EmptyRoot();

    /// @notice Commits to rows; for a single row the root is its leaf. Committing again changes nothing.
    function commit(bytes32 root) external {
        if (root == bytes32(0)) revert EmptyRoot();
        if (blockOf[root] != 0) return;
        blockOf[root] = uint64(block.number);
        emit RowsCommitted(root, msg.sender, uint64(block.number));
    }

    function leafOf(bytes32 rowHash, address owner, bytes32 salt) public pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(rowHash, owner, salt))));
    }

    /// @notice The block by which `owner` had committed to a row; 0 where the opening shows nothing.
    function priorityOf(
        bytes32 root,
        bytes32 rowHash,
        address owner,
        bytes32 salt,
        bytes32[] calldata proof
    ) external view returns (uint64) {
        return MerkleProof.verifyCalldata(proof, root, leafOf(rowHash, owner, salt))
            ? blockOf[root]
            : 0;
    }
}
