// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

import {IDepositCollector} from "./IDepositCollector.sol";
import {IPermit2} from "./IPermit2.sol";

/// @title Deposits by Permit2, for tokens without EIP-3009: the payer signs, anyone relays.
/// @notice The witness under the signature is the channel's id, so a signature funds the channel it
/// was made for and no other.
///
/// Invariants (`test/Permit2DepositCollector.t.sol`):
///  1. Only the settlement contract may collect: `test_only_the_settlement_collects`.
///  2. A signature funds its own channel only, with its own amount:
///     `test_a_permit2_deposit_is_bound_to_its_channel`, `test_a_permit2_deposit_is_exact`.
///  3. A permit by EIP-2612 may come along, and one that was used already does no harm:
///     `test_a_permit_comes_along`, `test_a_permit_that_was_used_does_no_harm`.
///  4. Nothing stays here: `testFuzz_a_permit2_deposit_reaches_the_channel`.
contract Permit2DepositCollector is IDepositCollector {
    bytes32 public constant DEPOSIT_WITNESS_TYPEHASH =
        keccak256("DepositWitness(bytes32 channelId)");
    string public constant DEPOSIT_WITNESS_TYPE_STRING =
        "DepositWitness witness)DepositWitness(bytes32 channelId)TokenPermissions(address token,uint256 amount)";

    address public immutable settlement;
    IPermit2 public immutable PERMIT2;

    error NotSettlement(address caller);

    constructor(address settlement_, address permit2) {
        settlement = settlement_;
        PERMIT2 = IPermit2(permit2);
    }

    /// @inheritdoc IDepositCollector
    /// @param collectorData abi.encode(uint256 nonce, uint256 deadline, bytes signature,
    /// bytes permit2612), the last empty or abi.encode(uint256 value, uint256 deadline, uint8 v,
    /// bytes32 r, bytes32 s)
    function collect(
        address payer,
        address token,
        uint256 amount,
        bytes32 channelId,
        bytes calldata collectorData
    ) external {
        if (msg.sender != settlement) revert NotSettlement(msg.sender);
        (uint256 nonce, uint256 deadline, bytes memory signature, bytes memory permit2612) =
            abi.decode(collectorData, (uint256, uint256, bytes, bytes));
        if (permit2612.length > 0) _approve(token, payer, permit2612);
        PERMIT2.permitWitnessTransferFrom(
            IPermit2.PermitTransferFrom(IPermit2.TokenPermissions(token, amount), nonce, deadline),
            IPermit2.SignatureTransferDetails(settlement, amount),
            payer,
            keccak256(abi.encode(DEPOSIT_WITNESS_TYPEHASH, channelId)),
            DEPOSIT_WITNESS_TYPE_STRING,
            signature
        );
    }

    /// @dev A permit that fails may have been used by somebody who saw it first, and then its
    /// allowance stands: whether there is one is for the transfer to find out.
    function _approve(address token, address payer, bytes memory permit2612) private {
        (uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) =
            abi.decode(permit2612, (uint256, uint256, uint8, bytes32, bytes32));
        try IERC20Permit(token).permit(payer, address(PERMIT2), value, deadline, v, r, s) {}
            catch {}
    }
}
