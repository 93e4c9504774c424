// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {RowCommitments} from "../src/RowCommitments.sol";
import {Checks, vm} from "./Checks.sol";

contract RowCommitmentsTest is Checks {
    address private constant ALICE = address(0xA11CE);
    address private constant THIEF = address(0x7C1EF);

    RowCommitments private commitments;

    function setUp() public {
        commitments = new RowCommitments();
        vm.roll(100);
    }

    function test_the_first_block_counts() public {
        bytes32 leaf = commitments.leafOf("row", ALICE, "salt");
        commitments.commit(leaf);
        vm.roll(105);
        commitments.commit(leaf);
        bytes32[] memory nothing = new bytes32[](0);
        checkEq(commitments.priorityOf(leaf, "row", ALICE, "salt", nothing), 100, "first");
        vm.expectRevert(RowCommitments.EmptyRoot.selector);
        commitments.commit(0);
    }

    function test_a_copied_root_opens_for_its_author_only() public {
        bytes32 leaf = commitments.leafOf("row", ALICE, "salt");
        vm.prank(THIEF);
        commitments.commit(leaf);
        bytes32[] memory nothing = new bytes32[](0);
        checkEq(commitments.priorityOf(leaf, "row", THIEF, "salt", nothing), 0, "not the thief's");
        checkEq(commitments.priorityOf(leaf, "row", ALICE, "salt", nothing), 100, "the author's");
        checkEq(commitments.priorityOf(leaf, "row", ALICE, "other", nothing), 0, "salted");
        checkEq(commitments.priorityOf(leaf, "other", ALICE, "salt", nothing), 0, "that row");
    }

    function testFuzz_one_root_commits_to_many_rows(bytes32 first, bytes32 second, uint256 salt)
        public
    {
        bytes32 left = commitments.leafOf(first, ALICE, bytes32(salt));
        bytes32 right = commitments.leafOf(second, ALICE, bytes32(salt ^ 1));
        bytes32 root = left < right
            ? keccak256(abi.encodePacked(left, right))
            : keccak256(abi.encodePacked(right, left));
        commitments.commit(root);
        bytes32[] memory proof = new bytes32[](1);
        proof[0] = right;
        checkEq(commitments.priorityOf(root, first, ALICE, bytes32(salt), proof), 100, "left");
        proof[0] = left;
        checkEq(commitments.priorityOf(root, second, ALICE, bytes32(salt ^ 1), proof), 100, "right");
        checkEq(
            commitments.priorityOf(root, first, THIEF, bytes32(salt), proof), 0, "not another's"
        );
    }
}
