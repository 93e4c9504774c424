// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AssetRegistry} from "../src/AssetRegistry.sol";
import {AvailabilityDemands} from "../src/AvailabilityDemands.sol";
import {EpochCourt} from "../src/EpochCourt.sol";
import {EpochRoots} from "../src/EpochRoots.sol";
import {RevenueVault} from "../src/RevenueVault.sol";
import {SettlementToken} from "../src/SettlementToken.sol";
import {Entitlement} from "../src/SumTree.sol";
import {VaultTerms} from "../src/VaultTerms.sol";
import {MoodyToken} from "./Economy.sol";
import {Liars} from "./Liars.sol";
import {Vaults} from "./Vaults.sol";
import {vm} from "./Checks.sol";

/// @title What holds whoever lies: on the vault that each call touched, and on all of them in the end.
/// @notice Numbers are those of the design's list, which `src/RevenueVault.sol` repeats. 15 is checked
/// where orders are carried out, in `test/Relays.sol`.
abstract contract EconomyInvariants is Vaults {
    Liars internal economy;

    function setUp() public {
        economy = new Liars();
        address courtAt;
        address demandsAt;
        (courtAt, demandsAt, token, registry) = economy.parts();
        court = EpochCourt(courtAt);
        demands = AvailabilityDemands(demandsAt);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(economy);
    }

    function _checkTouched() internal view {
        _checkVault(economy.touched());
        check(!economy.fell(), "no final sum falls");
    }

    function _checkAll() internal view {
        for (uint256 i = 0; i < economy.ASSETS(); ++i) {
            _checkVault(i);
        }
        _checkCourt();
        // 17: what contributors have is their claims, and whoever has no part has nothing.
        uint256 relayed;
        for (uint32 position = 0; position < 4; ++position) {
            uint256 claims;
            for (uint256 i = 0; i < economy.ASSETS(); ++i) {
                (, uint96 claimed) = economy.vaults(i).positions(position);
                claims += claimed;
            }
            address account = economy.finalLeaf(0, position).account;
            uint256 elsewhere = economy.relayed(position);
            checkEq(token.balanceOf(account) + elsewhere, claims, "contributors have their claims");
            relayed += elsewhere;
        }
        // 15: orders paid whom they name, and whoever carried them out their fee.
        checkEq(token.balanceOf(address(0x4E1A)), economy.fees(), "the relayer has its fees");
        checkEq(
            token.balanceOf(address(0x4EC1)) + economy.fees(), relayed, "the recipient has the rest"
        );
        checkEq(token.balanceOf(address(0x5712)), 0, "a stranger has nothing");
    }

    function _checkVault(uint256 asset) internal view {
        RevenueVault v = economy.vaults(asset);
        (
            uint256 platform,
            uint256 host,
            uint256 owner,
            uint256 parents,
            uint256 pool,
            uint256 unbooked
        ) = v.buckets();
        uint256 balance = token.balanceOf(address(v));
        // 1 and 2: everything that came in is in a bucket, paid out, or below one unit per bucket.
        checkEq(balance + v.totalOut(), uint256(v.totalIn()) + unbooked, "books");
        checkEq(balance + v.totalOut(), economy.paidIn(asset), "income");
        uint256 dust = v.totalIn() - platform - host - owner - parents - pool;
        checkAtMost(dust, 4, "dust");
        // 3: no bucket pays from another.
        checkAtMost(v.platformPaid(), platform, "platform");
        checkAtMost(v.hostPaid(), host, "host");
        checkAtMost(v.ownerCredited(), owner, "owner");
        checkAtMost(v.claimedTotal() + v.fallbackPaid(), pool, "pool");
        _checkRoots(v, pool);
        _checkPositions(v, asset);
        // 8: only finality changes the final root, to the root that was pending.
        checkEq(
            v.finalRoot().hash, economy.finalHashes(asset), "the final root is what became final"
        );
        // 11: the terms are those of the creation.
        checkEq(keccak256(abi.encode(v.terms())), economy.termsHashes(asset), "terms never change");
    }

    /// @dev 4 and 10.
    function _checkRoots(RevenueVault v, uint256 pool) private view {
        EpochRoots.Root memory last = v.finalRoot();
        EpochRoots.Root memory pending = v.pendingRoot();
        checkAtMost(last.sum, pool + v.voidedTotal(), "final within pool and voided");
        if (pending.postedAt == 0) return;
        checkAtMost(last.sum, pending.sum, "final within pending");
        checkAtMost(pending.sum, pool + v.voidedTotal(), "pending within pool and voided");
        uint256 required = court.panels().requiredBond(v.terms().panel, 0);
        (uint104 bond,,) = court.bonds(address(v), ATTRIBUTOR);
        checkAtMost(required, bond, "the pending root is bonded");
    }

    /// @dev 5, 6, 7 and 9.
    function _checkPositions(RevenueVault v, uint256 asset) private view {
        uint256 claims;
        uint256 voided;
        uint256 holds;
        for (uint32 i = 0; i < 4; ++i) {
            (address account, uint96 claimed) = v.positions(i);
            Entitlement memory leaf = economy.finalLeaf(asset, i);
            claims += claimed;
            if (account != address(0)) checkEq(account, leaf.account, "the account stays");
            (, uint96 positionVoided, uint32 open) = v.adjustments(i);
            checkEq(open, economy.openDisputes(asset, i), "holds are open disputes");
            checkEq(positionVoided, economy.voided(asset, i), "voided is what was ruled");
            voided += positionVoided;
            holds += open;
            if (!economy.contradicted(asset) && v.finalRoot().epoch != 0) {
                checkAtMost(claimed, v.dueOf(i, leaf.cumulative), "claimed is due");
            }
        }
        checkEq(claims, v.claimedTotal(), "the sum of claims");
        checkEq(voided, v.voidedTotal(), "the sum of what was voided");
        checkEq(holds, v.openHolds(), "the sum of holds");
    }

    /// @dev 11 and 12: parents come first and ask no more than the whole; what a parent booked as
    /// royalties is what its children debited.
    function _checkRoyalties(uint256 parent) internal view {
        RevenueVault payee = economy.vaults(parent);
        uint256 debited;
        (,, uint32 stack) = registry.lineage(economy.versions(parent));
        checkAtMost(stack, 1e8, "the stack");
        for (uint256 child = parent + 1; child < economy.ASSETS(); ++child) {
            AssetRegistry.ParentLink[] memory links = registry.parentLinks(economy.versions(child));
            for (uint256 i = 0; i < links.length; ++i) {
                checkAtMost(links[i].parentId + 1, economy.versions(child), "parents come first");
                if (links[i].payee != address(payee)) continue;
                uint256 paid = economy.vaults(child).parentPaid(i);
                checkAtMost(
                    paid,
                    economy.vaults(child).totalIn() * uint256(links[i].royalty) / 1e8,
                    "royalty"
                );
                debited += paid;
            }
        }
        checkEq(payee.royaltyIn(), debited, "royalties");
    }

    /// @dev 10: bonds in = bonds, insurance, credits and the bonds of open disputes.
    function _checkCourt() private view {
        uint256 owed = economy.openCount() * 200;
        for (uint256 i = 0; i < economy.ASSETS(); ++i) {
            address v = address(economy.vaults(i));
            (uint104 amount,,) = court.bonds(v, ATTRIBUTOR);
            (uint128 insured,) = court.insurance(v);
            owed += uint256(amount) + insured;
        }
        address[5] memory creditors =
            [address(0xC4A1), ARBITER_ONE, ARBITER_TWO, ARBITER_THREE, address(economy)];
        for (uint256 i = 0; i < creditors.length; ++i) {
            owed += court.credits(address(token), creditors[i]);
        }
        checkEq(token.balanceOf(address(court)), owed, "the court's books");
    }

    /// @dev 14 and 16: with a host whom the token refuses everybody else is paid, and every unit of the
    /// pool that no root gave away has a way out: the last root scaled, or the fallback.
    function _checkExits(uint256 asset) internal {
        vault = economy.vaults(asset);
        MoodyToken(address(token)).refuse(HOST);
        vault.payPlatform();
        vault.payOwner(OWNER);
        vault.payOwner(BOB);
        MoodyToken(address(token)).refuse(address(0));
        vault.payHost();
        vm.warp(block.timestamp + 200 days);
        // A dispute ends once its root is final, whichever vault that is of.
        for (uint256 left = economy.openCount(); left > 0; --left) {
            economy.finalize(economy.openAsset(left - 1), 0);
            economy.resolve(left - 1);
            checkEq(economy.openCount(), left - 1, "every dispute ends");
        }
        if (vault.pendingRoot().postedAt != 0) economy.finalize(asset, 0);
        // Where roots contradicted each other, which position is short is not for this check.
        if (economy.contradicted(asset) || vault.firstInflowAt() == 0) return;
        vm.warp(block.timestamp + 200 days);
        if (vault.finalRoot().sum > vault.voidedTotal()) {
            vault.escape();
            for (uint32 i = 0; i < 4; ++i) {
                economy.claim(asset, i);
            }
        } else {
            vault.payFallback();
        }
        (,,,, uint256 pool,) = vault.buckets();
        uint256 stuck = pool - vault.claimedTotal() - vault.fallbackPaid();
        checkAtMost(stuck, 4, "what nobody can have is a unit a position");
    }
}

/// @title Short runs, many: each from the beginning, and all books are looked at after each.
contract ManyEconomiesInvariantTest is EconomyInvariants {
    function invariant_every_vault_keeps_its_books_in_short_runs() public view {
        _checkTouched();
    }

    function afterInvariant() public {
        _checkAll();
        _checkRoyalties(economy.touched());
        _checkExits(economy.touched());
    }
}

/// @title Long runs, few: a thousand calls, in which each handler is heard and refused often enough.
contract EconomyInvariantTest is EconomyInvariants {
    /// forge-config: default.invariant.runs = 1
    /// forge-config: default.invariant.depth = 1000
    /// forge-config: nightly.invariant.runs = 100
    /// forge-config: nightly.invariant.depth = 1000
    function invariant_every_vault_keeps_its_books() public view {
        _checkTouched();
    }

    /// @notice A run in which little was accepted, or little refused, proves nothing.
    function afterInvariant() public {
        _checkHonest();
        _checkLiars();
        uint256 roots;
        uint256 claims;
        uint256 voided;
        for (uint256 i = 0; i < economy.ASSETS(); ++i) {
            roots += economy.vaults(i).currentEpoch() - 1;
            claims += economy.vaults(i).claimedTotal();
            voided += economy.vaults(i).voidedTotal();
        }
        checkAtMost(10, roots, "roots became final");
        checkAtMost(1, claims, "claims were paid");
        checkAtMost(1, voided, "increments were voided");
        MoodyToken moody = MoodyToken(address(token));
        checkAtMost(1, moody.tries(), "the token called back");
        checkEq(moody.reentered(), 0, "and nobody was entered twice");
        _checkAll();
        for (uint256 i = 0; i < economy.ASSETS(); ++i) {
            _checkRoyalties(i);
            _checkExits(i);
        }
    }

    /// @dev What is within somebody's rights is heard often, and refused where it may be.
    function _checkHonest() private view {
        _checkTally(economy.buy.selector, 10, 0, "buy");
        _checkTally(economy.collect.selector, 10, 0, "collect");
        _checkTally(economy.pull.selector, 1, 0, "pull");
        _checkTally(economy.transferAsset.selector, 10, 0, "transferAsset");
        _checkTally(economy.round.selector, 5, 0, "round");
        _checkTally(economy.post.selector, 5, 0, "post");
        _checkTally(economy.finalize.selector, 5, 5, "finalize");
        _checkTally(economy.prove.selector, 0, 5, "prove");
        _checkTally(economy.dispute.selector, 1, 5, "dispute");
        _checkTally(economy.vote.selector, 1, 1, "vote");
        _checkTally(economy.resolve.selector, 1, 1, "resolve");
        _checkTally(economy.claim.selector, 1, 5, "claim");
        _checkTally(economy.relay.selector, 5, 5, "relay");
        _checkTally(economy.escape.selector, 1, 5, "escape");
    }

    function _checkTally(bytes4 handler, uint256 heard, uint256 refused, string memory name)
        private
        view
    {
        checkAtMost(heard, economy.accepted(handler), string.concat(name, " was accepted"));
        checkAtMost(refused, economy.refused(handler), string.concat(name, " was refused"));
    }

    /// @dev Every role lied, and no lie was accepted.
    function _checkLiars() private view {
        bytes4[8] memory liars = [
            economy.cheatAsOwner.selector,
            economy.cheatAsHost.selector,
            economy.cheatAsBuyer.selector,
            economy.cheatAsAttributor.selector,
            economy.cheatAsArbiter.selector,
            economy.cheatAsChallenger.selector,
            economy.trespass.selector,
            economy.forge.selector
        ];
        for (uint256 i = 0; i < liars.length; ++i) {
            checkAtMost(5, economy.refused(liars[i]), "each role lied");
            checkEq(economy.accepted(liars[i]), 0, "and in vain");
        }
        checkAtMost(5, economy.accepted(economy.cheatAsToken.selector), "the token lied");
    }
}
