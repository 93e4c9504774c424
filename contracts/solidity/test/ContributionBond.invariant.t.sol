// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ContributionCases} from "../src/ContributionCases.sol";
import {Checks, vm} from "./Checks.sol";
import {Contributions} from "./Contributions.sol";

/// @notice Contributors, accusers, arbiters of both panels and time, in any order.
contract ContributionHandler is Contributions {
    uint256 public accepted;
    uint256 public refused;
    uint64[] private _open;

    constructor() {
        _setUpContributions();
        for (uint256 i = 0; i < 3; ++i) {
            _submit(CONTRIBUTOR, 5_000);
        }
        _give(CONTRIBUTOR, type(uint64).max);
        _give(ACCUSER, type(uint64).max);
    }

    function accuse(uint256 which, uint8 grade, bool self) external {
        _accuse(which, grade, self);
    }

    function _accuse(uint256 which, uint8 grade, bool self) private {
        uint64 id = uint64(within(which, 1, contributionBond.contributionCount()));
        bytes32 evidence = keccak256(abi.encode(contributionBond.caseCount()));
        vm.prank(self ? CONTRIBUTOR : ACCUSER);
        try contributionBond.accuse(
            id, uint8(within(grade, 0, 3)), versionId, 1_000, evidence
        ) returns (
            uint64 caseId
        ) {
            _open.push(caseId);
            ++accepted;
        } catch {
            ++refused;
        }
    }

    /// @notice Lets an arbiter of either panel vote, where one may; the first vote follows an answer.
    function vote(uint256 which, uint256 who, uint8 grade) external {
        uint64 caseId = _any(which);
        if (_stateOf(caseId) == ContributionCases.CaseState.Open) {
            vm.prank(CONTRIBUTOR);
            try contributionBond.answer(caseId, keccak256("no")) {} catch {}
        }
        bool again = contributionBond.caseOf(caseId).hearing == 1;
        uint160 base = uint160(again ? JUDGE_ONE : ARBITER_ONE);
        // Two of three arbiters, who agree or not.
        for (uint256 i = 0; i < 2; ++i) {
            uint8 row = uint8(uint256(keccak256(abi.encode(grade, who % 4 == 0 ? i : 0))) % 4);
            vm.prank(address(base + uint160((who % 3 + i) % 3)));
            _count(abi.encodeCall(contributionBond.vote, (caseId, row, bytes32(0))));
        }
    }

    function decide(uint256 which, bool later) external {
        uint64 caseId = _any(which);
        if (later) vm.warp(block.timestamp + RULING + 1);
        _count(abi.encodeCall(contributionBond.decide, (caseId)));
    }

    function appeal(uint256 which) external {
        uint64 caseId = _any(which);
        try contributionBond.decide(caseId) {} catch {}
        vm.prank(contributionBond.caseOf(caseId).found == 0 ? ACCUSER : CONTRIBUTOR);
        _count(abi.encodeCall(contributionBond.appeal, (caseId, bytes32(0))));
    }

    function remedy(uint256 which) external {
        uint64 caseId = _any(which);
        vm.prank(CONTRIBUTOR);
        _count(abi.encodeCall(contributionBond.remedy, (caseId, bytes32(0))));
    }

    function close(uint256 which, bool later) external {
        uint64 caseId = _any(which);
        if (later) vm.warp(block.timestamp + RULING + REMEDYING + 1);
        _count(abi.encodeCall(contributionBond.close, (caseId)));
    }

    function withdraw(uint256 who) external {
        address[4] memory parties = [ACCUSER, CONTRIBUTOR, BENEFICIARY, ARBITER_ONE];
        vm.prank(parties[who % 4]);
        _count(abi.encodeCall(contributionBond.withdraw, (token)));
    }

    function release(uint256 which) external {
        uint64 id = uint64(within(which, 1, contributionBond.contributionCount()));
        vm.startPrank(CONTRIBUTOR);
        try contributionBond.requestRelease(id) {} catch {}
        if (which % 8 == 0) vm.warp(block.timestamp + RELEASING);
        _count(abi.encodeCall(contributionBond.release, (id)));
        vm.stopPrank();
    }

    function submit(uint96 amount) external {
        _submit(CONTRIBUTOR, uint96(within(amount, 1_000, 20_000)));
        ++accepted;
    }

    /// @notice What the contract holds, and what it owes: bonds, stakes of open cases, credits.
    function books() external view returns (uint256 held, uint256 owed) {
        held = token.balanceOf(address(contributionBond));
        for (uint64 id = 1; id <= contributionBond.contributionCount(); ++id) {
            owed += _bondLeft(id);
        }
        for (uint64 id = 1; id <= contributionBond.caseCount(); ++id) {
            ContributionCases.Case memory c = contributionBond.caseOf(id);
            if (c.state == ContributionCases.CaseState.Closed) continue;
            owed += CHALLENGE;
            if (c.appellant != address(0)) owed += APPEAL;
        }
        address[9] memory parties = [
            ACCUSER,
            CONTRIBUTOR,
            BENEFICIARY,
            ARBITER_ONE,
            ARBITER_TWO,
            ARBITER_THREE,
            JUDGE_ONE,
            JUDGE_TWO,
            JUDGE_THREE
        ];
        for (uint256 i = 0; i < parties.length; ++i) {
            owed += _owed(parties[i]);
        }
    }

    function ended() external view returns (uint256 closed, uint256 appealed, uint256 punished) {
        for (uint64 id = 1; id <= contributionBond.caseCount(); ++id) {
            ContributionCases.Case memory c = contributionBond.caseOf(id);
            if (c.state != ContributionCases.CaseState.Closed) continue;
            ++closed;
            if (c.appellant != address(0)) ++appealed;
            if (c.found != 0) ++punished;
        }
    }

    /// @notice Open cases as the contributions count them, and as they are.
    function openCases() external view returns (uint256 counted, uint256 open) {
        for (uint64 id = 1; id <= contributionBond.contributionCount(); ++id) {
            (,,,,, uint32 cases,,) = contributionBond.contributions(id);
            counted += cases;
        }
        for (uint64 id = 1; id <= contributionBond.caseCount(); ++id) {
            if (_stateOf(id) != ContributionCases.CaseState.Closed) ++open;
        }
    }

    /// @dev One of the four oldest open cases, so that cases are played to their end. Where there is
    /// none somebody is accused first: else a short run could be all calls about no case.
    function _any(uint256 which) private returns (uint64) {
        (uint64[4] memory oldest, uint256 found) = _oldest();
        if (found == 0) {
            _accuse(which, uint8(1 + which % 3), false);
            (oldest, found) = _oldest();
        }
        return found == 0 ? 1 : oldest[which % found];
    }

    function _oldest() private view returns (uint64[4] memory oldest, uint256 found) {
        for (uint256 i = 0; i < _open.length && found < 4; ++i) {
            bool ended_ = _stateOf(_open[i]) == ContributionCases.CaseState.Closed;
            if (!ended_) oldest[found++] = _open[i];
        }
    }

    function _count(bytes memory call) private {
        (bool ok,) = address(contributionBond).call(call);
        if (ok) ++accepted;
        else ++refused;
    }
}

contract ContributionInvariants is Checks {
    ContributionHandler internal handler;

    function setUp() public {
        handler = new ContributionHandler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// @notice One campaign for both: forge would play the same calls again for each.
    function invariant_bonds_keep_their_books() public view {
        invariant_holds_what_it_owes();
        invariant_open_cases_are_counted();
    }

    function invariant_holds_what_it_owes() internal view {
        (uint256 held, uint256 owed) = handler.books();
        checkEq(held, owed, "bonds, stakes and credits");
    }

    function invariant_open_cases_are_counted() internal view {
        (uint256 counted, uint256 open) = handler.openCases();
        checkEq(counted, open, "open cases");
    }

    /// @notice A run in which nothing was accepted, or nothing refused, proves nothing.
    function afterInvariant() external view {
        checkAtMost(1, handler.accepted(), "enough calls were accepted");
        checkAtMost(1, handler.refused(), "enough calls were refused");
    }

    /// @notice Each run of the campaign above is short: a long one shows that cases come to an end.
    function test_a_long_random_run_is_not_idle() public {
        for (uint256 step = 0; step < 1_500; ++step) {
            uint256 draw = uint256(keccak256(abi.encode(step)));
            uint256 which = draw >> 8;
            if (draw % 8 == 0) handler.accuse(which, uint8(draw >> 16), draw >> 24 & 3 == 0);
            else if (draw % 8 == 1) handler.vote(which, draw >> 16, uint8(draw >> 24));
            else if (draw % 8 == 2) handler.decide(which, draw >> 16 & 3 == 0);
            else if (draw % 8 == 3) handler.appeal(which);
            else if (draw % 8 == 4) handler.remedy(which);
            else if (draw % 8 == 5) handler.close(which, draw >> 16 & 3 == 0);
            else if (draw % 8 == 6) handler.withdraw(which);
            else draw >> 16 & 3 == 0 ? handler.release(which) : handler.submit(uint96(which));
            if (step % 100 == 99) invariant_bonds_keep_their_books();
        }
        (uint256 closed, uint256 appealed, uint256 punished) = handler.ended();
        checkAtMost(40, closed, "cases closed");
        checkAtMost(10, appealed, "of which appealed");
        checkAtMost(15, punished, "of which ended in a penalty");
        checkAtMost(200, handler.refused(), "calls refused");
    }
}
