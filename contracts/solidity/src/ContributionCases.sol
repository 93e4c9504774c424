// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {BondRule, BondRules, Grade} from "./BondRules.sol";
import {ContributionTags} from "./ContributionTags.sol";
import {Credits} from "./Credits.sol";
import {Panels} from "./Panels.sol";
import {WHOLE} from "./Shares.sol";

/// @title Cases against contributions: accusation, answer, decision, appeal, remedy, penalty.
/// @notice Arbiters vote for a row of the table of penalties, or for none (0). What is found is the
/// gravest row that a quorum supports, a vote for a row supporting every lighter one, and never a
/// graver one than was alleged. Nobody votes before the contributor has answered or its window is
/// over. A decision can be appealed once, to another panel. Who stands accused of an error and puts
/// it right in time pays the remedied part only, unless a quorum finds that nothing was put right.
abstract contract ContributionCases is ContributionTags, Credits {
    using SafeERC20 for IERC20;

    enum CaseState {
        None,
        Open,
        Decided,
        Appealed,
        Final,
        Remedied,
        Closed
    }

    /// @param alleged, found rows of the table; 0 found is a dismissal.
    /// @param fraction of the version that the disputed content makes, parts per 10^8.
    /// @param hearing 0 for the first, 1 for the appeal, 2 for the remedy.
    /// @param voteFrom, voteUntil of the current hearing; unix seconds.
    /// @param appealUntil, remedyUntil until when the decision can be appealed, the error put right.
    struct Case {
        uint64 contributionId;
        uint64 versionId;
        uint64 tagId;
        uint32 fraction;
        CaseState state;
        uint8 alleged;
        uint8 found;
        uint8 hearing;
        address challenger;
        uint40 voteFrom;
        uint40 voteUntil;
        address appellant;
        uint40 appealUntil;
        uint40 remedyUntil;
        bool appellantWon;
        bool heard;
    }

    uint256 internal constant CHALLENGER_BPS = 4_000;
    uint256 internal constant BPS = 10_000;

    BondRules public immutable bondRules;
    Panels public immutable panels;

    uint64 public caseCount;
    mapping(uint64 caseId => Case) internal _cases;
    /// @notice Votes for each row in a hearing; those for 0 dismiss, or accept a remedy.
    mapping(uint64 caseId => mapping(uint8 hearing => uint8[9])) internal _votes;
    mapping(uint64 caseId => mapping(uint8 hearing => address[])) private _voters;
    mapping(uint64 caseId => mapping(uint8 hearing => mapping(address => bool))) public hasVoted;
    mapping(uint64 contributionId => mapping(bytes32 evidenceHash => bool)) public isAlleged;
    mapping(uint64 tagId => mapping(uint8 renewal => mapping(address => bool))) private _renewed;
    mapping(uint64 tagId => mapping(uint8 renewal => uint8)) private _renewing;

    event Accused(
        uint64 indexed caseId,
        uint64 indexed contributionId,
        address indexed challenger,
        uint8 alleged,
        uint64 versionId,
        uint32 fraction,
        bytes32 evidenceHash,
        uint40 voteFrom
    );
    event Answered(uint64 indexed caseId, bytes32 evidenceHash);
    event CaseVoted(
        uint64 indexed caseId,
        uint8 indexed hearing,
        address indexed arbiter,
        uint8 grade,
        bytes32 reasonHash
    );
    event Decided(uint64 indexed caseId, uint8 indexed hearing, uint8 found, bool heard);
    event Appealed(uint64 indexed caseId, address indexed appellant, bytes32 evidenceHash);
    event RemedyStated(uint64 indexed caseId, bytes32 remedyHash);
    event CaseClosed(
        uint64 indexed caseId, uint8 found, bool remedied, uint256 penalty, uint256 toChallenger
    );

    error CaseNotIn(CaseState state, CaseState needed);
    error NotAccused(address caller);
    error NotLoser(address caller);
    error EvidenceRepeated(bytes32 evidenceHash);
    error PartyIsBeneficiary(address party);
    error FractionOutOfRange(uint32 fraction);
    error NotVersionOf(uint64 versionId, uint64 assetId);
    error VotingClosed(uint40 from, uint40 until);
    error NotArbiterOf(address caller, uint32 panel);
    error VotedBefore(address arbiter);
    error StillOpen(uint256 until);
    error NoRemedy(uint8 grade);
    error TooLate(uint256 until);

    constructor(address bondRules_) {
        bondRules = BondRules(bondRules_);
        panels = bondRules.panels();
    }

    /// @notice A case; zeros where there is none.
    function caseOf(uint64 caseId) external view returns (Case memory) {
        return _cases[caseId];
    }

    /// @notice Accuses a contribution, for the rules' challenge bond.
    /// @param grade the gravest row that arbiters may find.
    /// @param versionId a version of the contribution's asset that holds it.
    /// @param fraction what the disputed content is of that version, parts per 10^8: the part of its
    /// royalties that a tag freezes.
    /// @param evidenceHash of the published evidence; each counts once against a contribution.
    function accuse(
        uint64 contributionId,
        uint8 grade,
        uint64 versionId,
        uint32 fraction,
        bytes32 evidenceHash
    ) external nonReentrant returns (uint64 caseId) {
        (address contributor, uint32 rulesId, uint64 assetId) = _contribution(contributionId);
        BondRule memory r = bondRules.ruleOf(rulesId);
        bondRules.gradeOf(rulesId, grade);
        if (fraction == 0 || fraction > WHOLE) revert FractionOutOfRange(fraction);
        if (registry.assetOf(versionId) != assetId) revert NotVersionOf(versionId, assetId);
        if (msg.sender == r.beneficiary || contributor == r.beneficiary) {
            revert PartyIsBeneficiary(r.beneficiary);
        }
        if (isAlleged[contributionId][evidenceHash]) revert EvidenceRepeated(evidenceHash);
        isAlleged[contributionId][evidenceHash] = true;
        _engage(contributionId);

        caseId = ++caseCount;
        Case storage c = _cases[caseId];
        (c.contributionId, c.versionId, c.fraction) = (contributionId, versionId, fraction);
        (c.state, c.alleged, c.challenger) = (CaseState.Open, grade, msg.sender);
        _openVote(c, r.priorityWindow, r.rulingWindow);
        emit Accused(
            caseId, contributionId, msg.sender, grade, versionId, fraction, evidenceHash, c.voteFrom
        );
        IERC20(r.token).safeTransferFrom(msg.sender, address(this), r.challengeBond);
    }

    /// @notice The contributor's counter-evidence; within its window the vote opens with it.
    function answer(uint64 caseId, bytes32 evidenceHash) external {
        (Case storage c, BondRule memory r) = _inState(caseId, CaseState.Open);
        _requireAccused(c);
        if (block.timestamp >= c.voteFrom) revert TooLate(c.voteFrom);
        _openVote(c, 0, r.rulingWindow);
        emit Answered(caseId, evidenceHash);
    }

    /// @notice Votes in the current hearing, as an arbiter of its panel.
    /// @param grade the gravest row found; 0 dismisses. On a remedy, 0 accepts and 1 rejects it.
    function vote(uint64 caseId, uint8 grade, bytes32 reasonHash) external {
        Case storage c = _cases[caseId];
        BondRule memory r = _rulesOf(c);
        // A hearing that has found something takes no more votes, or latecomers would share its fee.
        if (
            c.state != CaseState.Open && c.state != CaseState.Appealed
                && c.state != CaseState.Remedied
        ) revert CaseNotIn(c.state, CaseState.Open);
        if (block.timestamp < c.voteFrom || block.timestamp > c.voteUntil) {
            revert VotingClosed(c.voteFrom, c.voteUntil);
        }
        uint8 hearing = c.hearing;
        if (grade > (hearing == 2 ? 1 : c.alleged)) revert BondRules.GradeOutOfRange(grade);
        uint32 panel = hearing == 1 ? r.appealPanel : r.panel;
        if (!panels.isArbiter(panel, msg.sender)) revert NotArbiterOf(msg.sender, panel);
        // Who decided first does not hear the appeal.
        if (
            hasVoted[caseId][hearing][msg.sender]
                || (hearing == 1 && hasVoted[caseId][0][msg.sender])
        ) {
            revert VotedBefore(msg.sender);
        }
        hasVoted[caseId][hearing][msg.sender] = true;
        _voters[caseId][hearing].push(msg.sender);
        ++_votes[caseId][hearing][grade];
        emit CaseVoted(caseId, hearing, msg.sender, grade, reasonHash);
    }

    /// @notice Carries out what a hearing found; anyone may call, once votes can change it no more.
    function decide(uint64 caseId) external nonReentrant {
        Case storage c = _cases[caseId];
        if (c.state == CaseState.Open) _decideFirst(caseId, c);
        else if (c.state == CaseState.Appealed) _decideAppeal(caseId, c);
        else revert CaseNotIn(c.state, CaseState.Open);
    }

    /// @notice Appeals to the other panel, as who lost, for the rules' appeal bond.
    function appeal(uint64 caseId, bytes32 evidenceHash) external nonReentrant {
        (Case storage c, BondRule memory r) = _inState(caseId, CaseState.Decided);
        (address contributor,,) = _contribution(c.contributionId);
        if (msg.sender != (c.found == 0 ? c.challenger : contributor)) revert NotLoser(msg.sender);
        if (block.timestamp > c.appealUntil) revert TooLate(c.appealUntil);
        (c.state, c.appellant, c.hearing) = (CaseState.Appealed, msg.sender, 1);
        _openVote(c, 0, r.rulingWindow);
        emit Appealed(caseId, msg.sender, evidenceHash);
        IERC20(r.token).safeTransferFrom(msg.sender, address(this), r.appealBond);
    }

    /// @notice States how an error was put right, and gives up the appeal.
    function remedy(uint64 caseId, bytes32 remedyHash) external {
        Case storage c = _cases[caseId];
        if (c.state != CaseState.Final) _inState(caseId, CaseState.Decided);
        _requireAccused(c);
        if (c.remedyUntil == 0) revert NoRemedy(c.found);
        if (block.timestamp > c.remedyUntil) revert TooLate(c.remedyUntil);
        (c.state, c.hearing) = (CaseState.Remedied, 2);
        _openVote(c, 0, _rulesOf(c).rulingWindow);
        emit RemedyStated(caseId, remedyHash);
    }

    /// @notice Pays what follows, once nothing can change it any more; anyone may call.
    function close(uint64 caseId) external nonReentrant {
        Case storage c = _cases[caseId];
        BondRule memory r = _rulesOf(c);
        bool remedied;
        if (c.state == CaseState.Remedied) {
            if (block.timestamp <= c.voteUntil) revert StillOpen(c.voteUntil);
            remedied = _votes[caseId][2][1] < panels.rules(r.panel).arbiterQuorum;
        } else {
            uint256 until = c.appealUntil > c.remedyUntil ? c.appealUntil : c.remedyUntil;
            if (c.state == CaseState.Final) until = c.remedyUntil;
            else if (c.state != CaseState.Decided) revert CaseNotIn(c.state, CaseState.Decided);
            if (block.timestamp <= until) revert StillOpen(until);
        }
        if (remedied) _lift(c.tagId);
        _settle(caseId, c, r, remedied);
    }

    /// @notice Votes to prolong a tag, as an arbiter of the first panel; a quorum renews it.
    function voteRenewal(uint64 tagId) external {
        Tag memory tag = tags[tagId];
        if (tag.source != tagId || !isActive(tagId) || tag.renewals >= MAX_RENEWALS) {
            revert TagNotActive(tagId);
        }
        BondRule memory r = _rulesOf(_cases[tag.caseId]);
        if (!panels.isArbiter(r.panel, msg.sender)) revert NotArbiterOf(msg.sender, r.panel);
        if (_renewed[tagId][tag.renewals][msg.sender]) revert VotedBefore(msg.sender);
        _renewed[tagId][tag.renewals][msg.sender] = true;
        if (++_renewing[tagId][tag.renewals] >= panels.rules(r.panel).arbiterQuorum) {
            _renew(tagId, r.tagDuration);
        }
    }

    /// @dev Who contributed, under which rules, to which asset; reverts where there is none.
    function _contribution(uint64 contributionId)
        internal
        view
        virtual
        returns (address contributor, uint32 rulesId, uint64 assetId);

    /// @dev Keeps the bond from being returned while a case is open; reverts once it was returned.
    function _engage(uint64 contributionId) internal virtual;

    /// @dev Ends that, and takes the penalty from the bond.
    function _disengage(uint64 contributionId, uint256 penaltyBps)
        internal
        virtual
        returns (uint256 taken);

    function _decideFirst(uint64 caseId, Case storage c) private {
        BondRule memory r = _rulesOf(c);
        (bool heard, uint8 found) = _finding(caseId, c, r.panel);
        emit Decided(caseId, 0, found, heard);
        if (!heard) {
            // Silent arbiters find nobody wrong: the challenger has its bond back, less the fee.
            c.state = CaseState.Closed;
            _disengage(c.contributionId, 0);
            _credit(r.token, c.challenger, r.challengeBond - r.arbiterFee);
            _credit(r.token, r.beneficiary, r.arbiterFee);
            emit CaseClosed(caseId, 0, false, 0, 0);
            return;
        }
        (c.state, c.heard) = (CaseState.Decided, true);
        c.appealUntil = uint40(block.timestamp) + r.appealWindow;
        _find(caseId, c, r, found);
    }

    function _decideAppeal(uint64 caseId, Case storage c) private {
        BondRule memory r = _rulesOf(c);
        (bool heard, uint8 found) = _finding(caseId, c, r.appealPanel);
        emit Decided(caseId, 1, found, heard);
        // A silent appeal changes nothing.
        if (!heard) found = c.found;
        c.appellantWon = c.appellant == c.challenger ? found > 0 : found < c.found;
        (c.state, c.heard) = (CaseState.Final, heard);
        if (found == 0) _lift(c.tagId);
        _find(caseId, c, r, found);
    }

    /// @dev Keeps what was found, tags the version once, and opens the window for a remedy.
    function _find(uint64 caseId, Case storage c, BondRule memory r, uint8 found) private {
        c.found = found;
        c.remedyUntil = 0;
        if (found == 0) return;
        if (c.tagId == 0) {
            uint40 expiresAt = uint40(block.timestamp) + r.tagDuration;
            c.tagId = _tag(c.versionId, c.fraction, expiresAt, caseId);
        }
        (, uint32 rulesId,) = _contribution(c.contributionId);
        uint32 window = bondRules.gradeOf(rulesId, found).remedyWindow;
        if (window > 0) c.remedyUntil = uint40(block.timestamp) + window;
    }

    function _settle(uint64 caseId, Case storage c, BondRule memory r, bool remedied) private {
        c.state = CaseState.Closed;
        (address contributor, uint32 rulesId,) = _contribution(c.contributionId);
        uint256 reward;
        uint256 taken;
        // What the loser's side can pay the arbiters and the beneficiary out of.
        uint256 rest;
        if (c.found == 0) {
            _disengage(c.contributionId, 0);
            rest = r.challengeBond;
        } else {
            Grade memory row = bondRules.gradeOf(rulesId, c.found);
            taken = _disengage(c.contributionId, remedied ? row.remediedBps : row.penaltyBps);
            // Less than the whole, so that accusing oneself is never free; the contributor gets none.
            reward = c.challenger == contributor ? 0 : taken * CHALLENGER_BPS / BPS;
            rest = taken - reward;
            _credit(r.token, c.challenger, r.challengeBond + reward);
        }
        rest = _payVoters(caseId, 0, r, rest);
        if (c.appellant != address(0)) {
            if (c.appellantWon) {
                _credit(r.token, c.appellant, r.appealBond);
                rest = _payVoters(caseId, 1, r, rest);
            } else if (c.heard) {
                rest += _payVoters(caseId, 1, r, r.appealBond);
            } else {
                _credit(r.token, c.appellant, r.appealBond - r.arbiterFee);
                rest += r.arbiterFee;
            }
        }
        _credit(r.token, r.beneficiary, rest);
        emit CaseClosed(caseId, c.found, remedied, taken, reward);
    }

    /// @dev Pays a hearing's voters in equal parts out of `from`; what they are not paid is returned.
    function _payVoters(uint64 caseId, uint8 hearing, BondRule memory r, uint256 from)
        private
        returns (uint256)
    {
        address[] storage voters = _voters[caseId][hearing];
        uint256 fee = r.arbiterFee < from ? r.arbiterFee : from;
        if (voters.length == 0) return from;
        uint256 each = fee / voters.length;
        for (uint256 i = 0; i < voters.length; ++i) {
            _credit(r.token, voters[i], each);
        }
        return from - each * voters.length;
    }

    /// @dev What the hearing found; reverts while further votes could change it.
    function _finding(uint64 caseId, Case storage c, uint32 panel)
        private
        view
        returns (bool heard, uint8 found)
    {
        uint8[9] storage votes = _votes[caseId][c.hearing];
        uint256 quorum = panels.rules(panel).arbiterQuorum;
        uint256 support;
        for (found = c.alleged; found > 0; --found) {
            support += votes[found];
            if (support >= quorum) break;
        }
        heard = support >= quorum || votes[0] >= quorum;
        // Quorums are more than half: a dismissal, or all that was alleged, can't be outvoted.
        bool settled = (found == c.alleged && heard) || votes[0] >= quorum;
        if (!settled && block.timestamp <= c.voteUntil) revert StillOpen(c.voteUntil);
        if (!heard) found = 0;
    }

    function _openVote(Case storage c, uint32 wait, uint32 window) private {
        c.voteFrom = uint40(block.timestamp) + wait;
        c.voteUntil = c.voteFrom + window;
    }

    function _inState(uint64 caseId, CaseState needed)
        private
        view
        returns (Case storage c, BondRule memory r)
    {
        c = _cases[caseId];
        if (c.state != needed) revert CaseNotIn(c.state, needed);
        r = _rulesOf(c);
    }

    function _requireAccused(Case storage c) private view {
        (address contributor,,) = _contribution(c.contributionId);
        if (msg.sender != contributor) revert NotAccused(msg.sender);
    }

    function _rulesOf(Case storage c) private view returns (BondRule memory) {
        (, uint32 rulesId,) = _contribution(c.contributionId);
        return bondRules.ruleOf(rulesId);
    }
}
