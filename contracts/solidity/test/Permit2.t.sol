// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IPermit2} from "../src/IPermit2.sol";
import {Permit2} from "../src/Permit2.sol";
import {vm} from "./Checks.sol";
import {Permits} from "./Permits.sol";

/// @notice A contract account that accepts one digest.
contract AccountWithCode {
    bytes32 private immutable _accepted;

    constructor(bytes32 accepted) {
        _accepted = accepted;
    }

    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        return digest == _accepted ? this.isValidSignature.selector : bytes4(0);
    }
}

contract Permit2Test is Permits {
    string private constant WITNESS =
        "Note witness)Note(uint256 number)TokenPermissions(address token,uint256 amount)";

    function setUp() public {
        _setUpPermits();
        _approvePermit2();
    }

    function test_it_answers_with_permit2s_domain() public view {
        bytes32 expected = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)"),
                keccak256("Permit2"),
                84532,
                address(permit2)
            )
        );
        checkEq(permit2.DOMAIN_SEPARATOR(), expected, "domain");
    }

    function testFuzz_a_signature_moves_what_is_asked_up_to_its_ceiling(
        uint256 ceiling,
        uint256 asked,
        uint256 nonce
    ) public {
        ceiling = within(ceiling, 0, FUNDS);
        asked = within(asked, 0, ceiling);
        IPermit2.PermitTransferFrom memory permit = _permit(ceiling, nonce);
        permit2.permitTransferFrom(permit, _to(asked), payer, _sign(permit));
        checkEq(token.balanceOf(PAYEE), asked, "payee");
        checkEq(token.balanceOf(payer), FUNDS - asked, "payer");
        checkEq(permit2.nonceBitmap(payer, nonce >> 8), 1 << (nonce & 0xff), "one bit");
    }

    function test_more_than_signed_is_refused() public {
        IPermit2.PermitTransferFrom memory permit = _permit(10, 1);
        bytes memory signature = _sign(permit);
        vm.expectRevert(abi.encodeWithSelector(Permit2.InvalidAmount.selector, 10));
        permit2.permitTransferFrom(permit, _to(11), payer, signature);
        permit.permitted.amount = 11;
        vm.expectRevert(Permit2.InvalidSignature.selector);
        permit2.permitTransferFrom(permit, _to(11), payer, signature);
    }

    function test_a_nonce_works_once() public {
        IPermit2.PermitTransferFrom memory permit = _permit(10, 257);
        permit2.permitTransferFrom(permit, _to(4), payer, _sign(permit));
        bytes memory again = _sign(permit);
        vm.expectRevert(Permit2.InvalidNonce.selector);
        permit2.permitTransferFrom(permit, _to(4), payer, again);
        bytes memory other = signed(PAYER_KEY, _digest(permit, address(this), "x", WITNESS));
        vm.expectRevert(Permit2.InvalidNonce.selector);
        permit2.permitWitnessTransferFrom(permit, _to(4), payer, "x", WITNESS, other);
        checkEq(token.balanceOf(PAYEE), 4, "once");
    }

    function test_a_signature_is_for_one_spender() public {
        IPermit2.PermitTransferFrom memory permit = _permit(10, 1);
        bytes memory signature = _sign(permit);
        vm.prank(PAYEE);
        vm.expectRevert(Permit2.InvalidSignature.selector);
        permit2.permitTransferFrom(permit, _to(10), payer, signature);
    }

    function test_a_permit_expires() public {
        IPermit2.PermitTransferFrom memory permit = _permit(10, 1);
        bytes memory signature = _sign(permit);
        vm.warp(DEADLINE + 1);
        vm.expectRevert(abi.encodeWithSelector(Permit2.SignatureExpired.selector, DEADLINE));
        permit2.permitTransferFrom(permit, _to(10), payer, signature);
        vm.warp(DEADLINE);
        permit2.permitTransferFrom(permit, _to(10), payer, signature);
        checkEq(token.balanceOf(PAYEE), 10, "the deadline itself is in time");
    }

    function test_another_witness_is_refused() public {
        IPermit2.PermitTransferFrom memory permit = _permit(10, 1);
        bytes memory signature = signed(PAYER_KEY, _digest(permit, address(this), "x", WITNESS));
        vm.expectRevert(Permit2.InvalidSignature.selector);
        permit2.permitWitnessTransferFrom(permit, _to(10), payer, "y", WITNESS, signature);
        string memory renamed =
            "Note witness)Note(uint256 amount)TokenPermissions(address token,uint256 amount)";
        vm.expectRevert(Permit2.InvalidSignature.selector);
        permit2.permitWitnessTransferFrom(permit, _to(10), payer, "x", renamed, signature);
        permit2.permitWitnessTransferFrom(permit, _to(10), payer, "x", WITNESS, signature);
        checkEq(token.balanceOf(PAYEE), 10, "paid");
    }

    function test_a_cancelled_nonce_is_spent() public {
        IPermit2.PermitTransferFrom memory permit = _permit(10, 256 + 5);
        bytes memory signature = _sign(permit);
        vm.prank(payer);
        permit2.invalidateUnorderedNonces(1, 1 << 5);
        vm.expectRevert(Permit2.InvalidNonce.selector);
        permit2.permitTransferFrom(permit, _to(10), payer, signature);
        permit.nonce = 5;
        permit2.permitTransferFrom(permit, _to(10), payer, _sign(permit));
    }

    function test_a_contract_account_signs_by_erc1271() public {
        IPermit2.PermitTransferFrom memory permit = _permit(10, 1);
        bytes32 digest = _digest(permit, address(this), 0, "");
        address account = address(new AccountWithCode(digest));
        token.mint(account, 10);
        vm.prank(account);
        token.approve(address(permit2), 10);
        permit2.permitTransferFrom(permit, _to(10), account, "anything");
        checkEq(token.balanceOf(PAYEE), 10, "payee");
        permit.nonce = 2;
        vm.expectRevert(Permit2.InvalidSignature.selector);
        permit2.permitTransferFrom(permit, _to(10), account, "anything");
    }

    function _to(uint256 amount) private pure returns (IPermit2.SignatureTransferDetails memory) {
        return IPermit2.SignatureTransferDetails(PAYEE, amount);
    }

    function _sign(IPermit2.PermitTransferFrom memory permit) private view returns (bytes memory) {
        return signed(PAYER_KEY, _digest(permit, address(this), 0, ""));
    }
}
