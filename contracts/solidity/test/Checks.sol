// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The part of forge's cheat codes that these tests use.
/// @notice Declared here so that the tests need no library: forge answers at this address.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function warp(uint256 timestamp) external;
    function roll(uint256 number) external;
    function chainId(uint256 id) external;
    function deal(address account, uint256 balance) external;
    function etch(address target, bytes calldata code) external;
    function expectRevert() external;
    function expectRevert(bytes4 selector) external;
    function expectRevert(bytes calldata data) external;
    function expectPartialRevert(bytes4 selector) external;
    function assume(bool condition) external pure;
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory);
    function getCode(string calldata artifact) external view returns (bytes memory);
    function getNonce(address account) external view returns (uint64);
    function setNonce(address account, uint64 nonce) external;
    function setBlockhash(uint256 number, bytes32 hash) external;
    function snapshotGasLastCall(string calldata group, string calldata name)
        external
        returns (uint256);
}

Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

error CheckFailed(string what, uint256 left, uint256 right);

/// @title Checks that say what they compared.
abstract contract Checks {
    function check(bool holds, string memory what) internal pure {
        if (!holds) revert CheckFailed(what, 0, 1);
    }

    function checkEq(uint256 left, uint256 right, string memory what) internal pure {
        if (left != right) revert CheckFailed(what, left, right);
    }

    function checkEq(address left, address right, string memory what) internal pure {
        checkEq(uint160(left), uint160(right), what);
    }

    function checkEq(bytes32 left, bytes32 right, string memory what) internal pure {
        checkEq(uint256(left), uint256(right), what);
    }

    function checkAtMost(uint256 left, uint256 right, string memory what) internal pure {
        if (left > right) revert CheckFailed(what, left, right);
    }

    /// @notice A value between `low` and `high`, both possible, from any fuzzed number.
    function within(uint256 x, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + (x % (high - low + 1));
    }

    /// @notice How many events of a kind were recorded since the last count.
    function counted(bytes32 kind) internal returns (uint256 found) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == kind) ++found;
        }
    }

    function signed(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }
}
