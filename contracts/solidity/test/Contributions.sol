// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BondRule, Grade} from "../src/BondRules.sol";
import {ContributionCases} from "../src/ContributionCases.sol";
import {Vaults} from "./Vaults.sol";
import {vm} from "./Checks.sol";

/// @title A bonded contribution to the model of `Vaults`, two panels, and who quarrels about it.
abstract contract Contributions is Vaults {
    address internal constant CONTRIBUTOR = address(0xC001);
    address internal constant ACCUSER = address(0xC002);
    address internal constant BENEFICIARY = address(0xC003);
    address internal constant JUDGE_ONE = address(0xA201);
    address internal constant JUDGE_TWO = address(0xA202);
    address internal constant JUDGE_THREE = address(0xA203);
    uint96 internal constant CONTRIBUTION_BOND = 10_000;
    uint96 internal constant CHALLENGE = 400;
    uint96 internal constant APPEAL = 300;
    uint96 internal constant FEE = 90;
    uint32 internal constant PRIORITY = 1 days;
    uint32 internal constant RULING = 3 days;
    uint32 internal constant APPEALING = 2 days;
    uint32 internal constant RELEASING = 7 days;
    uint32 internal constant TAGGED = 20 days;
    uint32 internal constant REMEDYING = 5 days;
    uint8 internal constant CARELESS = 1;
    uint8 internal constant NEGLIGENT = 2;
    uint8 internal constant STOLEN = 3;

    uint32 internal rulesId;
    uint64 internal contributionId;

    function _setUpContributions() internal {
        _setUpVaults();
        address[] memory judges = new address[](3);
        (judges[0], judges[1], judges[2]) = (JUDGE_ONE, JUDGE_TWO, JUDGE_THREE);
        uint32 appealPanel = panels.openPanel(_rules(), judges, new address[](0));
        rulesId = bondRules.openRules(_bondRules(appealPanel), _table());
        vm.prank(OWNER);
        contributionBond.adoptRules(assetId, rulesId);
        contributionId = _submit(CONTRIBUTOR, CONTRIBUTION_BOND);
        _give(ACCUSER, 100_000);
        _give(CONTRIBUTOR, 100_000);
    }

    function _bondRules(uint32 appealPanel) internal view returns (BondRule memory) {
        return BondRule({
            token: address(token),
            beneficiary: BENEFICIARY,
            panel: panel,
            appealPanel: appealPanel,
            minBond: 1_000,
            challengeBond: CHALLENGE,
            appealBond: APPEAL,
            arbiterFee: FEE,
            priorityWindow: PRIORITY,
            rulingWindow: RULING,
            appealWindow: APPEALING,
            releaseDelay: RELEASING,
            tagDuration: TAGGED
        });
    }

    /// @dev A careless error, a negligent one, and theft.
    function _table() internal pure returns (Grade[] memory table) {
        table = new Grade[](3);
        table[0] = Grade(false, 500, 0, REMEDYING);
        table[1] = Grade(false, 2_500, 1_000, REMEDYING);
        table[2] = Grade(true, 10_000, 10_000, 0);
    }

    function _submit(address contributor, uint96 amount) internal returns (uint64) {
        _give(contributor, amount);
        vm.prank(contributor);
        return contributionBond.submit(assetId, rulesId, keccak256("rows"), amount);
    }

    function _give(address account, uint256 amount) internal {
        token.mint(account, amount);
        uint256 allowed = token.allowance(account, address(contributionBond));
        vm.prank(account);
        token.approve(address(contributionBond), allowed + amount);
    }

    function _accuse(uint8 grade, uint32 fraction) internal returns (uint64 caseId) {
        bytes32 evidence = keccak256(abi.encode(contributionBond.caseCount()));
        vm.prank(ACCUSER);
        return contributionBond.accuse(contributionId, grade, versionId, fraction, evidence);
    }

    function _answer(uint64 caseId) internal {
        vm.prank(CONTRIBUTOR);
        contributionBond.answer(caseId, keccak256("no"));
    }

    function _vote(uint64 caseId, address arbiter, uint8 grade) internal {
        vm.prank(arbiter);
        contributionBond.vote(caseId, grade, keccak256("reason"));
    }

    /// @dev Accused of `alleged`, answered at once, and decided by two arbiters of the first panel.
    function _decided(uint8 alleged, uint8 found, uint32 fraction)
        internal
        returns (uint64 caseId)
    {
        caseId = _accuse(alleged, fraction);
        _answer(caseId);
        _vote(caseId, ARBITER_ONE, found);
        _vote(caseId, ARBITER_TWO, found);
        if (found != 0 && found != alleged) vm.warp(block.timestamp + RULING + 1);
        contributionBond.decide(caseId);
    }

    function _judged(uint64 caseId, address appellant, uint8 found) internal {
        vm.prank(appellant);
        contributionBond.appeal(caseId, keccak256("again"));
        _vote(caseId, JUDGE_ONE, found);
        _vote(caseId, JUDGE_TWO, found);
        vm.warp(block.timestamp + RULING + 1);
        contributionBond.decide(caseId);
    }

    function _closeLater(uint64 caseId) internal {
        vm.warp(block.timestamp + RULING + REMEDYING + 1);
        contributionBond.close(caseId);
    }

    function _stateOf(uint64 caseId) internal view returns (ContributionCases.CaseState) {
        return contributionBond.caseOf(caseId).state;
    }

    function _tagOf(uint64 caseId) internal view returns (uint64) {
        return contributionBond.caseOf(caseId).tagId;
    }

    function _owed(address account) internal view returns (uint256) {
        return contributionBond.credits(address(token), account);
    }

    function _bondLeft(uint64 id) internal view returns (uint256 bond) {
        (,,,,,, bond,) = contributionBond.contributions(id);
    }
}
