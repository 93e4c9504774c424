// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {Credits, IVaultRegister} from "./Credits.sol";
import {EpochRoots} from "./EpochRoots.sol";
import {IEpochCourt, PostedRoot} from "./IEpochCourt.sol";
import {Panels} from "./Panels.sol";
import {RevenueVault} from "./RevenueVault.sol";
import {VaultTerms} from "./VaultTerms.sol";

/// @title Bonds of attributors, one per vault and account, and the insurance that penalties feed.
/// @notice Locked beforehand, so that posting a root moves no tokens. A penalty pays the challenger at
/// most 40 %; the rest is insurance, which nobody controls: challenging oneself is never free.
abstract contract AttributorBonds is IEpochCourt, Credits {
    using SafeERC20 for IERC20;

    /// @param amount locked.
    /// @param engaged the part that open disputes may take.
    /// @param unlockAt when it may be withdrawn; 0 while it backs roots.
    struct Bond {
        uint104 amount;
        uint104 engaged;
        uint40 unlockAt;
    }

    struct Insurance {
        uint128 amount;
        uint40 fedAt;
    }

    /// @notice Of a penalty to whoever proved it, basis points.
    uint256 public constant CHALLENGER_BPS = 4_000;
    uint256 private constant BPS = 10_000;
    /// @notice Insurance that compensated nobody for so long goes to the vault's fallback.
    uint256 public constant INSURANCE_DELAY = 180 days;

    IVaultRegister public immutable factory;
    Panels public immutable panels;

    mapping(address vault => mapping(address attributor => Bond)) public bonds;
    /// @notice Claims of loss against an attributor that are not resolved.
    mapping(address vault => mapping(address attributor => uint256)) public openLosses;
    mapping(address vault => Insurance) public insurance;

    event BondLocked(address indexed vault, address indexed attributor, uint256 amount);
    event UnlockRequested(address indexed vault, address indexed attributor, uint256 unlockAt);
    event UnlockRevoked(address indexed vault, address indexed attributor);
    event BondReturned(address indexed vault, address indexed attributor, uint256 amount);
    event BondSlashed(
        address indexed vault,
        address indexed attributor,
        address indexed challenger,
        uint256 toChallenger,
        uint256 toInsurance
    );
    event InsuranceReleased(address indexed vault, address indexed to, uint256 amount);

    error NotVault(address vault);
    error NothingToLock();
    error BondTooSmall(uint256 free, uint256 required);
    error BondUnlocking(uint256 unlockAt);
    error BondInUse();
    error UnlockTooEarly(uint256 unlockAt);
    error InsuranceTooEarly(uint256 from);

    constructor(address factory_, address panels_) {
        factory = IVaultRegister(factory_);
        panels = Panels(panels_);
    }

    /// @notice Locks a bond for a vault's epochs, in the vault's token; adds to an earlier one.
    function lockBond(RevenueVault vault, uint104 amount) external nonReentrant {
        if (!factory.isVault(address(vault))) revert NotVault(address(vault));
        if (amount == 0) revert NothingToLock();
        bonds[address(vault)][msg.sender].amount += amount;
        emit BondLocked(address(vault), msg.sender, amount);
        IERC20(vault.token()).safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @notice Asks for the bond back. From now on it backs no root, and it stays reachable for
    /// compensations until the panel's window has passed.
    function requestUnlock(RevenueVault vault) external {
        Bond storage bond = bonds[address(vault)][msg.sender];
        if (bond.amount == 0) revert NothingToWithdraw();
        _requireNotPending(vault, msg.sender);
        VaultTerms memory t = vault.terms();
        bond.unlockAt = uint40(block.timestamp + panels.rules(t.panel).compensationWindow);
        emit UnlockRequested(address(vault), msg.sender, bond.unlockAt);
    }

    /// @notice Takes the request back: the bond backs roots again.
    function revokeUnlock(RevenueVault vault) external {
        bonds[address(vault)][msg.sender].unlockAt = 0;
        emit UnlockRevoked(address(vault), msg.sender);
    }

    /// @notice Returns a bond whose unlocking has run out and that no dispute engages.
    function returnBond(RevenueVault vault) external nonReentrant {
        Bond storage bond = bonds[address(vault)][msg.sender];
        if (bond.unlockAt == 0 || block.timestamp < bond.unlockAt) {
            revert UnlockTooEarly(bond.unlockAt);
        }
        if (bond.engaged != 0 || openLosses[address(vault)][msg.sender] != 0) revert BondInUse();
        uint256 amount = bond.amount;
        delete bonds[address(vault)][msg.sender];
        emit BondReturned(address(vault), msg.sender, amount);
        IERC20(vault.token()).safeTransfer(msg.sender, amount);
    }

    /// @notice Sends idle insurance to the fallback of the vault's terms, which is none of its parties.
    function releaseInsurance(RevenueVault vault) external nonReentrant {
        Insurance memory pot = insurance[address(vault)];
        uint256 from = uint256(pot.fedAt) + INSURANCE_DELAY;
        if (pot.amount == 0) revert NothingToWithdraw();
        if (block.timestamp < from) revert InsuranceTooEarly(from);
        insurance[address(vault)].amount = 0;
        VaultTerms memory t = vault.terms();
        emit InsuranceReleased(address(vault), t.fallbackTo, pot.amount);
        IERC20(t.token).safeTransfer(t.fallbackTo, pot.amount);
    }

    /// @inheritdoc IEpochCourt
    function requireBonded(uint32 panel, address poster) external view {
        _requireFree(msg.sender, poster, panels.requiredBond(panel, 0));
    }

    /// @inheritdoc IEpochCourt
    function requirePostable(
        uint32 panel,
        address poster,
        PostedRoot calldata root,
        bytes[] calldata attestations
    ) external view {
        uint256 required = panels.requirePostable(panel, msg.sender, root, attestations);
        _requireFree(msg.sender, poster, required);
    }

    /// @inheritdoc IEpochCourt
    function isPanel(uint32 panel) external view returns (bool) {
        return panels.isPanel(panel);
    }

    /// @inheritdoc IEpochCourt
    function epochLength(uint32 panel) external view returns (uint32) {
        return panels.epochLength(panel);
    }

    /// @dev Takes up to `penalty` from a bond: at most 40 % to the challenger, `fee` of the rest to
    /// nobody yet (the caller distributes it), what remains to the vault's insurance.
    function _slash(
        RevenueVault vault,
        address token,
        address attributor,
        address challenger,
        uint256 penalty,
        uint256 fee
    ) internal returns (uint256 feeTaken) {
        Bond storage bond = bonds[address(vault)][attributor];
        uint256 taken = penalty < bond.amount ? penalty : bond.amount;
        bond.amount -= uint104(taken);
        uint256 reward = taken * CHALLENGER_BPS / BPS;
        feeTaken = fee < taken - reward ? fee : taken - reward;
        uint256 insured = taken - reward - feeTaken;
        _insure(address(vault), insured);
        emit BondSlashed(address(vault), attributor, challenger, reward, insured);
        _credit(token, challenger, reward);
    }

    function _insure(address vault, uint256 amount) internal {
        if (amount == 0) return;
        insurance[vault].amount += uint128(amount);
        insurance[vault].fedAt = uint40(block.timestamp);
    }

    function _requireNotPending(RevenueVault vault, address attributor) internal view {
        if (vault.pendingRoot().postedAt == 0) return;
        EpochRoots.Commitment memory committed = vault.commitment();
        if (committed.committer == attributor) revert BondInUse();
    }

    function _requireFree(address vault, address attributor, uint256 required) private view {
        Bond memory bond = bonds[vault][attributor];
        if (bond.unlockAt != 0) revert BondUnlocking(bond.unlockAt);
        uint256 free = bond.amount > bond.engaged ? bond.amount - bond.engaged : 0;
        if (free < required) revert BondTooSmall(free, required);
    }
}
