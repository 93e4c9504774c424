// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IAssetRegistry} from "./IAssetRegistry.sol";
import {IRevenueVault} from "./IRevenueVault.sol";
import {WHOLE} from "./Shares.sol";
import {VaultTerms, VaultTermsCodec} from "./VaultTerms.sol";

interface IVaultSet {
    function isVault(address vault) external view returns (bool);
}

/// @title The books of a revenue vault: what came in, and each bucket's share of it.
/// @notice A bucket is floor(totalIn * share): cumulative, so the order and the size of payments in
/// never matter. Rounding leaves less than one unit per bucket unallocated, and later income makes
/// it whole again. Nothing is pushed: every bucket is paid on demand, to its owner, by anyone.
///
/// Absolute royalties are of first sales only. What was pulled from children's vaults has paid them
/// there, so of that income the absolute part of the parents' bucket is the owner's.
abstract contract VaultBooks is IRevenueVault, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    IAssetRegistry public immutable registry;
    IVaultSet public immutable factory;
    /// @inheritdoc IRevenueVault
    address public immutable token;
    address private immutable _implementation;

    /// @dev What left otherwise than by claims. Those are counted in the word that a claim reads
    /// anyhow, so that it writes no other.
    uint128 private _partiesOut;
    /// @notice Everything that ever arrived, as last booked.
    uint128 public totalIn;
    uint128 public platformPaid;
    uint128 public hostPaid;
    /// @notice The part of the owner's bucket that has been credited to an account.
    uint128 public ownerCredited;
    /// @notice The part of `totalIn` that was pulled from children's vaults; the rest is first sales.
    uint128 public royaltyIn;
    /// @notice When the first unit was booked; unix seconds, 0 before.
    uint40 public firstInflowAt;

    /// @notice Credited to an owner, past or present, and not yet paid.
    mapping(address account => uint256) public ownerCredit;
    /// @notice Paid to the vault of parent link `index`.
    mapping(uint256 index => uint256) public parentPaid;

    event Synced(uint256 inflow, uint256 totalIn);
    event PlatformPaid(address indexed platform, uint256 amount);
    event HostPaid(address indexed host, uint256 amount);
    event OwnerCredited(address indexed owner, uint256 amount);
    event OwnerPaid(address indexed owner, uint256 amount);
    event ParentPaid(uint256 indexed index, address indexed payee, uint256 amount);
    event RoyaltyPulled(address indexed child, uint256 indexed index, uint256 amount);

    error ImplementationLocked();
    error NotPayee(address caller, address payee);
    error NotVault(address child);

    constructor(address registry_, address factory_, address token_) {
        registry = IAssetRegistry(registry_);
        factory = IVaultSet(factory_);
        token = token_;
        _implementation = address(this);
    }

    /// @notice The terms, read from behind the vault's own code: nothing can change them.
    function terms() public view returns (VaultTerms memory) {
        _requireProxy();
        return VaultTermsCodec.unpack(Clones.fetchCloneArgs(address(this)), token);
    }

    function versionId() external view returns (uint64) {
        return terms().versionId;
    }

    /// @notice What contributors have claimed.
    function claimedTotal() public view virtual returns (uint256);

    /// @notice Everything that ever left.
    function totalOut() public view returns (uint256) {
        return uint256(_partiesOut) + claimedTotal();
    }

    /// @notice Books what has arrived since the last time.
    function sync() external nonReentrant {
        _requireProxy();
        _sync();
    }

    function payPlatform() external nonReentrant returns (uint256 amount) {
        VaultTerms memory t = terms();
        _sync();
        amount = _bucket(t.platformShare) - platformPaid;
        // A bucket is at most totalIn, which fits in 128 bits.
        platformPaid += uint128(amount);
        emit PlatformPaid(t.platform, amount);
        _pay(t.platform, amount);
    }

    function payHost() external nonReentrant returns (uint256 amount) {
        VaultTerms memory t = terms();
        _sync();
        amount = _bucket(t.hostShare) - hostPaid;
        hostPaid += uint128(amount);
        emit HostPaid(t.host, amount);
        _pay(t.host, amount);
    }

    /// @inheritdoc IRevenueVault
    function creditOwner() public nonReentrant {
        VaultTerms memory t = terms();
        _sync();
        _creditOwner(t);
    }

    /// @notice Pays an owner, past or present, what its time as owner earned.
    function payOwner(address account) external nonReentrant returns (uint256 amount) {
        VaultTerms memory t = terms();
        _sync();
        _creditOwner(t);
        amount = ownerCredit[account];
        ownerCredit[account] = 0;
        emit OwnerPaid(account, amount);
        _pay(account, amount);
    }

    /// @inheritdoc IRevenueVault
    function payParent(uint256 index) external nonReentrant returns (uint256 amount) {
        VaultTerms memory t = terms();
        (IAssetRegistry.ParentLink memory link, bool isAbsolute) =
            registry.payableLink(t.versionId, index);
        if (msg.sender != link.payee) revert NotPayee(msg.sender, link.payee);
        _sync();
        // While a part is frozen, more may have been paid than is payable: then nothing is, until
        // income or the end of the dispute makes up for it.
        uint256 due = isAbsolute
            ? uint256(totalIn - royaltyIn) * link.royalty / WHOLE
            : _bucket(link.royalty);
        uint256 paid = parentPaid[index];
        if (due > paid) parentPaid[index] = due;
        amount = due > paid ? due - paid : 0;
        emit ParentPaid(index, link.payee, amount);
        _pay(link.payee, amount);
    }

    /// @notice Fetches what a child's vault owes this one through the child's link `index`.
    function pullFrom(IRevenueVault child, uint256 index)
        external
        nonReentrant
        returns (uint256 amount)
    {
        _requireProxy();
        if (!factory.isVault(address(child))) revert NotVault(address(child));
        // What came before is first sales, so it is booked before.
        _sync();
        uint256 before = totalIn;
        // Only a factory's vault is called, and it calls back into nothing but the token.
        amount = child.payParent(index);
        _sync();
        // Less than was sent where the token's issuer took units away: first sales never fall.
        uint256 booked = totalIn - before;
        royaltyIn += uint128(amount < booked ? amount : booked);
        emit RoyaltyPulled(address(child), index, amount);
    }

    /// @notice What each bucket has been credited so far, atomic units; `unbooked` has arrived and
    /// awaits `sync`.
    function buckets()
        external
        view
        returns (
            uint256 platform,
            uint256 host,
            uint256 owner,
            uint256 parents,
            uint256 pool,
            uint256 unbooked
        )
    {
        VaultTerms memory t = terms();
        uint256 relief = _relief(t);
        return (
            _bucket(t.platformShare),
            _bucket(t.hostShare),
            _bucket(t.ownerShare) + relief,
            _bucket(t.parentsShare) - relief,
            _bucket(t.contributorsShare),
            _unbooked()
        );
    }

    function _requireProxy() internal view {
        if (address(this) == _implementation) revert ImplementationLocked();
    }

    function _sync() internal {
        uint256 inflow = _unbooked();
        if (inflow == 0) return;
        totalIn += uint128(inflow);
        if (firstInflowAt == 0) firstInflowAt = uint40(block.timestamp);
        emit Synced(inflow, totalIn);
    }

    function _bucket(uint256 share) internal view returns (uint256) {
        return uint256(totalIn) * share / WHOLE;
    }

    /// @dev Books first; the token is the last thing called.
    function _pay(address to, uint256 amount) internal {
        _partiesOut += uint128(amount);
        _send(to, amount);
    }

    /// @dev Of what is booked as gone already. Zero is not sent, so that a token which refuses empty
    /// transfers blocks nothing.
    function _send(address to, uint256 amount) internal {
        if (amount != 0) IERC20(token).safeTransfer(to, amount);
    }

    function _creditOwner(VaultTerms memory t) private {
        uint256 amount = _bucket(t.ownerShare) + _relief(t) - ownerCredited;
        if (amount == 0) return;
        address owner = registry.ownerOfVersion(t.versionId);
        ownerCredited += uint128(amount);
        ownerCredit[owner] += amount;
        emit OwnerCredited(owner, amount);
    }

    /// @dev Of royalty income, what would have gone to ancestors had it been first sales.
    function _relief(VaultTerms memory t) private view returns (uint256) {
        if (royaltyIn == 0) return 0;
        return uint256(royaltyIn) * registry.absoluteStack(t.versionId) / WHOLE;
    }

    /// @dev Zero after the token's issuer took units away, and capped at 128 bits, so that neither an
    /// issuer nor an absurd supply can make the books revert.
    function _unbooked() private view returns (uint256) {
        uint256 everything = IERC20(token).balanceOf(address(this)) + totalOut();
        if (everything > type(uint128).max) everything = type(uint128).max;
        return everything > totalIn ? everything - totalIn : 0;
    }
}
