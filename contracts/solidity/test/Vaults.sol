// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AssetRegistry} from "../src/AssetRegistry.sol";
import {AvailabilityDemands} from "../src/AvailabilityDemands.sol";
import {BatchSettlement} from "../src/BatchSettlement.sol";
import {BondRules} from "../src/BondRules.sol";
import {ContributionBond} from "../src/ContributionBond.sol";
import {ReceiptDesk} from "../src/ReceiptDesk.sol";
import {EpochCourt} from "../src/EpochCourt.sol";
import {EpochFaults} from "../src/EpochFaults.sol";
import {Licences} from "../src/Licences.sol";
import {Panel, Panels} from "../src/Panels.sol";
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
    address internal constant ARBITER_ONE = address(0xA101);
    address internal constant ARBITER_TWO = address(0xA102);
    address internal constant ARBITER_THREE = address(0xA103);
    uint32 internal constant WINDOW = 60;
    uint32 internal constant EPOCH = 1 hours;
    uint104 internal constant BOND = 10_000_000;
    bytes[] internal unattested;

    AssetRegistry internal registry;
    RevenueVaultFactory internal factory;
    EpochCourt internal court;
    BatchSettlement internal settlement;
    ReceiptDesk internal desk;
    EpochFaults internal faults;
    Panels internal panels;
    Licences internal licences;
    BondRules internal bondRules;
    ContributionBond internal contributionBond;
    AvailabilityDemands internal demands;
    uint32 internal panel;
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
        _bond(vault, ATTRIBUTOR, BOND);
    }

    /// @dev Registry, factory and court name each other, so two addresses are computed first.
    function _deploy() internal {
        token = new SettlementToken(address(this));
        address[] memory tokens = new address[](1);
        tokens[0] = address(token);
        _deployFor(tokens);
    }

    function _deployFor(address[] memory tokens) internal {
        settlement = new BatchSettlement();
        desk = new ReceiptDesk(address(settlement));
        faults = new EpochFaults();
        panels = new Panels();
        licences = new Licences();
        uint64 nonce = vm.getNonce(address(this));
        address expected = _createdAddress(address(this), nonce + 1);
        address expectedCourt = _createdAddress(address(this), nonce + 3);
        factory = new RevenueVaultFactory(
            expected, expectedCourt, address(desk), address(panels), tokens
        );
        address expectedBond = _createdAddress(address(this), nonce + 5);
        registry = new AssetRegistry(address(factory), expectedBond, address(licences));
        demands = new AvailabilityDemands(address(factory), address(panels));
        court = _court(factory);
        bondRules = new BondRules(address(panels), address(factory));
        contributionBond = new ContributionBond(address(registry), address(bondRules));
        checkEq(address(contributionBond), expectedBond, "contribution bond's address");
        checkEq(address(registry), expected, "registry's address");
        checkEq(address(court), expectedCourt, "court's address");
        panel = panels.openPanel(_rules(), _arbiters(), new address[](0));
    }

    /// @notice Another factory, with a court of its own, for the same registry's assets.
    function _deployBeside(address[] memory tokens) internal returns (RevenueVaultFactory other) {
        address expected = _createdAddress(address(this), vm.getNonce(address(this)) + 2);
        other = new RevenueVaultFactory(
            address(registry), expected, address(desk), address(panels), tokens
        );
        demands = new AvailabilityDemands(address(other), address(panels));
        court = _court(other);
        checkEq(address(court), expected, "court's address");
        panel = panels.openPanel(_rules(), _arbiters(), new address[](0));
    }

    function _court(RevenueVaultFactory of_) private returns (EpochCourt) {
        return new EpochCourt(address(of_), address(panels), address(faults), address(demands));
    }

    function _arbiters() internal pure returns (address[] memory arbiters) {
        arbiters = new address[](3);
        (arbiters[0], arbiters[1], arbiters[2]) = (ARBITER_ONE, ARBITER_TWO, ARBITER_THREE);
    }

    /// @dev A bond of the increment itself, which an audit of every second root makes enough.
    function _rules() internal pure returns (Panel memory) {
        return Panel({
            minBond: 1_000,
            bondBps: 10_000,
            maxIncrement: 1_000_000_000,
            arbiterQuorum: 2,
            verifierQuorum: 0,
            auditProbability: 50_000_000,
            epochLength: EPOCH,
            demandWindow: 30,
            rulingWindow: 600,
            compensationWindow: 1 days,
            demandPrice: 10,
            disputeBond: 200,
            arbiterFee: 30
        });
    }

    function _bond(RevenueVault for_, address attributor, uint104 amount) internal {
        token.mint(attributor, amount);
        vm.startPrank(attributor);
        token.approve(address(court), amount);
        court.lockBond(for_, amount);
        vm.stopPrank();
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
            panel: panel,
            termsHash: keccak256("terms")
        });
    }

    function _nobody() internal pure returns (AssetRegistry.Parent[] memory) {
        return new AssetRegistry.Parent[](0);
    }

    function _one(uint64 parentId, uint32 royalty)
        internal
        pure
        returns (AssetRegistry.Parent[] memory parents)
    {
        parents = new AssetRegistry.Parent[](1);
        parents[0] = AssetRegistry.Parent(parentId, royalty);
    }

    function _pay(RevenueVault to, uint256 amount) internal {
        token.mint(address(to), amount);
    }

    /// @notice Commits the current epoch, records its seed and posts a root.
    function _post(bytes32 root, uint128 sum, uint8 depth) internal {
        uint64 epoch = vault.currentEpoch();
        if (vault.commitment().receiptsRoot == bytes32(0)) {
            vm.prank(ATTRIBUTOR);
            vault.commitEpoch(epoch, keccak256("receipts"), uint64(block.number - 1));
            vm.roll(block.number + 2);
        }
        vm.prank(ATTRIBUTOR);
        vault.postRoot(epoch, root, sum, depth, keccak256("bundle"), unattested);
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
        returns (bytes memory)
    {
        return _packed(_neighbours(leaves, depth, position));
    }

    /// @notice Neighbours as a proof holds them.
    function _packed(SumNode[] memory neighbours) internal pure returns (bytes memory proof) {
        for (uint256 i = 0; i < neighbours.length; ++i) {
            proof = bytes.concat(proof, abi.encodePacked(neighbours[i].hash, neighbours[i].sum));
        }
    }

    function _neighbours(Entitlement[] memory leaves, uint8 depth, uint32 position)
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

    function _leafHash(Entitlement memory leaf) internal view returns (bytes32) {
        return SumTree.leafHash(leaf, address(vault), address(token));
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

    /// @dev RLP of a creator and a nonce from 1 to 127.
    function _createdAddress(address creator, uint64 nonce) private pure returns (address) {
        check(nonce > 0 && nonce < 128, "one byte of nonce");
        return
            address(uint160(uint256(keccak256(abi.encodePacked(hex"d694", creator, uint8(nonce))))));
    }
}
