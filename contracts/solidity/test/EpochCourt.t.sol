// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AttributorBonds} from "../src/AttributorBonds.sol";
import {AvailabilityDemands} from "../src/AvailabilityDemands.sol";
import {Credits} from "../src/Credits.sol";
import {EpochRoots} from "../src/EpochRoots.sol";
import {LeafDisputes} from "../src/LeafDisputes.sol";
import {DetailTop, Opening} from "../src/Openings.sol";
import {Panel, Panels} from "../src/Panels.sol";
import {RevenueVault} from "../src/RevenueVault.sol";
import {Entitlement, SumNode} from "../src/SumTree.sol";
import {Courts} from "./Courts.sol";
import {vm} from "./Checks.sol";

/// @title Bonds, panels, demands and disputes, example by example.
contract EpochCourtTest is Courts {
    function setUp() public {
        _setUpVaults();
        _pay(vault, 10_000);
    }

    // Panels

    function test_a_panel_cannot_make_cheating_pay() public {
        Panel memory rules = _rules();
        rules.auditProbability = 10_000_000;
        rules.bondBps = 89_999;
        _expectRefusedRule(rules, "bondBps");
        rules.bondBps = 90_000;
        checkEq(panels.openPanel(rules, _arbiters(), new address[](0)), 2, "nine times is enough");
    }

    function test_a_panel_decides_by_more_than_half() public {
        Panel memory rules = _rules();
        rules.arbiterQuorum = 1;
        _expectRefusedRule(rules, "arbiterQuorum");
        rules.arbiterQuorum = 4;
        _expectRefusedRule(rules, "arbiterQuorum");
    }

    function test_every_window_of_a_panel_ends() public {
        Panel memory rules = _rules();
        rules.rulingWindow = 0;
        _expectRefusedRule(rules, "rulingWindow");
        rules.rulingWindow = 30 days + 1;
        _expectRefusedRule(rules, "rulingWindow");
        rules = _rules();
        rules.epochLength = 0;
        _expectRefusedRule(rules, "epochLength");
        rules = _rules();
        rules.demandWindow = 0;
        _expectRefusedRule(rules, "demandWindow");
        rules = _rules();
        rules.compensationWindow = 0;
        _expectRefusedRule(rules, "compensationWindow");
    }

    function test_a_panel_out_of_range_is_refused() public {
        Panel memory rules = _rules();
        rules.auditProbability = 0;
        _expectRefusedRule(rules, "auditProbability");
        rules.auditProbability = 100_000_001;
        _expectRefusedRule(rules, "auditProbability");
        rules = _rules();
        (rules.disputeBond, rules.arbiterFee) = (10, 11);
        _expectRefusedRule(rules, "arbiterFee");
        (rules.disputeBond, rules.minBond, rules.arbiterFee) = (20, 10, 11);
        _expectRefusedRule(rules, "arbiterFee");
        rules = _rules();
        (rules.maxIncrement, rules.verifierQuorum) = (0, 0);
        _expectRefusedRule(rules, "maxIncrement");
        vm.expectRevert(abi.encodeWithSelector(Panels.PanelRuleOutOfRange.selector, "arbiters"));
        panels.openPanel(_rules(), new address[](0), new address[](0));
        vm.expectRevert(abi.encodeWithSelector(Panels.PanelRuleOutOfRange.selector, "arbiters"));
        panels.openPanel(_rules(), new address[](17), new address[](0));
        vm.expectRevert(abi.encodeWithSelector(Panels.PanelRuleOutOfRange.selector, "verifiers"));
        panels.openPanel(_rules(), _arbiters(), new address[](17));
        address[] memory most = new address[](16);
        for (uint160 i = 0; i < 16; ++i) {
            most[i] = address(i + 1);
        }
        checkEq(panels.openPanel(_rules(), _arbiters(), most), 2, "the most");
    }

    function test_a_member_sits_once() public {
        address[] memory twice = _arbiters();
        twice[1] = twice[0];
        vm.expectPartialRevert(Panels.MembersNotAscending.selector);
        panels.openPanel(_rules(), twice, new address[](0));
    }

    // Bonds

    function test_a_root_needs_a_bond_of_its_increment() public {
        vm.startPrank(ATTRIBUTOR);
        court.requestUnlock(vault);
        vm.warp(block.timestamp + 1 days);
        court.returnBond(vault);
        vm.stopPrank();
        checkEq(token.balanceOf(ATTRIBUTOR), BOND, "returned whole");
        _bond(vault, ATTRIBUTOR, 2_999);
        (bytes32 root, uint128 sum) = _tree(_two(1_000, 2_000), 1);
        _commit();
        vm.prank(ATTRIBUTOR);
        vm.expectPartialRevert(AttributorBonds.BondTooSmall.selector);
        vault.postRoot(1, root, sum, 1, 0, unattested);
        _bond(vault, ATTRIBUTOR, 1);
        vm.prank(ATTRIBUTOR);
        vault.postRoot(1, root, sum, 1, 0, unattested);

        // A later root adds to the last one: what that one entitled to needs no bond again.
        _finalize();
        (root, sum) = _tree(_two(2_000, 4_000), 1);
        _commit();
        vm.prank(ATTRIBUTOR);
        vault.postRoot(2, root, sum, 1, 0, unattested);
    }

    function test_an_increment_is_capped() public {
        Panel memory rules = _rules();
        rules.maxIncrement = 2_999;
        _usePanel(rules, new address[](0));
        (bytes32 root, uint128 sum) = _tree(_two(1_000, 2_000), 1);
        _commit();
        vm.prank(ATTRIBUTOR);
        vm.expectPartialRevert(Panels.IncrementAboveCap.selector);
        vault.postRoot(1, root, sum, 1, 0, unattested);
        // At the cap itself it stands.
        (root, sum) = _tree(_two(1_000, 1_999), 1);
        vm.prank(ATTRIBUTOR);
        vault.postRoot(1, root, sum, 1, 0, unattested);
    }

    function test_without_a_bond_there_is_none_to_ask_back() public {
        vm.prank(BOB);
        vm.expectPartialRevert(Credits.NothingToWithdraw.selector);
        court.requestUnlock(vault);
    }

    function test_a_bond_stays_while_its_root_is_pending() public {
        _postTwo(_two(1_000, 2_000));
        vm.prank(ATTRIBUTOR);
        vm.expectRevert(AttributorBonds.BondInUse.selector);
        court.requestUnlock(vault);
        _finalize();
        vm.startPrank(ATTRIBUTOR);
        court.requestUnlock(vault);
        vm.expectPartialRevert(AttributorBonds.UnlockTooEarly.selector);
        court.returnBond(vault);
        vault.commitEpoch(2, keccak256("receipts"), uint64(block.number - 1));
        vm.roll(block.number + 2);
        vm.expectPartialRevert(AttributorBonds.BondUnlocking.selector);
        vault.postRoot(2, keccak256("root"), 3_000, 1, 0, unattested);
        court.revokeUnlock(vault);
        vault.postRoot(2, keccak256("root"), 3_000, 1, 0, unattested);
        vm.stopPrank();
    }

    function test_bonds_are_for_factory_vaults_only() public {
        vm.expectPartialRevert(AttributorBonds.NotVault.selector);
        court.lockBond(RevenueVault(address(this)), 1);
        vm.expectPartialRevert(AttributorBonds.NotVault.selector);
        court.claimLoss(RevenueVault(address(this)), ATTRIBUTOR, 1, 0);
    }

    function test_only_the_court_judges() public {
        _postTwo(_two(1_000, 2_000));
        vm.expectPartialRevert(EpochRoots.NotCourt.selector);
        vault.cancelRoot();
        vm.expectPartialRevert(EpochRoots.NotCourt.selector);
        vault.hold(0, 0);
        vm.expectPartialRevert(EpochRoots.NotCourt.selector);
        vault.release(0, 1);
    }

    // Attestations

    function test_a_root_needs_its_verifiers_signatures() public {
        Panel memory rules = _rules();
        rules.verifierQuorum = 2;
        address[] memory verifiers = new address[](3);
        uint256[] memory keys = new uint256[](3);
        for (uint256 i = 0; i < 3; ++i) {
            (verifiers[i], keys[i]) = (vm.addr(i + 1), i + 1);
        }
        _sort(verifiers, keys);
        _usePanel(rules, verifiers);
        (bytes32 root, uint128 sum) = _tree(_two(1_000, 2_000), 1);
        bytes32 digest = panels.attestationDigest(address(vault), 1, root, sum, 1, 0);
        bytes[] memory signatures = new bytes[](2);
        signatures[0] = signed(keys[0], digest);
        signatures[1] = signed(keys[0], digest);
        _commit();
        vm.startPrank(ATTRIBUTOR);
        vm.expectPartialRevert(Panels.NotEnoughAttestations.selector);
        vault.postRoot(1, root, sum, 1, 0, unattested);
        vm.expectPartialRevert(Panels.MembersNotAscending.selector);
        vault.postRoot(1, root, sum, 1, 0, signatures);
        signatures[1] = signed(0xBEEF, digest);
        vm.expectPartialRevert(Panels.NotVerifier.selector);
        vault.postRoot(1, root, sum, 1, 0, signatures);
        signatures[1] = signed(keys[1], digest);
        // A signature over one root is none over another.
        vm.expectPartialRevert(Panels.NotVerifier.selector);
        vault.postRoot(1, root, sum, 1, keccak256("another bundle"), signatures);
        vault.postRoot(1, root, sum, 1, 0, signatures);
        vm.stopPrank();
    }

    // Demands

    function test_an_unanswered_demand_cancels_the_root() public {
        _postTwo(_two(1_000, 2_000));
        uint256 id = _demand(0, 1);
        vm.expectPartialRevert(AvailabilityDemands.DeadlineAhead.selector);
        demands.proveUnavailable(id);
        vm.warp(block.timestamp + 31);
        demands.proveUnavailable(id);
        _checkCancelled();
        checkEq(demands.credits(address(token), CHALLENGER), 10, "the price is back");
        checkEq(_credit(CHALLENGER), 1_200, "40 % of the bond");
        vm.expectPartialRevert(AvailabilityDemands.DemandNotOpen.selector);
        demands.proveUnavailable(id);
    }

    function test_an_answer_is_paid_and_saves_the_root() public {
        Entitlement[] memory leaves = _two(1_000, 2_000);
        DetailTop memory top;
        (leaves[1].detailRoot, top) = _single(bytes32(uint256(7)), 2_000);
        _postTwo(leaves);
        uint256 id = _demand(0, 1);
        Opening memory opening = _opening(leaves, 1);
        Opening memory another = _opening(leaves, 0);
        vm.expectRevert(AvailabilityDemands.WrongAnswer.selector);
        demands.showLeaf(id, another, top);
        vm.warp(block.timestamp + WINDOW);
        vm.expectPartialRevert(AvailabilityDemands.DemandsOpen.selector);
        vault.finalize();
        vm.prank(BOB);
        demands.showLeaf(id, opening, top);
        checkEq(demands.credits(address(token), BOB), 10, "paid for the answer");
        // What was shown at the last moment may still be disputed.
        vm.expectPartialRevert(AvailabilityDemands.StillDisputable.selector);
        vault.finalize();
        uint256 dispute = _dispute(_never(1), opening);
        checkEq(dispute, 1, "disputed after the window");
        vm.warp(block.timestamp + 30);
        vault.finalize();
    }

    function test_a_node_is_shown_as_its_children() public {
        Entitlement[] memory leaves = _two(1_000, 2_000);
        _postTwo(leaves);
        uint256 id = _demand(1, 0);
        SumNode memory left = SumNode(_leafHash(leaves[0]), 1_000);
        SumNode memory right = SumNode(_leafHash(leaves[1]), 2_000);
        bytes memory none;
        vm.expectRevert(AvailabilityDemands.WrongAnswer.selector);
        demands.showNode(id, right, left, none);
        demands.showNode(id, left, right, none);
        checkEq(demands.credits(address(token), address(this)), 10, "paid");
    }

    function test_demands_cost_more_each_time_and_end_with_the_window() public {
        _postTwo(_two(1_000, 2_000));
        _demand(0, 0);
        uint256 before = token.balanceOf(address(demands));
        uint256 id = _demand(0, 1);
        checkEq(token.balanceOf(address(demands)) - before, 20, "the second costs twice");
        vm.expectPartialRevert(AvailabilityDemands.NoSuchNode.selector);
        demands.demand(vault, 0, 2);
        vm.expectPartialRevert(AvailabilityDemands.NoSuchNode.selector);
        demands.demand(vault, 2, 0);
        vm.expectRevert(AvailabilityDemands.DemandNotMoot.selector);
        demands.closeMootDemand(id);
        vm.warp(block.timestamp + WINDOW);
        vm.expectRevert(AvailabilityDemands.WindowClosed.selector);
        demands.demand(vault, 0, 0);
        demands.proveUnavailable(1);
        demands.closeMootDemand(id);
        checkEq(demands.credits(address(token), CHALLENGER), 30, "both prices are back");
        vm.expectPartialRevert(AvailabilityDemands.DemandNotOpen.selector);
        demands.closeMootDemand(id);
    }

    // Disputes

    function test_a_false_share_is_voided_and_the_bond_pays() public {
        Entitlement[] memory was = _two(1_000, 1_000);
        Entitlement[] memory now_ = _two(3_000, 2_000);
        _twoRoots(was, now_);
        uint256 id = _dispute(_opening(was, 0), _opening(now_, 0));
        _rule(id, true);
        vm.expectPartialRevert(LeafDisputes.RootNotFinal.selector);
        court.resolve(id);
        _finalize();
        // The rest finalizes and pays; the disputed position has what it had before.
        vault.claim(now_[0], _proof(now_, 1, 0));
        vault.claim(now_[1], _proof(now_, 1, 1));
        checkEq(token.balanceOf(ALICE), 1_000, "the increment is held");
        checkEq(token.balanceOf(BOB), 2_000, "another position is not");
        court.resolve(id);
        vm.expectPartialRevert(RevenueVault.NothingToClaim.selector);
        vault.claim(now_[0], _proof(now_, 1, 0));
        // 2,000 at stake: 800 to the challenger with its bond, 30 to the arbiters, the rest insured.
        checkEq(_credit(CHALLENGER), 200 + 800, "challenger");
        checkEq(_credit(ARBITER_ONE) + _credit(ARBITER_TWO), 30, "arbiters");
        checkEq(_credit(ARBITER_THREE), 0, "who was silent");
        checkEq(_insured(), 2_000 - 800 - 30, "insurance");
        checkEq(_bondOf(ATTRIBUTOR), BOND - 2_000, "bond");
        vm.expectPartialRevert(LeafDisputes.DisputeNotOpen.selector);
        court.resolve(id);
        vm.prank(ARBITER_THREE);
        vm.expectPartialRevert(LeafDisputes.DisputeNotOpen.selector);
        court.vote(id, true, keccak256("late"));
    }

    /// @notice The arbiters' fee comes out of what the challenger's part leaves of the bond, at most.
    function test_a_fee_takes_no_more_than_the_penalty_leaves() public {
        Panel memory rules = _rules();
        (rules.minBond, rules.arbiterFee, rules.disputeBond) = (1_000, 1_000, 1_000);
        _usePanel(rules, new address[](0));
        Entitlement[] memory was = _two(1_000, 1_000);
        Entitlement[] memory now_ = _two(1_010, 1_000);
        _twoRoots(was, now_);
        _fund(CHALLENGER, 1_000);
        (Opening memory before, Opening memory beyond) = (_opening(was, 0), _opening(now_, 0));
        vm.prank(CHALLENGER);
        uint256 id = court.disputeLeaf(vault, before, beyond, keccak256("reasons"));
        _rule(id, true);
        _finalize();
        court.resolve(id);
        // 1,000 at stake: 400 to the challenger, and what is left is less than the fee.
        checkEq(_credit(CHALLENGER), 1_000 + 400, "challenger");
        checkEq(_credit(ARBITER_ONE) + _credit(ARBITER_TWO), 600, "arbiters");
        checkEq(_insured(), 0, "nothing is left to insure");
        checkEq(_bondOf(ATTRIBUTOR), BOND - 1_000, "bond");
    }

    function test_what_was_voided_returns_to_the_pool() public {
        Entitlement[] memory was = _two(1_000, 1_000);
        Entitlement[] memory now_ = _two(5_000, 1_000);
        _twoRoots(was, now_);
        uint256 id = _dispute(_opening(was, 0), _opening(now_, 0));
        _rule(id, true);
        _finalize();
        court.resolve(id);
        checkEq(vault.voidedTotal(), 4_000, "voided");
        // The pool of 6,000 was spoken for; 4,000 of it are free again.
        Entitlement[] memory after_ = _two(5_500, 4_500);
        _postTwo(after_);
        _finalize();
        vault.claim(after_[0], _proof(after_, 1, 0));
        vault.claim(after_[1], _proof(after_, 1, 1));
        checkEq(token.balanceOf(ALICE), 1_500, "less what was voided");
        checkEq(token.balanceOf(BOB), 4_500, "bob");
        _commit();
        vm.prank(ATTRIBUTOR);
        vm.expectPartialRevert(EpochRoots.SumAbovePool.selector);
        vault.postRoot(4, keccak256("root"), 10_001, 1, 0, unattested);
    }

    function test_a_right_leaf_is_released_and_the_challenger_pays() public {
        Entitlement[] memory leaves = _two(3_000, 2_000);
        _postTwo(leaves);
        uint256 id = _dispute(_never(0), _opening(leaves, 0));
        _rule(id, false);
        _finalize();
        court.resolve(id);
        vault.claim(leaves[0], _proof(leaves, 1, 0));
        checkEq(token.balanceOf(ALICE), 3_000, "released in full");
        checkEq(_credit(CHALLENGER), 0, "the challenger's bond is gone");
        checkEq(_insured(), 170, "to the insurance");
        checkEq(_credit(ARBITER_ONE), 15, "and to those who voted");
        checkEq(_bondOf(ATTRIBUTOR), BOND, "the attributor's is untouched");
    }

    /// @notice What disputes tie up is never more than there is to lose.
    function test_disputes_engage_at_most_the_bond() public {
        vm.startPrank(ATTRIBUTOR);
        court.requestUnlock(vault);
        vm.warp(block.timestamp + 1 days);
        court.returnBond(vault);
        vm.stopPrank();
        _bond(vault, ATTRIBUTOR, 1_500);
        Entitlement[] memory leaves = _two(500, 400);
        _postTwo(leaves);
        _dispute(_never(0), _opening(leaves, 0));
        _dispute(_never(1), _opening(leaves, 1));
        (uint104 amount, uint104 engaged,) = court.bonds(address(vault), ATTRIBUTOR);
        checkEq(amount, 1_500, "the bond");
        checkEq(engaged, 1_500, "1,000 and the rest");
    }

    function test_silent_arbiters_return_the_increment_to_the_pool() public {
        Entitlement[] memory leaves = _two(3_000, 2_000);
        _postTwo(leaves);
        uint256 id = _dispute(_never(0), _opening(leaves, 0));
        vm.prank(ARBITER_ONE);
        court.vote(id, true, 0);
        _finalize();
        vm.expectPartialRevert(LeafDisputes.RulingOpen.selector);
        court.resolve(id);
        vm.warp(block.timestamp + 601);
        vm.prank(ARBITER_TWO);
        vm.expectPartialRevert(LeafDisputes.RulingClosed.selector);
        court.vote(id, true, 0);
        court.resolve(id);
        checkEq(vault.voidedTotal(), 3_000, "back in the pool");
        checkEq(_credit(CHALLENGER), 170, "bond less fee");
        checkEq(_bondOf(ATTRIBUTOR), BOND - 30, "bond less fee");
        checkEq(_insured(), 60, "the fees");
    }

    function test_a_cancelled_root_makes_its_disputes_moot() public {
        Entitlement[] memory leaves = _two(3_000, 2_000);
        leaves[1].detailRoot = 0;
        _postTwo(leaves);
        uint256 id = _dispute(_never(0), _opening(leaves, 0));
        DetailTop memory nothing;
        faults.proveDetailSum(vault, _never(1), _opening(leaves, 1), nothing);
        court.resolve(id);
        checkEq(_credit(CHALLENGER), 200, "the bond whole");
        // Posted again without the fault, the position is not held.
        leaves[1].detailRoot = keccak256("detail");
        _postTwo(leaves);
        _finalize();
        vault.claim(leaves[0], _proof(leaves, 1, 0));
        checkEq(token.balanceOf(ALICE), 3_000, "paid");
    }

    function test_a_position_is_disputed_once_a_posting_by_those_who_pay() public {
        Entitlement[] memory leaves = _two(3_000, 2_000);
        _postTwo(leaves);
        _dispute(_never(0), _opening(leaves, 0));
        Opening memory opening = _opening(leaves, 0);
        vm.expectPartialRevert(LeafDisputes.AlreadyDisputed.selector);
        court.disputeLeaf(vault, _never(0), opening, 0);
        opening = _opening(leaves, 1);
        vm.expectRevert();
        court.disputeLeaf(vault, _never(1), opening, 0);
        vm.warp(block.timestamp + WINDOW);
        vm.expectRevert(LeafDisputes.WindowClosed.selector);
        court.disputeLeaf(vault, _never(1), opening, 0);
    }

    function test_only_the_panels_arbiters_vote_and_once() public {
        Entitlement[] memory leaves = _two(3_000, 2_000);
        _postTwo(leaves);
        uint256 id = _dispute(_never(0), _opening(leaves, 0));
        vm.expectPartialRevert(LeafDisputes.NotArbiter.selector);
        court.vote(id, true, 0);
        vm.startPrank(ARBITER_ONE);
        court.vote(id, true, 0);
        vm.expectPartialRevert(LeafDisputes.AlreadyVoted.selector);
        court.vote(id, true, 0);
        vm.stopPrank();
    }

    /// @notice Two disputes of one position in two epochs: the first ceiling holds until both end.
    function test_disputes_of_two_epochs_hold_one_position() public {
        Entitlement[] memory first = _two(1_000, 1_000);
        Entitlement[] memory second = _two(2_000, 1_000);
        Entitlement[] memory third = _two(3_500, 1_000);
        _twoRoots(first, second);
        uint256 one = _dispute(_opening(first, 0), _opening(second, 0));
        _finalize();
        _postTwo(third);
        uint256 two = _dispute(_opening(second, 0), _opening(third, 0));
        _finalize();
        vault.claim(third[0], _proof(third, 1, 0));
        checkEq(token.balanceOf(ALICE), 1_000, "both increments are held");
        _rule(one, true);
        court.resolve(one);
        checkEq(vault.dueOf(0, 3_500), 1_000, "what was final before both stays due");
        vm.expectPartialRevert(RevenueVault.NothingToClaim.selector);
        vault.claim(third[0], _proof(third, 1, 0));
        _rule(two, false);
        court.resolve(two);
        vault.claim(third[0], _proof(third, 1, 0));
        checkEq(token.balanceOf(ALICE), 1_000 + 1_500, "the second increment alone");
        checkEq(vault.openHolds(), 0, "no hold is left");
    }

    // Losses found later

    function test_a_loss_is_compensated_from_the_bond_and_then_the_insurance() public {
        _twoRoots(_two(1_000, 1_000), _two(500, 2_500));
        faults.proveRegression(
            vault, _opening(_two(1_000, 1_000), 0), _opening(_two(500, 2_500), 0)
        );
        checkEq(_insured(), 600, "insurance from an earlier fault");
        vm.startPrank(ATTRIBUTOR);
        court.requestUnlock(vault);
        vm.stopPrank();
        _fund(BOB, 200);
        vm.prank(BOB);
        uint256 id = court.claimLoss(vault, ATTRIBUTOR, uint96(BOND), keccak256("loss"));
        vm.warp(block.timestamp + 500);
        _rule(id, true);
        vm.warp(block.timestamp + 1 days);
        vm.prank(ATTRIBUTOR);
        vm.expectRevert(AttributorBonds.BondInUse.selector);
        court.returnBond(vault);
        court.resolve(id);
        checkEq(_credit(BOB), BOND - 400 + 200, "what there was, and the dispute bond");
        checkEq(_bondOf(ATTRIBUTOR) + _insured(), 0, "nothing is left");
    }

    function test_a_claim_of_loss_does_not_stop_an_attributor_from_posting() public {
        _fund(BOB, 200);
        vm.prank(BOB);
        uint256 id = court.claimLoss(vault, ATTRIBUTOR, type(uint96).max, 0);
        _postTwo(_two(1_000, 2_000));
        _rule(id, true);
        vm.expectRevert(AttributorBonds.BondInUse.selector);
        court.resolve(id);
        _finalize();
        court.resolve(id);
        checkEq(_bondOf(ATTRIBUTOR), 0, "compensated once the root is final");
    }

    function test_a_loss_that_is_none_costs_the_claimant() public {
        _fund(BOB, 200);
        vm.prank(BOB);
        uint256 id = court.claimLoss(vault, ATTRIBUTOR, 1_000, 0);
        _rule(id, false);
        court.resolve(id);
        checkEq(_credit(BOB), 0, "gone");
        checkEq(_insured(), 170, "insured");
        checkEq(_bondOf(ATTRIBUTOR), BOND, "untouched");
    }

    function test_every_unit_leaves_in_the_end() public {
        Entitlement[] memory leaves = _two(3_000, 2_000);
        _postTwo(leaves);
        uint256 id = _dispute(_never(0), _opening(leaves, 0));
        uint256 asked = _demand(0, 1);
        DetailTop memory top;
        Opening memory opening = _opening(leaves, 1);
        vm.expectRevert();
        demands.showLeaf(asked, opening, top);
        vm.warp(block.timestamp + 31);
        demands.proveUnavailable(asked);
        court.resolve(id);
        vm.prank(ATTRIBUTOR);
        court.requestUnlock(vault);
        vm.warp(block.timestamp + 1 days);
        vm.prank(ATTRIBUTOR);
        court.returnBond(vault);
        vm.startPrank(CHALLENGER);
        court.withdraw(token);
        demands.withdraw(token);
        vm.stopPrank();
        vm.expectPartialRevert(AttributorBonds.InsuranceTooEarly.selector);
        court.releaseInsurance(vault);
        (, uint40 fedAt) = court.insurance(address(vault));
        vm.warp(fedAt + 180 days);
        court.releaseInsurance(vault);
        checkEq(token.balanceOf(address(court)), 0, "nothing stays");
        checkEq(token.balanceOf(address(demands)), 0, "nor here");
        checkEq(token.balanceOf(FALLBACK), 3_000, "60 % of the bond of 5,000");
    }

    function _demand(uint8 level, uint32 index) private returns (uint256 id) {
        token.mint(CHALLENGER, 1_000);
        vm.startPrank(CHALLENGER);
        token.approve(address(demands), 1_000);
        id = demands.demand(vault, level, index);
        vm.stopPrank();
    }

    function _commit() private {
        uint64 epoch = vault.currentEpoch();
        vm.prank(ATTRIBUTOR);
        vault.commitEpoch(epoch, keccak256("receipts"), uint64(block.number - 1));
        vm.roll(block.number + 2);
    }

    function _usePanel(Panel memory rules, address[] memory verifiers) private {
        panel = panels.openPanel(rules, _arbiters(), verifiers);
        vault = RevenueVault(factory.create(_terms(versionId, 0)));
        _bond(vault, ATTRIBUTOR, BOND);
        _pay(vault, 10_000);
    }

    function _expectRefusedRule(Panel memory rules, string memory rule) private {
        vm.expectRevert(abi.encodeWithSelector(Panels.PanelRuleOutOfRange.selector, rule));
        panels.openPanel(rules, _arbiters(), new address[](0));
    }

    function _sort(address[] memory accounts, uint256[] memory keys) private pure {
        for (uint256 i = 0; i < accounts.length; ++i) {
            for (uint256 j = i + 1; j < accounts.length; ++j) {
                if (accounts[j] >= accounts[i]) continue;
                (accounts[i], accounts[j]) = (accounts[j], accounts[i]);
                (keys[i], keys[j]) = (keys[j], keys[i]);
            }
        }
    }
}
