// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Multicall3} from "../src/Multicall3.sol";
import {Checks, vm} from "./Checks.sol";

contract Target {
    uint256 public value;

    function set(uint256 to) external payable returns (uint256) {
        value = to;
        return to;
    }

    function fail() external pure {
        revert("no");
    }
}

contract Multicall3Test is Checks {
    Multicall3 private multicall;
    Target private target;

    function setUp() public {
        multicall = new Multicall3();
        target = new Target();
    }

    function test_what_a_block_is_can_be_read_beside_other_calls() public {
        vm.roll(700);
        vm.warp(1_234_567);
        vm.chainId(84532);
        vm.setBlockhash(699, keccak256("699"));
        vm.setBlockhash(690, keccak256("690"));
        vm.deal(address(target), 5);
        checkEq(multicall.getBlockNumber(), 700, "number");
        checkEq(multicall.getCurrentBlockTimestamp(), 1_234_567, "time");
        checkEq(multicall.getChainId(), 84532, "chain");
        checkEq(multicall.getLastBlockHash(), keccak256("699"), "last hash");
        checkEq(multicall.getBlockHash(690), keccak256("690"), "hash");
        checkEq(multicall.getEthBalance(address(target)), 5, "balance");
        checkEq(multicall.getCurrentBlockCoinbase(), block.coinbase, "coinbase");
        checkEq(multicall.getCurrentBlockDifficulty(), block.prevrandao, "randomness");
        checkEq(multicall.getCurrentBlockGasLimit(), block.gaslimit, "gas limit");
        checkEq(multicall.getBasefee(), block.basefee, "base fee");
    }

    function test_results_come_in_order() public {
        Multicall3.Call3[] memory calls = new Multicall3.Call3[](3);
        calls[0] = Multicall3.Call3(address(target), false, abi.encodeCall(Target.set, (7)));
        calls[1] = Multicall3.Call3(address(target), true, abi.encodeCall(Target.fail, ()));
        calls[2] = Multicall3.Call3(address(target), false, abi.encodeWithSignature("value()"));
        Multicall3.Result[] memory results = multicall.aggregate3(calls);
        checkEq(abi.decode(results[0].returnData, (uint256)), 7, "first");
        check(!results[1].success, "second fails");
        checkEq(abi.decode(results[2].returnData, (uint256)), 7, "third");
    }

    function test_a_required_call_undoes_all() public {
        Multicall3.Call[] memory calls = new Multicall3.Call[](2);
        calls[0] = Multicall3.Call(address(target), abi.encodeCall(Target.set, (7)));
        calls[1] = Multicall3.Call(address(target), abi.encodeCall(Target.fail, ()));
        vm.expectPartialRevert(Multicall3.CallFailed.selector);
        multicall.aggregate(calls);
        vm.expectPartialRevert(Multicall3.CallFailed.selector);
        multicall.tryAggregate(true, calls);
        checkEq(target.value(), 0, "undone");
        Multicall3.Result[] memory results = multicall.tryAggregate(false, calls);
        check(results[0].success && !results[1].success, "one of two");
        checkEq(target.value(), 7, "kept");
    }

    function test_value_must_match() public {
        Multicall3.Call3Value[] memory calls = new Multicall3.Call3Value[](1);
        calls[0] = Multicall3.Call3Value(address(target), false, 3, abi.encodeCall(Target.set, (1)));
        vm.deal(address(this), 10);
        vm.expectPartialRevert(Multicall3.ValueMismatch.selector);
        multicall.aggregate3Value{value: 4}(calls);
        multicall.aggregate3Value{value: 3}(calls);
        checkEq(address(target).balance, 3, "forwarded");
        checkEq(multicall.getEthBalance(address(target)), 3, "seen");
    }

    function test_it_reports_the_block() public {
        vm.roll(50);
        vm.warp(1234);
        vm.chainId(84532);
        checkEq(multicall.getBlockNumber(), 50, "number");
        checkEq(multicall.getCurrentBlockTimestamp(), 1234, "time");
        checkEq(multicall.getChainId(), 84532, "chain");
        checkEq(multicall.getLastBlockHash(), blockhash(49), "hash");
    }
}
