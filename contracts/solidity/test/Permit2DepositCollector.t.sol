// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BatchSettlement} from "../src/BatchSettlement.sol";
import {IPermit2} from "../src/IPermit2.sol";
import {Permit2} from "../src/Permit2.sol";
import {Permit2DepositCollector} from "../src/Permit2DepositCollector.sol";
import {Permit2Proxy} from "../src/Permit2Proxy.sol";
import {vm} from "./Checks.sol";
import {Permits} from "./Permits.sol";

contract Permit2DepositCollectorTest is Permits {
    BatchSettlement private settlement;
    Permit2DepositCollector private collector;

    function setUp() public {
        _setUpPermits();
        settlement = new BatchSettlement();
        collector = new Permit2DepositCollector(address(settlement), address(permit2));
    }

    function test_the_typehash_is_the_published_one() public view {
        checkEq(
            keccak256(
                abi.encodePacked(
                    "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,",
                    collector.DEPOSIT_WITNESS_TYPE_STRING()
                )
            ),
            0x436a25c01a21a6ed025816c4c9ea3d6132aa879dd7ef16f6188dd3b0aebccc52,
            "deposit"
        );
    }

    function testFuzz_a_permit2_deposit_reaches_the_channel(uint128 amount, uint256 nonce) public {
        _approvePermit2();
        amount = uint128(within(amount, 1, FUNDS));
        settlement.deposit(_config(0), amount, address(collector), _data(0, amount, nonce, ""));
        (uint128 balance,) = settlement.channels(settlement.getChannelId(_config(0)));
        checkEq(balance, amount, "balance");
        checkEq(token.balanceOf(address(settlement)), amount, "held");
        checkEq(token.balanceOf(address(collector)), 0, "nothing stays");
    }

    function test_only_the_settlement_collects() public {
        bytes memory data = _data(0, 10, 1, "");
        bytes32 channelId = settlement.getChannelId(_config(0));
        vm.expectPartialRevert(Permit2DepositCollector.NotSettlement.selector);
        collector.collect(payer, address(token), 10, channelId, data);
    }

    function test_a_permit2_deposit_is_bound_to_its_channel() public {
        _approvePermit2();
        bytes memory data = _data(0, 10, 1, "");
        vm.expectRevert(Permit2.InvalidSignature.selector);
        settlement.deposit(_config("other"), 10, address(collector), data);
    }

    function test_a_permit2_deposit_is_exact() public {
        _approvePermit2();
        bytes memory data = _data(0, 10, 1, "");
        vm.expectRevert(Permit2.InvalidSignature.selector);
        settlement.deposit(_config(0), 9, address(collector), data);
        settlement.deposit(_config(0), 10, address(collector), data);
        vm.expectRevert(Permit2.InvalidNonce.selector);
        settlement.deposit(_config(0), 10, address(collector), data);
    }

    function test_a_permit_comes_along() public {
        bytes memory data = _data(0, 10, 1, _encoded(_permit2612(10)));
        settlement.deposit(_config(0), 10, address(collector), data);
        checkEq(token.balanceOf(address(settlement)), 10, "held");
    }

    function test_a_permit_that_was_used_does_no_harm() public {
        Permit2Proxy.EIP2612Permit memory seen = _permit2612(10);
        bytes memory data = _data(0, 10, 1, _encoded(seen));
        token.permit(payer, address(permit2), 10, DEADLINE, seen.v, seen.r, seen.s);
        settlement.deposit(_config(0), 10, address(collector), data);
        checkEq(token.balanceOf(address(settlement)), 10, "held");
    }

    function _config(bytes32 salt) private view returns (BatchSettlement.ChannelConfig memory) {
        return BatchSettlement.ChannelConfig({
            payer: payer,
            payerAuthorizer: payer,
            receiver: PAYEE,
            receiverAuthorizer: PAYEE,
            token: address(token),
            withdrawDelay: 900,
            salt: salt
        });
    }

    function _data(bytes32 salt, uint128 amount, uint256 nonce, bytes memory permit2612)
        private
        view
        returns (bytes memory)
    {
        IPermit2.PermitTransferFrom memory permit = _permit(amount, nonce);
        bytes32 witness = keccak256(
            abi.encode(collector.DEPOSIT_WITNESS_TYPEHASH(), settlement.getChannelId(_config(salt)))
        );
        bytes32 digest =
            _digest(permit, address(collector), witness, collector.DEPOSIT_WITNESS_TYPE_STRING());
        return abi.encode(nonce, DEADLINE, signed(PAYER_KEY, digest), permit2612);
    }

    function _encoded(Permit2Proxy.EIP2612Permit memory permit2612)
        private
        pure
        returns (bytes memory)
    {
        return abi.encode(
            permit2612.value, permit2612.deadline, permit2612.v, permit2612.r, permit2612.s
        );
    }
}
