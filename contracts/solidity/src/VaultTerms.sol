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

/// @title Terms as the 140 bytes that stand behind a vault's code.
/// @notice platform:20 ‖ host:20 ‖ attributor:20 ‖ fallback:20 ‖ version:5 ‖ panel:4 ‖ window:3 ‖
/// shares of platform, host, owner and contributors:4 each ‖ terms hash:32. The parents' share is the
/// rest of the whole, and the token is in the code that the proxy points to: each byte costs its
/// vault 200 gas. No registry reaches 2^40 versions, and the factory bounds the window.
///
/// Invariants (`test/RevenueVaultFactory.t.sol`):
///  1. Unpacking whole terms that were packed gives the same terms: `testFuzz_terms_survive_packing`.
library VaultTermsCodec {
    uint256 internal constant PACKED_BYTES = 140;

    function pack(VaultTerms memory t) internal pure returns (bytes memory packed) {
        // Ascending: what a store writes beyond its value is overwritten by the next one, and the last
        // is a whole word. A struct in memory holds a word for each field.
        assembly ("memory-safe") {
            packed := mload(0x40)
            mstore(0x40, add(packed, 192))
            mstore(packed, PACKED_BYTES)
            let at := add(packed, 32)
            mstore(at, shl(96, mload(add(t, 0x40)))) // platform
            mstore(add(at, 20), shl(96, mload(add(t, 0x60)))) // host
            mstore(add(at, 40), shl(96, mload(add(t, 0x80)))) // attributor
            mstore(add(at, 60), shl(96, mload(add(t, 0xa0)))) // fallbackTo
            mstore(add(at, 80), shl(216, mload(add(t, 0x20)))) // versionId
            mstore(add(at, 85), shl(224, mload(add(t, 0x180)))) // panel
            mstore(add(at, 89), shl(232, mload(add(t, 0x160)))) // challengeWindow
            mstore(add(at, 92), shl(224, mload(add(t, 0xc0)))) // platformShare
            mstore(add(at, 96), shl(224, mload(add(t, 0xe0)))) // hostShare
            mstore(add(at, 100), shl(224, mload(add(t, 0x100)))) // ownerShare
            mstore(add(at, 104), shl(224, mload(add(t, 0x140)))) // contributorsShare
            mstore(add(at, 108), mload(add(t, 0x1a0))) // termsHash
            mstore(add(at, 140), shl(96, mload(t))) // token, beyond the packed terms
        }
    }

    /// @notice What `pack` gave, with the token behind it: all terms as the fewest words.
    function words(bytes memory packed) internal pure returns (bytes32[5] memory all) {
        assembly ("memory-safe") {
            all := add(packed, 32)
        }
    }

    function unpack(bytes memory packed, address token)
        internal
        pure
        returns (VaultTerms memory t)
    {
        t.token = token;
        t.platform = address(uint160(_load(packed, 0, 20)));
        t.host = address(uint160(_load(packed, 20, 20)));
        t.attributor = address(uint160(_load(packed, 40, 20)));
        t.fallbackTo = address(uint160(_load(packed, 60, 20)));
        t.versionId = uint64(_load(packed, 80, 5));
        t.panel = uint32(_load(packed, 85, 4));
        t.challengeWindow = uint32(_load(packed, 89, 3));
        t.platformShare = uint32(_load(packed, 92, 4));
        t.hostShare = uint32(_load(packed, 96, 4));
        t.ownerShare = uint32(_load(packed, 100, 4));
        t.contributorsShare = uint32(_load(packed, 104, 4));
        t.termsHash = bytes32(_load(packed, 108, 32));
        // Packed terms are whole: totalShare(t) leaves the parents out as yet.
        t.parentsShare = uint32(WHOLE - totalShare(t));
    }

    /// @notice The sum of all shares: 10^8 in valid terms.
    function totalShare(VaultTerms memory terms) internal pure returns (uint256) {
        // Five values of 32 bits.
        unchecked {
            return uint256(terms.platformShare) + terms.hostShare + terms.ownerShare
                + terms.parentsShare + terms.contributorsShare;
        }
    }

    function _load(bytes memory packed, uint256 offset, uint256 size)
        private
        pure
        returns (uint256 value)
    {
        assembly ("memory-safe") {
            value := shr(shl(3, sub(32, size)), mload(add(add(packed, 0x20), offset)))
        }
    }
}
