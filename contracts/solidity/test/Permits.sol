// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ExactPermit2Proxy} from "../src/ExactPermit2Proxy.sol";
import {IPermit2} from "../src/IPermit2.sol";
import {Permit2} from "../src/Permit2.sol";
import {Permit2Proxy} from "../src/Permit2Proxy.sol";
import {SettlementToken} from "../src/SettlementToken.sol";
import {UptoPermit2Proxy} from "../src/UptoPermit2Proxy.sol";
import {Checks, vm} from "./Checks.sol";

/// @title One payer who has approved Permit2, and the signatures that it gives.
abstract contract Permits is Checks {
    uint256 internal constant PAYER_KEY = 0xA11CE;
    address internal constant PAYEE = address(0xCAFE);
    uint256 internal constant FUNDS = 1_000_000_000_000;
    uint256 internal constant DEADLINE = 2_000_000;

    Permit2 internal permit2;
    ExactPermit2Proxy internal exact;
    UptoPermit2Proxy internal upto;
    SettlementToken internal token;
    address internal payer;

    function _setUpPermits() internal {
        vm.chainId(84532);
        vm.warp(1_000_000);
        permit2 = new Permit2();
        exact = new ExactPermit2Proxy(address(permit2));
        upto = new UptoPermit2Proxy(address(permit2));
        token = new SettlementToken(address(this));
        payer = vm.addr(PAYER_KEY);
        token.mint(payer, FUNDS);
    }

    function _approvePermit2() internal {
        vm.prank(payer);
        token.approve(address(permit2), type(uint256).max);
    }

    function _permit(uint256 amount, uint256 nonce)
        internal
        view
        returns (IPermit2.PermitTransferFrom memory)
    {
        return IPermit2.PermitTransferFrom(
            IPermit2.TokenPermissions(address(token), amount), nonce, DEADLINE
        );
    }

    /// @notice What the payer signs for `spender`; `witness` is left out where its type is empty.
    function _digest(
        IPermit2.PermitTransferFrom memory permit,
        address spender,
        bytes32 witness,
        string memory witnessType
    ) internal view returns (bytes32) {
        bytes32 permitted = keccak256(
            abi.encode(
                keccak256("TokenPermissions(address token,uint256 amount)"),
                permit.permitted.token,
                permit.permitted.amount
            )
        );
        bytes memory fields = abi.encode(permitted, spender, permit.nonce, permit.deadline);
        bool bare = bytes(witnessType).length == 0;
        bytes32 typeHash = bare
            ? keccak256(
                "PermitTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline)TokenPermissions(address token,uint256 amount)"
            )
            : keccak256(
                abi.encodePacked(
                    "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,",
                    witnessType
                )
            );
        bytes32 structHash = keccak256(
            bare ? abi.encodePacked(typeHash, fields) : abi.encodePacked(typeHash, fields, witness)
        );
        return keccak256(abi.encodePacked(hex"1901", permit2.DOMAIN_SEPARATOR(), structHash));
    }

    function _signExact(
        IPermit2.PermitTransferFrom memory permit,
        ExactPermit2Proxy.Witness memory witness
    ) internal view returns (bytes memory) {
        bytes32 hash = keccak256(
            abi.encode(exact.WITNESS_TYPEHASH(), witness.to, witness.validAfter)
        );
        return signed(PAYER_KEY, _digest(permit, address(exact), hash, exact.WITNESS_TYPE_STRING()));
    }

    function _signUpto(
        IPermit2.PermitTransferFrom memory permit,
        UptoPermit2Proxy.Witness memory witness
    ) internal view returns (bytes memory) {
        bytes32 hash = keccak256(
            abi.encode(upto.WITNESS_TYPEHASH(), witness.to, witness.facilitator, witness.validAfter)
        );
        return signed(PAYER_KEY, _digest(permit, address(upto), hash, upto.WITNESS_TYPE_STRING()));
    }

    /// @notice The payer's EIP-2612 signature that approves Permit2 for `value`.
    function _permit2612(uint256 value) internal view returns (Permit2Proxy.EIP2612Permit memory) {
        bytes32 structHash = keccak256(
            abi.encode(
                token.PERMIT_TYPEHASH(),
                payer,
                address(permit2),
                value,
                token.nonces(payer),
                DEADLINE
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(
            PAYER_KEY, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash))
        );
        return Permit2Proxy.EIP2612Permit(value, DEADLINE, r, s, v);
    }
}
