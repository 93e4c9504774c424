// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title How a channel's deposit is brought in: one contract for each way to authorize a transfer.
interface IDepositCollector {
    /// @notice Moves exactly `amount` of `token` from `payer` to the calling settlement contract.
    /// @param channelId what the payer's authorization must be bound to.
    /// @param collectorData the authorization, in the collector's own encoding.
    function collect(
        address payer,
        address token,
        uint256 amount,
        bytes32 channelId,
        bytes calldata collectorData
    ) external;
}
