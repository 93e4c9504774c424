// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

import {IPermit2} from "./IPermit2.sol";

/// @title What x402's two Permit2 proxies share: their checks, and the approval by EIP-2612.
/// @notice A proxy is the spender that payers sign for. It holds nothing and owns nothing: it only
/// refuses to move money to anybody but the payee under the signature.
abstract contract Permit2Proxy {
    struct EIP2612Permit {
        uint256 value;
        uint256 deadline;
        bytes32 r;
        bytes32 s;
        uint8 v;
    }

    IPermit2 public immutable PERMIT2;

    event Settled();
    event SettledWithPermit();

    error InvalidOwner();
    error InvalidDestination();
    error InvalidAmount();
    error PaymentTooEarly();
    error Permit2612AmountMismatch();

    constructor(address permit2) {
        PERMIT2 = IPermit2(permit2);
    }

    function _check(address owner, address to, uint256 amount, uint256 validAfter) internal view {
        if (owner == address(0)) revert InvalidOwner();
        if (to == address(0)) revert InvalidDestination();
        if (amount == 0) revert InvalidAmount();
        if (block.timestamp < validAfter) revert PaymentTooEarly();
    }

    /// @dev A permit that fails may have been used by somebody who saw it first, and then its
    /// allowance stands: whether there is one is for the transfer to find out.
    function _approve(
        EIP2612Permit calldata permit2612,
        IPermit2.TokenPermissions calldata permitted,
        address owner
    ) internal {
        if (permit2612.value != permitted.amount) {
            revert Permit2612AmountMismatch();
        }
        try IERC20Permit(permitted.token)
            .permit(
                owner,
                address(PERMIT2),
                permit2612.value,
                permit2612.deadline,
                permit2612.v,
                permit2612.r,
                permit2612.s
            ) {}
            catch {}
    }
}
