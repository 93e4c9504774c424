// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AvailabilityDemands} from "../src/AvailabilityDemands.sol";
import {EpochFaults} from "../src/EpochFaults.sol";
import {DetailOpening, DetailTop, Opening, Openings} from "../src/Openings.sol";
import {ReceiptOpening, ReceiptTree} from "../src/ReceiptTree.sol";
import {Entitlement, SumNode, SumTree} from "../src/SumTree.sol";
import {Courts} from "./Courts.sol";
import {vm} from "./Checks.sol";

/// @notice Takes openings from calldata, as the contracts do.
contract ReceiptReader {
    function opens(bytes32 root, ReceiptOpening calldata opening) external view returns (bool) {
        return ReceiptTree.opens(root, opening);
    }
}

/// @title Proofs that are made up, at each place that takes one: else an honest root is cancelled,
/// or a demand is answered with nothing.
contract EpochForgeriesTest is Courts {
    function setUp() public {
        _setUpVaults();
        _pay(vault, 10_000);
    }

    // Against honest roots

    function test_a_past_that_never_was_cancels_nothing() public {
        Entitlement[] memory was = _two(2_000, 2_000);
        Entitlement[] memory now_ = _two(2_000, 3_000);
        _twoRoots(was, now_);
        Opening memory forged = _opening(was, 0);
        forged.leaf.cumulative = 2_500;
        Opening memory next = _opening(now_, 0);
        vm.expectRevert(Openings.InvalidOpening.selector);
        faults.proveRegression(vault, forged, next);
    }

    function test_a_receipt_that_the_leaf_does_not_hold_is_out_of_no_order() public {
        (bytes32 detail,, DetailOpening[] memory openings) =
            _pair(bytes32(uint256(7)), 500, bytes32(uint256(8)), 500);
        Entitlement[] memory leaves = _two(1_000, 2_000);
        leaves[0].detailRoot = detail;
        _postTwo(leaves);
        Opening memory opening = _opening(leaves, 0);
        openings[1].receiptId = bytes32(uint256(6));
        vm.expectRevert(Openings.InvalidDetail.selector);
        faults.proveDetailOrder(vault, opening, openings[0], openings[1]);
        openings[1].receiptId = bytes32(uint256(8));
        openings[0].receiptId = bytes32(uint256(9));
        vm.expectRevert(Openings.InvalidDetail.selector);
        faults.proveDetailOrder(vault, opening, openings[0], openings[1]);
    }

    function test_receipts_that_were_not_committed_are_out_of_no_order() public {
        (bytes32 root, ReceiptOpening[] memory receipts) =
            _receipts(_receipt(2, 5_000), _receipt(4, 5_000));
        _postReceipts(root, _two(1_000, 2_000));
        ReceiptOpening memory honest = receipts[1];
        receipts[1] = ReceiptOpening(_receipt(1, 5_000), 1, 2, honest.proof);
        vm.expectRevert(EpochFaults.InvalidReceipt.selector);
        faults.proveReceiptOrder(vault, receipts[0], receipts[1]);
        receipts[1] = honest;
        receipts[0].leaf.receiptId = bytes32(uint256(9));
        vm.expectRevert(EpochFaults.InvalidReceipt.selector);
        faults.proveReceiptOrder(vault, receipts[0], receipts[1]);
    }

    /// @notice The last receipt alone does not say what stands before it.
    function test_a_receipt_that_is_not_the_first_bounds_nothing_from_below() public {
        (bytes32 root, ReceiptOpening[] memory receipts) =
            _receipts(_receipt(2, 5_000), _receipt(4, 5_000));
        (bytes32 detail,) = _single(bytes32(uint256(2)), 1_000);
        Entitlement[] memory leaves = _two(1_000, 2_000);
        leaves[0].detailRoot = detail;
        _postReceipts(root, leaves);
        Opening memory opening = _opening(leaves, 0);
        DetailOpening memory paid = DetailOpening(0, bytes32(uint256(2)), 1_000, "");
        ReceiptOpening memory none;
        vm.expectRevert(EpochFaults.InvalidReceipt.selector);
        faults.proveUnknownReceipt(vault, opening, paid, none, receipts[1]);
    }

    // Increments

    function test_an_increment_is_counted_from_its_own_position() public {
        (bytes32 detail, DetailTop memory top) = _single(bytes32(uint256(7)), 1_000);
        Entitlement[] memory was = _two(500, 900);
        Entitlement[] memory now_ = _two(1_500, 900);
        now_[0].detailRoot = detail;
        _twoRoots(was, now_);
        Opening memory other = _opening(was, 1);
        Opening memory next = _opening(now_, 0);
        vm.expectRevert(Openings.InvalidOpening.selector);
        faults.proveDetailSum(vault, other, next, top);
    }

    function test_before_the_first_root_nobody_had_anything() public {
        (bytes32 detail, DetailTop memory top) = _single(bytes32(uint256(7)), 1_000);
        Entitlement[] memory leaves = _two(1_000, 2_000);
        leaves[0].detailRoot = detail;
        _postTwo(leaves);
        Opening memory next = _opening(leaves, 0);
        Opening memory forged = _never(0);
        forged.leaf = _leaf(0, ALICE, 100);
        vm.expectRevert(Openings.InvalidOpening.selector);
        faults.proveDetailSum(vault, forged, next, top);
        forged = _never(0);
        forged.proof = next.proof;
        vm.expectRevert(Openings.InvalidOpening.selector);
        faults.proveDetailSum(vault, forged, next, top);
    }

    function test_a_position_beyond_the_last_tree_had_nothing() public {
        _postTwo(_two(500, 500));
        _finalize();
        Entitlement[] memory grown = new Entitlement[](3);
        (grown[0], grown[1]) = (_leaf(0, ALICE, 500), _leaf(1, BOB, 500));
        grown[2] = _leaf(2, address(0xCA01), 1_000);
        DetailTop memory top;
        (grown[2].detailRoot, top) = _single(bytes32(uint256(7)), 900);
        (bytes32 root, uint128 sum) = _tree(grown, 2);
        _post(root, sum, 2);
        Opening memory opening = Opening(grown[2], _proof(grown, 2, 2));
        faults.proveDetailSum(vault, _never(2), opening, top);
        _checkCancelled();
    }

    function test_a_position_that_earned_nothing_needs_no_receipts() public {
        Entitlement[] memory was = _two(500, 500);
        Entitlement[] memory now_ = _two(500, 900);
        now_[0].detailRoot = 0;
        _twoRoots(was, now_);
        Opening memory opened = _opening(was, 0);
        Opening memory next = _opening(now_, 0);
        DetailTop memory nothing;
        vm.expectRevert(EpochFaults.NoFault.selector);
        faults.proveDetailSum(vault, opened, next, nothing);
    }

    function test_a_fall_is_no_increment() public {
        Entitlement[] memory was = _two(500, 500);
        Entitlement[] memory now_ = _two(400, 700);
        _twoRoots(was, now_);
        Opening memory opened = _opening(was, 0);
        Opening memory next = _opening(now_, 0);
        DetailTop memory nothing;
        vm.expectRevert(Openings.InvalidOpening.selector);
        faults.proveDetailSum(vault, opened, next, nothing);
    }

    // Demands

    function test_a_leaf_that_is_not_in_the_tree_answers_nothing() public {
        Entitlement[] memory leaves = _two(1_000, 2_000);
        leaves[1].detailRoot = 0;
        _postTwo(leaves);
        uint256 id = _demand(0, 1);
        Opening memory forged = _opening(leaves, 1);
        forged.leaf.account = address(0xBAD);
        DetailTop memory nothing;
        vm.expectRevert(Openings.InvalidOpening.selector);
        demands.showLeaf(id, forged, nothing);
    }

    /// @notice A slot without a hash and with a sum promises units to nobody, and is no empty slot.
    function test_an_empty_slot_has_no_sum() public {
        Entitlement[] memory leaves = _two(1_000, 0);
        bytes32 root = SumTree.node(_leafHash(leaves[0]), 1_000, 0, 500);
        _post(root, 1_500, 1);
        uint256 id = _demand(0, 1);
        bytes memory beside = abi.encodePacked(_leafHash(leaves[0]), uint128(1_000));
        Opening memory forged = Opening(Entitlement(1, address(0), 500, 0), beside);
        DetailTop memory nothing;
        vm.expectRevert(Openings.InvalidOpening.selector);
        demands.showLeaf(id, forged, nothing);
    }

    function test_an_answer_is_paid_once() public {
        Entitlement[] memory leaves = _two(1_000, 2_000);
        leaves[1].detailRoot = 0;
        _postTwo(leaves);
        uint256 id = _demand(0, 1);
        Opening memory opening = _opening(leaves, 1);
        DetailTop memory nothing;
        demands.showLeaf(id, opening, nothing);
        vm.expectPartialRevert(AvailabilityDemands.DemandNotOpen.selector);
        demands.showLeaf(id, opening, nothing);
        checkEq(demands.credits(address(token), address(this)), 10, "once");
    }

    /// @notice A demand is about one posting: it neither cancels nor delays the next, and its price
    /// comes back once.
    function test_a_demand_ends_with_its_posting() public {
        Entitlement[] memory was = _two(2_000, 2_000);
        Entitlement[] memory less = _two(1_000, 3_000);
        _twoRoots(was, less);
        uint256 id = _demand(0, 0);
        faults.proveRegression(vault, _opening(was, 0), _opening(less, 0));
        _postTwo(was);
        Opening memory opening = _opening(was, 0);
        DetailTop memory nothing;
        vm.expectRevert(Openings.NoRootPending.selector);
        demands.showLeaf(id, opening, nothing);
        vm.warp(block.timestamp + WINDOW);
        vm.expectRevert(Openings.NoRootPending.selector);
        demands.proveUnavailable(id);
        _finalize();
        demands.closeMootDemand(id);
        vm.expectPartialRevert(AvailabilityDemands.DemandNotOpen.selector);
        demands.closeMootDemand(id);
        checkEq(demands.credits(address(token), CHALLENGER), 10, "the price, once");
    }

    function test_a_node_beyond_its_level_cannot_be_demanded() public {
        _postTwo(_two(1_000, 2_000));
        vm.expectPartialRevert(AvailabilityDemands.NoSuchNode.selector);
        demands.demand(vault, 1, 1);
    }

    // Receipts

    function test_receipts_open_at_their_index_with_their_proof_only() public {
        ReceiptReader reader = new ReceiptReader();
        for (uint64 size = 1; size <= 5; ++size) {
            for (uint64 index = 0; index < size; ++index) {
                (bytes32 root, ReceiptOpening memory opening) = _receiptOf(size, index);
                check(reader.opens(root, opening), "honest");
                opening.proof = _longer(opening.proof);
                check(!reader.opens(root, opening), "a proof too long");
                assembly ("memory-safe") {
                    let proof := mload(add(opening, 0x60))
                    mstore(proof, sub(mload(proof), 1))
                }
                check(reader.opens(root, opening), "cut back");
                if (opening.proof.length > 0) {
                    assembly ("memory-safe") {
                        let proof := mload(add(opening, 0x60))
                        mstore(proof, sub(mload(proof), 1))
                    }
                    check(!reader.opens(root, opening), "a proof too short");
                }
            }
            (bytes32 of_, ReceiptOpening memory beyond) = _receiptOf(size, size - 1);
            beyond.index = size;
            check(!reader.opens(of_, beyond), "an index beyond the list");
        }
    }

    /// @dev The list of receipts 0 … size-1, by the definition: subtrees of the largest powers of two.
    function _receiptOf(uint64 size, uint64 index)
        private
        pure
        returns (bytes32 root, ReceiptOpening memory opening)
    {
        bytes32[] memory level = new bytes32[](size);
        for (uint64 i = 0; i < size; ++i) {
            level[i] = sha256(
                abi.encodePacked(bytes1(0), bytes32(uint256(i)), uint128(5), keccak256("evidence"))
            );
        }
        bytes32[] memory proof = new bytes32[](0);
        uint256 place = index;
        while (level.length > 1) {
            if (place ^ 1 < level.length) {
                proof = _longer(proof);
                proof[proof.length - 1] = level[place ^ 1];
            }
            bytes32[] memory next = new bytes32[]((level.length + 1) / 2);
            for (uint256 i = 0; i < next.length; ++i) {
                next[i] = 2 * i + 1 < level.length
                    ? sha256(abi.encodePacked(bytes1(0x01), level[2 * i], level[2 * i + 1]))
                    : level[2 * i];
            }
            (level, place) = (next, place / 2);
        }
        root = sha256(abi.encodePacked(bytes1(0x02), size, level[0]));
        opening = ReceiptOpening(_receipt(index, 5), index, size, proof);
    }

    function _longer(bytes32[] memory short) private pure returns (bytes32[] memory long) {
        long = new bytes32[](short.length + 1);
        for (uint256 i = 0; i < short.length; ++i) {
            long[i] = short[i];
        }
    }

    function _demand(uint8 level, uint32 index) private returns (uint256 id) {
        token.mint(CHALLENGER, 1_000);
        vm.startPrank(CHALLENGER);
        token.approve(address(demands), 1_000);
        id = demands.demand(vault, level, index);
        vm.stopPrank();
    }
}
