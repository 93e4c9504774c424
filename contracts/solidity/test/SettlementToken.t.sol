// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {SettlementToken} from "../src/SettlementToken.sol";
import {Checks, vm} from "./Checks.sol";

/// @notice A contract account that accepts one digest.
contract ContractAccount {
    bytes32 private immutable _accepted;

    constructor(bytes32 accepted) {
        _accepted = accepted;
    }

    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        return digest == _accepted ? this.isValidSignature.selector : bytes4(0);
    }
}

contract SettlementTokenTest is Checks {
    uint256 private constant KEY = 0xA11CE;
    SettlementToken private token;
    address private payer;
    address private constant PAYEE = address(0xBEEF);

    function setUp() public {
        vm.chainId(84532);
        vm.warp(1_000_000);
        token = new SettlementToken(address(this));
        payer = vm.addr(KEY);
        token.mint(payer, 1_000_000);
    }

    function test_it_answers_as_usdc_on_base_sepolia() public {
        // The canonical address, with the constructor run there.
        address canonical = 0x036CbD53842c5426634e7929541eC2318f3dCF7e;
        vm.etch(canonical, abi.encodePacked(type(SettlementToken).creationCode, abi.encode(payer)));
        (bool ok, bytes memory runtime) = canonical.call("");
        check(ok, "constructed");
        vm.etch(canonical, runtime);
        bytes32 separator = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("USDC"),
                keccak256("2"),
                84532,
                canonical
            )
        );
        checkEq(SettlementToken(canonical).DOMAIN_SEPARATOR(), separator, "domain");
        checkEq(SettlementToken(canonical).decimals(), 6, "decimals");
        checkEq(
            token.TRANSFER_WITH_AUTHORIZATION_TYPEHASH(),
            0x7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267,
            "transfer typehash"
        );
        checkEq(
            token.RECEIVE_WITH_AUTHORIZATION_TYPEHASH(),
            0xd099cc98ef71107a616c4f0f941f04c322d8e254fe26b3c6668db87aae413de8,
            "receive typehash"
        );
    }

    function test_only_the_minter_creates_units() public {
        vm.prank(payer);
        vm.expectPartialRevert(SettlementToken.NotMinter.selector);
        token.mint(payer, 1);
    }

    function testFuzz_an_authorization_moves_exactly_its_value(uint256 value, bytes32 nonce)
        public
    {
        value = within(value, 0, 1_000_000);
        token.transferWithAuthorization(
            payer, PAYEE, value, 0, 2_000_000, nonce, _sign(_transferHash(value, nonce))
        );
        checkEq(token.balanceOf(PAYEE), value, "payee");
        checkEq(token.balanceOf(payer), 1_000_000 - value, "payer");
        checkEq(token.totalSupply(), 1_000_000, "supply");
    }

    function test_an_authorization_works_once() public {
        bytes memory signature = _sign(_transferHash(5, bytes32(uint256(1))));
        token.transferWithAuthorization(
            payer, PAYEE, 5, 0, 2_000_000, bytes32(uint256(1)), signature
        );
        vm.expectRevert(bytes("authorization is used or canceled"));
        token.transferWithAuthorization(
            payer, PAYEE, 5, 0, 2_000_000, bytes32(uint256(1)), signature
        );
    }

    function test_both_forms_of_signature_work() public {
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(KEY, _digest(_transferHash(5, bytes32(uint256(1)))));
        token.transferWithAuthorization(payer, PAYEE, 5, 0, 2_000_000, bytes32(uint256(1)), v, r, s);
        checkEq(token.balanceOf(PAYEE), 5, "payee");
    }

    function test_a_changed_authorization_is_refused() public {
        bytes memory signature = _sign(_transferHash(5, bytes32(uint256(1))));
        vm.expectRevert(bytes("invalid signature"));
        token.transferWithAuthorization(
            payer, PAYEE, 6, 0, 2_000_000, bytes32(uint256(1)), signature
        );
    }

    function test_an_authorization_waits_for_its_window() public {
        vm.expectRevert(bytes("authorization is not yet valid"));
        token.transferWithAuthorization(payer, PAYEE, 5, 1_000_000, 2_000_000, 0, "");
    }

    function test_an_authorization_expires() public {
        vm.expectRevert(bytes("authorization is expired"));
        token.transferWithAuthorization(payer, PAYEE, 5, 0, 1_000_000, 0, "");
    }

    function test_only_the_payee_receives() public {
        bytes32 structHash = _hash(token.RECEIVE_WITH_AUTHORIZATION_TYPEHASH(), 5, 0);
        bytes memory signature = _sign(structHash);
        vm.expectRevert(bytes("caller must be the payee"));
        token.receiveWithAuthorization(payer, PAYEE, 5, 0, 2_000_000, 0, signature);
        vm.prank(PAYEE);
        token.receiveWithAuthorization(payer, PAYEE, 5, 0, 2_000_000, 0, signature);
        checkEq(token.balanceOf(PAYEE), 5, "payee");
    }

    function test_a_cancelled_authorization_is_spent() public {
        bytes32 structHash =
            keccak256(abi.encode(token.CANCEL_AUTHORIZATION_TYPEHASH(), payer, bytes32(0)));
        token.cancelAuthorization(payer, 0, _sign(structHash));
        vm.expectRevert(bytes("authorization is used or canceled"));
        token.transferWithAuthorization(payer, PAYEE, 5, 0, 2_000_000, 0, "");
    }

    function test_a_contract_account_signs_by_erc1271() public {
        // The account's address depends on the digest it accepts and the digest on the address, so
        // the digest is taken for the address that the next creation has.
        address expected = 0x00000000000000000000000000000000000A11cE;
        bytes32 structHash = keccak256(
            abi.encode(
                token.TRANSFER_WITH_AUTHORIZATION_TYPEHASH(), expected, PAYEE, 5, 0, 2_000_000, 0
            )
        );
        vm.etch(expected, address(new ContractAccount(_digest(structHash))).code);
        token.mint(expected, 5);
        token.transferWithAuthorization(expected, PAYEE, 5, 0, 2_000_000, 0, "anything");
        checkEq(token.balanceOf(PAYEE), 5, "payee");
        token.mint(expected, 5);
        vm.expectRevert(bytes("invalid signature"));
        token.transferWithAuthorization(
            expected, PAYEE, 5, 0, 2_000_000, bytes32(uint256(9)), "anything"
        );
    }

    function test_a_permit_works_once() public {
        bytes32 structHash = keccak256(
            abi.encode(token.PERMIT_TYPEHASH(), payer, PAYEE, 7, token.nonces(payer), 2_000_000)
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, _digest(structHash));
        token.permit(payer, PAYEE, 7, 2_000_000, v, r, s);
        checkEq(token.allowance(payer, PAYEE), 7, "allowance");
        vm.expectRevert(bytes("invalid signature"));
        token.permit(payer, PAYEE, 7, 2_000_000, v, r, s);
        vm.expectRevert(bytes("permit is expired"));
        token.permit(payer, PAYEE, 7, 1, v, r, s);
    }

    function _transferHash(uint256 value, bytes32 nonce) private view returns (bytes32) {
        return _hash(token.TRANSFER_WITH_AUTHORIZATION_TYPEHASH(), value, nonce);
    }

    function _hash(bytes32 typehash, uint256 value, bytes32 nonce) private view returns (bytes32) {
        return keccak256(abi.encode(typehash, payer, PAYEE, value, 0, 2_000_000, nonce));
    }

    function _digest(bytes32 structHash) private view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash));
    }

    function _sign(bytes32 structHash) private view returns (bytes memory) {
        return signed(KEY, _digest(structHash));
    }
}
