// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {VaultTermsCodec} from "./VaultTerms.sol";

/// @title The code of a vault: ERC-1167's minimal proxy with the packed terms behind it.
/// @notice Byte for byte what OpenZeppelin's `Clones` makes of the same arguments, and read by its
/// `fetchCloneArgs`. Written out so that one copy serves for the address and for the creation.
///
/// Invariants (`test/RevenueVaultFactory.t.sol`):
///  1. The code is that of OpenZeppelin's clones: `test_a_vault_is_a_clone_as_openzeppelin_makes_it`.
library VaultProxy {
    uint256 internal constant CODE_BYTES = 45 + VaultTermsCodec.PACKED_BYTES;

    /// @notice What creates the proxy of `implementation` with these terms.
    function creationCode(address implementation, bytes memory packed)
        internal
        pure
        returns (bytes memory)
    {
        // 0x00b9 is CODE_BYTES: what is copied behind the ten bytes that return it.
        return bytes.concat(
            hex"6100b93d81600a3d39f3363d3d373d3d3d363d73",
            bytes20(implementation),
            hex"5af43d82803e903d91602b57fd5bf3",
            packed
        );
    }

    /// @notice Where a proxy delegates to; whatever its code says, if it is none.
    function target(address proxy) internal view returns (address implementation) {
        assembly ("memory-safe") {
            mstore(0, 0)
            extcodecopy(proxy, 0, 10, 20)
            implementation := shr(96, mload(0))
        }
    }
}
