// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ClaimOrder} from "../src/SignedClaims.sol";
import {Entitlement} from "../src/SumTree.sol";

/// @notice Where an order counts: the vault that it is for, on its chain.
function orderDomain(uint256 chainId, address vault) pure returns (bytes32) {
    return keccak256(
        abi.encode(
            keccak256(
                "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
            ),
            keccak256("Headwater Vault"),
            keccak256("1"),
            chainId,
            vault
        )
    );
}

/// @notice What the account of a leaf signs, spelled out beside the contract's own type hash.
function orderDigest(
    bytes32 domain,
    address token,
    Entitlement memory leaf,
    ClaimOrder memory order
) pure returns (bytes32) {
    bytes32 hash = keccak256(
        abi.encode(
            keccak256(
                "Claim(address token,uint32 position,uint128 cumulative,address recipient,uint128 fee,uint40 deadline)"
            ),
            token,
            leaf.position,
            leaf.cumulative,
            order.recipient,
            order.fee,
            order.deadline
        )
    );
    return keccak256(abi.encodePacked(hex"1901", domain, hash));
}
