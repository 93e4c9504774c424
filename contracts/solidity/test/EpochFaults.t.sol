// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Convictions} from "../src/Convictions.sol";
import {EpochFaults} from "../src/EpochFaults.sol";
import {Fault} from "../src/Fault.sol";
import {DetailOpening, DetailTop, Opening, Openings} from "../src/Openings.sol";
import {ReceiptOpening, ReceiptTree} from "../src/ReceiptTree.sol";
import {Entitlement, SumNode} from "../src/SumTree.sol";
import {Courts} from "./Courts.sol";
import {vm} from "./Checks.sol";

/// @title Faults that the chain decides: each cancels the root and costs the poster its bond.
contract EpochFaultsTest is Courts {
    function setUp() public {
        _setUpVaults();
        _pay(vault, 10_000);
    }

    function test_a_lower_cumulative_cancels() public {
        _regression(_two(2_000, 2_000), _two(1_999, 3_000));
    }

    function test_another_account_cancels() public {
        Entitlement[] memory now_ = _two(3_000, 2_000);
        now_[0].account = address(0xBAD);
        _regression(_two(2_000, 2_000), now_);
    }

    function test_a_dropped_position_cancels() public {
        Entitlement[] memory now_ = _two(0, 5_000);
        now_[0] = Entitlement(0, address(0), 0, 0);
        _regression(_two(2_000, 2_000), now_);
    }

    function test_a_fault_pays_the_challenger_and_mostly_the_insurance() public {
        _twoRoots(_two(2_000, 2_000), _two(1_500, 4_500));
        vm.prank(CHALLENGER);
        faults.proveRegression(
            vault, _opening(_two(2_000, 2_000), 0), _opening(_two(1_500, 4_500), 0)
        );
        checkEq(_bondOf(ATTRIBUTOR), BOND - 2_000, "the increment once over");
        checkEq(_credit(CHALLENGER), 800, "40 %");
        checkEq(_insured(), 1_200, "60 %");
        vm.prank(CHALLENGER);
        court.withdraw(token);
        checkEq(token.balanceOf(CHALLENGER), 800, "withdrawn");
    }

    function test_a_root_may_be_posted_again_after_a_cancellation() public {
        _regression(_two(2_000, 2_000), _two(1_000, 3_000));
        _postTwo(_two(2_500, 2_000));
        _finalize();
        checkEq(vault.currentEpoch(), 3, "final");
    }

    function test_an_honest_root_cannot_be_cancelled() public {
        Entitlement[] memory was = _two(2_000, 2_000);
        Entitlement[] memory now_ = _two(2_000, 3_000);
        _twoRoots(was, now_);
        Opening memory opened = _opening(was, 0);
        Opening memory next = _opening(now_, 0);
        vm.expectRevert(EpochFaults.NoFault.selector);
        faults.proveRegression(vault, opened, next);

        // Two different positions prove nothing, nor does an opening that is not one.
        next.leaf = now_[1];
        vm.expectRevert(EpochFaults.NoFault.selector);
        faults.proveRegression(vault, opened, next);
        next.leaf = now_[0];
        next.leaf.cumulative = 1;
        vm.expectRevert(Openings.InvalidOpening.selector);
        faults.proveRegression(vault, opened, next);
        vm.expectRevert(Openings.InvalidOpening.selector);
        faults.proveMalformed(vault, 0, 2_000, next);
    }

    function test_what_was_claimed_cancels_too() public {
        Entitlement[] memory was = _two(2_000, 2_000);
        (bytes32 root, uint128 sum) = _tree(was, 1);
        _post(root, sum, 1);
        _finalize();
        vault.claim(was[0], _proof(was, 1, 0));
        Entitlement[] memory now_ = _two(1_000, 3_000);
        _postTwo(now_);
        Opening memory honest = _opening(now_, 1);
        vm.expectRevert(EpochFaults.NoFault.selector);
        faults.proveBelowClaims(vault, honest);
        faults.proveBelowClaims(vault, _opening(now_, 0));
        _checkCancelled();
    }

    /// @notice A leaf at another slot could not be claimed: the money would wait for nobody.
    function test_a_leaf_at_another_slot_cancels() public {
        Entitlement[] memory leaves = _two(2_000, 2_000);
        (leaves[0].position, leaves[1].position) = (1, 0);
        _postTwo(leaves);
        faults.proveMalformed(vault, 0, 2_000, Opening(leaves[0], _proof(leaves, 1, 0)));
        _checkCancelled();
    }

    /// @notice A sum beside the leaf's own would promise units that no claim can ever reach.
    function test_a_sum_that_the_leaf_does_not_state_cancels() public {
        Entitlement[] memory leaves = _two(2_000, 2_000);
        SumNode[] memory proof = _neighbours(leaves, 1, 0);
        (, uint128 sum) = _tree(leaves, 1);
        bytes32 hash = _leafHash(leaves[0]);
        bytes32 root = keccak256(
            abi.encodePacked(bytes1(0x01), hash, uint128(2_500), proof[0].hash, proof[0].sum)
        );
        _post(root, sum + 500, 1);
        Opening memory opening = Opening(leaves[0], _packed(proof));
        vm.expectRevert(Openings.InvalidOpening.selector);
        faults.proveMalformed(vault, 0, 2_000, opening);
        faults.proveMalformed(vault, 0, 2_500, opening);
        _checkCancelled();
    }

    function test_a_well_formed_leaf_is_no_fault() public {
        Entitlement[] memory leaves = _two(2_000, 2_000);
        _postTwo(leaves);
        Opening memory opening = _opening(leaves, 0);
        vm.expectRevert(EpochFaults.NoFault.selector);
        faults.proveMalformed(vault, 0, 2_000, opening);
    }

    function test_an_increment_beside_its_receipts_cancels() public {
        (bytes32 detail, DetailTop memory top) = _single(bytes32(uint256(7)), 900);
        Entitlement[] memory leaves = _two(1_000, 2_000);
        leaves[0].detailRoot = detail;
        _postTwo(leaves);
        faults.proveDetailSum(vault, _never(0), _opening(leaves, 0), top);
        _checkCancelled();
    }

    function test_an_increment_without_receipts_cancels() public {
        Entitlement[] memory leaves = _two(1_000, 2_000);
        leaves[0].detailRoot = 0;
        _postTwo(leaves);
        DetailTop memory nothing;
        faults.proveDetailSum(vault, _never(0), _opening(leaves, 0), nothing);
        _checkCancelled();
    }

    function testFuzz_an_increment_that_is_its_receipts_is_no_fault(uint64 one, uint64 two) public {
        one = uint64(within(one, 1, 2_000));
        two = uint64(within(two, 1, 2_000));
        (bytes32 detail, DetailTop memory top,) =
            _pair(bytes32(uint256(7)), one, bytes32(uint256(8)), two);
        Entitlement[] memory was = _two(500, 500);
        Entitlement[] memory leaves = _two(500 + one + two, 500);
        leaves[0].detailRoot = detail;
        _twoRoots(was, leaves);
        Opening memory opened = _opening(was, 0);
        Opening memory next = _opening(leaves, 0);
        vm.expectRevert(EpochFaults.NoFault.selector);
        faults.proveDetailSum(vault, opened, next, top);
        // Another preimage than the committed one says nothing.
        top.left.sum += 1;
        vm.expectRevert(Openings.InvalidDetail.selector);
        faults.proveDetailSum(vault, opened, next, top);
        // Nor may the position be passed off as new.
        vm.expectRevert(Openings.InvalidOpening.selector);
        faults.proveDetailSum(vault, _never(0), next, top);
    }

    function test_a_receipt_twice_in_one_leaf_cancels() public {
        (bytes32 detail,, DetailOpening[] memory openings) =
            _pair(bytes32(uint256(7)), 500, bytes32(uint256(7)), 500);
        Entitlement[] memory leaves = _two(1_000, 2_000);
        leaves[0].detailRoot = detail;
        _postTwo(leaves);
        faults.proveDetailOrder(vault, _opening(leaves, 0), openings[0], openings[1]);
        _checkCancelled();
    }

    function test_receipts_in_order_are_no_fault() public {
        (bytes32 detail,, DetailOpening[] memory openings) =
            _pair(bytes32(uint256(7)), 500, bytes32(uint256(8)), 500);
        Entitlement[] memory leaves = _two(1_000, 2_000);
        leaves[0].detailRoot = detail;
        _postTwo(leaves);
        Opening memory opening = _opening(leaves, 0);
        vm.expectRevert(EpochFaults.NoFault.selector);
        faults.proveDetailOrder(vault, opening, openings[0], openings[1]);
        vm.expectRevert(Openings.InvalidDetail.selector);
        faults.proveDetailOrder(vault, opening, openings[1], openings[0]);
    }

    function test_a_receipt_that_was_never_committed_cancels() public {
        ReceiptOpening memory none;
        for (uint256 id = 1; id <= 5; id += 2) {
            (bytes32 root, ReceiptOpening[] memory receipts) =
                _receipts(_receipt(2, 5_000), _receipt(4, 5_000));
            (bytes32 detail,) = _single(bytes32(id), 1_000);
            Entitlement[] memory leaves = _two(1_000, 2_000);
            leaves[0].detailRoot = detail;
            if (id == 1) _postReceipts(root, leaves);
            else _postTwo(leaves);
            faults.proveUnknownReceipt(
                vault,
                _opening(leaves, 0),
                DetailOpening(0, bytes32(id), 1_000, ""),
                id == 1 ? none : receipts[id == 3 ? 0 : 1],
                id == 5 ? none : receipts[id == 1 ? 0 : 1]
            );
            _checkCancelled();
        }
    }

    function test_an_epoch_without_receipts_pays_nothing() public {
        (bytes32 detail,) = _single(bytes32(uint256(7)), 1_000);
        Entitlement[] memory leaves = _two(1_000, 2_000);
        leaves[0].detailRoot = detail;
        _postReceipts(ReceiptTree.EMPTY_ROOT, leaves);
        ReceiptOpening memory none;
        DetailOpening memory paid = DetailOpening(0, bytes32(uint256(7)), 1_000, "");
        faults.proveUnknownReceipt(vault, _opening(leaves, 0), paid, none, none);
        _checkCancelled();
    }

    function test_a_committed_receipt_cannot_be_called_unknown() public {
        (bytes32 root, ReceiptOpening[] memory receipts) =
            _receipts(_receipt(2, 5_000), _receipt(4, 5_000));
        (bytes32 detail,) = _single(bytes32(uint256(4)), 1_000);
        Entitlement[] memory leaves = _two(1_000, 2_000);
        leaves[0].detailRoot = detail;
        _postReceipts(root, leaves);
        Opening memory opening = _opening(leaves, 0);
        DetailOpening memory paid = DetailOpening(0, bytes32(uint256(4)), 1_000, "");
        ReceiptOpening memory none;
        vm.expectRevert(EpochFaults.NoFault.selector);
        faults.proveUnknownReceipt(vault, opening, paid, receipts[0], receipts[1]);
        vm.expectRevert(EpochFaults.InvalidReceipt.selector);
        faults.proveUnknownReceipt(vault, opening, paid, receipts[0], none);
        vm.expectRevert(EpochFaults.InvalidReceipt.selector);
        faults.proveUnknownReceipt(vault, opening, paid, none, none);
        receipts[0].size = 1;
        vm.expectRevert(EpochFaults.InvalidReceipt.selector);
        faults.proveUnknownReceipt(vault, opening, paid, receipts[0], none);
    }

    function test_receipts_out_of_order_cancel() public {
        (bytes32 root, ReceiptOpening[] memory receipts) =
            _receipts(_receipt(4, 5_000), _receipt(4, 5_000));
        _postReceipts(root, _two(1_000, 2_000));
        vm.expectRevert(EpochFaults.InvalidReceipt.selector);
        faults.proveReceiptOrder(vault, receipts[1], receipts[0]);
        faults.proveReceiptOrder(vault, receipts[0], receipts[1]);
        _checkCancelled();
    }

    /// @notice Each leaf alone is within the receipt; together they take more than its 60 %.
    function test_positions_that_take_more_than_a_receipt_cancel() public {
        (bytes32 root, ReceiptOpening[] memory receipts) =
            _receipts(_receipt(2, 5_000), _receipt(4, 5_000));
        (Opening[] memory leaves, DetailOpening[] memory details) = _shared(root, 1_500, 1_501);
        faults.proveOverAllocation(vault, receipts[0], leaves, details);
        _checkCancelled();
    }

    function test_a_receipt_divided_in_full_is_no_fault() public {
        (bytes32 root, ReceiptOpening[] memory receipts) =
            _receipts(_receipt(2, 5_000), _receipt(4, 5_000));
        (Opening[] memory leaves, DetailOpening[] memory details) = _shared(root, 1_500, 1_500);
        vm.expectRevert(EpochFaults.NoFault.selector);
        faults.proveOverAllocation(vault, receipts[0], leaves, details);
        // The same leaf twice is no second leaf, and another receipt is another matter.
        leaves[1] = leaves[0];
        details[1] = details[0];
        vm.expectPartialRevert(EpochFaults.PositionsNotAscending.selector);
        faults.proveOverAllocation(vault, receipts[0], leaves, details);
        vm.expectRevert(Openings.InvalidDetail.selector);
        faults.proveOverAllocation(vault, receipts[1], leaves, details);
    }

    function test_nothing_is_proved_against_a_final_root() public {
        Entitlement[] memory leaves = _two(1_000, 2_000);
        leaves[0].detailRoot = 0;
        _postTwo(leaves);
        _finalize();
        Opening memory opening = _opening(leaves, 0);
        DetailTop memory nothing;
        vm.expectRevert(Openings.NoRootPending.selector);
        faults.proveDetailSum(vault, _never(0), opening, nothing);
    }

    function test_only_verified_faults_convict() public {
        _postTwo(_two(1_000, 2_000));
        vm.expectPartialRevert(Convictions.NotProver.selector);
        court.convict(vault, address(this), Fault.Malformed, 0);
    }

    function _shared(bytes32 root, uint128 one, uint128 two)
        private
        returns (Opening[] memory leaves, DetailOpening[] memory details)
    {
        Entitlement[] memory shared = _two(one, two);
        (shared[0].detailRoot,) = _single(bytes32(uint256(2)), one);
        (shared[1].detailRoot,) = _single(bytes32(uint256(2)), two);
        _postReceipts(root, shared);
        leaves = new Opening[](2);
        details = new DetailOpening[](2);
        (leaves[0], leaves[1]) = (_opening(shared, 0), _opening(shared, 1));
        details[0] = DetailOpening(0, bytes32(uint256(2)), one, "");
        details[1] = DetailOpening(0, bytes32(uint256(2)), two, "");
    }

    function _regression(Entitlement[] memory was, Entitlement[] memory now_) private {
        _twoRoots(was, now_);
        faults.proveRegression(vault, _opening(was, 0), _opening(now_, 0));
        _checkCancelled();
        (bytes32 root,) = _tree(was, 1);
        checkEq(vault.finalRoot().hash, root, "the final root stays");
    }
}
