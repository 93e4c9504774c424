// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AssetRegistry} from "../src/AssetRegistry.sol";
import {IAssetRegistry} from "../src/IAssetRegistry.sol";
import {RevenueVault} from "../src/RevenueVault.sol";
import {VaultTerms} from "../src/VaultTerms.sol";
import {Vaults} from "./Vaults.sol";
import {vm} from "./Checks.sol";

contract AssetRegistryTest is Vaults {
    function setUp() public {
        _setUpVaults();
    }

    function test_only_the_owner_publishes() public {
        vm.expectPartialRevert(AssetRegistry.NotAssetOwner.selector);
        registry.publishVersion(assetId, keccak256("c"), 0, 0, _parents(0, 0));
    }

    function test_a_parent_must_exist_already() public {
        uint64 next = registry.versionCount() + 1;
        vm.startPrank(OWNER);
        vm.expectPartialRevert(AssetRegistry.UnknownVersion.selector);
        registry.publishVersion(assetId, keccak256("c"), 0, 0, _parents(next, 0));
        vm.expectPartialRevert(AssetRegistry.UnknownVersion.selector);
        registry.publishVersion(assetId, keccak256("c"), 0, 0, _one(0, 0));
        vm.stopPrank();
    }

    function test_a_parent_is_named_once() public {
        AssetRegistry.Parent[] memory parents = new AssetRegistry.Parent[](2);
        parents[0] = AssetRegistry.Parent(versionId, 0);
        parents[1] = AssetRegistry.Parent(versionId, 0);
        vm.prank(OWNER);
        vm.expectPartialRevert(AssetRegistry.ParentRepeated.selector);
        registry.publishVersion(assetId, keccak256("c"), 0, 0, parents);
    }

    function test_a_stack_above_the_whole_is_refused() public {
        _setPayee();
        vm.prank(OWNER);
        vm.expectPartialRevert(AssetRegistry.StackAboveWhole.selector);
        registry.publishVersion(assetId, keccak256("c"), 0, 0, _parents(versionId, 100_000_001));
    }

    function testFuzz_the_stack_is_the_sum_of_the_royalties(uint32 first, uint32 second) public {
        _setPayee();
        first = uint32(within(first, 0, 50_000_000));
        second = uint32(within(second, 0, 50_000_000));
        (, uint64 other) = _publish(BOB, _parents(0, 0), 0);
        RevenueVault otherVault = RevenueVault(factory.create(_terms(other, 0)));
        vm.prank(BOB);
        registry.setPayee(other, address(otherVault));
        AssetRegistry.Parent[] memory parents = new AssetRegistry.Parent[](2);
        parents[0] = AssetRegistry.Parent(versionId, first);
        parents[1] = AssetRegistry.Parent(other, second);
        (, uint64 child) = _publish(ALICE, parents, 0);
        (, uint256 count, uint32 stack) = registry.lineage(child);
        checkEq(count, 2, "parents");
        checkEq(stack, uint256(first) + second, "stack");
    }

    function test_a_link_below_the_licence_is_refused() public {
        (, uint64 strict) = _publish(OWNER, _parents(0, 0), 4_000_000);
        vm.prank(OWNER);
        vm.expectPartialRevert(AssetRegistry.RoyaltyBelowLicence.selector);
        registry.publishVersion(assetId, keccak256("c"), 0, 0, _parents(strict, 3_999_999));
        vm.prank(OWNER);
        vm.expectPartialRevert(AssetRegistry.ParentHasNoPayee.selector);
        registry.publishVersion(assetId, keccak256("c"), 0, 0, _parents(strict, 4_000_000));
    }

    function test_the_payee_is_fixed_with_the_link() public {
        _setPayee();
        (, uint64 child) = _publish(BOB, _parents(versionId, 1_000_000), 0);
        IAssetRegistry.ParentLink memory link = registry.parentLink(child, 0);
        checkEq(link.payee, address(vault), "payee");
        checkEq(link.royalty, 1_000_000, "royalty");
    }

    function test_a_payee_is_a_vault_of_the_version() public {
        (, uint64 other) = _publish(OWNER, _parents(0, 0), 0);
        vm.startPrank(OWNER);
        vm.expectPartialRevert(AssetRegistry.NotVaultOfVersion.selector);
        registry.setPayee(versionId, address(this));
        vm.expectPartialRevert(AssetRegistry.NotVaultOfVersion.selector);
        registry.setPayee(other, address(vault));
        vm.stopPrank();
    }

    function test_a_payee_is_set_once() public {
        _setPayee();
        vm.prank(OWNER);
        vm.expectPartialRevert(AssetRegistry.PayeeAlreadySet.selector);
        registry.setPayee(versionId, address(vault));
    }

    function test_a_transfer_credits_the_old_owner() public {
        _setPayee();
        _pay(vault, 1_000);
        vm.prank(OWNER);
        registry.transferFrom(OWNER, BOB, assetId);
        checkEq(vault.ownerCredit(OWNER), 150, "credited");
        checkEq(vault.ownerCredit(BOB), 0, "nothing yet");
        checkEq(registry.ownerOf(assetId), BOB, "transferred");
    }

    function test_a_stranger_cannot_transfer() public {
        vm.prank(BOB);
        vm.expectRevert();
        registry.transferFrom(OWNER, BOB, assetId);
        checkEq(registry.ownerOf(assetId), OWNER, "still the owner's");
    }

    function test_attached_vaults_are_bounded() public {
        uint256 most = registry.MAX_ATTACHED_VAULTS();
        for (uint256 i = 0; i < most; ++i) {
            _attachAnother(i, false);
        }
        _attachAnother(most, true);
    }

    function _attachAnother(uint256 i, bool refused) private {
        VaultTerms memory terms = _terms(versionId, 0);
        terms.termsHash = keccak256(abi.encode(i));
        address another = factory.create(terms);
        vm.prank(OWNER);
        if (refused) vm.expectPartialRevert(AssetRegistry.TooManyVaults.selector);
        registry.attachVault(versionId, another);
    }

    function _setPayee() private {
        vm.prank(OWNER);
        registry.setPayee(versionId, address(vault));
    }

    function _parents(uint64 parentId, uint32 royalty)
        private
        pure
        returns (AssetRegistry.Parent[] memory)
    {
        return parentId == 0 ? new AssetRegistry.Parent[](0) : _one(parentId, royalty);
    }
}
