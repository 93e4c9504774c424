// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {Convictions} from "./Convictions.sol";
import {EpochRoots} from "./EpochRoots.sol";
import {Opening, Openings} from "./Openings.sol";
import {Panel} from "./Panels.sol";
import {RevenueVault} from "./RevenueVault.sol";
import {VaultTerms} from "./VaultTerms.sol";

/// @title Disputes that arbiters decide: about one leaf before finality, about a loss after it.
/// @notice A leaf dispute holds that position's increment and nothing else; the rest of the root
/// finalizes. Arbiters say yes or no, by the quorum of the vault's panel. They can move held
/// increments (to the position, or back to the pool) and bonds. Nothing final is taken back: a loss
/// found later is compensated out of the attributor's bond and the vault's insurance.
abstract contract LeafDisputes is Convictions {
    using SafeERC20 for IERC20;

    enum DisputeKind {
        Leaf,
        Loss
    }

    enum DisputeState {
        None,
        Open,
        Upheld,
        Rejected,
        Silent,
        Moot
    }

    /// @param posting of the root that the leaf stands in; 0 for a loss.
    /// @param amount the increment held, or the loss stated.
    /// @param engaged the part of the attributor's bond that a leaf puts at stake.
    struct Dispute {
        address vault;
        uint40 posting;
        uint40 rulingBy;
        DisputeKind kind;
        DisputeState state;
        address attributor;
        uint96 amount;
        address challenger;
        uint96 engaged;
        uint32 position;
        uint8 yes;
        uint8 no;
    }

    uint256 public disputeCount;
    mapping(uint256 disputeId => Dispute) public disputes;
    mapping(address vault => mapping(uint256 posting => mapping(uint32 position => bool))) public
        isDisputed;
    mapping(uint256 disputeId => mapping(address arbiter => bool)) public hasVoted;
    mapping(uint256 disputeId => address[]) private _voters;

    event DisputeRaised(
        uint256 indexed disputeId,
        address indexed vault,
        address indexed challenger,
        DisputeKind kind,
        address attributor,
        uint64 posting,
        uint32 position,
        uint256 amount,
        bytes32 evidenceHash
    );
    event Voted(uint256 indexed disputeId, address indexed arbiter, bool yes, bytes32 reasonHash);
    event DisputeResolved(
        uint256 indexed disputeId, DisputeState state, uint256 returned, uint256 compensated
    );

    error NothingDisputed();
    error WindowClosed();
    error AlreadyDisputed(uint32 position);
    error NotArbiter(address caller);
    error AlreadyVoted(address arbiter);
    error DisputeNotOpen(uint256 disputeId);
    error RulingClosed(uint256 rulingBy);
    error RulingOpen(uint256 rulingBy);
    error RootNotFinal(uint64 posting);

    /// @notice Disputes a position's increment in the pending root, within its window. Costs the
    /// panel's dispute bond, which is returned unless the arbiters find the leaf right.
    /// @param was the position's leaf in the final root; the zero entitlement where it had none.
    /// @param evidenceHash of the published reasons.
    function disputeLeaf(
        RevenueVault vault,
        Opening calldata was,
        Opening calldata is_,
        bytes32 evidenceHash
    ) external nonReentrant returns (uint256 disputeId) {
        (VaultTerms memory t, EpochRoots.Root memory pending) = _pendingOf(vault);
        if (
            block.timestamp >= uint256(pending.postedAt) + t.challengeWindow
                && block.timestamp >= demands.disputableUntil(address(vault), pending.posting)
        ) revert WindowClosed();
        uint32 position = is_.leaf.position;
        if (isDisputed[address(vault)][pending.posting][position]) {
            revert AlreadyDisputed(position);
        }
        isDisputed[address(vault)][pending.posting][position] = true;
        uint256 increment = Openings.incrementOf(vault, t, pending, was, is_);
        if (increment == 0) revert NothingDisputed();
        Dispute memory raised;
        raised.kind = DisputeKind.Leaf;
        raised.posting = pending.posting;
        raised.position = position;
        raised.attributor = vault.commitment().committer;
        raised.amount = uint96(increment);
        disputeId = _raise(vault, t, raised, panels.requiredBond(t.panel, increment), evidenceHash);
        vault.hold(position, is_.leaf.cumulative - increment);
    }

    /// @notice Asks for a loss to be compensated that a final root of `attributor` caused the caller.
    /// @param amount atomic units of the vault's token.
    function claimLoss(RevenueVault vault, address attributor, uint96 amount, bytes32 evidenceHash)
        external
        nonReentrant
        returns (uint256 disputeId)
    {
        if (!factory.isVault(address(vault))) revert NotVault(address(vault));
        if (amount == 0) revert NothingDisputed();
        Dispute memory raised;
        raised.kind = DisputeKind.Loss;
        raised.attributor = attributor;
        raised.amount = amount;
        // A claim of loss ties no part of the bond up, or claims would keep an attributor from
        // posting; the bond stays where it is until the claim is resolved.
        ++openLosses[address(vault)][attributor];
        disputeId = _raise(vault, vault.terms(), raised, 0, evidenceHash);
    }

    /// @notice Votes, as an arbiter of the vault's panel: yes, the leaf is false or the loss is owed.
    /// @param reasonHash of the published reasons.
    function vote(uint256 disputeId, bool yes, bytes32 reasonHash) external {
        Dispute storage dispute = _openDispute(disputeId);
        uint32 panel = RevenueVault(dispute.vault).terms().panel;
        if (!panels.isArbiter(panel, msg.sender)) revert NotArbiter(msg.sender);
        if (hasVoted[disputeId][msg.sender]) revert AlreadyVoted(msg.sender);
        if (block.timestamp > dispute.rulingBy) revert RulingClosed(dispute.rulingBy);
        hasVoted[disputeId][msg.sender] = true;
        _voters[disputeId].push(msg.sender);
        if (yes) ++dispute.yes;
        else ++dispute.no;
        emit Voted(disputeId, msg.sender, yes, reasonHash);
    }

    /// @notice Carries out what was decided, or what follows when nothing was in time; anyone may
    /// call, once the disputed root is final or cancelled.
    function resolve(uint256 disputeId) external nonReentrant {
        Dispute storage dispute = _openDispute(disputeId);
        RevenueVault vault = RevenueVault(dispute.vault);
        VaultTerms memory t = vault.terms();
        Panel memory rules = panels.rules(t.panel);
        if (dispute.kind == DisputeKind.Leaf && _isMoot(vault, dispute)) {
            _settle(disputeId, dispute, DisputeState.Moot, 0, 0);
            _credit(t.token, dispute.challenger, rules.disputeBond);
            vault.release(dispute.position, 0);
            return;
        }
        if (dispute.kind == DisputeKind.Loss) {
            // A pending root stays covered by the bond that it was posted with.
            _requireNotPending(vault, dispute.attributor);
            --openLosses[address(vault)][dispute.attributor];
        }
        DisputeState outcome = _outcome(dispute, rules);
        bool pays = outcome == DisputeState.Upheld;
        // A silent panel voids nothing that was earned for good: the pool has it back for later roots.
        uint256 voided = dispute.kind == DisputeKind.Leaf && outcome != DisputeState.Rejected
            ? dispute.amount
            : 0;
        uint256 compensated =
            dispute.kind == DisputeKind.Loss && pays ? _compensate(t.token, dispute) : 0;
        _settle(disputeId, dispute, outcome, voided, compensated);
        if (pays) _payUpheld(vault, t, rules, dispute, disputeId);
        else if (outcome == DisputeState.Rejected) _payRejected(t.token, rules, dispute, disputeId);
        else _paySilent(vault, t.token, rules, dispute);
        if (dispute.kind == DisputeKind.Leaf) vault.release(dispute.position, voided);
    }

    function _raise(
        RevenueVault vault,
        VaultTerms memory t,
        Dispute memory raised,
        uint256 stake,
        bytes32 evidenceHash
    ) private returns (uint256 disputeId) {
        Bond storage bond = bonds[address(vault)][raised.attributor];
        uint256 free = bond.amount > bond.engaged ? bond.amount - bond.engaged : 0;
        raised.engaged = uint96(stake < free ? stake : free);
        bond.engaged += raised.engaged;
        raised.vault = address(vault);
        raised.state = DisputeState.Open;
        raised.challenger = msg.sender;
        Panel memory rules = panels.rules(t.panel);
        raised.rulingBy = uint40(block.timestamp) + rules.rulingWindow;
        disputeId = ++disputeCount;
        disputes[disputeId] = raised;
        emit DisputeRaised(
            disputeId,
            address(vault),
            msg.sender,
            raised.kind,
            raised.attributor,
            raised.posting,
            raised.position,
            raised.amount,
            evidenceHash
        );
        IERC20(t.token).safeTransferFrom(msg.sender, address(this), rules.disputeBond);
    }

    /// @dev Ends the dispute on the books before anything is paid.
    function _settle(
        uint256 disputeId,
        Dispute storage dispute,
        DisputeState state,
        uint256 voided,
        uint256 compensated
    ) private {
        dispute.state = state;
        bonds[dispute.vault][dispute.attributor].engaged -= dispute.engaged;
        emit DisputeResolved(disputeId, state, voided, compensated);
    }

    function _payUpheld(
        RevenueVault vault,
        VaultTerms memory t,
        Panel memory rules,
        Dispute storage dispute,
        uint256 disputeId
    ) private {
        _credit(t.token, dispute.challenger, rules.disputeBond);
        if (dispute.kind == DisputeKind.Loss) return;
        uint256 fee = _slash(
            vault,
            t.token,
            dispute.attributor,
            dispute.challenger,
            dispute.engaged,
            rules.arbiterFee
        );
        _payVoters(disputeId, dispute.vault, t.token, fee);
    }

    /// @dev The challenger's bond never goes to the attributor, who may have challenged itself.
    function _payRejected(
        address token,
        Panel memory rules,
        Dispute storage dispute,
        uint256 disputeId
    ) private {
        _insure(dispute.vault, rules.disputeBond - rules.arbiterFee);
        _payVoters(disputeId, dispute.vault, token, rules.arbiterFee);
    }

    /// @dev Nobody was found wrong: both sides have their bonds back, less the fee.
    function _paySilent(
        RevenueVault vault,
        address token,
        Panel memory rules,
        Dispute storage dispute
    ) private {
        _credit(token, dispute.challenger, rules.disputeBond - rules.arbiterFee);
        Bond storage bond = bonds[address(vault)][dispute.attributor];
        // Out of what the dispute engaged: the rest may back a pending root. A loss engages nothing.
        uint256 fee = rules.arbiterFee < dispute.engaged ? rules.arbiterFee : dispute.engaged;
        if (fee > bond.amount) fee = bond.amount;
        bond.amount -= uint104(fee);
        _insure(address(vault), fee + rules.arbiterFee);
    }

    /// @dev From the attributor's bond first, then from the vault's insurance.
    function _compensate(address token, Dispute storage dispute)
        private
        returns (uint256 compensated)
    {
        Bond storage bond = bonds[dispute.vault][dispute.attributor];
        uint256 free = bond.amount > bond.engaged ? bond.amount - bond.engaged : 0;
        compensated = dispute.amount < free ? dispute.amount : free;
        bond.amount -= uint104(compensated);
        Insurance storage pot = insurance[dispute.vault];
        uint256 rest = dispute.amount - compensated;
        if (rest > pot.amount) rest = pot.amount;
        pot.amount -= uint128(rest);
        compensated += rest;
        _credit(token, dispute.challenger, compensated);
    }

    /// @dev Equal parts; what cannot be divided is insurance.
    function _payVoters(uint256 disputeId, address vault, address token, uint256 fee) private {
        address[] storage voters = _voters[disputeId];
        uint256 each = fee / voters.length;
        for (uint256 i = 0; i < voters.length; ++i) {
            _credit(token, voters[i], each);
        }
        _insure(vault, fee - each * voters.length);
    }

    function _isMoot(RevenueVault vault, Dispute storage dispute) private view returns (bool) {
        if (vault.isCancelled(dispute.posting)) return true;
        if (vault.finalRoot().posting < dispute.posting) revert RootNotFinal(dispute.posting);
        return false;
    }

    function _outcome(Dispute storage dispute, Panel memory rules)
        private
        view
        returns (DisputeState)
    {
        if (dispute.yes >= rules.arbiterQuorum) return DisputeState.Upheld;
        if (dispute.no >= rules.arbiterQuorum) return DisputeState.Rejected;
        if (block.timestamp <= dispute.rulingBy) revert RulingOpen(dispute.rulingBy);
        return DisputeState.Silent;
    }

    function _openDispute(uint256 disputeId) private view returns (Dispute storage dispute) {
        dispute = disputes[disputeId];
        if (dispute.state != DisputeState.Open) revert DisputeNotOpen(disputeId);
    }
}
