// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Where a vault asks whether it signs something as the authorizer of its channels.
interface IReceiptDesk {
    /// @notice Whether `signature` makes `digest` signed by `vault`.
    function isAuthorized(address vault, bytes32 digest, bytes calldata signature)
        external
        view
        returns (bool);
}
