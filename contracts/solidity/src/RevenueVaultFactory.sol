// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";

import {IAssetRegistry} from "./IAssetRegistry.sol";
import {IEpochCourt} from "./IEpochCourt.sol";
import {IRevenueVault} from "./IRevenueVault.sol";
import {RevenueVault} from "./RevenueVault.sol";
import {WHOLE} from "./Shares.sol";
import {VaultTerms, VaultTermsCodec} from "./VaultTerms.sol";

/// @title Creates revenue vaults whose address is a function of their terms.
/// @notice address = CREATE2(this factory, proxy of the implementation + the packed terms, salt 0):
/// payments may be sent before the vault exists, and nobody can create another contract there.
/// Creation is open to anyone: all it can do is make those terms, and no others, take effect.
///
/// Invariants (`test/RevenueVaultFactory.t.sol`):
///  1. The address is known before creation and depends on every term:
///     `test_the_address_is_known_before`, `testFuzz_every_term_moves_the_address`.
///  2. Shares sum to exactly 10^8; platform and host together stay within their cap:
///     `test_shares_must_be_whole`, `test_platform_and_host_are_capped`.
///  3. The parents' share is the sum of the version's royalties, all payable in one token:
///     `test_the_parents_share_is_the_stack`, `test_parents_are_paid_in_the_same_token`.
///  4. Tokens are allow-listed at creation: `test_an_unlisted_token_is_refused`.
///  5. The implementation does nothing by itself: `test_the_implementation_is_locked`.
///  6. The fallback is none of the parties: `test_the_fallback_is_no_party`.
///  7. The panel exists: `test_an_unknown_panel_is_refused`.
///  8. Only what this factory created is a vault: `test_nothing_else_passes_for_a_vault`.
contract RevenueVaultFactory {
    using VaultTermsCodec for VaultTerms;

    /// @notice What platform and host may take together, parts per 10^8 of gross.
    uint256 public constant MAX_PLATFORM_AND_HOST = 50_000_000;

    /// @dev A minimal proxy's 45 bytes of code, and the packed terms behind them.
    uint256 private constant VAULT_CODE_BYTES = 45 + VaultTermsCodec.PACKED_BYTES;

    address public immutable implementation;
    IAssetRegistry public immutable registry;
    IEpochCourt public immutable court;

    /// @notice Tokens without fees on transfer and without rebasing, fixed at construction.
    mapping(address token => bool) public isAllowedToken;

    event VaultCreated(
        address indexed vault, uint64 indexed versionId, address indexed host, VaultTerms terms
    );

    error TokenNotAllowed(address token);
    error SharesNotWhole(uint256 sum);
    error PlatformAndHostAboveCap(uint256 sum);
    error ParentsShareMismatch(uint32 share, uint32 stack);
    error ParentInOtherToken(uint64 parentId);
    error MissingParty(string role);
    error FallbackIsParty(address fallbackTo);
    error UnknownPanel(uint32 panel);
    error VaultExists(address vault);

    constructor(address registry_, address court_, address desk_, address[] memory tokens) {
        registry = IAssetRegistry(registry_);
        court = IEpochCourt(court_);
        implementation = address(new RevenueVault(registry_, address(this), court_, desk_));
        for (uint256 i = 0; i < tokens.length; ++i) {
            isAllowedToken[tokens[i]] = true;
        }
    }

    /// @notice Creates the vault of these terms.
    function create(VaultTerms calldata terms) external returns (address vault) {
        _requireValid(terms);
        _requireLineage(terms);
        bytes memory packed = terms.pack();
        vault = _addressOf(packed);
        if (vault.code.length != 0) revert VaultExists(vault);
        Clones.cloneDeterministicWithImmutableArgs(implementation, packed, bytes32(0));
        emit VaultCreated(vault, terms.versionId, terms.host, terms);
    }

    /// @notice Where the vault of these terms is, or will be.
    function vaultAddress(VaultTerms calldata terms) public view returns (address) {
        return _addressOf(terms.pack());
    }

    /// @notice Whether this factory created a vault there. Nothing is stored for it: a contract whose
    /// address is this factory's CREATE2 address of the terms in its own code can only be its vault.
    function isVault(address vault) external view returns (bool) {
        if (vault.code.length != VAULT_CODE_BYTES) return false;
        return _addressOf(Clones.fetchCloneArgs(vault)) == vault;
    }

    function _addressOf(bytes memory packed) private view returns (address) {
        return Clones.predictDeterministicAddressWithImmutableArgs(
            implementation, packed, bytes32(0), address(this)
        );
    }

    function _requireValid(VaultTerms calldata terms) private view {
        if (!isAllowedToken[terms.token]) revert TokenNotAllowed(terms.token);
        uint256 sum = VaultTermsCodec.totalShare(terms);
        if (sum != WHOLE) revert SharesNotWhole(sum);
        uint256 operators = uint256(terms.platformShare) + terms.hostShare;
        if (operators > MAX_PLATFORM_AND_HOST) revert PlatformAndHostAboveCap(operators);
        if (!court.isPanel(terms.panel)) revert UnknownPanel(terms.panel);
        if (terms.platform == address(0)) revert MissingParty("platform");
        if (terms.host == address(0)) revert MissingParty("host");
        if (terms.attributor == address(0)) revert MissingParty("attributor");
        if (terms.fallbackTo == address(0)) revert MissingParty("fallback");
        if (
            terms.fallbackTo == terms.platform || terms.fallbackTo == terms.host
                || terms.fallbackTo == terms.attributor
                || terms.fallbackTo == registry.ownerOfVersion(terms.versionId)
        ) revert FallbackIsParty(terms.fallbackTo);
    }

    function _requireLineage(VaultTerms calldata terms) private view {
        (uint256 parents, uint32 stack) = registry.lineage(terms.versionId);
        if (terms.parentsShare != stack) revert ParentsShareMismatch(terms.parentsShare, stack);
        for (uint256 i = 0; i < parents; ++i) {
            IAssetRegistry.ParentLink memory link = registry.parentLink(terms.versionId, i);
            if (link.royalty > 0 && IRevenueVault(link.payee).token() != terms.token) {
                revert ParentInOtherToken(link.parentId);
            }
        }
    }
}
