// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Panels} from "./Panels.sol";

/// @notice One row of a table of penalties.
/// @param malice whether the row punishes intent; else it is for errors, which can be put right.
/// @param penaltyBps of the contribution's bond, basis points.
/// @param remediedBps the same when the error was put right in time.
/// @param remedyWindow seconds to put it right in; 0 for malice.
struct Grade {
    bool malice;
    uint16 penaltyBps;
    uint16 remediedBps;
    uint32 remedyWindow;
}

/// @notice Under which rules contributions are bonded. Amounts are atomic units of the token, windows
/// are seconds.
/// @param panel, appealPanel whose arbiters decide, and decide again.
/// @param beneficiary has what penalties leave: none of a case's parties.
/// @param minBond the least that a contribution locks.
/// @param challengeBond, appealBond what raising a case or an appeal costs a loser.
/// @param arbiterFee what each hearing pays its voters together, out of the loser's bond.
/// @param priorityWindow in which only the contributor is heard.
/// @param rulingWindow in which arbiters vote.
/// @param appealWindow in which a loser may appeal.
/// @param releaseDelay how long a bond stays reachable after its owner asks for it back.
/// @param tagDuration how long a tag freezes royalties unless it is renewed.
struct BondRule {
    address token;
    address beneficiary;
    uint32 panel;
    uint32 appealPanel;
    uint96 minBond;
    uint96 challengeBond;
    uint96 appealBond;
    uint96 arbiterFee;
    uint32 priorityWindow;
    uint32 rulingWindow;
    uint32 appealWindow;
    uint32 releaseDelay;
    uint32 tagDuration;
}

interface ITokenList {
    function isAllowedToken(address token) external view returns (bool);
}

/// @title Tables of penalties that never change.
/// @notice Anyone opens rules and nobody changes them; a contribution keeps those it was bonded under.
/// Rows are numbered from 1, in the order of their penalties, errors before malice: a vote for a row
/// supports every lighter one.
///
/// Invariants (`test/ContributionBond.t.sol`):
///  1. Rows of error can be put right and rows of malice cannot; the gravest error costs less than the
///     lightest malice: `test_rows_of_error_and_malice_are_kept_apart`.
///  2. Panels exist and differ, the loser's bond pays both hearings, every window ends:
///     `test_rules_out_of_range_are_refused`.
contract BondRules {
    uint256 public constant MAX_GRADES = 8;
    uint256 private constant BPS = 10_000;

    Panels public immutable panels;
    ITokenList public immutable tokens;

    uint32 public rulesCount;
    mapping(uint32 rulesId => BondRule) private _rules;
    mapping(uint32 rulesId => Grade[]) private _grades;

    event RulesOpened(uint32 indexed rulesId, BondRule rules, Grade[] grades);

    error RuleOutOfRange(string rule);
    error GradeOutOfRange(uint256 grade);

    constructor(address panels_, address tokens_) {
        panels = Panels(panels_);
        tokens = ITokenList(tokens_);
    }

    /// @notice Opens rules for good.
    /// @param grades one to eight rows, errors before malice, penalties ascending.
    function openRules(BondRule calldata rules_, Grade[] calldata grades)
        external
        returns (uint32 rulesId)
    {
        _requireInRange(rules_);
        _requireGraded(grades);
        rulesId = ++rulesCount;
        _rules[rulesId] = rules_;
        for (uint256 i = 0; i < grades.length; ++i) {
            _grades[rulesId].push(grades[i]);
        }
        emit RulesOpened(rulesId, rules_, grades);
    }

    /// @notice Rules; zeros where there are none.
    function ruleOf(uint32 rulesId) external view returns (BondRule memory) {
        return _rules[rulesId];
    }

    /// @notice The table of rules, whose rows are numbered from 1; empty where there are none.
    function gradesOf(uint32 rulesId) external view returns (Grade[] memory) {
        return _grades[rulesId];
    }

    /// @notice One row of the table of rules.
    function gradeOf(uint32 rulesId, uint8 grade) external view returns (Grade memory) {
        if (grade == 0 || grade > _grades[rulesId].length) revert GradeOutOfRange(grade);
        return _grades[rulesId][grade - 1];
    }

    function _requireInRange(BondRule calldata r) private view {
        if (!tokens.isAllowedToken(r.token)) revert RuleOutOfRange("token");
        if (r.beneficiary == address(0)) revert RuleOutOfRange("beneficiary");
        if (!panels.isPanel(r.panel)) revert RuleOutOfRange("panel");
        // An appeal goes to others; arbiters of both panels vote once only, which a case checks.
        if (!panels.isPanel(r.appealPanel) || r.appealPanel == r.panel) {
            revert RuleOutOfRange("appealPanel");
        }
        if (r.minBond == 0) revert RuleOutOfRange("minBond");
        // The loser of a case pays for both hearings.
        if (r.challengeBond < 2 * uint256(r.arbiterFee) || r.challengeBond == 0) {
            revert RuleOutOfRange("challengeBond");
        }
        if (r.appealBond < r.arbiterFee || r.appealBond == 0) revert RuleOutOfRange("appealBond");
        _requireWindow("priorityWindow", r.priorityWindow);
        _requireWindow("rulingWindow", r.rulingWindow);
        _requireWindow("appealWindow", r.appealWindow);
        _requireWindow("releaseDelay", r.releaseDelay);
        _requireWindow("tagDuration", r.tagDuration);
    }

    function _requireGraded(Grade[] calldata grades) private pure {
        if (grades.length == 0 || grades.length > MAX_GRADES) revert RuleOutOfRange("grades");
        for (uint256 i = 0; i < grades.length; ++i) {
            Grade calldata row = grades[i];
            bool ordered = i == 0
                || (row.penaltyBps > grades[i - 1].penaltyBps
                    && (row.malice || !grades[i - 1].malice));
            bool inRange = row.penaltyBps != 0 && row.penaltyBps <= BPS;
            bool apart = row.malice
                ? row.remedyWindow == 0 && row.remediedBps == row.penaltyBps
                : row.remedyWindow != 0 && row.remedyWindow <= 30 days
                    && row.remediedBps < row.penaltyBps;
            if (!ordered || !inRange || !apart) revert GradeOutOfRange(i + 1);
        }
    }

    /// @dev Every wait ends: what is locked or frozen has a way out that is bounded in time.
    function _requireWindow(string memory name, uint256 window) private pure {
        if (window == 0 || window > 30 days) revert RuleOutOfRange(name);
    }
}
