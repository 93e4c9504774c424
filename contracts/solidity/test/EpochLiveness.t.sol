// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AttributorBonds} from "../src/AttributorBonds.sol";
import {EpochRoots} from "../src/EpochRoots.sol";
import {RevenueVault} from "../src/RevenueVault.sol";
import {Entitlement, SumNode} from "../src/SumTree.sol";
import {Courts} from "./Courts.sol";
import {vm} from "./Checks.sol";

/// @title What happens when the attributor stops: others may post, and in the end the pool is scaled.
contract EpochLivenessTest is Courts {
    address private constant OTHER = address(0x0748);

    function setUp() public {
        _setUpVaults();
        _pay(vault, 10_000);
        vault.sync();
    }

    function test_after_two_missed_epochs_anyone_bonded_posts() public {
        vm.warp(block.timestamp + 2 * EPOCH - 1);
        vm.prank(OTHER);
        vm.expectPartialRevert(EpochRoots.NotAttributor.selector);
        vault.commitEpoch(1, keccak256("receipts"), uint64(block.number - 1));
        vm.warp(block.timestamp + 1);
        checkEq(vault.missedEpochs(), 2, "missed");
        vm.prank(OTHER);
        vm.expectPartialRevert(AttributorBonds.BondTooSmall.selector);
        vault.commitEpoch(1, keccak256("receipts"), uint64(block.number - 1));
        _bond(vault, OTHER, 5_000);
        vm.prank(OTHER);
        vault.commitEpoch(1, keccak256("receipts"), uint64(block.number - 1));
        vm.roll(block.number + 2);
        (bytes32 root, uint128 sum) = _tree(_two(2_000, 3_000), 1);
        vm.prank(ATTRIBUTOR);
        vm.expectPartialRevert(EpochRoots.NotCommitter.selector);
        vault.postRoot(1, root, sum, 1, 0, unattested);
        vm.prank(OTHER);
        vault.postRoot(1, root, sum, 1, 0, unattested);
        _finalize();
        checkEq(vault.finalRoot().sum, 5_000, "final");
    }

    /// @notice A commitment left to lie is replaced, and only after two epochs: else seeds are drawn
    /// until one pleases.
    function test_a_stale_commitment_is_replaced() public {
        vm.warp(block.timestamp + EPOCH);
        vm.prank(ATTRIBUTOR);
        vault.commitEpoch(1, keccak256("receipts"), uint64(block.number - 1));
        _bond(vault, OTHER, 5_000);
        vm.warp(block.timestamp + EPOCH);
        vm.roll(block.number + 2);
        vm.prank(OTHER);
        vm.expectPartialRevert(EpochRoots.AlreadyCommitted.selector);
        vault.commitEpoch(1, keccak256("other receipts"), uint64(block.number - 1));
        vm.warp(block.timestamp + EPOCH);
        vm.prank(OTHER);
        vault.commitEpoch(1, keccak256("other receipts"), uint64(block.number - 1));
        checkEq(vault.seed(), 0, "a new seed is to come");
    }

    function test_an_escape_scales_the_last_root_to_all_that_came_in() public {
        Entitlement[] memory leaves = _two(1_000, 2_000);
        _postTwo(leaves);
        _finalize();
        vault.claim(leaves[0], _proof(leaves, 1, 0));
        vm.warp(block.timestamp + 6 * EPOCH - WINDOW - 1);
        vm.expectPartialRevert(EpochRoots.EscapeTooEarly.selector);
        vault.escape();
        vm.warp(block.timestamp + 1);
        vault.escape();
        // 6,000 over entitlements of 1 : 2.
        vault.claim(leaves[0], _proof(leaves, 1, 0));
        vault.claim(leaves[1], _proof(leaves, 1, 1));
        checkEq(token.balanceOf(ALICE), 2_000, "alice");
        checkEq(token.balanceOf(BOB), 4_000, "bob");
        // Income after an escape leaves by the next one.
        _pay(vault, 5_000);
        vault.escape();
        vault.claim(leaves[1], _proof(leaves, 1, 1));
        checkEq(token.balanceOf(BOB), 6_000, "bob");
    }

    function test_nothing_is_scaled_before_a_first_root() public {
        vm.expectRevert(EpochRoots.NoRootFinal.selector);
        vault.escape();
    }

    /// @notice No absurd supply makes an escape promise what a position cannot hold.
    function test_an_escape_stays_within_what_positions_hold() public {
        Entitlement[] memory leaves = _two(1_000, 2_000);
        _postTwo(leaves);
        _finalize();
        _pay(vault, uint256(1) << 100);
        vm.warp(block.timestamp + 6 * EPOCH);
        vault.escape();
        (uint128 pool,) = vault.scale();
        checkEq(pool, type(uint96).max, "capped");
    }

    function test_later_roots_stay_above_an_escape() public {
        Entitlement[] memory leaves = _two(1_000, 2_000);
        _postTwo(leaves);
        _finalize();
        vm.warp(block.timestamp + 6 * EPOCH);
        vault.escape();
        _pay(vault, 1_000);
        Entitlement[] memory low = _two(1_999, 4_601);
        _postTwo(low);
        faults.proveRegression(vault, _opening(leaves, 0), _opening(low, 0));
        _checkCancelled();
        vm.prank(ATTRIBUTOR);
        vm.expectPartialRevert(EpochRoots.SumFalls.selector);
        vault.postRoot(2, keccak256("root"), 5_999, 1, 0, unattested);
        Entitlement[] memory next = _two(2_100, 4_500);
        _postTwo(next);
        _finalize();
        vault.claim(next[0], _proof(next, 1, 0));
        vault.claim(next[1], _proof(next, 1, 1));
        checkEq(token.balanceOf(ALICE) + token.balanceOf(BOB), 6_600, "the whole pool");
    }

    /// @notice Entitlements after an escape, with a voided increment, never exceed the pool.
    function testFuzz_an_escape_pays_at_most_the_pool(uint64 one, uint64 two, uint64 more) public {
        one = uint64(within(one, 2, 3_000));
        two = uint64(within(two, 1, 3_000));
        Entitlement[] memory leaves = _two(one, two);
        _postTwo(leaves);
        uint256 id = _dispute(_never(0), _opening(leaves, 0));
        _rule(id, true);
        _finalize();
        court.resolve(id);
        vm.warp(block.timestamp + 6 * EPOCH);
        _pay(vault, within(more, 0, 1_000_000));
        vault.escape();
        vault.claim(leaves[1], _proof(leaves, 1, 1));
        (,,,, uint256 pool,) = vault.buckets();
        checkEq(token.balanceOf(BOB), pool, "all to the one whose entitlement stands");
        vm.expectRevert();
        vault.claim(leaves[0], _proof(leaves, 1, 0));
    }

    function test_no_escape_while_increments_are_held() public {
        Entitlement[] memory leaves = _two(1_000, 2_000);
        _postTwo(leaves);
        uint256 id = _dispute(_never(0), _opening(leaves, 0));
        _finalize();
        vm.warp(block.timestamp + 6 * EPOCH);
        vm.expectPartialRevert(EpochRoots.HoldsOpen.selector);
        vault.escape();
        court.resolve(id);
        vault.escape();
    }

    /// @notice Two lies that nobody challenged, each disputed elsewhere, void more than the sum: found by
    /// the economy of fifty assets. Nothing is due then, and the pool still has its way out.
    function test_more_voided_than_promised_locks_nothing() public {
        Entitlement[] memory was = _two(3_000, 0);
        _postTwo(was);
        _finalize();
        for (uint256 i = 0; i < 2; ++i) {
            uint32 gainer = i % 2 == 0 ? 1 : 0;
            Entitlement[] memory lie = gainer == 1 ? _two(0, 3_000) : _two(3_000, 0);
            _postTwo(lie);
            uint256 id = _dispute(_opening(was, gainer), _opening(lie, gainer));
            _rule(id, true);
            _finalize();
            court.resolve(id);
            was = lie;
        }
        checkEq(vault.voidedTotal(), 6_000, "twice the sum");
        Entitlement[] memory next = _two(9_000, 3_000);
        _postTwo(next);
        _finalize();
        vault.claim(next[0], _proof(next, 1, 0));
        checkEq(token.balanceOf(ALICE), 6_000, "the whole pool, and no more");
        bytes memory proof = _proof(next, 1, 1);
        vm.expectPartialRevert(RevenueVault.NothingToClaim.selector);
        vault.claim(next[1], proof);
    }

    function test_an_empty_root_does_not_lock_the_pool() public {
        (bytes32 root,) = _tree(_two(0, 0), 1);
        _post(root, 0, 1);
        _finalize();
        vm.warp(block.timestamp + 180 days);
        vm.expectRevert(EpochRoots.NoRootFinal.selector);
        vault.escape();
        checkEq(vault.payFallback(), 6_000, "the fallback has it");
    }
}
