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
import {Economy} from "./Economy.sol";
import {Vaults} from "./Vaults.sol";

/// @title What holds whoever lies: on the vault that each call touched, and on all of them in the end.
contract EconomyInvariantTest is Vaults {
    Economy private economy;

    function setUp() public {
        economy = new Economy();
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

    /// forge-config: default.invariant.runs = 1
    /// forge-config: default.invariant.depth = 1000
    /// forge-config: nightly.invariant.runs = 20
    /// forge-config: nightly.invariant.depth = 1000
    function invariant_every_vault_keeps_its_books() public view {
        _checkVault(economy.touched());
        check(!economy.fell(), "no final sum falls");
    }

    /// @notice A run in which little was accepted, or little refused, proves nothing.
    function afterInvariant() public view {
        checkAtMost(300, economy.accepted(), "enough calls were accepted");
        checkAtMost(100, economy.refused(), "enough calls were refused");
        uint256 roots;
        uint256 claims;
        uint256 voided;
        for (uint256 i = 0; i < economy.ASSETS(); ++i) {
            _checkVault(i);
            _checkRoyalties(i);
            roots += economy.vaults(i).currentEpoch() - 1;
            claims += economy.vaults(i).claimedTotal();
            voided += economy.vaults(i).voidedTotal();
        }
        checkAtMost(20, roots, "roots became final");
        checkAtMost(1, claims, "claims were paid");
        checkAtMost(1, voided, "increments were voided");
        _checkCourt();
    }

    function _checkVault(uint256 asset) private view {
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

    /// @dev 12: what a parent booked as royalties is what its children debited.
    function _checkRoyalties(uint256 parent) private view {
        RevenueVault payee = economy.vaults(parent);
        uint256 debited;
        for (uint256 child = parent + 1; child < economy.ASSETS(); ++child) {
            AssetRegistry.ParentLink[] memory links = registry.parentLinks(economy.versions(child));
            for (uint256 i = 0; i < links.length; ++i) {
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
}
