// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AssetRegistry} from "../src/AssetRegistry.sol";
import {RevenueVault} from "../src/RevenueVault.sol";
import {RevenueVaultFactory} from "../src/RevenueVaultFactory.sol";
import {SettlementToken} from "../src/SettlementToken.sol";
import {Entitlement, SumNode, SumTree} from "../src/SumTree.sol";
import {VaultTerms} from "../src/VaultTerms.sol";
import {Checks, vm} from "./Checks.sol";

/// @title A registry, a factory, one model with its vault, and trees of entitlements.
abstract contract Vaults is Checks {
    address internal constant PLATFORM = address(0x9001);
    address internal constant HOST = address(0x9002);
    address internal constant OWNER = address(0x9003);
    address internal constant ATTRIBUTOR = address(0x9004);
    address internal constant FALLBACK = address(0x9005);
    address internal constant ALICE = address(0xA001);
    address internal constant BOB = address(0xA002);
    uint32 internal constant WINDOW = 60;

    AssetRegistry internal registry;
    RevenueVaultFactory internal factory;
    SettlementToken internal token;
    uint64 internal assetId;
    uint64 internal versionId;
    RevenueVault internal vault;

    function _setUpVaults() internal {
        vm.chainId(84532);
        vm.warp(1_000_000);
        vm.roll(1_000);
        _deploy();
        (assetId, versionId) = _publish(OWNER, new AssetRegistry.Parent[](0), 0);
        vault = RevenueVault(factory.create(_terms(versionId, 0)));
    }

    /// @dev Registry and factory name each other, so the registry's address is computed first.
    function _deploy() internal {
        token = new SettlementToken(address(this));
        address[] memory tokens = new address[](1);
        tokens[0] = address(token);
        address expected = _createdAddress(address(this), 3);
        factory = new RevenueVaultFactory(expected, tokens);
        registry = new AssetRegistry(address(factory));
        checkEq(address(registry), expected, "registry's address");
    }

    function _publish(address owner, AssetRegistry.Parent[] memory parents, uint32 minRoyalty)
        internal
        returns (uint64 asset, uint64 version)
    {
        asset = registry.registerAsset(AssetRegistry.Kind.Model, owner);
        vm.prank(owner);
        version = registry.publishVersion(
            asset, keccak256("content"), keccak256("mit"), minRoyalty, parents
        );
    }

    /// @dev 5 % platform, 20 % host, 15 % owner less the parents' share, 60 % contributors.
    function _terms(uint64 version, uint32 parentsShare) internal view returns (VaultTerms memory) {
        return VaultTerms({
            token: address(token),
            versionId: version,
            platform: PLATFORM,
            host: HOST,
            attributor: ATTRIBUTOR,
            fallbackTo: FALLBACK,
            platformShare: 5_000_000,
            hostShare: 20_000_000,
            ownerShare: 15_000_000 - parentsShare,
            parentsShare: parentsShare,
            contributorsShare: 60_000_000,
            challengeWindow: WINDOW,
            termsHash: keccak256("terms")
        });
    }

    function _pay(RevenueVault to, uint256 amount) internal {
        token.mint(address(to), amount);
    }

    /// @notice Commits the current epoch, records its seed and posts a root.
    function _post(bytes32 root, uint128 sum, uint8 depth) internal {
        uint64 epoch = vault.currentEpoch();
        (bytes32 committed,,,) = vault.commitment();
        if (committed == bytes32(0)) {
            vm.prank(ATTRIBUTOR);
            vault.commitEpoch(epoch, keccak256("receipts"), uint64(block.number - 1));
            vm.roll(block.number + 2);
        }
        vm.prank(ATTRIBUTOR);
        vault.postRoot(epoch, root, sum, depth, keccak256("bundle"));
    }

    function _finalize() internal {
        vm.warp(block.timestamp + WINDOW);
        vault.finalize();
    }

    function _leaf(uint32 position, address account, uint128 cumulative)
        internal
        pure
        returns (Entitlement memory)
    {
        return Entitlement(position, account, cumulative, keccak256("detail"));
    }

    /// @notice The root and sum over leaves at positions 0, 1, 2, …; an account of 0 leaves its slot
    /// unused.
    function _tree(Entitlement[] memory leaves, uint8 depth)
        internal
        view
        returns (bytes32 root, uint128 sum)
    {
        SumNode[] memory level = _slots(leaves, depth);
        for (uint256 width = level.length; width > 1; width /= 2) {
            for (uint256 i = 0; i < width / 2; ++i) {
                level[i] = _join(level[2 * i], level[2 * i + 1]);
            }
        }
        return (level[0].hash, level[0].sum);
    }

    function _proof(Entitlement[] memory leaves, uint8 depth, uint32 position)
        internal
        view
        returns (SumNode[] memory proof)
    {
        proof = new SumNode[](depth);
        SumNode[] memory level = _slots(leaves, depth);
        uint256 width = level.length;
        for (uint256 d = 0; d < depth; ++d) {
            proof[d] = level[(position >> d) ^ 1];
            width /= 2;
            SumNode[] memory above = new SumNode[](width);
            for (uint256 i = 0; i < width; ++i) {
                above[i] = _join(level[2 * i], level[2 * i + 1]);
            }
            level = above;
        }
    }

    function _slots(Entitlement[] memory leaves, uint8 depth)
        private
        view
        returns (SumNode[] memory level)
    {
        level = new SumNode[](uint256(1) << depth);
        for (uint256 i = 0; i < leaves.length; ++i) {
            if (leaves[i].account == address(0)) continue;
            bytes32 hash = SumTree.leafHash(leaves[i], address(vault), address(token));
            level[i] = SumNode(hash, leaves[i].cumulative);
        }
    }

    function _join(SumNode memory left, SumNode memory right)
        private
        pure
        returns (SumNode memory)
    {
        bytes32 hash = keccak256(
            abi.encodePacked(bytes1(0x01), left.hash, left.sum, right.hash, right.sum)
        );
        return SumNode(hash, left.sum + right.sum);
    }

    function _two(uint128 first, uint128 second)
        internal
        pure
        returns (Entitlement[] memory leaves)
    {
        leaves = new Entitlement[](2);
        leaves[0] = _leaf(0, ALICE, first);
        leaves[1] = _leaf(1, BOB, second);
    }

    /// @dev RLP of a creator and a nonce from 1 to 127. A new contract starts at nonce 1; the token is
    /// created with it, the factory with 2, the registry with 3.
    function _createdAddress(address creator, uint8 nonce) private pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"d694", creator, nonce)))));
    }
}
