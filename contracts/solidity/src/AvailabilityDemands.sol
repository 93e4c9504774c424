// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {Credits, IVaultRegister} from "./Credits.sol";
import {EpochRoots} from "./EpochRoots.sol";
import {Fault, IConvictions} from "./Fault.sol";
import {DetailTop, Opening, Openings} from "./Openings.sol";
import {Panels, Panel} from "./Panels.sol";
import {RevenueVault} from "./RevenueVault.sol";
import {SumNode, SumTree} from "./SumTree.sol";
import {VaultTerms} from "./VaultTerms.sol";

/// @title Demands to see a part of a pending tree: no answer by the deadline cancels the root.
/// @notice Whoever demands prepays the answer, whoever answers is paid. Within a posting the n-th
/// demand costs n times the first, so that a flood of them costs the square of its size. A leaf is
/// shown with what its detail root is made of, a node above with its two children.
contract AvailabilityDemands is Credits {
    using SafeERC20 for IERC20;

    enum DemandState {
        None,
        Open,
        Answered,
        Unanswered,
        Moot
    }

    /// @param level of the node: 0 for a leaf.
    /// @param index of the node in its level.
    struct Demand {
        address vault;
        uint40 posting;
        uint40 deadline;
        uint8 level;
        DemandState state;
        address payer;
        uint96 price;
        uint32 index;
    }

    /// @param disputableUntil what was shown late may still be disputed until then.
    struct DemandCount {
        uint40 posting;
        uint32 open;
        uint32 made;
        uint40 disputableUntil;
    }

    IVaultRegister public immutable factory;
    Panels public immutable panels;

    uint256 public demandCount;
    mapping(uint256 demandId => Demand) public demands;
    mapping(address vault => DemandCount) private _counts;

    event Demanded(
        uint256 indexed demandId,
        address indexed vault,
        uint64 indexed posting,
        uint8 level,
        uint32 index,
        uint256 price,
        uint256 deadline
    );
    event LeafShown(
        uint256 indexed demandId, address indexed by, Opening opening, DetailTop detail
    );
    event NodeShown(uint256 indexed demandId, address indexed by, SumNode left, SumNode right);
    event DemandMoot(uint256 indexed demandId);

    error NotVault(address vault);
    error NoSuchNode(uint8 level, uint32 index);
    error DemandNotOpen(uint256 demandId);
    error DemandNotMoot();
    error DeadlineAhead(uint256 deadline);
    error WrongAnswer();
    error DemandsOpen(uint256 open);
    error StillDisputable(uint256 until);
    error WindowClosed();

    constructor(address factory_, address panels_) {
        factory = IVaultRegister(factory_);
        panels = Panels(panels_);
    }

    /// @notice Asks to be shown a node of the pending tree, while its window is open.
    function demand(RevenueVault vault, uint8 level, uint32 index)
        external
        nonReentrant
        returns (uint256 demandId)
    {
        (VaultTerms memory t, EpochRoots.Root memory pending) = _pendingOf(vault);
        if (block.timestamp >= uint256(pending.postedAt) + t.challengeWindow) {
            revert WindowClosed();
        }
        if (level > pending.depth || uint256(index) >> (pending.depth - level) != 0) {
            revert NoSuchNode(level, index);
        }
        DemandCount memory count = _counts[address(vault)];
        if (count.posting != pending.posting) count = DemandCount(pending.posting, 0, 0, 0);
        ++count.open;
        ++count.made;
        _counts[address(vault)] = count;
        Panel memory rules = panels.rules(t.panel);
        uint96 price = rules.demandPrice * count.made;
        uint40 deadline = uint40(block.timestamp) + rules.demandWindow;
        demandId = ++demandCount;
        demands[demandId] = Demand(
            address(vault),
            pending.posting,
            deadline,
            level,
            DemandState.Open,
            msg.sender,
            price,
            index
        );
        emit Demanded(demandId, address(vault), pending.posting, level, index, price, deadline);
        IERC20(t.token).safeTransferFrom(msg.sender, address(this), price);
    }

    /// @notice Shows a demanded leaf, the zero entitlement for an empty slot, and what its detail root
    /// is made of. Anyone may answer and is paid for it.
    function showLeaf(uint256 demandId, Opening calldata opening, DetailTop calldata detail)
        external
    {
        Demand storage asked = _answerable(demandId);
        RevenueVault vault = RevenueVault(asked.vault);
        if (asked.level != 0 || opening.leaf.position != asked.index) revert WrongAnswer();
        VaultTerms memory t = vault.terms();
        Openings.requireOpens(vault, t, vault.pendingRoot(), opening);
        Openings.detailSum(opening.leaf.detailRoot, detail);
        emit LeafShown(demandId, msg.sender, opening, detail);
        _answer(asked, t);
    }

    /// @notice Shows a demanded node above the leaves as its two children.
    function showNode(
        uint256 demandId,
        SumNode calldata left,
        SumNode calldata right,
        bytes calldata proof
    ) external {
        Demand storage asked = _answerable(demandId);
        RevenueVault vault = RevenueVault(asked.vault);
        EpochRoots.Root memory pending = vault.pendingRoot();
        if (asked.level == 0) revert WrongAnswer();
        bytes32 hash = SumTree.node(left.hash, left.sum, right.hash, right.sum);
        uint128 sum = left.sum + right.sum;
        uint8 above = pending.depth - asked.level;
        if (!SumTree.opens(pending.hash, pending.sum, above, asked.index, hash, sum, proof)) {
            revert WrongAnswer();
        }
        emit NodeShown(demandId, msg.sender, left, right);
        _answer(asked, vault.terms());
    }

    /// @notice Cancels the root of a demand that nobody answered in time; the one who demanded has
    /// the price back and the challenger's part of the bond.
    function proveUnavailable(uint256 demandId) external {
        Demand storage asked = _open(demandId);
        if (block.timestamp <= asked.deadline) revert DeadlineAhead(asked.deadline);
        RevenueVault vault = RevenueVault(asked.vault);
        if (vault.pendingRoot().posting != asked.posting) revert Openings.NoRootPending();
        asked.state = DemandState.Unanswered;
        _credit(vault.token(), asked.payer, asked.price);
        // A demand stands only about a vault of the factory, so its court is the factory's.
        IConvictions(address(vault.court()))
            .convict(vault, asked.payer, Fault.Unavailable, asked.index);
    }

    /// @notice Gives the price of a demand back whose root was cancelled for another reason.
    function closeMootDemand(uint256 demandId) external {
        Demand storage asked = _open(demandId);
        RevenueVault vault = RevenueVault(asked.vault);
        if (!vault.isCancelled(asked.posting)) revert DemandNotMoot();
        asked.state = DemandState.Moot;
        emit DemandMoot(demandId);
        _credit(vault.token(), asked.payer, asked.price);
    }

    /// @notice Reverts while the availability of a vault's posting is in question.
    function requireAnswered(address vault, uint64 posting) external view {
        DemandCount memory count = _counts[vault];
        if (count.posting != posting) return;
        if (count.open != 0) revert DemandsOpen(count.open);
        if (block.timestamp < count.disputableUntil) revert StillDisputable(count.disputableUntil);
    }

    /// @notice Until when what was shown late may be disputed, beside the window itself: else whoever
    /// withholds a leaf would show it too late. 0 when nothing was shown.
    function disputableUntil(address vault, uint64 posting) external view returns (uint256) {
        DemandCount memory count = _counts[vault];
        return count.posting == posting ? count.disputableUntil : 0;
    }

    function _answer(Demand storage asked, VaultTerms memory t) private {
        asked.state = DemandState.Answered;
        DemandCount storage count = _counts[asked.vault];
        --count.open;
        count.disputableUntil = uint40(block.timestamp) + panels.rules(t.panel).demandWindow;
        _credit(t.token, msg.sender, asked.price);
    }

    /// @dev An answer counts until the root is cancelled for want of it, even after the deadline.
    function _answerable(uint256 demandId) private view returns (Demand storage asked) {
        asked = _open(demandId);
        if (RevenueVault(asked.vault).pendingRoot().posting != asked.posting) {
            revert Openings.NoRootPending();
        }
    }

    function _pendingOf(RevenueVault vault)
        private
        view
        returns (VaultTerms memory t, EpochRoots.Root memory pending)
    {
        if (!factory.isVault(address(vault))) revert NotVault(address(vault));
        return Openings.pendingOf(vault);
    }

    function _open(uint256 demandId) private view returns (Demand storage asked) {
        asked = demands[demandId];
        if (asked.state != DemandState.Open) revert DemandNotOpen(demandId);
    }
}
