// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ContractSet} from "../src/ContractSet.sol";
import {Checks, vm} from "./Checks.sol";

contract First {
    address public immutable second;
    uint256 public immutable number;

    constructor(address second_, uint256 number_) {
        second = second_;
        number = number_;
    }
}

contract Second {
    address public immutable first;

    constructor(address first_) {
        first = first_;
    }
}

contract Failing {
    constructor() {
        revert("never");
    }
}

contract ContractSetTest is Checks {
    ContractSet private set;

    function setUp() public {
        set = new ContractSet(_two());
    }

    function test_parts_are_where_they_were_expected() public {
        address first = set.create(type(First).creationCode);
        address second = set.create(type(Second).creationCode);
        checkEq(first, set.addressOf(0), "first");
        checkEq(second, set.addressOf(1), "second");
        checkEq(First(first).second(), second, "knows the later one");
        checkEq(First(first).number(), 7, "literal");
        checkEq(Second(second).first(), first, "knows the earlier one");
        checkEq(set.created(), set.partCount(), "all");
        vm.expectRevert(ContractSet.AllCreated.selector);
        set.create(type(Second).creationCode);
        vm.expectPartialRevert(ContractSet.PartsOutOfRange.selector);
        set.addressOf(2);
    }

    function test_only_the_fixed_code_is_created() public {
        vm.expectPartialRevert(ContractSet.WrongCode.selector);
        set.create(type(Second).creationCode);
        checkEq(set.created(), 0, "none");
        set.create(type(First).creationCode);
        vm.expectPartialRevert(ContractSet.WrongCode.selector);
        set.create(type(First).creationCode);
    }

    function test_a_part_that_fails_is_not_counted() public {
        ContractSet.Part[] memory parts = new ContractSet.Part[](1);
        parts[0] = ContractSet.Part(keccak256(type(Failing).creationCode), new uint8[](0), "");
        set = new ContractSet(parts);
        vm.expectPartialRevert(ContractSet.PartFailed.selector);
        set.create(type(Failing).creationCode);
        checkEq(set.created(), 0, "none");
    }

    function test_a_set_needs_parts_and_refers_to_its_own() public {
        vm.expectPartialRevert(ContractSet.PartsOutOfRange.selector);
        new ContractSet(new ContractSet.Part[](0));
        vm.expectPartialRevert(ContractSet.PartsOutOfRange.selector);
        new ContractSet(new ContractSet.Part[](128));
        ContractSet.Part[] memory parts = _two();
        parts[1].refs[0] = 2;
        vm.expectPartialRevert(ContractSet.PartsOutOfRange.selector);
        new ContractSet(parts);
    }

    function _two() private pure returns (ContractSet.Part[] memory parts) {
        parts = new ContractSet.Part[](2);
        parts[0] = ContractSet.Part(
            keccak256(type(First).creationCode), new uint8[](1), abi.encode(uint256(7))
        );
        parts[0].refs[0] = 1;
        parts[1] = ContractSet.Part(keccak256(type(Second).creationCode), new uint8[](1), "");
    }
}
