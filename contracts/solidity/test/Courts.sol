// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {DetailOpening, DetailTop, Opening} from "../src/Openings.sol";
import {Entitlement, SumNode, SumTree} from "../src/SumTree.sol";
import {ReceiptLeaf, ReceiptOpening} from "../src/ReceiptTree.sol";
import {Vaults} from "./Vaults.sol";
import {vm} from "./Checks.sol";

/// @title Openings, details, receipts and rulings for tests of the court.
abstract contract Courts is Vaults {
    address internal constant CHALLENGER = address(0xC4A1);

    /// @dev A first final root of two leaves, then a pending one.
    function _twoRoots(Entitlement[] memory was, Entitlement[] memory now_) internal {
        (bytes32 root, uint128 sum) = _tree(was, 1);
        _post(root, sum, 1);
        _finalize();
        _postTwo(now_);
    }

    function _postTwo(Entitlement[] memory leaves) internal {
        (bytes32 root, uint128 sum) = _tree(leaves, 1);
        _post(root, sum, 1);
    }

    /// @dev Posts under a commitment to these receipts.
    function _postReceipts(bytes32 receiptsRoot, Entitlement[] memory leaves) internal {
        uint64 epoch = vault.currentEpoch();
        vm.prank(ATTRIBUTOR);
        vault.commitEpoch(epoch, receiptsRoot, uint64(block.number - 1));
        vm.roll(block.number + 2);
        _postTwo(leaves);
    }

    function _opening(Entitlement[] memory leaves, uint32 position)
        internal
        view
        returns (Opening memory)
    {
        return Opening(leaves[position], _proof(leaves, 1, position));
    }

    /// @dev What a position without any leaf before is opened as.
    function _never(uint32 position) internal pure returns (Opening memory opening) {
        opening.leaf.position = position;
    }

    function _single(bytes32 receiptId, uint128 amount)
        internal
        pure
        returns (bytes32 root, DetailTop memory top)
    {
        root = _detailHash(receiptId, amount);
        top = DetailTop(true, SumNode(receiptId, amount), SumNode(0, 0));
    }

    /// @dev The detail tree of two receipts.
    function _pair(bytes32 first, uint128 one, bytes32 second, uint128 two)
        internal
        pure
        returns (bytes32 root, DetailTop memory top, DetailOpening[] memory openings)
    {
        SumNode memory left = SumNode(_detailHash(first, one), one);
        SumNode memory right = SumNode(_detailHash(second, two), two);
        root = SumTree.node(left.hash, left.sum, right.hash, right.sum);
        top = DetailTop(false, left, right);
        openings = new DetailOpening[](2);
        bytes memory beside = abi.encodePacked(right.hash, right.sum);
        openings[0] = DetailOpening(0, first, one, beside);
        beside = abi.encodePacked(left.hash, left.sum);
        openings[1] = DetailOpening(1, second, two, beside);
    }

    /// @dev The commitment to two receipts.
    function _receipts(ReceiptLeaf memory first, ReceiptLeaf memory second)
        internal
        pure
        returns (bytes32 root, ReceiptOpening[] memory openings)
    {
        bytes32 left = _receiptHash(first);
        bytes32 right = _receiptHash(second);
        bytes32 top = sha256(abi.encodePacked(bytes1(0x01), left, right));
        root = sha256(abi.encodePacked(bytes1(0x02), uint64(2), top));
        openings = new ReceiptOpening[](2);
        bytes32[] memory beside = new bytes32[](1);
        beside[0] = right;
        openings[0] = ReceiptOpening(first, 0, 2, beside);
        beside = new bytes32[](1);
        beside[0] = left;
        openings[1] = ReceiptOpening(second, 1, 2, beside);
    }

    function _receipt(uint256 id, uint128 charge) internal pure returns (ReceiptLeaf memory) {
        return ReceiptLeaf(bytes32(id), charge, keccak256("evidence"));
    }

    function _fund(address account, uint256 amount) internal {
        token.mint(account, amount);
        vm.prank(account);
        token.approve(address(court), amount);
    }

    function _dispute(Opening memory was, Opening memory is_) internal returns (uint256 id) {
        _fund(CHALLENGER, 200);
        vm.prank(CHALLENGER);
        return court.disputeLeaf(vault, was, is_, keccak256("reasons"));
    }

    function _rule(uint256 disputeId, bool yes) internal {
        vm.prank(ARBITER_ONE);
        court.vote(disputeId, yes, keccak256("ruling"));
        vm.prank(ARBITER_TWO);
        court.vote(disputeId, yes, keccak256("ruling"));
    }

    function _bondOf(address attributor) internal view returns (uint256 amount) {
        (amount,,) = court.bonds(address(vault), attributor);
    }

    function _insured() internal view returns (uint256 amount) {
        (amount,) = court.insurance(address(vault));
    }

    function _credit(address account) internal view returns (uint256) {
        return court.credits(address(token), account);
    }

    function _checkCancelled() internal view {
        checkEq(vault.pendingRoot().postedAt, 0, "cancelled");
        check(vault.isCancelled(vault.postings()), "for good");
    }

    function _receiptHash(ReceiptLeaf memory leaf) private pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x00), leaf.receiptId, leaf.charge, leaf.evidence));
    }

    function _detailHash(bytes32 receiptId, uint128 amount) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x02), receiptId, amount));
    }
}
