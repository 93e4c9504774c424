// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IPermit2} from "./IPermit2.sol";
import {Permit2Proxy} from "./Permit2Proxy.sol";

/// @title x402's `exact` by Permit2: one signature pays one payee the whole permitted amount.
/// @notice Anyone may settle; written from the scheme's public interface. On public networks the
/// canonical deployment is used.
///
/// Invariants (`test/Permit2Proxies.t.sol`):
///  1. The payee under the signature is paid, all of it and nobody else:
///     `testFuzz_exact_moves_exactly_what_was_signed`, `test_exact_pays_no_other_payee`.
///  2. Nothing is paid before `validAfter`: `test_exact_waits_for_its_time`.
///  3. An approval by EIP-2612 is for the price, and one that was used already does no harm:
///     `test_exact_with_a_permit_needs_no_approval`, `test_a_permit_that_was_used_does_no_harm`.
///  4. Nothing stays here: `testFuzz_exact_moves_exactly_what_was_signed`.
contract ExactPermit2Proxy is Permit2Proxy {
    struct Witness {
        address to;
        uint256 validAfter;
    }

    bytes32 public constant WITNESS_TYPEHASH = keccak256("Witness(address to,uint256 validAfter)");
    string public constant WITNESS_TYPE_STRING =
        "Witness witness)TokenPermissions(address token,uint256 amount)Witness(address to,uint256 validAfter)";

    constructor(address permit2) Permit2Proxy(permit2) {}

    /// @notice Pays `witness.to` as `owner` signed; Permit2 must be approved for the token.
    function settle(
        IPermit2.PermitTransferFrom calldata permit,
        address owner,
        Witness calldata witness,
        bytes calldata signature
    ) external {
        _settle(permit, owner, witness, signature);
        emit Settled();
    }

    /// @notice The same, approving Permit2 first by the owner's EIP-2612 signature.
    function settleWithPermit(
        EIP2612Permit calldata permit2612,
        IPermit2.PermitTransferFrom calldata permit,
        address owner,
        Witness calldata witness,
        bytes calldata signature
    ) external {
        _approve(permit2612, permit.permitted, owner);
        _settle(permit, owner, witness, signature);
        emit SettledWithPermit();
    }

    function _settle(
        IPermit2.PermitTransferFrom calldata permit,
        address owner,
        Witness calldata witness,
        bytes calldata signature
    ) private {
        uint256 amount = permit.permitted.amount;
        _check(owner, witness.to, amount, witness.validAfter);
        bytes32 witnessHash =
            keccak256(abi.encode(WITNESS_TYPEHASH, witness.to, witness.validAfter));
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
