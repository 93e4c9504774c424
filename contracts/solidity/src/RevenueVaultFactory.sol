// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";

import {IAssetRegistry} from "./IAssetRegistry.sol";
import {Panels} from "./Panels.sol";
import {IRevenueVault} from "./IRevenueVault.sol";
import {RevenueVault} from "./RevenueVault.sol";
import {WHOLE} from "./Shares.sol";
import {VaultProxy} from "./VaultProxy.sol";
import {VaultTerms, VaultTermsCodec} from "./VaultTerms.sol";

/// @title Creates revenue vaults whose address is a function of their terms.
/// @notice address = CREATE2(this factory, proxy of the token's implementation + packed terms, salt 0):
/// payments may be sent before the vault exists, and nobody can create another contract there.
/// Creation is open to anyone: all it can do is make those terms, and no others, take effect.
///
/// Invariants (`test/RevenueVaultFactory.t.sol`):
///  1. The address is known before creation and depends on every term:
///     `test_the_address_is_known_before`, `testFuzz_every_term_moves_the_address`.
///  2. Shares sum to exactly 10^8; platform and host together stay within their cap:
///     `test_shares_must_be_whole`, `test_platform_and_host_are_capped`.
///  3. The parents' share is the sum of the version's royalties, relative and absolute, all payable in
///     one token:
///     `test_the_parents_share_is_the_stack`, `test_parents_are_paid_in_the_same_token`.
///  4. Tokens are allow-listed at creation: `test_an_unlisted_token_is_refused`.
///  5. The implementation does nothing by itself: `test_the_implementation_is_locked`.
///  6. The fallback is none of the parties: `test_the_fallback_is_no_party`.
///  7. The panel exists, and the challenge window ends: `test_an_unknown_panel_is_refused`,
///     `test_a_challenge_window_is_bounded`.
///  8. Only what this factory created is a vault: `test_nothing_else_passes_for_a_vault`.
///  9. An address is told of terms only that can be created:
///     `test_terms_that_are_refused_have_no_address`.
contract RevenueVaultFactory {
    using VaultTermsCodec for VaultTerms;
    using VaultTermsCodec for bytes;

    /// @notice What platform and host may take together, parts per 10^8 of gross.
    uint256 public constant MAX_PLATFORM_AND_HOST = 50_000_000;
    /// @notice A longer window would keep contributors from what is theirs.
    uint256 public constant MAX_CHALLENGE_WINDOW = 30 days;

    IAssetRegistry public immutable registry;
    Panels public immutable panels;

    /// @notice What the vaults of a token point to. Tokens without fees on transfer and without
    /// rebasing have one, fixed at construction.
    mapping(address token => address) public implementationOf;

    /// @param terms as they stand in the vault's code, 140 bytes, and the token:20.
    event VaultCreated(uint64 indexed versionId, address vault, bytes32[5] terms);

    error TokenNotAllowed(address token);
    error SharesNotWhole(uint256 sum);
    error PlatformAndHostAboveCap(uint256 sum);
    error ParentsShareMismatch(uint32 share, uint32 stack);
    error ParentInOtherToken(uint64 parentId);
    error MissingParty(string role);
    error FallbackIsParty(address fallbackTo);
    error UnknownPanel(uint32 panel);
    error ChallengeWindowTooLong(uint32 challengeWindow);
    error VaultExists(address vault);

    constructor(
        address registry_,
        address court_,
        address desk_,
        address panels_,
        address[] memory tokens
    ) {
        registry = IAssetRegistry(registry_);
        panels = Panels(panels_);
        for (uint256 i = 0; i < tokens.length; ++i) {
            RevenueVault vault =
                new RevenueVault(registry_, address(this), court_, desk_, tokens[i]);
            implementationOf[tokens[i]] = address(vault);
        }
    }

    /// @notice Creates the vault of these terms.
    function create(VaultTerms memory terms) external returns (address vault) {
        address implementation = _implementation(terms.token);
        _requireShares(terms);
        _requireParties(terms);
        bytes memory packed = terms.pack();
        bytes memory code = VaultProxy.creationCode(implementation, packed);
        vault = Create2.computeAddress(bytes32(0), keccak256(code));
        if (vault.code.length != 0) revert VaultExists(vault);
        Create2.deploy(0, bytes32(0), code);
        emit VaultCreated(terms.versionId, vault, packed.words());
    }

    /// @notice Where the vault of these terms is, or will be. Terms that `create` would refuse now have
    /// no address, for packed they might be those of another vault, and what is paid there be lost.
    function vaultAddress(VaultTerms memory terms) external view returns (address) {
        address implementation = _implementation(terms.token);
        _requireShares(terms);
        _requireParties(terms);
        return _addressOf(implementation, terms.pack());
    }

    /// @notice Whether vaults may book this token.
    function isAllowedToken(address token) external view returns (bool) {
        return implementationOf[token] != address(0);
    }

    /// @notice Whether this factory created a vault there. Nothing is stored for it: a contract whose
    /// address is this factory's CREATE2 address of the proxy and the terms in its own code can only
    /// be its vault.
    function isVault(address vault) external view returns (bool) {
        if (vault.code.length != VaultProxy.CODE_BYTES) return false;
        return _addressOf(VaultProxy.target(vault), Clones.fetchCloneArgs(vault)) == vault;
    }

    function _implementation(address token) private view returns (address implementation) {
        implementation = implementationOf[token];
        if (implementation == address(0)) revert TokenNotAllowed(token);
    }

    function _addressOf(address implementation, bytes memory packed)
        private
        view
        returns (address)
    {
        return Create2.computeAddress(
            bytes32(0), keccak256(VaultProxy.creationCode(implementation, packed))
        );
    }

    function _requireShares(VaultTerms memory terms) private pure {
        uint256 sum = VaultTermsCodec.totalShare(terms);
        if (sum != WHOLE) revert SharesNotWhole(sum);
        // Both are at most the whole.
        uint256 operators;
        unchecked {
            operators = uint256(terms.platformShare) + terms.hostShare;
        }
        if (operators > MAX_PLATFORM_AND_HOST) revert PlatformAndHostAboveCap(operators);
    }

    function _requireParties(VaultTerms memory terms) private view {
        if (terms.challengeWindow > MAX_CHALLENGE_WINDOW) {
            revert ChallengeWindowTooLong(terms.challengeWindow);
        }
        if (!panels.isPanel(terms.panel)) revert UnknownPanel(terms.panel);
        if (terms.platform == address(0)) revert MissingParty("platform");
        if (terms.host == address(0)) revert MissingParty("host");
        if (terms.attributor == address(0)) revert MissingParty("attributor");
        if (terms.fallbackTo == address(0)) revert MissingParty("fallback");
        (address owner, uint256 links, uint32 stack) = registry.lineage(terms.versionId);
        if (
            terms.fallbackTo == terms.platform || terms.fallbackTo == terms.host
                || terms.fallbackTo == terms.attributor || terms.fallbackTo == owner
        ) revert FallbackIsParty(terms.fallbackTo);
        if (terms.parentsShare != stack) revert ParentsShareMismatch(terms.parentsShare, stack);
        for (uint256 i = 0; i < links; ++i) {
            (IAssetRegistry.ParentLink memory link,) = registry.royaltyLink(terms.versionId, i);
            if (link.royalty > 0 && IRevenueVault(link.payee).token() != terms.token) {
                revert ParentInOtherToken(link.parentId);
            }
        }
    }
}
