// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {Entitlement} from "./SumTree.sol";

/// @notice Where a claim shall go, as its account signs it.
/// @param recipient who is paid, less the fee.
/// @param fee for whoever sends it, atomic units.
/// @param deadline unix seconds.
struct ClaimOrder {
    address recipient;
    uint128 fee;
    uint40 deadline;
}

/// @title A contributor's signed order to pay a claim to somebody else, or to have the gas paid.
/// @notice The order names chain and vault (by the domain), token, position, cumulative amount,
/// recipient, fee and deadline. The cumulative amount is its nonce: once it is paid nothing is due.
abstract contract SignedClaims is EIP712 {
    bytes32 public constant CLAIM_TYPEHASH = keccak256(
        "Claim(address token,uint32 position,uint128 cumulative,address recipient,uint128 fee,uint40 deadline)"
    );

    error ClaimExpired(uint256 deadline);
    error NotSignedByAccount(address account);
    error FeeAboveClaim(uint256 fee, uint256 amount);

    constructor() EIP712("Headwater Vault", "1") {}

    function _requireOrder(
        Entitlement calldata leaf,
        ClaimOrder calldata order,
        address token,
        bytes calldata signature
    ) internal view {
        if (block.timestamp > order.deadline) revert ClaimExpired(order.deadline);
        bytes32 digest = _hashTypedDataV4(
            keccak256(
                abi.encode(
                    CLAIM_TYPEHASH,
                    token,
                    leaf.position,
                    leaf.cumulative,
                    order.recipient,
                    order.fee,
                    order.deadline
                )
            )
        );
        if (!SignatureChecker.isValidSignatureNowCalldata(leaf.account, digest, signature)) {
            revert NotSignedByAccount(leaf.account);
        }
    }
}
