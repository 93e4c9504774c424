// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ExactPermit2Proxy} from "../src/ExactPermit2Proxy.sol";
import {IPermit2} from "../src/IPermit2.sol";
import {Permit2} from "../src/Permit2.sol";
import {Permit2Proxy} from "../src/Permit2Proxy.sol";
import {UptoPermit2Proxy} from "../src/UptoPermit2Proxy.sol";
import {vm} from "./Checks.sol";
import {Permits} from "./Permits.sol";

contract Permit2ProxiesTest is Permits {
    address private constant FACILITATOR = address(0xFAC);

    function setUp() public {
        _setUpPermits();
    }

    function test_the_typehashes_are_the_published_ones() public view {
        bytes memory stub =
            "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,";
        checkEq(
            keccak256(abi.encodePacked(stub, exact.WITNESS_TYPE_STRING())),
            0xebc156cd23678a74c94df13d772ef5478420637f0c94bd10d509e1dc98f521c7,
            "exact"
        );
        checkEq(
            keccak256(abi.encodePacked(stub, upto.WITNESS_TYPE_STRING())),
            0x51dff6974ad4388c499e7fcfe838d2bd767162553a144098ce20ea661d70c2ee,
            "upto"
        );
    }

    function testFuzz_exact_moves_exactly_what_was_signed(uint256 amount, uint256 nonce) public {
        _approvePermit2();
        amount = within(amount, 1, FUNDS);
        IPermit2.PermitTransferFrom memory permit = _permit(amount, nonce);
        exact.settle(permit, payer, _exactly(PAYEE), _signExact(permit, _exactly(PAYEE)));
        checkEq(token.balanceOf(PAYEE), amount, "payee");
        checkEq(token.balanceOf(payer), FUNDS - amount, "payer");
        checkEq(token.balanceOf(address(exact)), 0, "nothing stays");
    }

    function test_exact_pays_no_other_payee() public {
        _approvePermit2();
        IPermit2.PermitTransferFrom memory permit = _permit(10, 1);
        bytes memory signature = _signExact(permit, _exactly(PAYEE));
        vm.expectRevert(Permit2.InvalidSignature.selector);
        exact.settle(permit, payer, _exactly(address(this)), signature);
        // Nor can the signature be used without the proxy.
        IPermit2.SignatureTransferDetails memory details =
            IPermit2.SignatureTransferDetails(address(this), 10);
        vm.expectRevert(Permit2.InvalidSignature.selector);
        permit2.permitTransferFrom(permit, details, payer, signature);
    }

    function test_exact_waits_for_its_time() public {
        _approvePermit2();
        IPermit2.PermitTransferFrom memory permit = _permit(10, 1);
        ExactPermit2Proxy.Witness memory witness = ExactPermit2Proxy.Witness(PAYEE, 1_000_001);
        bytes memory signature = _signExact(permit, witness);
        vm.expectRevert(Permit2Proxy.PaymentTooEarly.selector);
        exact.settle(permit, payer, witness, signature);
        vm.warp(1_000_001);
        exact.settle(permit, payer, witness, signature);
        checkEq(token.balanceOf(PAYEE), 10, "payee");
    }

    function test_empty_payments_are_refused() public {
        _approvePermit2();
        vm.expectRevert(Permit2Proxy.InvalidAmount.selector);
        exact.settle(_permit(0, 1), payer, _exactly(PAYEE), "");
        vm.expectRevert(Permit2Proxy.InvalidDestination.selector);
        exact.settle(_permit(1, 1), payer, _exactly(address(0)), "");
        vm.expectRevert(Permit2Proxy.InvalidOwner.selector);
        exact.settle(_permit(1, 1), address(0), _exactly(PAYEE), "");
    }

    function test_exact_with_a_permit_needs_no_approval() public {
        IPermit2.PermitTransferFrom memory permit = _permit(10, 1);
        bytes memory signature = _signExact(permit, _exactly(PAYEE));
        Permit2Proxy.EIP2612Permit memory wrong = _permit2612(11);
        vm.expectRevert(Permit2Proxy.Permit2612AmountMismatch.selector);
        exact.settleWithPermit(wrong, permit, payer, _exactly(PAYEE), signature);
        exact.settleWithPermit(_permit2612(10), permit, payer, _exactly(PAYEE), signature);
        checkEq(token.balanceOf(PAYEE), 10, "payee");
        checkEq(token.allowance(payer, address(permit2)), 0, "the approval is used up");
    }

    function test_a_permit_that_was_used_does_no_harm() public {
        IPermit2.PermitTransferFrom memory permit = _permit(10, 1);
        Permit2Proxy.EIP2612Permit memory seen = _permit2612(10);
        token.permit(payer, address(permit2), 10, DEADLINE, seen.v, seen.r, seen.s);
        exact.settleWithPermit(
            seen, permit, payer, _exactly(PAYEE), _signExact(permit, _exactly(PAYEE))
        );
        checkEq(token.balanceOf(PAYEE), 10, "payee");
    }

    function testFuzz_upto_moves_what_is_asked_up_to_its_ceiling(uint256 ceiling, uint256 asked)
        public
    {
        _approvePermit2();
        ceiling = within(ceiling, 1, FUNDS);
        asked = within(asked, 1, ceiling);
        IPermit2.PermitTransferFrom memory permit = _permit(ceiling, 7);
        bytes memory signature = _signUpto(permit, _upTo());
        vm.prank(FACILITATOR);
        upto.settle(permit, asked, payer, _upTo(), signature);
        checkEq(token.balanceOf(PAYEE), asked, "payee");
        checkEq(token.balanceOf(payer), FUNDS - asked, "payer");
        checkEq(token.balanceOf(address(upto)), 0, "nothing stays");
    }

    function test_upto_obeys_its_facilitator_only() public {
        _approvePermit2();
        IPermit2.PermitTransferFrom memory permit = _permit(10, 1);
        bytes memory signature = _signUpto(permit, _upTo());
        vm.expectRevert(UptoPermit2Proxy.UnauthorizedFacilitator.selector);
        upto.settle(permit, 10, payer, _upTo(), signature);
        // Naming oneself breaks the signature.
        UptoPermit2Proxy.Witness memory mine = UptoPermit2Proxy.Witness(PAYEE, address(this), 0);
        vm.expectRevert(Permit2.InvalidSignature.selector);
        upto.settle(permit, 10, payer, mine, signature);
    }

    function test_upto_refuses_more_than_signed() public {
        _approvePermit2();
        IPermit2.PermitTransferFrom memory permit = _permit(10, 1);
        bytes memory signature = _signUpto(permit, _upTo());
        vm.prank(FACILITATOR);
        vm.expectRevert(UptoPermit2Proxy.AmountExceedsPermitted.selector);
        upto.settle(permit, 11, payer, _upTo(), signature);
    }

    function test_upto_settles_once() public {
        _approvePermit2();
        IPermit2.PermitTransferFrom memory permit = _permit(10, 1);
        bytes memory signature = _signUpto(permit, _upTo());
        vm.startPrank(FACILITATOR);
        upto.settle(permit, 3, payer, _upTo(), signature);
        vm.expectRevert(Permit2.InvalidNonce.selector);
        upto.settle(permit, 3, payer, _upTo(), signature);
        vm.stopPrank();
        checkEq(token.balanceOf(PAYEE), 3, "once");
    }

    function test_upto_with_a_permit_needs_no_approval() public {
        IPermit2.PermitTransferFrom memory permit = _permit(10, 1);
        bytes memory signature = _signUpto(permit, _upTo());
        Permit2Proxy.EIP2612Permit memory approval = _permit2612(10);
        vm.prank(FACILITATOR);
        upto.settleWithPermit(approval, permit, 4, payer, _upTo(), signature);
        checkEq(token.balanceOf(PAYEE), 4, "payee");
    }

    function _exactly(address to) private pure returns (ExactPermit2Proxy.Witness memory) {
        return ExactPermit2Proxy.Witness(to, 0);
    }

    function _upTo() private pure returns (UptoPermit2Proxy.Witness memory) {
        return UptoPermit2Proxy.Witness(PAYEE, FACILITATOR, 0);
    }
}
