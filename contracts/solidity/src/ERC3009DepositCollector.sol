// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IDepositCollector} from "./IDepositCollector.sol";

interface IReceiveWithAuthorization {
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes memory signature
    ) external;
}

/// @title Deposits by EIP-3009: the payer signs one `ReceiveWithAuthorization`, anyone relays it.
/// @notice The authorization's nonce is keccak256(abi.encode(channelId, salt)), so a signature funds
/// the channel it was made for and no other.
///
/// Invariants (`test/BatchSettlement.t.sol`):
///  1. Only the settlement contract may collect, otherwise whoever saw the signature first would be
///     paid: `test_only_the_settlement_collects`.
///  2. A signature funds its own channel only: `test_a_deposit_signature_is_bound_to_its_channel`.
///  3. Nothing stays here: `test_the_collector_keeps_nothing`.
contract ERC3009DepositCollector is IDepositCollector {
    using SafeERC20 for IERC20;

    address public immutable settlement;

    error NotSettlement(address caller);

    constructor(address settlement_) {
        settlement = settlement_;
    }

    /// @inheritdoc IDepositCollector
    /// @param collectorData abi.encode(uint256 validAfter, uint256 validBefore, uint256 salt,
    /// bytes signature)
    function collect(
        address payer,
        address token,
        uint256 amount,
        bytes32 channelId,
        bytes calldata collectorData
    ) external {
        if (msg.sender != settlement) revert NotSettlement(msg.sender);
        (uint256 validAfter, uint256 validBefore, uint256 salt, bytes memory signature) =
            abi.decode(collectorData, (uint256, uint256, uint256, bytes));
        bytes32 nonce = keccak256(abi.encode(channelId, salt));
        IReceiveWithAuthorization(token)
            .receiveWithAuthorization(
                payer, address(this), amount, validAfter, validBefore, nonce, signature
            );
        IERC20(token).safeTransfer(settlement, amount);
    }
}
