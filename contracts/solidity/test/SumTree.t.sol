// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Entitlement, SumNode, SumTree} from "../src/SumTree.sol";
import {RevenueVault} from "../src/RevenueVault.sol";
import {SettlementToken} from "../src/SettlementToken.sol";
import {Vaults} from "./Vaults.sol";

contract SumTreeTest is Vaults {
    uint8 private constant DEPTH = 3;

    function setUp() public {
        // Leaves name a vault and a token; any addresses do.
        vault = RevenueVault(address(0x7A));
        token = SettlementToken(address(0x70));
    }

    function testFuzz_every_leaf_opens(uint128[8] memory amounts, uint8 count) public view {
        Entitlement[] memory leaves = _leaves(amounts, within(count, 1, 8));
        (bytes32 root, uint128 sum) = _tree(leaves, DEPTH);
        for (uint32 i = 0; i < leaves.length; ++i) {
            check(this.opens(root, sum, DEPTH, leaves[i], _proof(leaves, DEPTH, i)), "opens");
        }
    }

    function testFuzz_a_leaf_is_hashed_as_it_is_defined(
        Entitlement memory leaf,
        address vault_,
        address token_
    ) public view {
        bytes memory parts = abi.encodePacked(
            bytes1(0),
            block.chainid,
            vault_,
            token_,
            leaf.position,
            leaf.account,
            leaf.cumulative,
            leaf.detailRoot
        );
        checkEq(SumTree.leafHash(leaf, vault_, token_), keccak256(parts), "the definition");
    }

    function test_a_tree_is_at_most_as_deep_as_positions_are_long() public view {
        checkEq(SumTree.MAX_DEPTH, 32, "positions have 32 bits");
        (bool fits,,) = this.climb(type(uint32).max, new bytes(32 * 48));
        check(fits, "the deepest");
        (fits,,) = this.climb(type(uint32).max, new bytes(33 * 48));
        check(!fits, "deeper");
    }

    function climb(uint32 position, bytes calldata proof)
        external
        pure
        returns (bool, bytes32, uint256)
    {
        return SumTree.climb(position, keccak256("leaf"), 1, proof);
    }

    function testFuzz_a_changed_opening_fails(
        uint128[8] memory amounts,
        uint256 which,
        uint256 part,
        uint256 change
    ) public view {
        Entitlement[] memory leaves = _leaves(amounts, 8);
        (bytes32 root, uint128 sum) = _tree(leaves, DEPTH);
        uint32 position = uint32(within(which, 0, 7));
        Entitlement memory leaf = leaves[position];
        SumNode[] memory proof = _neighbours(leaves, DEPTH, position);
        uint256 level = within(change, 0, DEPTH - 1);
        part = within(part, 0, 6);
        if (part == 0) leaf.cumulative ^= 1;
        if (part == 1) leaf.account = address(uint160(leaf.account) ^ 1);
        if (part == 2) leaf.detailRoot ^= bytes32(uint256(1));
        if (part == 3) leaf.position ^= uint32(1 << level);
        if (part == 4) proof[level].sum ^= 1;
        if (part == 5) proof[level].hash ^= bytes32(uint256(1));
        if (part == 6) sum ^= 1;
        check(!this.opens(root, sum, DEPTH, leaf, _packed(proof)), "must not open");
    }

    function test_a_position_beyond_the_tree_does_not_open() public view {
        uint128[8] memory amounts;
        Entitlement[] memory leaves = _leaves(amounts, 8);
        (bytes32 root, uint128 sum) = _tree(leaves, DEPTH);
        leaves[0].position = 8;
        check(!this.opens(root, sum, DEPTH, leaves[0], _proof(leaves, DEPTH, 0)), "beyond");
    }

    /// @notice Under a hash of the children's total, leaves (60, ·) and (·, 60) would both open
    /// against one root of 60.
    function test_two_leaves_cannot_share_one_sum() public view {
        Entitlement[] memory leaves = _two(60, 0);
        (bytes32 root, uint128 sum) = _tree(leaves, 1);
        Entitlement[] memory other = _two(0, 60);
        check(this.opens(root, sum, 1, leaves[0], _proof(leaves, 1, 0)), "the honest one opens");
        check(!this.opens(root, sum, 1, other[1], _proof(other, 1, 1)), "the other does not");
        SumNode[] memory proof = _neighbours(leaves, 1, 1);
        proof[0].sum = 0;
        check(!this.opens(root, sum, 1, other[1], _packed(proof)), "nor with the sum moved");
    }

    function test_a_proof_has_the_depth_of_the_tree() public view {
        Entitlement[] memory leaves = _two(60, 40);
        (bytes32 root, uint128 sum) = _tree(leaves, 2);
        check(!this.opens(root, sum, 2, leaves[0], _proof(leaves, 1, 0)), "shorter");
        check(!this.opens(root, sum, 1, leaves[0], _proof(leaves, 2, 0)), "longer");
        check(this.opens(root, sum, 2, leaves[0], _proof(leaves, 2, 0)), "right");
    }

    function test_a_proof_is_whole_nodes() public view {
        Entitlement[] memory leaves = _two(60, 40);
        (bytes32 root, uint128 sum) = _tree(leaves, 2);
        bytes memory proof = _proof(leaves, 2, 0);
        check(!this.opens(root, sum, 2, leaves[0], bytes.concat(proof, hex"00")), "longer");
        (bool fits,,) = this.climb(0, _leafHash(leaves[0]), 60, bytes.concat(proof, hex"00"));
        check(!fits, "a byte beyond the last node");
    }

    function test_a_sum_that_overflows_does_not_open() public view {
        Entitlement[] memory leaves = _two(type(uint128).max, 0);
        SumNode[] memory proof = _neighbours(leaves, 1, 0);
        proof[0].sum = 1;
        check(!this.opens(bytes32(0), 0, 1, leaves[0], _packed(proof)), "overflow");
    }

    function testFuzz_climbing_is_hashing_level_by_level(
        uint32 position,
        bytes32 start,
        uint128 startSum,
        bytes32[] calldata hashes,
        uint128[] calldata sums
    ) public view {
        uint256 depth = hashes.length < sums.length ? hashes.length : sums.length;
        SumNode[] memory proof = new SumNode[](depth);
        for (uint256 i = 0; i < depth; ++i) {
            proof[i] = SumNode(hashes[i], i % 4 == 0 ? sums[i] : sums[i] >> 64);
        }
        (bool climbed, bytes32 top, uint256 sum) =
            this.climb(position, start, startSum, _packed(proof));
        (bool fits, bytes32 hash, uint256 total) = _climbed(position, start, startSum, proof);
        check(climbed == fits, "fits");
        checkEq(top, hash, "hash");
        checkEq(sum, total, "sum");
    }

    /// @notice Half of the fuzzed sums overflow or miss the tree; here every one fits.
    function testFuzz_climbing_within_a_tree(uint32 position, bytes32[20] calldata hashes)
        public
        view
    {
        uint128[] memory sums = new uint128[](20);
        bytes32[] memory others = new bytes32[](20);
        for (uint256 i = 0; i < 20; ++i) {
            (others[i], sums[i]) = (hashes[i], uint128(uint256(hashes[i]) >> 140));
        }
        this.testFuzz_climbing_is_hashing_level_by_level(
            uint32(position % 2 ** 20), hashes[0], 7, others, sums
        );
    }

    function climb(uint32 position, bytes32 start, uint128 sum, bytes calldata proof)
        external
        pure
        returns (bool, bytes32, uint256)
    {
        return SumTree.climb(position, start, sum, proof);
    }

    /// @dev External, so that the proof arrives as calldata like in the vault.
    function opens(
        bytes32 root,
        uint128 sum,
        uint8 depth,
        Entitlement memory leaf,
        bytes calldata proof
    ) external view returns (bool) {
        bytes32 hash = SumTree.leafHash(leaf, address(vault), address(token));
        return SumTree.opens(root, sum, depth, leaf.position, hash, leaf.cumulative, proof);
    }

    function _climbed(uint32 position, bytes32 start, uint256 sum, SumNode[] memory proof)
        private
        pure
        returns (bool, bytes32 hash, uint256 total)
    {
        if (proof.length > 32 || uint256(position) >> proof.length != 0) {
            return (false, 0, 0);
        }
        (hash, total) = (start, sum);
        for (uint256 i = 0; i < proof.length; ++i) {
            SumNode memory other = proof[i];
            hash = (position >> i) & 1 == 0
                ? SumTree.node(hash, uint128(total), other.hash, other.sum)
                : SumTree.node(other.hash, other.sum, hash, uint128(total));
            total += other.sum;
            if (total > type(uint128).max) return (false, 0, 0);
        }
        return (true, hash, total);
    }

    function _leaves(uint128[8] memory amounts, uint256 count)
        private
        pure
        returns (Entitlement[] memory leaves)
    {
        leaves = new Entitlement[](count);
        for (uint32 i = 0; i < count; ++i) {
            leaves[i] = _leaf(i, address(uint160(0xA000 + i)), amounts[i] / 8);
        }
    }
}
