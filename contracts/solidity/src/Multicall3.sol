// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Many calls in one, for development chains, behind the public Multicall3 interface.
/// @notice It holds nothing and is trusted with nothing: it forwards calls and reports what came back.
///
/// Invariants (`test/Multicall3.t.sol`):
///  1. Results come in the order of the calls: `test_results_come_in_order`.
///  2. A call that may not fail undoes everything when it fails: `test_a_required_call_undoes_all`.
///  3. Value sent equals value forwarded: `test_value_must_match`.
contract Multicall3 {
    struct Call {
        address target;
        bytes callData;
    }

    struct Call3 {
        address target;
        bool allowFailure;
        bytes callData;
    }

    struct Call3Value {
        address target;
        bool allowFailure;
        uint256 value;
        bytes callData;
    }

    struct Result {
        bool success;
        bytes returnData;
    }

    error CallFailed(uint256 index, bytes returnData);
    error ValueMismatch(uint256 sent, uint256 forwarded);

    /// @notice Runs every call; the first failure undoes all.
    function aggregate(Call[] calldata calls)
        external
        payable
        returns (uint256 blockNumber, bytes[] memory returnData)
    {
        Result[] memory results = _run(true, calls);
        blockNumber = block.number;
        returnData = new bytes[](results.length);
        for (uint256 i = 0; i < results.length; ++i) {
            returnData[i] = results[i].returnData;
        }
    }

    /// @notice Runs every call; a failure undoes all only if `requireSuccess`.
    function tryAggregate(bool requireSuccess, Call[] calldata calls)
        external
        payable
        returns (Result[] memory returnData)
    {
        return _run(requireSuccess, calls);
    }

    function tryBlockAndAggregate(bool requireSuccess, Call[] calldata calls)
        public
        payable
        returns (uint256 blockNumber, bytes32 blockHash, Result[] memory returnData)
    {
        return (block.number, blockhash(block.number), _run(requireSuccess, calls));
    }

    function blockAndAggregate(Call[] calldata calls)
        external
        payable
        returns (uint256 blockNumber, bytes32 blockHash, Result[] memory returnData)
    {
        return tryBlockAndAggregate(true, calls);
    }

    /// @notice Runs every call, each with its own leave to fail.
    function aggregate3(Call3[] calldata calls)
        external
        payable
        returns (Result[] memory returnData)
    {
        returnData = new Result[](calls.length);
        for (uint256 i = 0; i < calls.length; ++i) {
            Call3 calldata item = calls[i];
            returnData[i] = _forward(i, !item.allowFailure, item.target, 0, item.callData);
        }
    }

    /// @notice As `aggregate3`, each call with its own share of the value sent.
    function aggregate3Value(Call3Value[] calldata calls)
        external
        payable
        returns (Result[] memory returnData)
    {
        uint256 forwarded;
        returnData = new Result[](calls.length);
        for (uint256 i = 0; i < calls.length; ++i) {
            Call3Value calldata item = calls[i];
            forwarded += item.value;
            returnData[i] = _forward(i, !item.allowFailure, item.target, item.value, item.callData);
        }
        if (forwarded != msg.value) revert ValueMismatch(msg.value, forwarded);
    }

    function getBlockHash(uint256 blockNumber) external view returns (bytes32) {
        return blockhash(blockNumber);
    }

    function getLastBlockHash() external view returns (bytes32) {
        return blockhash(block.number - 1);
    }

    function getBlockNumber() external view returns (uint256) {
        return block.number;
    }

    function getCurrentBlockTimestamp() external view returns (uint256) {
        return block.timestamp;
    }

    function getCurrentBlockCoinbase() external view returns (address) {
        return block.coinbase;
    }

    function getCurrentBlockDifficulty() external view returns (uint256) {
        return block.prevrandao;
    }

    function getCurrentBlockGasLimit() external view returns (uint256) {
        return block.gaslimit;
    }

    function getBasefee() external view returns (uint256) {
        return block.basefee;
    }

    function getChainId() external view returns (uint256) {
        return block.chainid;
    }

    function getEthBalance(address account) external view returns (uint256) {
        return account.balance;
    }

    function _run(bool requireSuccess, Call[] calldata calls)
        private
        returns (Result[] memory results)
    {
        results = new Result[](calls.length);
        for (uint256 i = 0; i < calls.length; ++i) {
            results[i] = _forward(i, requireSuccess, calls[i].target, 0, calls[i].callData);
        }
    }

    function _forward(
        uint256 index,
        bool requireSuccess,
        address target,
        uint256 value,
        bytes calldata callData
    ) private returns (Result memory result) {
        (result.success, result.returnData) = target.call{value: value}(callData);
        if (requireSuccess && !result.success) revert CallFailed(index, result.returnData);
    }
}
