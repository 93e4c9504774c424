// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";

import {AssetRegistry} from "../src/AssetRegistry.sol";
import {RevenueVault} from "../src/RevenueVault.sol";
import {RevenueVaultFactory} from "../src/RevenueVaultFactory.sol";
import {SettlementToken} from "../src/SettlementToken.sol";
import {VaultBooks} from "../src/VaultBooks.sol";
import {VaultTerms, VaultTermsCodec} from "../src/VaultTerms.sol";
import {Vaults} from "./Vaults.sol";
import {vm} from "./Checks.sol";

contract RevenueVaultFactoryTest is Vaults {
    function setUp() public {
        _setUpVaults();
    }

    function test_the_address_is_known_before() public {
        VaultTerms memory terms = _terms(versionId, 0);
        terms.host = BOB;
        address expected = factory.vaultAddress(terms);
        checkEq(factory.create(terms), expected, "address");
        check(factory.isVault(expected), "known");
        vm.expectPartialRevert(RevenueVaultFactory.VaultExists.selector);
        factory.create(terms);
    }

    function test_a_vault_is_a_clone_as_openzeppelin_makes_it() public view {
        bytes memory packed = VaultTermsCodec.pack(_terms(versionId, 0));
        address expected = Clones.predictDeterministicAddressWithImmutableArgs(
            factory.implementationOf(address(token)), packed, bytes32(0), address(factory)
        );
        checkEq(expected, address(vault), "the clone's address");
        checkEq(keccak256(Clones.fetchCloneArgs(address(vault))), keccak256(packed), "its terms");
    }

    function test_the_token_stands_behind_the_packed_terms() public view {
        VaultTerms memory t = _terms(versionId, 0);
        bytes32[5] memory all = VaultTermsCodec.words(VaultTermsCodec.pack(t));
        checkEq(address(uint160(uint256(all[4]))), t.token, "token");
    }

    function test_an_unknown_panel_is_refused() public {
        VaultTerms memory terms = _terms(versionId, 0);
        terms.panel = panel + 1;
        vm.expectPartialRevert(RevenueVaultFactory.UnknownPanel.selector);
        factory.create(terms);
        terms.panel = 0;
        vm.expectPartialRevert(RevenueVaultFactory.UnknownPanel.selector);
        factory.create(terms);
    }

    /// @dev Only this factory can create at its CREATE2 addresses, so the same code anywhere else, the
    /// same length with other code, and an address not created yet are no vaults.
    function test_nothing_else_passes_for_a_vault() public {
        check(factory.isVault(address(vault)), "the vault");
        check(!factory.isVault(ALICE), "an account");
        check(!factory.isVault(address(token)), "another contract");
        check(!factory.isVault(factory.implementationOf(address(token))), "the implementation");
        VaultTerms memory terms = _terms(versionId, 0);
        terms.host = BOB;
        check(!factory.isVault(factory.vaultAddress(terms)), "not created yet");
        vm.etch(ALICE, address(vault).code);
        check(!factory.isVault(ALICE), "a copy of its code");
        address forged = Clones.cloneDeterministicWithImmutableArgs(
            factory.implementationOf(address(token)), VaultTermsCodec.pack(terms), bytes32(0)
        );
        checkEq(forged.code.length, address(vault).code.length, "same code");
        check(!factory.isVault(forged), "a clone made by somebody else");
    }

    function testFuzz_every_term_moves_the_address(uint256 which) public {
        VaultTerms memory terms = _terms(versionId, 0);
        address before = factory.vaultAddress(terms);
        which = within(which, 1, 11);
        if (which == 1) (, terms.versionId) = _publish(OWNER, new AssetRegistry.Parent[](0), 0);
        if (which == 2) terms.platform = ALICE;
        if (which == 3) terms.host = ALICE;
        if (which == 4) terms.attributor = ALICE;
        if (which == 5) terms.fallbackTo = ALICE;
        // Shares are whole, so one moves with another.
        if (which == 6) terms.platformShare -= 1;
        if (which == 7) terms.hostShare -= 1;
        if (which == 8) terms.contributorsShare -= 1;
        if (which >= 6 && which <= 8) terms.ownerShare += 1;
        if (which == 9) terms.challengeWindow += 1;
        if (which == 10) terms.termsHash = 0;
        if (which == 11) terms.panel = panels.openPanel(_rules(), _arbiters(), new address[](0));
        check(factory.vaultAddress(terms) != before, "another address");
    }

    /// @notice Among them such as would be another vault's when packed.
    function testFuzz_terms_that_are_refused_have_no_address(uint256 which) public {
        VaultTerms memory terms = _terms(versionId, 0);
        which = within(which, 0, 9);
        if (which == 0) terms.versionId += 2 ** 40;
        if (which == 1) terms.challengeWindow += 2 ** 24;
        if (which == 2) terms.parentsShare += 1;
        if (which == 3) (terms.parentsShare, terms.ownerShare) = (1, terms.ownerShare - 1);
        if (which == 4) terms.panel += 1;
        if (which == 5) terms.host = address(0);
        if (which == 6) terms.fallbackTo = OWNER;
        if (which == 7) terms.challengeWindow = 30 days + 1;
        if (which == 8) terms.versionId += 1;
        if (which == 9) {
            (terms.hostShare, terms.contributorsShare) = (45_000_001, 34_999_999);
        }
        (bool created, bytes memory why) =
            address(factory).call(abi.encodeCall(factory.create, (terms)));
        (bool told, bytes memory said) =
            address(factory).staticcall(abi.encodeCall(factory.vaultAddress, (terms)));
        check(!created && !told, "refused by both");
        checkEq(keccak256(said), keccak256(why), "for the same reason");
    }

    function test_terms_that_are_refused_have_no_address() public {
        for (uint256 i = 0; i <= 9; ++i) {
            testFuzz_terms_that_are_refused_have_no_address(i);
        }
    }

    function test_a_token_has_an_implementation_of_its_own() public {
        SettlementToken second = new SettlementToken(address(this));
        address[] memory tokens = new address[](2);
        (tokens[0], tokens[1]) = (address(token), address(second));
        RevenueVaultFactory other = _deployBeside(tokens);
        VaultTerms memory terms = _terms(versionId, 0);
        RevenueVault first = RevenueVault(other.create(terms));
        terms.token = address(second);
        RevenueVault later = RevenueVault(other.create(terms));
        check(address(first) != address(later), "the token moves the address");
        checkEq(first.token(), address(token), "the first books its token");
        checkEq(later.token(), address(second), "the second books the other");
        checkEq(later.terms().token, address(second), "as its terms say");
        check(other.isVault(address(first)) && other.isVault(address(later)), "both are vaults");
    }

    function testFuzz_terms_survive_packing(VaultTerms memory terms) public pure {
        terms.versionId %= 2 ** 40;
        terms.challengeWindow %= 2 ** 24;
        terms.platformShare %= 20_000_000;
        terms.hostShare %= 20_000_000;
        terms.ownerShare %= 20_000_000;
        terms.contributorsShare %= 20_000_000;
        terms.parentsShare = 100_000_000 - terms.platformShare - terms.hostShare - terms.ownerShare
            - terms.contributorsShare;
        bytes memory packed = VaultTermsCodec.pack(terms);
        checkEq(packed.length, VaultTermsCodec.PACKED_BYTES, "140 bytes");
        checkEq(
            keccak256(abi.encode(VaultTermsCodec.unpack(packed, terms.token))),
            keccak256(abi.encode(terms)),
            "terms"
        );
    }

    function test_a_vault_reads_its_terms_from_its_code() public view {
        checkEq(
            keccak256(abi.encode(vault.terms())),
            keccak256(abi.encode(_terms(versionId, 0))),
            "terms"
        );
        checkEq(address(vault).code.length, 45 + VaultTermsCodec.PACKED_BYTES, "proxy and terms");
    }

    function test_the_implementation_is_locked() public {
        RevenueVault implementation = RevenueVault(factory.implementationOf(address(token)));
        vm.expectRevert(VaultBooks.ImplementationLocked.selector);
        implementation.sync();
        vm.expectRevert(VaultBooks.ImplementationLocked.selector);
        implementation.commitEpoch(1, keccak256("receipts"), 999);
        vm.expectRevert(VaultBooks.ImplementationLocked.selector);
        implementation.payFallback();
    }

    function test_a_challenge_window_is_bounded() public {
        VaultTerms memory terms = _terms(versionId, 0);
        terms.challengeWindow = 30 days + 1;
        vm.expectPartialRevert(RevenueVaultFactory.ChallengeWindowTooLong.selector);
        factory.create(terms);
        terms.challengeWindow = 30 days;
        checkEq(RevenueVault(factory.create(terms)).terms().challengeWindow, 30 days, "window");
    }

    function test_shares_must_be_whole() public {
        VaultTerms memory terms = _terms(versionId, 0);
        terms.ownerShare += 1;
        vm.expectPartialRevert(RevenueVaultFactory.SharesNotWhole.selector);
        factory.create(terms);
        terms.ownerShare -= 2;
        vm.expectPartialRevert(RevenueVaultFactory.SharesNotWhole.selector);
        factory.create(terms);
    }

    function test_platform_and_host_are_capped() public {
        VaultTerms memory terms = _terms(versionId, 0);
        terms.hostShare = 45_000_001;
        terms.contributorsShare = 34_999_999;
        vm.expectPartialRevert(RevenueVaultFactory.PlatformAndHostAboveCap.selector);
        factory.create(terms);
    }

    function test_the_parents_share_is_the_stack() public {
        vm.prank(OWNER);
        registry.setPayee(versionId, address(vault));
        AssetRegistry.Parent[] memory parents = new AssetRegistry.Parent[](1);
        parents[0] = AssetRegistry.Parent(versionId, 3_000_000);
        (, uint64 child) = _publish(BOB, parents, 0);
        vm.expectPartialRevert(RevenueVaultFactory.ParentsShareMismatch.selector);
        factory.create(_terms(child, 2_999_999));
        factory.create(_terms(child, 3_000_000));
    }

    function test_parents_are_paid_in_the_same_token() public {
        address[] memory tokens = new address[](1);
        tokens[0] = ALICE;
        RevenueVaultFactory other = _deployBeside(tokens);
        vm.prank(OWNER);
        registry.setPayee(versionId, address(vault));
        AssetRegistry.Parent[] memory parents = new AssetRegistry.Parent[](1);
        parents[0] = AssetRegistry.Parent(versionId, 3_000_000);
        (, uint64 child) = _publish(BOB, parents, 0);
        VaultTerms memory terms = _terms(child, 3_000_000);
        terms.token = ALICE;
        vm.expectPartialRevert(RevenueVaultFactory.ParentInOtherToken.selector);
        other.create(terms);
    }

    function test_an_unlisted_token_is_refused() public {
        VaultTerms memory terms = _terms(versionId, 0);
        terms.token = ALICE;
        vm.expectPartialRevert(RevenueVaultFactory.TokenNotAllowed.selector);
        factory.create(terms);
        vm.expectPartialRevert(RevenueVaultFactory.TokenNotAllowed.selector);
        factory.vaultAddress(terms);
    }

    function test_the_fallback_is_no_party() public {
        address[4] memory parties = [PLATFORM, HOST, ATTRIBUTOR, OWNER];
        for (uint256 i = 0; i < parties.length; ++i) {
            VaultTerms memory terms = _terms(versionId, 0);
            terms.fallbackTo = parties[i];
            vm.expectPartialRevert(RevenueVaultFactory.FallbackIsParty.selector);
            factory.create(terms);
        }
    }

    function test_every_party_is_named() public {
        for (uint256 i = 0; i < 4; ++i) {
            VaultTerms memory terms = _terms(versionId, 0);
            if (i == 0) terms.platform = address(0);
            if (i == 1) terms.host = address(0);
            if (i == 2) terms.attributor = address(0);
            if (i == 3) terms.fallbackTo = address(0);
            vm.expectPartialRevert(RevenueVaultFactory.MissingParty.selector);
            factory.create(terms);
        }
    }
}
