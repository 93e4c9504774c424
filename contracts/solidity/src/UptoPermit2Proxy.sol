// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IPermit2} from "./IPermit2.sol";
import {Permit2Proxy} from "./Permit2Proxy.sol";

/// @title x402's `upto` by Permit2: one signature lets one facilitator move up to a ceiling, once.
/// @notice The payer trusts the facilitator that it names for the amount, within the ceiling, and
/// for nothing else. Written from the scheme's public interface; on public networks the canonical
/// deployment is used.
///
/// Invariants (`test/Permit2Proxies.t.sol`):
///  1. Only the facilitator under the signature settles: `test_upto_obeys_its_facilitator_only`.
///  2. At most the ceiling moves, to the payee under the signature:
///     `testFuzz_upto_moves_what_is_asked_up_to_its_ceiling`, `test_upto_refuses_more_than_signed`.
///  3. It moves once, whatever is left below the ceiling: `test_upto_settles_once`.
///  4. An approval by EIP-2612 is for the ceiling: `test_upto_with_a_permit_needs_no_approval`.
///  5. Nothing stays here: `testFuzz_upto_moves_what_is_asked_up_to_its_ceiling`.
contract UptoPermit2Proxy is Permit2Proxy {
    struct Witness {
        address to;
        address facilitator;
        uint256 validAfter;
    }

    bytes32 public constant WITNESS_TYPEHASH =
        keccak256("Witness(address to,address facilitator,uint256 validAfter)");
    string public constant WITNESS_TYPE_STRING =
        "Witness witness)TokenPermissions(address token,uint256 amount)Witness(address to,address facilitator,uint256 validAfter)";

    error UnauthorizedFacilitator();
    error AmountExceedsPermitted();

    constructor(address permit2) Permit2Proxy(permit2) {}

    /// @notice Pays `witness.to` the `amount` used, as `owner` signed; Permit2 must be approved for
    /// the token.
    function settle(
        IPermit2.PermitTransferFrom calldata permit,
        uint256 amount,
        address owner,
        Witness calldata witness,
        bytes calldata signature
    ) external {
        _settle(permit, amount, owner, witness, signature);
        emit Settled();
    }

    /// @notice The same, approving Permit2 first by the owner's EIP-2612 signature.
    function settleWithPermit(
        EIP2612Permit calldata permit2612,
        IPermit2.PermitTransferFrom calldata permit,
        uint256 amount,
        address owner,
        Witness calldata witness,
        bytes calldata signature
    ) external {
        _approve(permit2612, permit.permitted, owner);
        _settle(permit, amount, owner, witness, signature);
        emit SettledWithPermit();
    }

    function _settle(
        IPermit2.PermitTransferFrom calldata permit,
        uint256 amount,
        address owner,
        Witness calldata witness,
        bytes calldata signature
    ) private {
        if (msg.sender != witness.facilitator) revert UnauthorizedFacilitator();
        if (amount > permit.permitted.amount) revert AmountExceedsPermitted();
        _check(owner, witness.to, amount, witness.validAfter);
        bytes32 witnessHash = keccak256(
            abi.encode(WITNESS_TYPEHASH, witness.to, witness.facilitator, witness.validAfter)
        );
        PERMIT2.permitWitnessTransferFrom(
            permit,
            IPermit2.SignatureTransferDetails(witness.to, amount),
            owner,
            witnessHash,
            WITNESS_TYPE_STRING,
            signature
        );
    }
}
