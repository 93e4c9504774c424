// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AssetRegistry} from "../src/AssetRegistry.sol";
import {Licence, Licences} from "../src/Licences.sol";
import {RevenueVault} from "../src/RevenueVault.sol";
import {VaultTerms} from "../src/VaultTerms.sol";
import {Vaults} from "./Vaults.sol";
import {vm} from "./Checks.sol";

/// @title A shell between an asset and its buyers: it owes a tenth of what it takes, and takes 1 %.
/// @notice The naive form is a licence in prose: only what each asks of its own children binds anybody.
contract NaiveRoyaltiesTest is Vaults {
    uint32 private constant TENTH = 10_000_000;
    uint32 private constant HUNDREDTH = 1_000_000;
    uint256 private constant SOLD = 1_000_000;

    function setUp() public {
        _setUpVaults();
    }

    /// @notice 10 % becomes 0.1 % behind a shell where nothing is said of what derivatives ask; with
    /// `minDownstream` there is no such shell, and an absolute royalty passes through it whole.
    function test_a_shell_in_between_takes_a_royalty() public {
        bytes32 prose = keccak256("a tenth of what you earn, please");
        checkEq(_throughShell(prose, prose), SOLD / 1_000, "the naive tenth is 0.1 %");

        uint64 base = _asset(_licence(0, TENTH, TENTH), TENTH, _nobody());
        bytes32 shell = _licence(0, HUNDREDTH, 0);
        uint64 asset = registry.registerAsset(AssetRegistry.Kind.Model, OWNER);
        vm.expectRevert(abi.encodeWithSelector(Licences.NotGranted.selector, "commercialRevShare"));
        vm.prank(OWNER);
        registry.publishVersion(asset, keccak256("c"), shell, HUNDREDTH, _one(base, TENTH));

        checkEq(_throughShell(_licence(1, TENTH, 0), shell), SOLD / 10, "of first sales");
    }

    /// @dev What reaches a base that asks a tenth of a shop's sales, with a shell that asks 1 % between.
    function _throughShell(bytes32 licence, bytes32 shells) private returns (uint256) {
        uint64 base = _asset(licence, TENTH, _nobody());
        uint64 shell = _asset(shells, HUNDREDTH, _one(base, TENTH));
        uint64 shop = _asset(shells, HUNDREDTH, _one(shell, HUNDREDTH));
        RevenueVault shops = RevenueVault(registry.versions(shop).payee);
        RevenueVault shellVault = RevenueVault(registry.versions(shell).payee);
        RevenueVault baseVault = RevenueVault(registry.versions(base).payee);
        _pay(shops, SOLD);
        shellVault.pullFrom(shops, 0);
        // An absolute royalty is a link of its own, behind the one to the parent.
        uint256 absolute = registry.ancestorLinks(shop).length;
        baseVault.pullFrom(shellVault, absolute);
        if (absolute > 0) baseVault.pullFrom(shops, absolute);
        return baseVault.royaltyIn();
    }

    function _asset(bytes32 licence, uint32 asked, AssetRegistry.Parent[] memory parents)
        private
        returns (uint64 version)
    {
        uint64 asset = registry.registerAsset(AssetRegistry.Kind.Model, OWNER);
        vm.prank(OWNER);
        version = registry.publishVersion(asset, keccak256("c"), licence, asked, parents);
        (,, uint32 stack) = registry.lineage(version);
        VaultTerms memory terms = _terms(version, 0);
        (terms.parentsShare, terms.contributorsShare) = (stack, 60_000_000 - stack);
        address its = factory.create(terms);
        vm.prank(OWNER);
        registry.setPayee(version, its);
    }

    function _licence(uint8 policy, uint32 share, uint32 minDownstream) private returns (bytes32) {
        Licence memory licence;
        licence.transferable = true;
        licence.commercialUse = true;
        licence.royaltyPolicy = policy;
        licence.commercialRevShare = share;
        licence.derivativesAllowed = true;
        licence.training = true;
        licence.inference = true;
        licence.retrieval = true;
        licence.minDownstream = minDownstream;
        return licences.open(licence);
    }
}
