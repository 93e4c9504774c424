// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AssetRegistry} from "../src/AssetRegistry.sol";
import {Licence, Licences, Use} from "../src/Licences.sol";
import {RevenueVault} from "../src/RevenueVault.sol";
import {Vaults} from "./Vaults.sol";
import {vm} from "./Checks.sol";

/// @notice Lets one account commercialize.
contract OneMay {
    function mayCommercialize(address owner, bytes calldata data) external pure returns (bool) {
        return owner == abi.decode(data, (address));
    }
}

contract LicencesTest is Vaults {
    function setUp() public {
        _setUpVaults();
    }

    function test_a_licence_is_named_by_its_hash() public {
        Licence memory licence = _free();
        bytes32 hash = licences.open(licence);
        checkEq(hash, keccak256(abi.encode(licence)), "hash");
        checkEq(licences.open(licence), hash, "again");
        check(licences.isOpen(hash), "open");
        checkEq(keccak256(abi.encode(licences.licenceOf(hash))), hash, "kept");
        licence.uri = "ipfs://other";
        check(licences.open(licence) != hash, "another text, another licence");
    }

    function test_a_licence_that_nobody_could_keep_is_refused() public {
        Licence memory licence = _free();
        licence.royaltyPolicy = 2;
        _checkRefused(licence, "royaltyPolicy");
        licence = _free();
        licence.commercialRevShare = 100_000_001;
        _checkRefused(licence, "commercialRevShare");
        licence = _free();
        licence.minDownstream = 100_000_001;
        _checkRefused(licence, "minDownstream");
        licence = _free();
        (licence.derivativesReciprocal, licence.minDownstream) = (true, 6_000_000);
        _checkRefused(licence, "minDownstream");
        licence = _free();
        licence.commercialUse = false;
        _checkRefused(licence, "commercialUse");
    }

    function test_a_version_asks_what_its_licence_says() public {
        bytes32 hash = licences.open(_free());
        vm.startPrank(OWNER);
        vm.expectPartialRevert(AssetRegistry.LicenceAsksMore.selector);
        registry.publishVersion(assetId, keccak256("c"), hash, 0, _nobody());
        registry.publishVersion(assetId, keccak256("c"), hash, 5_000_000, _nobody());
        vm.stopPrank();
    }

    function test_a_version_under_an_expired_licence_is_refused() public {
        Licence memory licence = _free();
        licence.expiration = uint40(block.timestamp + 10);
        bytes32 hash = licences.open(licence);
        uint64 parent = _version(OWNER, AssetRegistry.Kind.Model, hash);
        vm.warp(block.timestamp + 10);
        vm.prank(OWNER);
        vm.expectPartialRevert(Licences.LicenceExpired.selector);
        registry.publishVersion(assetId, keccak256("c"), hash, 5_000_000, _nobody());
        _checkChildRefused(parent, AssetRegistry.Kind.Model, licences.open(_free()), "");
    }

    function test_each_use_needs_its_flag() public {
        bytes32 free = licences.open(_free());
        _checkUse(AssetRegistry.Kind.Datanet, AssetRegistry.Kind.Model, "training", free);
        _checkUse(AssetRegistry.Kind.Dataset, AssetRegistry.Kind.Adapter, "training", free);
        _checkUse(AssetRegistry.Kind.Dataset, AssetRegistry.Kind.Service, "retrieval", free);
        _checkUse(AssetRegistry.Kind.Model, AssetRegistry.Kind.Service, "inference", free);
        Licence memory closed = _free();
        closed.derivativesAllowed = false;
        uint64 parent = _version(OWNER, AssetRegistry.Kind.Dataset, licences.open(closed));
        _checkChildRefused(parent, AssetRegistry.Kind.Datanet, free, "derivativesAllowed");
    }

    function test_prose_is_left_to_people_and_not_derived_from_readable_terms() public {
        uint64 prose = _version(OWNER, AssetRegistry.Kind.Model, keccak256("MIT"));
        bytes32 free = licences.open(_free());
        _child(prose, AssetRegistry.Kind.Model, free, 0);
        uint64 readable = _version(OWNER, AssetRegistry.Kind.Model, free);
        vm.expectPartialRevert(Licences.LicenceUnreadable.selector);
        this.child(readable, AssetRegistry.Kind.Model, keccak256("MIT"), 5_000_000);
    }

    function test_an_approval_names_the_asset() public {
        Licence memory licence = _free();
        (licence.derivativesApproval, licence.commercialRevShare) = (true, 0);
        bytes32 hash = licences.open(licence);
        uint64 parent = _version(OWNER, AssetRegistry.Kind.Model, hash);
        uint64 asset = registry.registerAsset(AssetRegistry.Kind.Model, ALICE);
        vm.expectPartialRevert(AssetRegistry.NotAssetOwner.selector);
        registry.approveDerivative(parent, asset, true);
        vm.prank(OWNER);
        registry.approveDerivative(parent, asset, true);
        vm.prank(ALICE);
        registry.publishVersion(asset, keccak256("c"), hash, 0, _one(parent, 0));
        vm.prank(OWNER);
        registry.approveDerivative(parent, asset, false);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(Licences.NotGranted.selector, "derivativesApproval"));
        registry.publishVersion(asset, keccak256("c"), hash, 0, _one(parent, 0));
    }

    function test_a_shell_cannot_dilute_a_royalty() public {
        Licence memory licence = _free();
        (licence.commercialRevShare, licence.minDownstream) = (10_000_000, 10_000_000);
        uint64 parent = _version(OWNER, AssetRegistry.Kind.Model, licences.open(licence));
        Licence memory shell = licence;
        shell.commercialRevShare = 1_000_000;
        _checkChildRefused(
            parent, AssetRegistry.Kind.Model, licences.open(shell), "commercialRevShare"
        );
        shell.commercialRevShare = 10_000_000;
        shell.minDownstream = 0;
        _checkChildRefused(parent, AssetRegistry.Kind.Model, licences.open(shell), "minDownstream");
    }

    function test_a_checker_says_who_may_commercialize() public {
        Licence memory licence = _free();
        licence.commercializerChecker = address(new OneMay());
        licence.commercializerCheckerData = abi.encode(ALICE);
        bytes32 hash = licences.open(licence);
        bytes32 free = licences.open(_free());
        licences.requireDerivable(hash, free, Use.Derivative, ALICE, false);
        vm.expectRevert(
            abi.encodeWithSelector(Licences.NotGranted.selector, "commercializerChecker")
        );
        licences.requireDerivable(hash, free, Use.Derivative, BOB, false);
        Licence memory unpaid = _free();
        (unpaid.commercialUse, unpaid.commercialRevShare) = (false, 0);
        licences.requireDerivable(hash, licences.open(unpaid), Use.Derivative, BOB, false);
    }

    function testFuzz_a_child_grants_no_more_and_owes_no_less(uint256 parentBits, uint256 childBits)
        public
    {
        _checkFollowing(parentBits, childBits);
    }

    function test_random_licences_follow_from_each_other_now_and_then() public {
        uint256 followed;
        for (uint256 i = 0; i < 2_000; ++i) {
            uint256 bits = uint256(keccak256(abi.encode(i)));
            if (_checkFollowing(bits, uint256(keccak256(abi.encode(bits))))) ++followed;
        }
        checkAtMost(10, followed, "followed");
        checkAtMost(followed, 1_900, "refused");
    }

    function _checkFollowing(uint256 parentBits, uint256 childBits) private returns (bool) {
        Licence memory parent = _random(parentBits);
        Licence memory child_ = _random(childBits);
        bytes32 parentHash = licences.open(parent);
        bytes32 childHash = licences.open(child_);
        try licences.requireDerivable(parentHash, childHash, Use.Derivative, ALICE, false) {
            check(parent.derivativesAllowed && !parent.derivativesApproval, "allowed");
            check(!parent.derivativesReciprocal || parentHash == childHash, "reciprocal");
            check(!child_.transferable || parent.transferable, "transferable");
            check(!child_.commercialUse || parent.commercialUse, "commercial");
            check(!child_.training || parent.training, "training");
            check(!child_.inference || parent.inference, "inference");
            check(!child_.retrieval || parent.retrieval, "retrieval");
            check(!parent.commercialAttribution || child_.commercialAttribution, "attribution");
            check(!parent.derivativesAttribution || child_.derivativesAttribution, "attribution");
            check(_ends(child_.expiration) <= _ends(parent.expiration), "expiration");
            check(
                _ends(child_.commercialRevCeiling) <= _ends(parent.commercialRevCeiling), "ceiling"
            );
            check(
                _ends(child_.derivativeRevCeiling) <= _ends(parent.derivativeRevCeiling), "ceiling"
            );
            check(parent.currency == address(0) || parent.currency == child_.currency, "currency");
            bool passesOn = child_.derivativesAllowed && child_.commercialUse;
            check(!passesOn || child_.commercialRevShare >= parent.minDownstream, "downstream");
            return true;
        } catch {
            // The very licence is always passed on, where it may be at all.
            bool may = parent.derivativesAllowed && !parent.derivativesApproval;
            check(!may || parentHash != childHash || _dilutes(parent), "refused for a reason");
            return false;
        }
    }

    /// @dev For expectRevert: the call that is expected to fail is one call from outside.
    function child(uint64 parent, AssetRegistry.Kind kind, bytes32 hash, uint32 royalty) external {
        _child(parent, kind, hash, royalty);
    }

    function _dilutes(Licence memory licence) private pure returns (bool) {
        return licence.commercialRevShare < licence.minDownstream;
    }

    function _ends(uint256 limit) private pure returns (uint256) {
        return limit == 0 ? type(uint256).max : limit;
    }

    function _random(uint256 bits) private view returns (Licence memory licence) {
        licence = _free();
        licence.transferable = bits & 1 == 0;
        licence.commercialUse = bits & 6 != 0;
        licence.commercialAttribution = bits & 0x18 == 0;
        licence.derivativesAllowed = bits & 0xE0 != 0;
        licence.derivativesAttribution = bits & 0x300 == 0;
        licence.derivativesApproval = bits & 0x1C00 == 0;
        licence.derivativesReciprocal = bits & 0xE000 == 0;
        licence.training = bits & 0x30000 != 0;
        licence.inference = bits & 0xC0000 != 0;
        licence.retrieval = bits & 0x300000 != 0;
        if (bits & 0x400000 != 0) {
            licence.expiration = uint40(block.timestamp + (bits >> 64) % 3 + 1);
        }
        if (bits & 0x800000 != 0) licence.commercialRevCeiling = uint96((bits >> 80) % 3 + 1);
        if (bits & 0x1000000 != 0) licence.derivativeRevCeiling = uint96((bits >> 96) % 3 + 1);
        if (bits & 0x6000000 == 0) licence.currency = address(token);
        licence.commercialRevShare = licence.commercialUse ? uint32((bits >> 112) % 3) : 0;
        licence.minDownstream = uint32((bits >> 128) % 3);
        if (licence.derivativesReciprocal && _dilutes(licence)) licence.minDownstream = 0;
    }

    /// @dev Everything is allowed for 5 % of a child's gross.
    function _free() private pure returns (Licence memory licence) {
        licence.transferable = true;
        licence.commercialUse = true;
        licence.commercialRevShare = 5_000_000;
        licence.derivativesAllowed = true;
        licence.uri = "ipfs://licence";
        licence.training = true;
        licence.inference = true;
        licence.retrieval = true;
    }

    /// @dev A version with a payee, so that links can pay it.
    function _version(address owner, AssetRegistry.Kind kind, bytes32 hash)
        private
        returns (uint64 version)
    {
        (, uint32 share,) = licences.requireCurrent(hash);
        uint64 asset = registry.registerAsset(kind, owner);
        vm.prank(owner);
        version = registry.publishVersion(asset, keccak256("c"), hash, share, _nobody());
        RevenueVault its = RevenueVault(factory.create(_terms(version, 0)));
        vm.prank(owner);
        registry.setPayee(version, address(its));
    }

    function _child(uint64 parent, AssetRegistry.Kind kind, bytes32 hash, uint32 royalty) private {
        (, uint32 share,) = licences.requireCurrent(hash);
        uint64 asset = registry.registerAsset(kind, ALICE);
        vm.prank(ALICE);
        registry.publishVersion(asset, keccak256("c"), hash, share, _one(parent, royalty));
    }

    function _checkUse(
        AssetRegistry.Kind parentKind,
        AssetRegistry.Kind kind,
        string memory flag,
        bytes32 free
    ) private {
        _child(_version(OWNER, parentKind, free), kind, free, 5_000_000);
        Licence memory without = _free();
        bytes32 name = keccak256(bytes(flag));
        if (name == keccak256("training")) without.training = false;
        if (name == keccak256("inference")) without.inference = false;
        if (name == keccak256("retrieval")) without.retrieval = false;
        bytes32 hash = licences.open(without);
        _checkChildRefused(_version(OWNER, parentKind, hash), kind, hash, flag);
    }

    function _checkChildRefused(
        uint64 parent,
        AssetRegistry.Kind kind,
        bytes32 hash,
        string memory field
    ) private {
        uint32 asked = registry.versions(parent).minRoyalty;
        if (bytes(field).length == 0) {
            vm.expectPartialRevert(Licences.LicenceExpired.selector);
        } else {
            vm.expectRevert(abi.encodeWithSelector(Licences.NotGranted.selector, field));
        }
        this.child(parent, kind, hash, asked);
    }

    function _checkRefused(Licence memory licence, string memory field) private {
        vm.expectRevert(abi.encodeWithSelector(Licences.LicenceOutOfRange.selector, field));
        licences.open(licence);
    }
}
