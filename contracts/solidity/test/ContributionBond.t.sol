// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AssetRegistry} from "../src/AssetRegistry.sol";
import {BondRule, BondRules, Grade} from "../src/BondRules.sol";
import {ContributionBond} from "../src/ContributionBond.sol";
import {ContributionCases} from "../src/ContributionCases.sol";
import {ContributionTags} from "../src/ContributionTags.sol";
import {RevenueVault} from "../src/RevenueVault.sol";
import {VaultTerms} from "../src/VaultTerms.sol";
import {Contributions} from "./Contributions.sol";
import {vm} from "./Checks.sol";

contract ContributionBondTest is Contributions {
    function setUp() public {
        _setUpContributions();
    }

    function test_rows_of_error_and_malice_are_kept_apart() public {
        Grade[] memory table = _table();
        table[2].remedyWindow = 1 days;
        _checkTableRefused(table, 3);
        table = _table();
        table[0].remedyWindow = 0;
        _checkTableRefused(table, 1);
        table = _table();
        table[1].malice = true;
        (table[1].remedyWindow, table[1].remediedBps) = (0, 2_500);
        (table[2].malice, table[2].remedyWindow, table[2].remediedBps) = (false, 1 days, 0);
        _checkTableRefused(table, 3);
        table = _table();
        table[1].penaltyBps = 500;
        _checkTableRefused(table, 2);
        table = _table();
        table[2].penaltyBps = 10_001;
        table[2].remediedBps = 10_001;
        _checkTableRefused(table, 3);
        table = _table();
        table[1].remediedBps = table[1].penaltyBps;
        _checkTableRefused(table, 2);
    }

    function test_rules_out_of_range_are_refused() public {
        BondRule memory r = _bondRules(2);
        r.token = address(0xBAD);
        _checkRuleRefused(r, "token");
        r = _bondRules(2);
        r.beneficiary = address(0);
        _checkRuleRefused(r, "beneficiary");
        r = _bondRules(2);
        r.panel = 99;
        _checkRuleRefused(r, "panel");
        _checkRuleRefused(_bondRules(99), "appealPanel");
        _checkRuleRefused(_bondRules(panel), "appealPanel");
        r = _bondRules(2);
        r.minBond = 0;
        _checkRuleRefused(r, "minBond");
        r = _bondRules(2);
        r.challengeBond = 2 * FEE - 1;
        _checkRuleRefused(r, "challengeBond");
        r = _bondRules(2);
        r.appealBond = FEE - 1;
        _checkRuleRefused(r, "appealBond");
        // At the bounds themselves rules are open to anybody.
        r.appealBond = FEE;
        (r.appealWindow, r.tagDuration) = (30 days, 30 days);
        checkEq(bondRules.openRules(r, _table()), 2, "the widest");
        r = _bondRules(2);
        r.priorityWindow = 0;
        _checkRuleRefused(r, "priorityWindow");
        r = _bondRules(2);
        r.tagDuration = 30 days + 1;
        _checkRuleRefused(r, "tagDuration");
        r = _bondRules(2);
        r.appealWindow = 0;
        _checkRuleRefused(r, "appealWindow");
        r = _bondRules(2);
        r.releaseDelay = 0;
        _checkRuleRefused(r, "releaseDelay");
        r = _bondRules(2);
        r.rulingWindow = 0;
        _checkRuleRefused(r, "rulingWindow");
        vm.expectRevert(abi.encodeWithSelector(BondRules.RuleOutOfRange.selector, "grades"));
        bondRules.openRules(_bondRules(2), new Grade[](0));
        vm.expectRevert(abi.encodeWithSelector(BondRules.RuleOutOfRange.selector, "grades"));
        bondRules.openRules(_bondRules(2), new Grade[](9));
    }

    function test_only_the_owner_adopts_rules_and_they_hold_for_later_contributions() public {
        vm.expectPartialRevert(ContributionBond.NotOwnerOf.selector);
        contributionBond.adoptRules(assetId, 0);
        vm.startPrank(OWNER);
        vm.expectPartialRevert(ContributionBond.UnknownRules.selector);
        contributionBond.adoptRules(assetId, 99);
        contributionBond.adoptRules(assetId, 0);
        vm.stopPrank();
        vm.prank(CONTRIBUTOR);
        vm.expectPartialRevert(ContributionBond.UnknownRules.selector);
        contributionBond.submit(assetId, rulesId, keccak256("rows"), 1_000);
        (,,,, uint32 kept,,,) = contributionBond.contributions(contributionId);
        checkEq(kept, rulesId, "rules of the earlier one");
    }

    function test_a_bond_below_the_rules_is_refused() public {
        vm.prank(CONTRIBUTOR);
        vm.expectPartialRevert(ContributionBond.BondBelowRules.selector);
        contributionBond.submit(assetId, rulesId, keccak256("rows"), 999);
    }

    function test_the_beneficiary_is_no_party() public {
        _give(BENEFICIARY, 10_000);
        vm.startPrank(BENEFICIARY);
        vm.expectPartialRevert(ContributionCases.PartyIsBeneficiary.selector);
        contributionBond.submit(assetId, rulesId, keccak256("rows"), 1_000);
        vm.expectPartialRevert(ContributionCases.PartyIsBeneficiary.selector);
        contributionBond.accuse(contributionId, STOLEN, versionId, 1, keccak256("e"));
        vm.stopPrank();
        vm.prank(OWNER);
        registry.transferFrom(OWNER, BENEFICIARY, assetId);
        vm.prank(BENEFICIARY);
        vm.expectPartialRevert(ContributionCases.PartyIsBeneficiary.selector);
        contributionBond.adoptRules(assetId, rulesId);
    }

    function test_an_accusation_names_a_row_a_version_a_part_and_new_evidence() public {
        (, uint64 other) = _publish(BOB, new AssetRegistry.Parent[](0), 0);
        vm.startPrank(ACCUSER);
        vm.expectPartialRevert(BondRules.GradeOutOfRange.selector);
        contributionBond.accuse(contributionId, 0, versionId, 1, keccak256("e"));
        vm.expectPartialRevert(BondRules.GradeOutOfRange.selector);
        contributionBond.accuse(contributionId, 4, versionId, 1, keccak256("e"));
        vm.expectPartialRevert(ContributionCases.FractionOutOfRange.selector);
        contributionBond.accuse(contributionId, 1, versionId, 0, keccak256("e"));
        vm.expectPartialRevert(ContributionCases.FractionOutOfRange.selector);
        contributionBond.accuse(contributionId, 1, versionId, 100_000_001, keccak256("e"));
        vm.expectPartialRevert(ContributionCases.NotVersionOf.selector);
        contributionBond.accuse(contributionId, 1, other, 1, keccak256("e"));
        vm.expectPartialRevert(ContributionBond.UnknownContribution.selector);
        contributionBond.accuse(99, 1, versionId, 1, keccak256("e"));
        contributionBond.accuse(contributionId, 1, versionId, 1, keccak256("e"));
        vm.expectPartialRevert(ContributionCases.EvidenceRepeated.selector);
        contributionBond.accuse(contributionId, 1, versionId, 1, keccak256("e"));
        vm.stopPrank();
    }

    function test_nobody_votes_in_the_contributors_window() public {
        uint64 caseId = _accuse(STOLEN, 1);
        vm.prank(ARBITER_ONE);
        vm.expectPartialRevert(ContributionCases.VotingClosed.selector);
        contributionBond.vote(caseId, STOLEN, 0);
        vm.expectPartialRevert(ContributionCases.NotAccused.selector);
        contributionBond.answer(caseId, keccak256("no"));
        vm.warp(block.timestamp + PRIORITY);
        vm.prank(CONTRIBUTOR);
        vm.expectPartialRevert(ContributionCases.TooLate.selector);
        contributionBond.answer(caseId, keccak256("no"));
        _vote(caseId, ARBITER_ONE, STOLEN);
    }

    function test_an_answer_opens_the_vote_at_once() public {
        uint64 caseId = _accuse(STOLEN, 1);
        _answer(caseId);
        _vote(caseId, ARBITER_ONE, STOLEN);
        vm.prank(ARBITER_ONE);
        vm.expectPartialRevert(ContributionCases.VotedBefore.selector);
        contributionBond.vote(caseId, 0, 0);
        vm.expectPartialRevert(ContributionCases.NotArbiterOf.selector);
        contributionBond.vote(caseId, 0, 0);
        vm.expectPartialRevert(ContributionCases.StillOpen.selector);
        contributionBond.decide(caseId);
        vm.warp(block.timestamp + RULING + 1);
        vm.prank(ARBITER_TWO);
        vm.expectPartialRevert(ContributionCases.VotingClosed.selector);
        contributionBond.vote(caseId, 0, 0);
    }

    function test_nothing_graver_than_alleged_is_found() public {
        uint64 caseId = _accuse(CARELESS, 1);
        _answer(caseId);
        vm.prank(ARBITER_ONE);
        vm.expectPartialRevert(BondRules.GradeOutOfRange.selector);
        contributionBond.vote(caseId, STOLEN, 0);
    }

    function testFuzz_a_penalty_is_the_row_that_a_quorum_supports(
        uint8 alleged,
        uint8[3] memory given,
        uint8 voters
    ) public {
        alleged = uint8(within(alleged, 1, 3));
        voters = uint8(within(voters, 0, 3));
        uint64 caseId = _accuse(alleged, 1);
        _answer(caseId);
        address[] memory arbiters = _arbiters();
        for (uint256 i = 0; i < voters; ++i) {
            given[i] = uint8(within(given[i], 0, alleged));
            _vote(caseId, arbiters[i], given[i]);
        }
        uint256 expected;
        bool heard;
        for (uint256 row = 0; row <= alleged; ++row) {
            uint256 support;
            for (uint256 i = 0; i < voters; ++i) {
                if (row == 0 ? given[i] == 0 : given[i] >= row) ++support;
            }
            if (support >= 2) (expected, heard) = (row, true);
        }
        vm.warp(block.timestamp + RULING + 1);
        contributionBond.decide(caseId);
        if (!heard) {
            check(_stateOf(caseId) == ContributionCases.CaseState.Closed, "silence ends a case");
            checkEq(_owed(ACCUSER), CHALLENGE - FEE, "back less the fee");
            checkEq(_owed(BENEFICIARY), FEE, "the fee");
            checkEq(_bondLeft(contributionId), CONTRIBUTION_BOND, "nobody was found wrong");
            return;
        }
        checkEq(contributionBond.caseOf(caseId).found, expected, "found");
        _closeLater(caseId);
        uint256 penalty =
            [0, CONTRIBUTION_BOND / 20, CONTRIBUTION_BOND / 4, CONTRIBUTION_BOND][expected];
        checkEq(_bondLeft(contributionId), CONTRIBUTION_BOND - penalty, "penalty");
        uint256 reward = penalty * 40 / 100;
        checkEq(_owed(ACCUSER), expected == 0 ? 0 : CHALLENGE + reward, "challenger");
    }

    function test_an_upheld_case_pays_by_the_table() public {
        uint64 caseId = _decided(NEGLIGENT, NEGLIGENT, 1);
        vm.expectPartialRevert(ContributionCases.StillOpen.selector);
        contributionBond.close(caseId);
        _closeLater(caseId);
        checkEq(_bondLeft(contributionId), 7_500, "a quarter of the bond");
        checkEq(_owed(ACCUSER), CHALLENGE + 1_000, "40 %, and the challenge bond");
        checkEq(_owed(ARBITER_ONE), FEE / 2, "first voter");
        checkEq(_owed(ARBITER_TWO), FEE / 2, "second voter");
        checkEq(_owed(BENEFICIARY), 1_500 - FEE, "the rest");
        checkEq(_owed(OWNER) + _owed(CONTRIBUTOR), 0, "owner and contributor");
        vm.expectPartialRevert(ContributionCases.CaseNotIn.selector);
        contributionBond.close(caseId);
        vm.prank(ACCUSER);
        checkEq(contributionBond.withdraw(token), CHALLENGE + 1_000, "withdrawn");
    }

    function test_a_dismissed_case_costs_the_challenger() public {
        uint64 caseId = _decided(STOLEN, 0, 1);
        checkEq(_tagOf(caseId), 0, "no tag");
        vm.warp(block.timestamp + APPEALING + 1);
        contributionBond.close(caseId);
        checkEq(_bondLeft(contributionId), CONTRIBUTION_BOND, "untouched");
        checkEq(_owed(ACCUSER), 0, "nothing back");
        checkEq(_owed(BENEFICIARY), CHALLENGE - FEE, "the rest");
    }

    function test_accusing_oneself_costs() public {
        vm.prank(CONTRIBUTOR);
        uint64 caseId =
            contributionBond.accuse(contributionId, STOLEN, versionId, 1, keccak256("mine"));
        _answer(caseId);
        _vote(caseId, ARBITER_ONE, STOLEN);
        _vote(caseId, ARBITER_TWO, STOLEN);
        contributionBond.decide(caseId);
        _closeLater(caseId);
        checkEq(_owed(CONTRIBUTOR), CHALLENGE, "no reward");
        checkEq(_owed(BENEFICIARY), CONTRIBUTION_BOND - FEE, "all but the fee");
    }

    function test_an_error_put_right_costs_less() public {
        uint64 caseId = _decided(NEGLIGENT, NEGLIGENT, 1_000_000);
        vm.expectPartialRevert(ContributionCases.NotAccused.selector);
        contributionBond.remedy(caseId, keccak256("mended"));
        vm.prank(CONTRIBUTOR);
        contributionBond.remedy(caseId, keccak256("mended"));
        vm.prank(CONTRIBUTOR);
        vm.expectPartialRevert(ContributionCases.CaseNotIn.selector);
        contributionBond.appeal(caseId, keccak256("again"));
        _vote(caseId, ARBITER_THREE, 1);
        vm.expectPartialRevert(ContributionCases.StillOpen.selector);
        contributionBond.close(caseId);
        checkEq(contributionBond.frozenOf(versionId), 1_000_000, "tagged until then");
        vm.warp(block.timestamp + RULING + 1);
        contributionBond.close(caseId);
        checkEq(_bondLeft(contributionId), 9_000, "the remedied part");
        checkEq(contributionBond.frozenOf(versionId), 0, "lifted");
    }

    function test_a_remedy_that_a_quorum_rejects_costs_the_whole_row() public {
        uint64 caseId = _decided(NEGLIGENT, NEGLIGENT, 1_000_000);
        vm.prank(CONTRIBUTOR);
        contributionBond.remedy(caseId, keccak256("mended"));
        vm.prank(ARBITER_ONE);
        vm.expectPartialRevert(BondRules.GradeOutOfRange.selector);
        contributionBond.vote(caseId, 2, 0);
        _vote(caseId, ARBITER_ONE, 1);
        _vote(caseId, ARBITER_TWO, 1);
        vm.warp(block.timestamp + RULING + 1);
        contributionBond.close(caseId);
        checkEq(_bondLeft(contributionId), 7_500, "the row");
        checkEq(contributionBond.frozenOf(versionId), 1_000_000, "still tagged");
    }

    function test_a_remedy_comes_in_time_or_not_at_all() public {
        uint64 caseId = _decided(CARELESS, CARELESS, 1);
        vm.warp(block.timestamp + REMEDYING + 1);
        vm.prank(CONTRIBUTOR);
        vm.expectPartialRevert(ContributionCases.TooLate.selector);
        contributionBond.remedy(caseId, keccak256("mended"));
    }

    function test_a_remedy_in_the_last_second_is_in_time() public {
        uint64 caseId = _decided(CARELESS, CARELESS, 1);
        vm.warp(block.timestamp + REMEDYING);
        vm.prank(CONTRIBUTOR);
        contributionBond.remedy(caseId, keccak256("mended"));
        check(_stateOf(caseId) == ContributionCases.CaseState.Remedied, "in time");
    }

    function test_malice_has_no_remedy() public {
        uint64 caseId = _decided(STOLEN, STOLEN, 1);
        vm.prank(CONTRIBUTOR);
        vm.expectPartialRevert(ContributionCases.NoRemedy.selector);
        contributionBond.remedy(caseId, keccak256("mended"));
        vm.warp(block.timestamp + APPEALING + 1);
        contributionBond.close(caseId);
        checkEq(_bondLeft(contributionId), 0, "all of it");
    }

    function test_an_appeal_is_heard_by_others() public {
        uint64 caseId = _decided(STOLEN, STOLEN, 1);
        vm.prank(ACCUSER);
        vm.expectPartialRevert(ContributionCases.NotLoser.selector);
        contributionBond.appeal(caseId, keccak256("again"));
        vm.prank(CONTRIBUTOR);
        contributionBond.appeal(caseId, keccak256("again"));
        vm.prank(ARBITER_THREE);
        vm.expectPartialRevert(ContributionCases.NotArbiterOf.selector);
        contributionBond.vote(caseId, 0, 0);
        _vote(caseId, JUDGE_ONE, 0);
        _vote(caseId, JUDGE_TWO, 0);
        contributionBond.decide(caseId);
        vm.prank(ACCUSER);
        vm.expectPartialRevert(ContributionCases.CaseNotIn.selector);
        contributionBond.appeal(caseId, keccak256("once more"));
    }

    function test_who_decided_first_does_not_hear_the_appeal() public {
        address[] memory both = new address[](2);
        (both[0], both[1]) = (ARBITER_ONE, JUDGE_ONE);
        uint32 shared = panels.openPanel(_rules(), both, new address[](0));
        uint32 sharedRules = bondRules.openRules(_bondRules(shared), _table());
        vm.prank(OWNER);
        contributionBond.adoptRules(assetId, sharedRules);
        rulesId = sharedRules;
        contributionId = _submit(CONTRIBUTOR, CONTRIBUTION_BOND);
        uint64 caseId = _decided(STOLEN, STOLEN, 1);
        vm.prank(CONTRIBUTOR);
        contributionBond.appeal(caseId, keccak256("again"));
        vm.prank(ARBITER_ONE);
        vm.expectPartialRevert(ContributionCases.VotedBefore.selector);
        contributionBond.vote(caseId, STOLEN, 0);
    }

    function test_an_appeal_lifts_the_tag() public {
        uint64 caseId = _decided(STOLEN, STOLEN, 2_000_000);
        checkEq(contributionBond.frozenOf(versionId), 2_000_000, "tagged by the first decision");
        _judged(caseId, CONTRIBUTOR, 0);
        checkEq(contributionBond.frozenOf(versionId), 0, "lifted by the second");
        contributionBond.close(caseId);
        checkEq(_bondLeft(contributionId), CONTRIBUTION_BOND, "untouched");
        checkEq(_owed(CONTRIBUTOR), APPEAL, "appeal bond back");
        checkEq(_owed(ARBITER_ONE) + _owed(JUDGE_ONE), FEE, "both hearings are paid");
        checkEq(_owed(BENEFICIARY), CHALLENGE - 2 * FEE, "by the challenger");
    }

    function test_an_appeal_lost_costs_its_bond() public {
        uint64 caseId = _decided(STOLEN, STOLEN, 1);
        _judged(caseId, CONTRIBUTOR, STOLEN);
        contributionBond.close(caseId);
        checkEq(_owed(CONTRIBUTOR), 0, "appeal bond lost");
        checkEq(_owed(ACCUSER), CHALLENGE + 4_000, "challenger");
        checkEq(_owed(BENEFICIARY), 6_000 - FEE + APPEAL - FEE, "the rest of both");
    }

    function test_a_challenger_appeals_a_dismissal() public {
        uint64 caseId = _decided(NEGLIGENT, 0, 1);
        _judged(caseId, ACCUSER, NEGLIGENT);
        check(_tagOf(caseId) != 0, "tagged by the appeal");
        vm.prank(CONTRIBUTOR);
        contributionBond.remedy(caseId, keccak256("mended"));
        vm.warp(block.timestamp + RULING + 1);
        contributionBond.close(caseId);
        checkEq(_bondLeft(contributionId), 9_000, "remedied after the appeal");
        checkEq(_owed(ACCUSER), CHALLENGE + APPEAL + 400, "both bonds and its part");
    }

    function test_a_silent_appeal_changes_nothing() public {
        uint64 caseId = _decided(STOLEN, STOLEN, 1);
        vm.prank(CONTRIBUTOR);
        contributionBond.appeal(caseId, keccak256("again"));
        _vote(caseId, JUDGE_ONE, 0);
        vm.expectPartialRevert(ContributionCases.StillOpen.selector);
        contributionBond.decide(caseId);
        vm.warp(block.timestamp + RULING + 1);
        contributionBond.decide(caseId);
        contributionBond.close(caseId);
        checkEq(_bondLeft(contributionId), 0, "as first decided");
        checkEq(_owed(CONTRIBUTOR), APPEAL - FEE, "appeal bond less the fee");
    }

    function test_a_tag_ends_by_itself() public {
        uint64 caseId = _decided(STOLEN, STOLEN, 3_000_000);
        uint64 tagId = _tagOf(caseId);
        vm.warp(block.timestamp + TAGGED - 1);
        checkEq(contributionBond.frozenOf(versionId), 3_000_000, "until its end");
        vm.prank(ARBITER_ONE);
        contributionBond.voteRenewal(tagId);
        vm.prank(ARBITER_ONE);
        vm.expectPartialRevert(ContributionCases.VotedBefore.selector);
        contributionBond.voteRenewal(tagId);
        vm.expectPartialRevert(ContributionCases.NotArbiterOf.selector);
        contributionBond.voteRenewal(tagId);
        vm.prank(ARBITER_TWO);
        contributionBond.voteRenewal(tagId);
        vm.warp(block.timestamp + TAGGED);
        checkEq(contributionBond.frozenOf(versionId), 3_000_000, "renewed by a quorum");
        vm.warp(block.timestamp + 1);
        checkEq(contributionBond.frozenOf(versionId), 0, "ended");
        vm.prank(ARBITER_ONE);
        vm.expectPartialRevert(ContributionTags.TagNotActive.selector);
        contributionBond.voteRenewal(tagId);
    }

    function test_a_tag_freezes_its_fraction_only() public {
        (RevenueVault child, uint64 childId) = _childOf(vault, versionId, 10_000_000);
        _pay(child, 1_000_000);
        vault.pullFrom(child, 0);
        checkEq(token.balanceOf(address(vault)), 100_000, "a tenth");
        _decided(STOLEN, STOLEN, 25_000_000);
        _pay(child, 1_000_000);
        vault.pullFrom(child, 0);
        checkEq(token.balanceOf(address(vault)), 150_000, "three quarters of all so far");
        vault.pullFrom(child, 0);
        checkEq(token.balanceOf(address(vault)), 150_000, "once");
        (,, uint32 stack) = registry.lineage(childId);
        checkEq(stack, 10_000_000, "the link stays what it is");
        vm.warp(block.timestamp + TAGGED);
        vault.pullFrom(child, 0);
        checkEq(token.balanceOf(address(vault)), 200_000, "all of it afterwards");
    }

    function test_what_was_paid_before_a_tag_is_not_taken_back() public {
        (RevenueVault child,) = _childOf(vault, versionId, 10_000_000);
        _pay(child, 1_000_000);
        vault.pullFrom(child, 0);
        _decided(STOLEN, STOLEN, 100_000_000);
        _pay(child, 10);
        vault.pullFrom(child, 0);
        checkEq(token.balanceOf(address(vault)), 100_000, "nothing more, nothing less");
    }

    function test_derived_versions_inherit_by_dilution() public {
        (RevenueVault child, uint64 childId) = _childOf(vault, versionId, 10_000_000);
        vm.prank(BOB);
        registry.setPayee(childId, address(child));
        (RevenueVault grandchild,) = _childOf(child, childId, 20_000_000);
        uint64 tagId = _tagOf(_decided(STOLEN, STOLEN, 50_000_000));
        uint64 inherited = contributionBond.inherit(tagId, childId, 0);
        checkEq(contributionBond.frozenOf(childId), 5_000_000, "half of a tenth");
        vm.expectPartialRevert(ContributionTags.AlreadyInherited.selector);
        contributionBond.inherit(tagId, childId, 0);
        vm.expectPartialRevert(ContributionTags.NotMadeFrom.selector);
        contributionBond.inherit(inherited, childId, 0);
        _pay(grandchild, 1_000_000);
        child.pullFrom(grandchild, 0);
        checkEq(token.balanceOf(address(child)), 190_000, "200,000 less a twentieth");
        vm.warp(block.timestamp + TAGGED);
        checkEq(contributionBond.frozenOf(childId), 0, "ends with its source");
        vm.expectPartialRevert(ContributionTags.TagNotActive.selector);
        contributionBond.inherit(inherited, childId, 0);
    }

    /// @notice Its places are for tags that hold something back.
    function test_what_freezes_nothing_is_not_inherited() public {
        (, uint64 free) = _childOf(vault, versionId, 0);
        (, uint64 cheap) = _childOf(vault, versionId, 2);
        uint64 tagId = _tagOf(_decided(STOLEN, STOLEN, 49_999_999));
        vm.expectPartialRevert(ContributionTags.NothingToFreeze.selector);
        contributionBond.inherit(tagId, free, 0);
        vm.expectPartialRevert(ContributionTags.NothingToFreeze.selector);
        contributionBond.inherit(tagId, cheap, 0);
        (, uint64[] memory inherited) = contributionBond.tagsOf(cheap);
        checkEq(inherited.length, 0, "no place is taken");
        tagId = _tagOf(_decided(STOLEN, STOLEN, 50_000_000));
        contributionBond.inherit(tagId, cheap, 0);
        checkEq(contributionBond.frozenOf(cheap), 1, "one part in 10^8");
    }

    function test_too_many_tags_are_dropped_and_ended_ones_make_room() public {
        contributionId = _submit(CONTRIBUTOR, 1_000_000);
        for (uint256 i = 0; i < 8; ++i) {
            _decided(CARELESS, CARELESS, 1_000_000);
        }
        checkEq(contributionBond.frozenOf(versionId), 8_000_000, "eight");
        checkEq(_tagOf(_decided(CARELESS, CARELESS, 1_000_000)), 0, "a ninth is dropped");
        vm.warp(block.timestamp + TAGGED);
        check(_tagOf(_decided(CARELESS, CARELESS, 1_000_000)) != 0, "room again");
        (uint64[] memory own,) = contributionBond.tagsOf(versionId);
        checkEq(own.length, 8, "places are used again");
        checkEq(contributionBond.frozenOf(versionId), 1_000_000, "one");
    }

    function test_tags_never_freeze_more_than_the_whole() public {
        contributionId = _submit(CONTRIBUTOR, 1_000_000);
        _decided(CARELESS, CARELESS, 70_000_000);
        _decided(CARELESS, CARELESS, 70_000_000);
        checkEq(contributionBond.frozenOf(versionId), 100_000_000, "the whole");
    }

    function test_withdrawn_consent_stops_new_versions_only() public {
        check(contributionBond.isLicensed(contributionId, versionId), "licensed");
        vm.warp(block.timestamp + 10);
        vm.expectPartialRevert(ContributionBond.NotContributor.selector);
        contributionBond.withdrawConsent(contributionId);
        vm.startPrank(CONTRIBUTOR);
        contributionBond.withdrawConsent(contributionId);
        vm.expectPartialRevert(ContributionBond.AlreadyWithdrawn.selector);
        contributionBond.withdrawConsent(contributionId);
        vm.stopPrank();
        check(contributionBond.isLicensed(contributionId, versionId), "earlier versions stay");
        vm.prank(OWNER);
        uint64 next = registry.publishVersion(
            assetId, keccak256("more"), 0, 0, new AssetRegistry.Parent[](0)
        );
        check(!contributionBond.isLicensed(contributionId, next), "later ones are not");
        (, uint64 other) = _publish(BOB, new AssetRegistry.Parent[](0), 0);
        check(!contributionBond.isLicensed(contributionId, other), "nor another asset's");
        check(!contributionBond.isLicensed(99, versionId), "nor what nobody handed in");
    }

    function test_a_bond_returns_after_its_delay() public {
        vm.startPrank(CONTRIBUTOR);
        vm.expectPartialRevert(ContributionBond.ReleaseTooEarly.selector);
        contributionBond.release(contributionId);
        contributionBond.requestRelease(contributionId);
        vm.expectPartialRevert(ContributionBond.ReleaseTooEarly.selector);
        contributionBond.release(contributionId);
        vm.warp(block.timestamp + RELEASING);
        uint256 before = token.balanceOf(CONTRIBUTOR);
        checkEq(contributionBond.release(contributionId), CONTRIBUTION_BOND, "bond");
        checkEq(token.balanceOf(CONTRIBUTOR), before + CONTRIBUTION_BOND, "received");
        vm.expectPartialRevert(ContributionBond.AlreadyReleased.selector);
        contributionBond.release(contributionId);
        vm.expectPartialRevert(ContributionBond.AlreadyReleased.selector);
        contributionBond.requestRelease(contributionId);
        vm.stopPrank();
        vm.prank(ACCUSER);
        vm.expectPartialRevert(ContributionBond.AlreadyReleased.selector);
        contributionBond.accuse(contributionId, 1, versionId, 1, keccak256("late"));
    }

    function test_an_open_case_keeps_the_bond() public {
        vm.prank(CONTRIBUTOR);
        contributionBond.requestRelease(contributionId);
        uint64 caseId = _decided(CARELESS, CARELESS, 1);
        vm.warp(block.timestamp + RELEASING);
        vm.prank(CONTRIBUTOR);
        vm.expectPartialRevert(ContributionBond.CasesOpen.selector);
        contributionBond.release(contributionId);
        contributionBond.close(caseId);
        vm.prank(CONTRIBUTOR);
        checkEq(contributionBond.release(contributionId), 9_500, "less the penalty");
    }

    function _childOf(RevenueVault parentVault, uint64 parentId, uint32 royalty)
        private
        returns (RevenueVault child, uint64 childId)
    {
        uint64 parentAsset = registry.versions(parentId).assetId;
        address parentOwner = registry.ownerOf(parentAsset);
        address payee = registry.versions(parentId).payee;
        if (payee == address(0)) {
            vm.prank(parentOwner);
            registry.setPayee(parentId, address(parentVault));
        }
        AssetRegistry.Parent[] memory parents = new AssetRegistry.Parent[](1);
        parents[0] = AssetRegistry.Parent(parentId, royalty);
        (, childId) = _publish(BOB, parents, 0);
        VaultTerms memory t = _terms(childId, 0);
        t.parentsShare = royalty;
        t.ownerShare = 10_000_000;
        t.contributorsShare = 65_000_000 - royalty;
        child = RevenueVault(factory.create(t));
    }

    function _checkTableRefused(Grade[] memory table, uint256 row) private {
        vm.expectRevert(abi.encodeWithSelector(BondRules.GradeOutOfRange.selector, row));
        bondRules.openRules(_bondRules(2), table);
    }

    function _checkRuleRefused(BondRule memory r, string memory name) private {
        vm.expectRevert(abi.encodeWithSelector(BondRules.RuleOutOfRange.selector, name));
        bondRules.openRules(r, _table());
    }
}
