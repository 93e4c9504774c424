// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {EpochRoots} from "./EpochRoots.sol";
import {IReceiptDesk} from "./IReceiptDesk.sol";
import {ClaimOrder, SignedClaims} from "./SignedClaims.sol";
import {Entitlement, SumTree} from "./SumTree.sol";
import {VaultBooks} from "./VaultBooks.sol";
import {VaultTerms} from "./VaultTerms.sol";

/// @title Where the revenue of one asset version arrives and from where everybody is paid.
/// @notice One minimal proxy per (asset version, host, terms); terms stand in its code. Money that is
/// here leaves to the platform, host, owner and parents by their shares, to contributors by claims
/// against a final root, or, if no root ever entitled anyone, to the fallback of the terms. No role
/// can send it elsewhere: the court cancels pending roots and holds single increments, no more.
///
/// Units: atomic units of the terms' token; shares in parts per 10^8 of gross; seconds.
///
/// Invariants (`test/RevenueVault.invariant.t.sol`, over fifty assets and liars in every role
/// `test/Economy.invariant.t.sol`, naive forms of the rules `test/NaiveForms.t.sol`; examples in the
/// files named):
///  1. balance + paid = booked + unbooked; buckets never exceed what came in:
///     `invariant_liabilities_are_covered`.
///  2. Each bucket is floor(totalIn * share), monotone, and all together with rounding dust make
///     totalIn: `invariant_buckets_are_shares_of_gross`.
///  3. No bucket pays out more than its credit: `invariant_no_bucket_draws_on_another`.
///  4. S_final <= S_pending <= pool income; S_final never falls:
///     `invariant_root_sums_are_ordered`, `test/EpochRoots.t.sol`.
///  5. A position's claims stay within its entitlement and never fall:
///     `invariant_claims_stay_within_entitlements`.
///  6. The sum of claims = claimedTotal <= S_final: `invariant_claims_stay_within_the_root`,
///     `test_contradicting_roots_cannot_pay_twice`.
///  7. A position's account never changes: `test_a_position_keeps_its_account`; another recipient
///     needs its signature: `test/SignedClaims.t.sol`.
///  8. Claims read final roots only, and finality stays: `test_a_pending_root_pays_nothing`.
/// 11. Terms are in the code: `test/RevenueVaultFactory.t.sol`.
/// 12. A royalty is pulled exactly once: `test_a_royalty_is_pulled_exactly_once`.
/// 13. Books before calls, one guard over all that pays: `test_a_reentrant_token_gains_nothing`.
/// 14. One refusing recipient blocks no other: `test_a_refused_recipient_blocks_no_other`.
/// 15. A signed claim binds chain, vault, token, position, cumulative amount, recipient, fee and
///     deadline: `test_every_part_of_an_order_is_signed`.
/// 16. What no root entitles anyone to leaves by `escape` or the fallback: `test/EpochLiveness.t.sol`.
/// (Numbers follow the list of invariants that the design gives a vault; 9 and 10 are the court's.)
contract RevenueVault is EpochRoots, SignedClaims, IERC1271 {
    using SafeERC20 for IERC20;

    /// @dev Account and 96 bits of claims share one slot: a claim writes one position slot.
    struct Position {
        address account;
        uint96 claimed;
    }

    struct Claim {
        Entitlement leaf;
        bytes proof;
    }

    /// @notice How long the pool waits for a first final root before the fallback may take it.
    uint256 public constant FALLBACK_DELAY = 180 days;

    /// @notice Says what this vault signs as the authorizer of its channels.
    IReceiptDesk public immutable desk;

    uint128 public fallbackPaid;
    mapping(uint32 position => Position) public positions;

    event EntitlementPaid(uint32 indexed position, address account, uint256 amount);
    event EntitlementRedirected(uint32 indexed position, address indexed recipient, uint256 fee);
    event EntitlementRefused(uint32 indexed position, address indexed account, uint256 amount);
    event FallbackPaid(address indexed to, uint256 amount);

    error PositionOfOther(uint32 position, address account);
    error NothingToClaim(uint32 position);
    error ClaimsExceedRoot(uint256 claims, uint256 sum);
    error RootExists();
    error FallbackTooEarly(uint256 from);
    error FallbackIsOwner(address owner);

    constructor(address registry_, address factory_, address court_, address desk_, address token_)
        VaultBooks(registry_, factory_, token_)
        EpochRoots(court_)
    {
        desk = IReceiptDesk(desk_);
    }

    /// @notice ERC-1271: as `receiverAuthorizer` of its channels the vault signs claims and refunds
    /// that the desk finds in order, and nothing else: no transfer, no permit.
    function isValidSignature(bytes32 digest, bytes calldata signature)
        external
        view
        returns (bytes4)
    {
        return desk.isAuthorized(address(this), digest, signature)
            ? IERC1271.isValidSignature.selector
            : bytes4(0xffffffff);
    }

    /// @notice Pays a leaf's account what it is entitled to and has not had; anyone may call.
    function claim(Entitlement memory leaf, bytes calldata proof)
        external
        nonReentrant
        returns (uint256 amount)
    {
        amount = _book(leaf, proof);
        if (amount == 0) revert NothingToClaim(leaf.position);
        emit EntitlementPaid(leaf.position, leaf.account, amount);
        IERC20(token).safeTransfer(leaf.account, amount);
    }

    /// @notice Pays a leaf to the recipient that its account signed for, and the fee to the caller:
    /// no gas and, by ERC-1271, no key is needed.
    function claimSigned(
        Entitlement calldata leaf,
        bytes calldata proof,
        ClaimOrder calldata order,
        bytes calldata signature
    ) external nonReentrant returns (uint256 amount) {
        _requireOrder(leaf, order, token, signature);
        amount = _book(leaf, proof);
        if (amount == 0) revert NothingToClaim(leaf.position);
        if (order.fee > amount) revert FeeAboveClaim(order.fee, amount);
        emit EntitlementPaid(leaf.position, leaf.account, amount);
        emit EntitlementRedirected(leaf.position, order.recipient, order.fee);
        _send(order.recipient, amount - order.fee);
        _send(msg.sender, order.fee);
    }

    /// @notice Pays many leaves. A recipient whom the token refuses keeps its claim and stops nobody;
    /// a leaf with nothing due is passed over; a false proof fails the whole call.
    function claimMany(Claim[] calldata claims) external nonReentrant returns (uint256 paid) {
        for (uint256 i = 0; i < claims.length; ++i) {
            Entitlement calldata leaf = claims[i].leaf;
            uint256 amount = _book(leaf, claims[i].proof);
            if (amount == 0) continue;
            if (IERC20(token).trySafeTransfer(leaf.account, amount)) {
                emit EntitlementPaid(leaf.position, leaf.account, amount);
                paid += amount;
            } else {
                _unbook(leaf.position, amount);
                emit EntitlementRefused(leaf.position, leaf.account, amount);
            }
        }
    }

    /// @notice Gives the pool to the fallback when 180 days have passed since the first income and no
    /// final root entitles anyone to anything.
    function payFallback() external nonReentrant returns (uint256 amount) {
        VaultTerms memory t = terms();
        uint256 entitled = _settled.adjusted ? _dueTotal(_settled.sum) : _settled.sum;
        if (entitled != 0 || _isPending()) revert RootExists();
        _sync();
        uint256 from = firstInflowAt + FALLBACK_DELAY;
        if (firstInflowAt == 0 || block.timestamp < from) revert FallbackTooEarly(from);
        if (registry.ownerOfVersion(t.versionId) == t.fallbackTo) {
            revert FallbackIsOwner(t.fallbackTo);
        }
        amount = _entitledPool(t);
        fallbackPaid += uint128(amount);
        emit FallbackPaid(t.fallbackTo, amount);
        _pay(t.fallbackTo, amount);
    }

    /// @dev On the implementation itself no root is ever final, so nothing opens there.
    function _book(Entitlement memory leaf, bytes calldata proof) private returns (uint256 amount) {
        Settled memory root = _settled;
        bytes32 hash = SumTree.leafHash(leaf, address(this), token);
        if (
            root.postedAt == 0 || leaf.account == address(0)
                || !SumTree.opens(
                    root.hash, root.sum, root.depth, leaf.position, hash, leaf.cumulative, proof
                )
        ) revert InvalidOpening();
        Position storage position = positions[leaf.position];
        Position memory was = position;
        if (was.account != leaf.account && was.account != address(0)) {
            revert PositionOfOther(leaf.position, was.account);
        }
        uint256 due = root.adjusted ? _due(leaf.position, leaf.cumulative) : leaf.cumulative;
        if (due <= was.claimed) return 0;
        // Two roots that contradict each other unnoticed still cannot pay more than the sum of the
        // last one: the other buckets' money is out of reach.
        uint256 claims;
        // `due` is above what was claimed and, like the total, below 2^129.
        unchecked {
            amount = due - was.claimed;
            claims = root.claimed + amount;
        }
        uint256 limit = root.adjusted ? _dueTotal(root.sum) : root.sum;
        if (claims > limit) revert ClaimsExceedRoot(claims, limit);
        // At most the root's sum or the scaled pool, both below 2^96.
        _settled.claimed = uint96(claims);
        (position.account, position.claimed) = (leaf.account, uint96(due));
    }

    function _unbook(uint32 position, uint256 amount) private {
        _settled.claimed -= uint96(amount);
        positions[position].claimed -= uint96(amount);
    }

    function _entitledPool(VaultTerms memory t) internal view override returns (uint256) {
        return _bucket(t.contributorsShare) - fallbackPaid;
    }
}
