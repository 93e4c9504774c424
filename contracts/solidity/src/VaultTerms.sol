// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {WHOLE} from "./Shares.sol";

/// @notice What a revenue vault is bound to for good. Shares are parts per 10^8 of gross.
/// @param token the one token booked.
/// @param versionId the asset version whose revenue this is.
/// @param platform, host, who runs the marketplace and who runs the inference.
/// @param attributor the account that posts epochs and roots.
/// @param fallbackTo who receives the pool if no root is ever final: none of the other parties.
/// @param challengeWindow seconds between a root's posting and its finality.
/// @param panel which of the court's panels judges the epochs: its arbiters, verifiers and bonds.
/// @param termsHash hash of the whole document of terms (reward rule, calibration card, licence).
struct VaultTerms {
    address token;
    uint64 versionId;
    address platform;
    address host;
    address attributor;
    address fallbackTo;
    uint32 platformShare;
    uint32 hostShare;
    uint32 ownerShare;
    uint32 parentsShare;
    uint32 contributorsShare;
    uint32 challengeWindow;
    uint32 panel;
    bytes32 termsHash;
}

/// @title Terms as the six words that stand behind a vault's code.
/// @notice Words: token + platform, host and owner shares; platform + parents and contributors shares
/// and window; host + version + panel; attributor; fallback; terms hash.
///
/// Invariants (`test/RevenueVaultFactory.t.sol`):
///  1. Unpacking what was packed gives the same terms: `testFuzz_terms_survive_packing`.
library VaultTermsCodec {
    uint256 internal constant PACKED_BYTES = 192;

    function pack(VaultTerms memory terms) internal pure returns (bytes memory) {
        return bytes.concat(
            abi.encodePacked(
                terms.token,
                terms.platformShare,
                terms.hostShare,
                terms.ownerShare,
                terms.platform,
                terms.parentsShare,
                terms.contributorsShare,
                terms.challengeWindow
            ),
            abi.encodePacked(
                terms.host,
                terms.versionId,
                terms.panel,
                terms.attributor,
                uint96(0),
                terms.fallbackTo,
                uint96(0),
                terms.termsHash
            )
        );
    }

    function unpack(bytes memory packed) internal pure returns (VaultTerms memory terms) {
        (uint256 w0, uint256 w1, uint256 w2, uint256 w3, uint256 w4, bytes32 w5) =
            abi.decode(packed, (uint256, uint256, uint256, uint256, uint256, bytes32));
        terms.token = address(uint160(w0 >> 96));
        terms.platformShare = uint32(w0 >> 64);
        terms.hostShare = uint32(w0 >> 32);
        terms.ownerShare = uint32(w0);
        terms.platform = address(uint160(w1 >> 96));
        terms.parentsShare = uint32(w1 >> 64);
        terms.contributorsShare = uint32(w1 >> 32);
        terms.challengeWindow = uint32(w1);
        terms.host = address(uint160(w2 >> 96));
        terms.versionId = uint64(w2 >> 32);
        terms.panel = uint32(w2);
        terms.attributor = address(uint160(w3 >> 96));
        terms.fallbackTo = address(uint160(w4 >> 96));
        terms.termsHash = w5;
    }

    /// @notice The sum of all shares: 10^8 in valid terms.
    function totalShare(VaultTerms memory terms) internal pure returns (uint256) {
        return uint256(terms.platformShare) + terms.hostShare + terms.ownerShare
            + terms.parentsShare + terms.contributorsShare;
    }
}
