// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AssetRegistry} from "../src/AssetRegistry.sol";
import {IAssetRegistry} from "../src/IAssetRegistry.sol";
import {Licence} from "../src/Licences.sol";
import {RevenueVault} from "../src/RevenueVault.sol";
import {RevenueVaultFactory} from "../src/RevenueVaultFactory.sol";
import {VaultBooks} from "../src/VaultBooks.sol";
import {VaultTerms} from "../src/VaultTerms.sol";
import {Vaults} from "./Vaults.sol";
import {vm} from "./Checks.sol";

/// @title Royalties that every descendant owes, beside those that direct children owe.
contract AbsoluteRoyaltiesTest is Vaults {
    uint32 private constant TENTH = 10_000_000;

    function setUp() public {
        _setUpVaults();
    }

    /// @notice base (absolute, a tenth) <- middle (relative, a fifth) <- top. The base is paid of what
    /// middle and top sell, and not again of what the top pays the middle.
    function test_an_ancestor_is_paid_of_first_sales_once() public {
        (uint64 base, RevenueVault baseVault) = _asset(_absolute(TENTH), TENTH, _nobody());
        (uint64 middle, RevenueVault middleVault) =
            _asset(_relative(2 * TENTH), 2 * TENTH, _one(base, TENTH));
        (, RevenueVault topVault) = _asset(_relative(0), 0, _one(middle, 2 * TENTH));

        _pay(topVault, 1_000);
        checkEq(baseVault.pullFrom(topVault, 1), 100, "a tenth of what the top sold");
        checkEq(middleVault.pullFrom(topVault, 0), 200, "a fifth of what the top sold");
        checkEq(baseVault.pullFrom(middleVault, 1), 0, "nothing of what the middle was paid");
        checkEq(middleVault.pullFrom(topVault, 0), 0, "not again");

        _pay(middleVault, 500);
        checkEq(baseVault.pullFrom(middleVault, 1), 50, "a tenth of what the middle sold");
        checkEq(middleVault.royaltyIn(), 200, "recorded as royalty");
        checkEq(middleVault.totalIn(), 700, "and as income");
        checkEq(baseVault.royaltyIn(), 150, "both came as royalties");
        vm.expectPartialRevert(VaultBooks.NotPayee.selector);
        topVault.payParent(1);
    }

    /// @notice What royalty income owes no ancestor is the owner's: no unit stays without an exit.
    function test_the_owner_gets_what_royalties_do_not_owe() public {
        (uint64 base,) = _asset(_absolute(TENTH), TENTH, _nobody());
        (uint64 middle, RevenueVault middleVault) =
            _asset(_relative(2 * TENTH), 2 * TENTH, _one(base, TENTH));
        (, RevenueVault topVault) = _asset(_relative(0), 0, _one(middle, 2 * TENTH));
        _pay(topVault, 1_000);
        middleVault.pullFrom(topVault, 0);
        _pay(middleVault, 100);
        middleVault.sync();
        (,, uint256 owner, uint256 parents, uint256 pool,) = middleVault.buckets();
        checkEq(parents, 10, "a tenth of the 100 sold");
        checkEq(owner, 300 * 20 / 100 + 20, "its share, and a tenth of the 200 of royalties");
        checkEq(pool, 300 * 45 / 100, "the pool is of gross");
        middleVault.payOwner(OWNER);
        checkEq(token.balanceOf(OWNER), owner, "paid");
        checkAtMost(owner + parents + pool, 300 - 15 - 60, "within what came in");
    }

    /// @notice Two paths, of which one promised more: the ancestor stands once, with the most.
    function test_a_diamond_owes_an_ancestor_once() public {
        (uint64 base,) = _asset(_absolute(TENTH), TENTH, _nobody());
        (uint64 left,) = _asset(_relative(0), 0, _one(base, TENTH));
        (uint64 right,) = _asset(_relative(0), 0, _one(base, TENTH + 5));
        AssetRegistry.Parent[] memory both = new AssetRegistry.Parent[](2);
        (both[0], both[1]) = (AssetRegistry.Parent(left, 0), AssetRegistry.Parent(right, 0));
        (uint64 top,) = _asset(_relative(0), 0, both);
        IAssetRegistry.ParentLink[] memory ancestors = registry.ancestorLinks(top);
        checkEq(ancestors.length, 1, "once");
        checkEq(ancestors[0].parentId, base, "the base");
        checkEq(ancestors[0].royalty, TENTH + 5, "the most");
        checkEq(registry.absoluteStack(top), TENTH + 5, "and counted once");
    }

    function test_absolute_royalties_count_in_the_stack() public {
        (uint64 base,) = _asset(_absolute(6 * TENTH), 6 * TENTH, _nobody(), 6 * TENTH);
        (uint64 middle,) = _asset(_relative(0), 0, _one(base, 6 * TENTH), 0);
        (, uint256 links, uint32 stack) = registry.lineage(middle);
        checkEq(links, 2, "an edge and an ancestor");
        checkEq(stack, 6 * TENTH, "what the ancestor asks");
        bytes32 plain = _relative(0);
        vm.prank(OWNER);
        vm.expectPartialRevert(AssetRegistry.StackAboveWhole.selector);
        registry.publishVersion(assetId, keccak256("c"), plain, 0, _one(middle, 4 * TENTH + 1));
        vm.prank(OWNER);
        vm.expectPartialRevert(AssetRegistry.RoyaltyBelowLicence.selector);
        registry.publishVersion(assetId, keccak256("c"), plain, 0, _one(base, 6 * TENTH - 1));
    }

    function test_the_parents_share_covers_ancestors() public {
        (uint64 base,) = _asset(_absolute(TENTH), TENTH, _nobody());
        (uint64 middle,) = _asset(_relative(0), 0, _one(base, TENTH));
        VaultTerms memory terms = _terms(middle, 0);
        terms.termsHash = keccak256("less");
        vm.expectPartialRevert(RevenueVaultFactory.ParentsShareMismatch.selector);
        factory.create(terms);
    }

    function test_at_most_sixteen_ancestors() public {
        AssetRegistry.Parent[] memory last = _nobody();
        uint64 version;
        for (uint256 i = 0; i < 16; ++i) {
            (version,) = _asset(_absolute(1), 1, last);
            last = _one(version, 1);
        }
        (version,) = _asset(_relative(0), 0, last);
        checkEq(registry.ancestorLinks(version).length, 16, "sixteen");
        (uint64 other,) = _asset(_absolute(1), 1, _nobody());
        AssetRegistry.Parent[] memory both = new AssetRegistry.Parent[](2);
        (both[0], both[1]) = (AssetRegistry.Parent(version, 0), AssetRegistry.Parent(other, 1));
        bytes32 plain = _relative(0);
        vm.prank(OWNER);
        vm.expectPartialRevert(AssetRegistry.TooManyAncestors.selector);
        registry.publishVersion(assetId, keccak256("c"), plain, 0, both);
    }

    function testFuzz_royalties_stay_within_the_parents_bucket(
        uint96[4] memory sold,
        uint32 absolute,
        uint32 relative
    ) public {
        absolute = uint32(within(absolute, 1, 7_000_000));
        relative = uint32(within(relative, 1, 7_000_000));
        (uint64 base, RevenueVault baseVault) = _asset(_absolute(absolute), absolute, _nobody());
        (uint64 middle, RevenueVault middleVault) =
            _asset(_relative(relative), relative, _one(base, absolute));
        (, RevenueVault topVault) = _asset(_relative(0), 0, _one(middle, relative));
        uint256 sales;
        for (uint256 i = 0; i < 4; ++i) {
            _pay(i % 2 == 0 ? topVault : middleVault, sold[i]);
            middleVault.pullFrom(topVault, 0);
            baseVault.pullFrom(topVault, 1);
            baseVault.pullFrom(middleVault, 1);
            middleVault.payOwner(OWNER);
            if (i % 2 == 1) sales += sold[i];
        }
        (,, uint256 owner, uint256 parents,,) = middleVault.buckets();
        checkEq(middleVault.parentPaid(1), sales * absolute / 100_000_000, "of first sales");
        checkAtMost(middleVault.parentPaid(1), parents, "within the parents' bucket");
        checkEq(middleVault.ownerCredited(), owner, "the owner has the rest");
        checkEq(middleVault.royaltyIn(), topVault.parentPaid(0), "what the top paid");
    }

    function _asset(bytes32 licence, uint32 asked, AssetRegistry.Parent[] memory parents)
        private
        returns (uint64 version, RevenueVault its)
    {
        return _asset(licence, asked, parents, 0);
    }

    /// @dev A version of the owner's with a vault; `spare` of the contributors' share goes to parents.
    function _asset(
        bytes32 licence,
        uint32 asked,
        AssetRegistry.Parent[] memory parents,
        uint32 spare
    ) private returns (uint64 version, RevenueVault its) {
        uint64 asset = registry.registerAsset(AssetRegistry.Kind.Model, OWNER);
        vm.prank(OWNER);
        version = registry.publishVersion(asset, keccak256("c"), licence, asked, parents);
        (,, uint32 stack) = registry.lineage(version);
        VaultTerms memory terms = _terms(version, 0);
        terms.parentsShare = stack;
        if (stack > 10_000_000 || spare != 0) {
            (terms.ownerShare, terms.contributorsShare) = (0, 75_000_000 - stack);
        } else {
            (terms.ownerShare, terms.contributorsShare) = (20_000_000, 55_000_000 - stack);
        }
        its = RevenueVault(factory.create(terms));
        vm.prank(OWNER);
        registry.setPayee(version, address(its));
    }

    function _absolute(uint32 share) private returns (bytes32) {
        return licences.open(_licence(1, share));
    }

    function _relative(uint32 share) private returns (bytes32) {
        return licences.open(_licence(0, share));
    }

    function _licence(uint8 policy, uint32 share) private pure returns (Licence memory licence) {
        licence.transferable = true;
        licence.commercialUse = true;
        licence.royaltyPolicy = policy;
        licence.commercialRevShare = share;
        licence.derivativesAllowed = true;
        licence.training = true;
        licence.inference = true;
        licence.retrieval = true;
    }
}
