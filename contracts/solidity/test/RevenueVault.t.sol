// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

import {AssetRegistry} from "../src/AssetRegistry.sol";
import {EpochRoots} from "../src/EpochRoots.sol";
import {RevenueVault} from "../src/RevenueVault.sol";
import {RevenueVaultFactory} from "../src/RevenueVaultFactory.sol";
import {SettlementToken} from "../src/SettlementToken.sol";
import {Entitlement, SumNode} from "../src/SumTree.sol";
import {VaultBooks} from "../src/VaultBooks.sol";
import {VaultTerms} from "../src/VaultTerms.sol";
import {Vaults} from "./Vaults.sol";
import {vm} from "./Checks.sol";

/// @notice A token that refuses one recipient, and tries to collect twice while it pays another.
contract HostileToken is ERC20("Hostile", "HOST") {
    address public refused;
    RevenueVault public reentered;
    bool public blocked;

    function mint(address to, uint256 value) external {
        _mint(to, value);
    }

    function refuse(address account) external {
        refused = account;
    }

    function reenter(RevenueVault vault) external {
        reentered = vault;
    }

    function _update(address from, address to, uint256 value) internal override {
        require(to != refused || to == address(0), "refused");
        super._update(from, to, value);
        if (address(reentered) == address(0) || from != address(reentered)) return;
        try reentered.payHost() {}
        catch {
            blocked = true;
        }
    }
}

contract RevenueVaultTest is Vaults {
    function setUp() public {
        _setUpVaults();
    }

    function testFuzz_income_in_pieces_pays_like_income_in_one(uint96[4] memory pieces) public {
        uint256 total;
        for (uint256 i = 0; i < 4; ++i) {
            _pay(vault, pieces[i]);
            vault.payPlatform();
            vault.sync();
            total += pieces[i];
        }
        (uint256 platform, uint256 host, uint256 owner,, uint256 pool, uint256 unbooked) =
            vault.buckets();
        checkEq(platform, total * 5 / 100, "platform");
        checkEq(host, total * 20 / 100, "host");
        checkEq(owner, total * 15 / 100, "owner");
        checkEq(pool, total * 60 / 100, "pool");
        checkEq(unbooked, 0, "all booked");
        checkEq(token.balanceOf(PLATFORM), platform, "paid as it came");
    }

    function test_payments_sent_before_creation_are_booked() public {
        VaultTerms memory terms = _terms(versionId, 0);
        terms.termsHash = keccak256("other terms");
        address expected = factory.vaultAddress(terms);
        token.mint(expected, 100);
        RevenueVault later = RevenueVault(factory.create(terms));
        later.payHost();
        checkEq(token.balanceOf(HOST), 20, "host");
    }

    function test_each_party_is_paid_its_share_once() public {
        _pay(vault, 1_000);
        vault.payPlatform();
        vault.payPlatform();
        vault.payHost();
        vault.payHost();
        vault.payOwner(OWNER);
        vault.payOwner(OWNER);
        checkEq(token.balanceOf(PLATFORM), 50, "platform");
        checkEq(token.balanceOf(HOST), 200, "host");
        checkEq(token.balanceOf(OWNER), 150, "owner");
        checkEq(token.balanceOf(address(vault)), 600, "the pool stays");
        checkEq(vault.totalIn() - vault.totalOut(), 600, "books");
    }

    function test_a_pending_root_pays_nothing() public {
        _pay(vault, 1_000);
        Entitlement[] memory leaves = _two(300, 200);
        (bytes32 root, uint128 sum) = _tree(leaves, 1);
        _post(root, sum, 1);
        bytes memory proof = _proof(leaves, 1, 0);
        vm.expectRevert(EpochRoots.InvalidOpening.selector);
        vault.claim(leaves[0], proof);
        _finalize();
        vault.claim(leaves[0], proof);
        checkEq(token.balanceOf(ALICE), 300, "paid");
        vm.expectPartialRevert(RevenueVault.NothingToClaim.selector);
        vault.claim(leaves[0], proof);
    }

    /// @notice S <= pool alone would let {A: 100, B: 0} and then {A: 0, B: 100} pay 200 from 100.
    function test_contradicting_roots_cannot_pay_twice() public {
        _pay(vault, 1_000);
        Entitlement[] memory first = _two(600, 0);
        (bytes32 root, uint128 sum) = _tree(first, 1);
        _post(root, sum, 1);
        _finalize();
        vault.claim(first[0], _proof(first, 1, 0));
        Entitlement[] memory second = _two(0, 600);
        (root, sum) = _tree(second, 1);
        _post(root, sum, 1);
        _finalize();
        bytes memory proof = _proof(second, 1, 1);
        vm.expectPartialRevert(RevenueVault.ClaimsExceedRoot.selector);
        vault.claim(second[1], proof);
        vault.payHost();
        vault.payPlatform();
        vault.payOwner(OWNER);
        checkEq(token.balanceOf(address(vault)), 0, "every bucket was paid in full");
    }

    function test_a_position_keeps_its_account() public {
        _pay(vault, 1_000);
        Entitlement[] memory first = _two(100, 100);
        (bytes32 root, uint128 sum) = _tree(first, 1);
        _post(root, sum, 1);
        _finalize();
        vault.claim(first[0], _proof(first, 1, 0));
        Entitlement[] memory second = _two(200, 200);
        second[0].account = address(0xBAD);
        (root, sum) = _tree(second, 1);
        _post(root, sum, 1);
        _finalize();
        bytes memory proof = _proof(second, 1, 0);
        vm.expectPartialRevert(RevenueVault.PositionOfOther.selector);
        vault.claim(second[0], proof);
    }

    /// @notice One unit is no owner's part, and nobody is told of nothing.
    function test_an_owner_is_credited_of_whole_units() public {
        _pay(vault, 1);
        vm.recordLogs();
        vault.payOwner(OWNER);
        checkEq(counted(VaultBooks.OwnerCredited.selector), 0, "nothing");
        _pay(vault, 99);
        vault.payOwner(OWNER);
        checkEq(counted(VaultBooks.OwnerCredited.selector), 1, "once");
    }

    function test_many_claims_are_paid_in_one_call() public {
        _pay(vault, 1_000);
        Entitlement[] memory leaves = _two(300, 200);
        (bytes32 root, uint128 sum) = _tree(leaves, 1);
        _post(root, sum, 1);
        _finalize();
        RevenueVault.Claim[] memory claims = _claims(leaves);
        checkEq(vault.claimMany(claims), 500, "paid");
        vm.recordLogs();
        checkEq(vault.claimMany(claims), 0, "and not again");
        checkEq(counted(RevenueVault.EntitlementPaid.selector), 0, "nor told of");
        vault.payPlatform();
        checkEq(counted(IERC20.Transfer.selector), 1, "the platform's part");
        vault.payPlatform();
        checkEq(counted(IERC20.Transfer.selector), 0, "of nothing no transfer");
        checkEq(token.balanceOf(ALICE), 300, "alice");
        checkEq(token.balanceOf(BOB), 200, "bob");
        claims[0].leaf.cumulative = 301;
        vm.expectRevert(EpochRoots.InvalidOpening.selector);
        vault.claimMany(claims);
    }

    function test_a_refused_recipient_blocks_no_other() public {
        HostileToken hostile = _hostileVault();
        hostile.mint(address(vault), 1_000);
        Entitlement[] memory leaves = _two(300, 200);
        (bytes32 root, uint128 sum) = _tree(leaves, 1);
        _post(root, sum, 1);
        _finalize();
        hostile.refuse(ALICE);
        checkEq(vault.claimMany(_claims(leaves)), 200, "bob alone");
        checkEq(vault.claimedTotal(), 200, "books");
        hostile.refuse(address(0));
        checkEq(vault.claimMany(_claims(leaves)), 300, "alice later");
        checkEq(vault.totalOut(), 500, "books");
    }

    function test_a_reentrant_token_gains_nothing() public {
        HostileToken hostile = _hostileVault();
        hostile.mint(address(vault), 1_000);
        hostile.reenter(vault);
        vault.payHost();
        check(hostile.blocked(), "the second payment was refused");
        checkEq(hostile.balanceOf(HOST), 200, "paid once");
    }

    function test_units_taken_by_the_issuer_do_not_freeze_the_books() public {
        HostileToken hostile = _hostileVault();
        hostile.mint(address(vault), 1_000);
        vault.sync();
        vm.prank(address(vault));
        hostile.transfer(address(0xDEAD), 500);
        vault.payHost();
        checkEq(hostile.balanceOf(HOST), 200, "paid from what is there");
        checkEq(vault.totalIn(), 1_000, "nothing is unbooked");
    }

    function test_a_royalty_is_pulled_exactly_once() public {
        vm.prank(OWNER);
        registry.setPayee(versionId, address(vault));
        RevenueVault child = _child(10_000_000);
        token.mint(address(child), 1_000);
        checkEq(vault.pullFrom(child, 0), 100, "a tenth of gross");
        checkEq(vault.pullFrom(child, 0), 0, "not again");
        checkEq(vault.royaltyIn(), 100, "recorded as royalty");
        checkEq(vault.totalIn(), 100, "and as income");
        checkEq(child.parentPaid(0), 100, "debited at the child");
        vm.expectPartialRevert(VaultBooks.NotPayee.selector);
        child.payParent(0);
    }

    function test_royalties_come_from_factory_vaults_only() public {
        vm.expectPartialRevert(VaultBooks.NotVault.selector);
        vault.pullFrom(RevenueVault(address(this)), 0);
    }

    function test_a_transfer_of_the_asset_credits_the_old_owner() public {
        vm.startPrank(OWNER);
        registry.attachVault(versionId, address(vault));
        vm.stopPrank();
        _pay(vault, 1_000);
        vm.prank(OWNER);
        registry.transferFrom(OWNER, BOB, assetId);
        _pay(vault, 2_000);
        vault.payOwner(OWNER);
        vault.payOwner(BOB);
        checkEq(token.balanceOf(OWNER), 150, "old owner");
        checkEq(token.balanceOf(BOB), 300, "new owner");
    }

    function test_the_fallback_waits_for_a_root_that_never_comes() public {
        vm.expectPartialRevert(RevenueVault.FallbackTooEarly.selector);
        vault.payFallback();
        _pay(vault, 1_000);
        vault.sync();
        vm.warp(block.timestamp + 180 days - 1);
        vm.expectPartialRevert(RevenueVault.FallbackTooEarly.selector);
        vault.payFallback();
        vm.warp(block.timestamp + 1);
        checkEq(vault.payFallback(), 600, "the pool");
        checkEq(token.balanceOf(FALLBACK), 600, "paid");
        vault.payHost();
        checkEq(token.balanceOf(HOST), 200, "the other buckets are untouched");

        // What went to the fallback is no longer there to be entitled to.
        uint64 epoch = vault.currentEpoch();
        vm.prank(ATTRIBUTOR);
        vault.commitEpoch(epoch, keccak256("receipts"), uint64(block.number - 1));
        vm.roll(block.number + 2);
        vm.prank(ATTRIBUTOR);
        vm.expectPartialRevert(EpochRoots.SumAbovePool.selector);
        vault.postRoot(epoch, keccak256("root"), 1, 1, 0, unattested);
    }

    function test_no_fallback_after_a_final_root() public {
        _pay(vault, 1_000);
        _post(keccak256("root"), 10, 1);
        vm.expectRevert(RevenueVault.RootExists.selector);
        vault.payFallback();
        _finalize();
        vm.warp(block.timestamp + 181 days);
        vm.expectRevert(RevenueVault.RootExists.selector);
        vault.payFallback();
    }

    function test_the_fallback_is_never_the_owner() public {
        _pay(vault, 1_000);
        vault.sync();
        vm.warp(block.timestamp + 180 days);
        vm.prank(OWNER);
        registry.transferFrom(OWNER, FALLBACK, assetId);
        vm.expectPartialRevert(RevenueVault.FallbackIsOwner.selector);
        vault.payFallback();
    }

    function _child(uint32 royalty) private returns (RevenueVault) {
        AssetRegistry.Parent[] memory parents = new AssetRegistry.Parent[](1);
        parents[0] = AssetRegistry.Parent(versionId, royalty);
        (, uint64 version) = _publish(BOB, parents, 0);
        return RevenueVault(factory.create(_terms(version, royalty)));
    }

    function _claims(Entitlement[] memory leaves)
        private
        view
        returns (RevenueVault.Claim[] memory claims)
    {
        claims = new RevenueVault.Claim[](leaves.length);
        for (uint32 i = 0; i < leaves.length; ++i) {
            claims[i] = RevenueVault.Claim(leaves[i], _proof(leaves, 1, i));
        }
    }

    /// @dev A factory whose one token is hostile, with the same registry's assets.
    function _hostileVault() private returns (HostileToken hostile) {
        hostile = new HostileToken();
        address[] memory tokens = new address[](1);
        tokens[0] = address(hostile);
        RevenueVaultFactory other = _deployBeside(tokens);
        VaultTerms memory terms = _terms(versionId, 0);
        terms.token = address(hostile);
        vault = RevenueVault(other.create(terms));
        token = SettlementToken(address(hostile));
        _bond(vault, ATTRIBUTOR, BOND);
    }
}
