// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EpochRoots} from "../src/EpochRoots.sol";
import {Entitlement, SumNode} from "../src/SumTree.sol";
import {Vaults} from "./Vaults.sol";
import {vm} from "./Checks.sol";

contract EpochRootsTest is Vaults {
    function setUp() public {
        _setUpVaults();
        _pay(vault, 1_000);
    }

    function test_an_epoch_is_committed_once() public {
        vm.startPrank(ATTRIBUTOR);
        vault.commitEpoch(1, keccak256("receipts"), 999);
        vm.expectPartialRevert(EpochRoots.AlreadyCommitted.selector);
        vault.commitEpoch(1, keccak256("other receipts"), 999);
        vm.stopPrank();
    }

    function test_the_seed_comes_from_a_later_block() public {
        vm.prank(ATTRIBUTOR);
        vault.commitEpoch(1, keccak256("receipts"), 999);
        check(!vault.recordSeed(), "the seed's block does not exist yet");
        vm.roll(1_001);
        check(!vault.recordSeed(), "nor in the block itself");
        vm.roll(1_002);
        check(vault.recordSeed(), "recorded");
        checkEq(
            vault.seed(),
            keccak256(abi.encodePacked(keccak256("receipts"), blockhash(1_001))),
            "seed"
        );
    }

    function test_without_a_commitment_there_is_no_seed() public {
        check(!vault.recordSeed(), "never committed");
        _pay(vault, 1_000);
        (bytes32 root, uint128 sum) = _tree(_two(100, 200), 1);
        _post(root, sum, 1);
        _finalize();
        check(!vault.recordSeed(), "the last epoch's is not the next one's");
    }

    function test_a_forgotten_seed_block_is_replaced_by_a_new_one() public {
        vm.prank(ATTRIBUTOR);
        vault.commitEpoch(1, keccak256("receipts"), 999);
        vm.roll(1_300);
        check(!vault.recordSeed(), "forgotten");
        uint64 seedBlock = vault.commitment().seedBlock;
        checkEq(seedBlock, 1_301, "new block");
        vm.roll(1_302);
        check(vault.recordSeed(), "recorded");
    }

    function test_a_root_needs_commitment_and_seed() public {
        vm.startPrank(ATTRIBUTOR);
        vm.expectPartialRevert(EpochRoots.NotCommitted.selector);
        vault.postRoot(1, keccak256("root"), 10, 1, 0, unattested);
        vault.commitEpoch(1, keccak256("receipts"), 999);
        vm.expectPartialRevert(EpochRoots.SeedNotReady.selector);
        vault.postRoot(1, keccak256("root"), 10, 1, 0, unattested);
        vm.stopPrank();
    }

    function test_only_the_attributor_commits_and_posts() public {
        vm.expectPartialRevert(EpochRoots.NotAttributor.selector);
        vault.commitEpoch(1, keccak256("receipts"), 999);
        vm.expectPartialRevert(EpochRoots.NotCommitted.selector);
        vault.postRoot(1, keccak256("root"), 10, 1, 0, unattested);
    }

    function test_a_cutoff_is_recent_and_moves_forward() public {
        vm.startPrank(ATTRIBUTOR);
        vm.expectPartialRevert(EpochRoots.CutoffOutOfRange.selector);
        vault.commitEpoch(1, keccak256("receipts"), 1_000);
        vm.expectPartialRevert(EpochRoots.CutoffOutOfRange.selector);
        vault.commitEpoch(1, keccak256("receipts"), 700);
        vm.stopPrank();
        _post(keccak256("root"), 10, 1);
        _finalize();
        uint64 last = vault.lastCutoffBlock();
        vm.prank(ATTRIBUTOR);
        vm.expectPartialRevert(EpochRoots.CutoffOutOfRange.selector);
        vault.commitEpoch(2, keccak256("receipts"), last);
    }

    function test_a_sum_stays_within_the_pools_income() public {
        _commit();
        vm.prank(ATTRIBUTOR);
        vm.expectPartialRevert(EpochRoots.SumAbovePool.selector);
        vault.postRoot(1, keccak256("root"), 601, 1, 0, unattested);
        vm.prank(ATTRIBUTOR);
        vault.postRoot(1, keccak256("root"), 600, 1, 0, unattested);
    }

    function test_a_sum_never_falls() public {
        _post(keccak256("root"), 500, 1);
        _finalize();
        _commit();
        vm.prank(ATTRIBUTOR);
        vm.expectPartialRevert(EpochRoots.SumFalls.selector);
        vault.postRoot(2, keccak256("root"), 499, 1, 0, unattested);
    }

    /// @notice Compared with the balance, which claims lower, an honest second root would be refused.
    function test_an_honest_root_after_claims_is_accepted() public {
        Entitlement[] memory leaves = _two(300, 300);
        (bytes32 root, uint128 sum) = _tree(leaves, 1);
        _post(root, sum, 1);
        _finalize();
        vault.claim(leaves[0], _proof(leaves, 1, 0));
        vault.payHost();
        vault.payPlatform();
        vault.payOwner(OWNER);
        checkEq(token.balanceOf(address(vault)), 300, "the balance is below the next sum");
        _pay(vault, 10);
        (root, sum) = _tree(_two(303, 303), 1);
        _post(root, sum, 1);
        _finalize();
        checkEq(vault.currentEpoch(), 3, "two final epochs");
    }

    function test_a_tree_never_shrinks() public {
        _post(keccak256("root"), 10, 5);
        _finalize();
        _commit();
        vm.startPrank(ATTRIBUTOR);
        vm.expectPartialRevert(EpochRoots.DepthOutOfRange.selector);
        vault.postRoot(2, keccak256("root"), 10, 4, 0, unattested);
        vm.expectPartialRevert(EpochRoots.DepthOutOfRange.selector);
        vault.postRoot(2, keccak256("root"), 10, 33, 0, unattested);
        vm.stopPrank();
    }

    function test_one_root_is_pending_at_a_time() public {
        _post(keccak256("root"), 10, 1);
        vm.prank(ATTRIBUTOR);
        vm.expectPartialRevert(EpochRoots.RootPending.selector);
        vault.postRoot(1, keccak256("another"), 10, 1, 0, unattested);
    }

    function test_finality_waits_for_the_window() public {
        vm.expectRevert(EpochRoots.NoRootPending.selector);
        vault.finalize();
        _post(keccak256("root"), 10, 1);
        vm.warp(block.timestamp + WINDOW - 1);
        vm.expectPartialRevert(EpochRoots.WindowOpen.selector);
        vault.finalize();
        vm.warp(block.timestamp + 1);
        vault.finalize();
    }

    function _commit() private {
        uint64 epoch = vault.currentEpoch();
        vm.prank(ATTRIBUTOR);
        vault.commitEpoch(epoch, keccak256("receipts"), uint64(block.number - 1));
        vm.roll(block.number + 2);
    }
}
