// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Opening} from "../src/Openings.sol";
import {Entitlement} from "../src/SumTree.sol";
import {Vaults} from "./Vaults.sol";
import {vm} from "./Checks.sol";

/// @notice An attributor that is honest or not, contributors who claim, parties who collect, and
/// income at any time. Watches what must only grow.
contract VaultHandler is Vaults {
    uint8 private constant DEPTH = 2;
    uint256 private constant POSITIONS = 4;

    uint256 public accepted;
    uint256 public refused;
    uint256 public paidIn;
    uint256 public cancelled;
    uint256 public paidClaims;
    bool public fell;

    Entitlement[] private _final;
    Entitlement[] private _pending;
    uint256[6] private _seen;
    /// @dev The most that a final root ever entitled each position to, and what it had claimed.
    uint128[POSITIONS] private _highest;
    uint96[POSITIONS] private _claimed;

    constructor() {
        _setUpVaults();
        _bond(vault, ATTRIBUTOR, type(uint64).max);
        for (uint32 i = 0; i < POSITIONS; ++i) {
            _final.push(_leaf(i, address(uint160(0xC000 + i)), 0));
            _pending.push(_final[i]);
        }
    }

    function pay(uint256 amount) external {
        amount = within(amount, 1, 1_000_000);
        _pay(vault, amount);
        paidIn += amount;
        _watch();
    }

    function collect(uint256 which) external {
        which = which % 4;
        if (which == 0) vault.payPlatform();
        if (which == 1) vault.payHost();
        if (which == 2) vault.payOwner(OWNER);
        if (which == 3) vault.sync();
        ++accepted;
        _watch();
    }

    function transferAsset(bool toBob) external {
        address from = registry.ownerOf(assetId);
        vm.prank(from);
        registry.transferFrom(from, toBob ? BOB : OWNER, assetId);
        _watch();
    }

    /// @notice Proposes entitlements: usually more for everyone, sometimes less for one position.
    function post(uint256 seed, bool dishonest) external {
        if (!_commit()) return;
        (,,,, uint256 pool,) = vault.buckets();
        uint128 finalSum = vault.finalRoot().sum;
        Entitlement[] memory leaves = _final;
        uint256 spare = pool > finalSum ? pool - finalSum : 0;
        for (uint256 i = 0; i < POSITIONS; ++i) {
            uint256 share = uint256(keccak256(abi.encode(seed, i))) % (spare / POSITIONS + 2);
            leaves[i].cumulative += uint128(share);
        }
        if (dishonest) {
            uint128 moved = leaves[0].cumulative / 2;
            leaves[0].cumulative -= moved;
            leaves[1].cumulative += moved;
        }
        (bytes32 root, uint128 sum) = _tree(leaves, DEPTH);
        uint64 epoch = vault.currentEpoch();
        vm.prank(ATTRIBUTOR);
        try vault.postRoot(epoch, root, sum, DEPTH, 0, unattested) {
            for (uint256 i = 0; i < POSITIONS; ++i) {
                _pending[i] = leaves[i];
            }
            ++accepted;
        } catch {
            ++refused;
        }
        _watch();
    }

    function finalize(uint256 wait) external {
        vm.warp(block.timestamp + within(wait, 0, 2 * WINDOW));
        try vault.finalize() {
            for (uint256 i = 0; i < POSITIONS; ++i) {
                _final[i] = _pending[i];
                uint128 cumulative = _final[i].cumulative;
                if (cumulative > _highest[i]) _highest[i] = cumulative;
            }
            ++accepted;
        } catch {
            ++refused;
        }
        _watch();
    }

    function cancel(uint32 position) external {
        position = uint32(position % POSITIONS);
        try faults.proveRegression(
            vault,
            Opening(_final[position], _proof(_final, DEPTH, position)),
            Opening(_pending[position], _proof(_pending, DEPTH, position))
        ) {
            ++cancelled;
            ++accepted;
        } catch {
            ++refused;
        }
        _watch();
    }

    function claim(uint32 position, bool fromPending) external {
        position = uint32(position % POSITIONS);
        Entitlement[] memory leaves = fromPending ? _pending : _final;
        try vault.claim(leaves[position], _proof(leaves, DEPTH, position)) {
            ++paidClaims;
            ++accepted;
        } catch {
            ++refused;
        }
        _watch();
    }

    /// @notice A whole epoch: income, a root, its window, claims; and what a stranger may not do.
    function round(uint256 amount, uint256 seed) external {
        this.pay(amount);
        this.post(seed, false);
        this.finalize(2 * WINDOW);
        this.claim(uint32(seed % POSITIONS), false);
        this.claim(uint32(seed % POSITIONS), false);
        vm.prank(BOB);
        try vault.cancelRoot() {
            fell = true;
        } catch {
            ++refused;
        }
    }

    /// @notice Fails if a position claimed more than any final root entitled it to.
    function requireWithinEntitlements() external view {
        for (uint32 i = 0; i < POSITIONS; ++i) {
            (, uint96 claimed) = vault.positions(i);
            checkAtMost(claimed, _highest[i], "claimed within an entitlement");
        }
    }

    /// @notice The sum of what positions claimed.
    function claims() external view returns (uint256 total) {
        for (uint32 i = 0; i < POSITIONS; ++i) {
            (, uint96 claimed) = vault.positions(i);
            total += claimed;
            checkEq(token.balanceOf(_final[i].account), claimed, "claims were received");
        }
    }

    function theFinalEpoch() external view returns (uint256) {
        return vault.finalRoot().epoch;
    }

    function theVault()
        external
        view
        returns (uint256 totalIn, uint256 totalOut, uint256 balance, uint256 unbooked)
    {
        (,,,,, unbooked) = vault.buckets();
        return (vault.totalIn(), vault.totalOut(), token.balanceOf(address(vault)), unbooked);
    }

    function credits()
        external
        view
        returns (uint256 platform, uint256 host, uint256 owner, uint256 parents, uint256 pool)
    {
        (platform, host, owner, parents, pool,) = vault.buckets();
    }

    function payments()
        external
        view
        returns (uint256 platform, uint256 host, uint256 owner, uint256 pool)
    {
        return (
            token.balanceOf(PLATFORM),
            token.balanceOf(HOST),
            token.balanceOf(OWNER) + token.balanceOf(BOB),
            vault.claimedTotal()
        );
    }

    function sums() external view returns (uint256 finalSum, uint256 pendingSum, bool isPending) {
        uint256 postedAt = vault.pendingRoot().postedAt;
        return (vault.finalRoot().sum, vault.pendingRoot().sum, postedAt != 0);
    }

    function _commit() private returns (bool) {
        if (vault.commitment().receiptsRoot != bytes32(0)) return true;
        uint64 epoch = vault.currentEpoch();
        vm.roll(block.number + 1);
        vm.prank(ATTRIBUTOR);
        try vault.commitEpoch(epoch, keccak256("receipts"), uint64(block.number - 1)) {
            vm.roll(block.number + 2);
            ++accepted;
            return true;
        } catch {
            ++refused;
            return false;
        }
    }

    /// @dev Credits, sums and claims must never fall.
    function _watch() private {
        (uint256 platform, uint256 host, uint256 owner,, uint256 pool,) = vault.buckets();
        uint128 finalSum = vault.finalRoot().sum;
        uint256[6] memory now_ =
            [platform, host, owner, pool, uint256(finalSum), vault.claimedTotal()];
        for (uint256 i = 0; i < 6; ++i) {
            if (now_[i] < _seen[i]) fell = true;
        }
        _seen = now_;
        for (uint32 i = 0; i < POSITIONS; ++i) {
            (, uint96 claimed) = vault.positions(i);
            if (claimed < _claimed[i]) fell = true;
            _claimed[i] = claimed;
        }
    }
}

contract RevenueVaultInvariantTest is Vaults {
    VaultHandler private handler;

    function setUp() public {
        handler = new VaultHandler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// @notice One campaign for all: forge would play the same calls again for each.
    function invariant_a_vault_keeps_its_books() public view {
        invariant_liabilities_are_covered();
        invariant_buckets_are_shares_of_gross();
        invariant_no_bucket_draws_on_another();
        invariant_root_sums_are_ordered();
        invariant_claims_stay_within_entitlements();
        invariant_claims_stay_within_the_root();
    }

    function invariant_liabilities_are_covered() internal view {
        (uint256 totalIn, uint256 totalOut, uint256 balance, uint256 unbooked) = handler.theVault();
        checkEq(balance + totalOut, totalIn + unbooked, "books");
        checkEq(balance + totalOut, handler.paidIn(), "conservation");
    }

    function invariant_buckets_are_shares_of_gross() internal view {
        (uint256 totalIn,,,) = handler.theVault();
        (uint256 platform, uint256 host, uint256 owner, uint256 parents, uint256 pool) =
            handler.credits();
        checkEq(platform, totalIn * 5 / 100, "platform");
        checkEq(host, totalIn * 20 / 100, "host");
        checkEq(owner, totalIn * 15 / 100, "owner");
        checkEq(parents, 0, "no parents");
        checkEq(pool, totalIn * 60 / 100, "pool");
        uint256 dust = totalIn - platform - host - owner - pool;
        checkAtMost(dust, 3, "dust is below one unit per bucket");
        check(!handler.fell(), "credits, sums and claims never fall");
    }

    function invariant_no_bucket_draws_on_another() internal view {
        (uint256 platform, uint256 host, uint256 owner,, uint256 pool) = handler.credits();
        (uint256 platformPaid, uint256 hostPaid, uint256 ownerPaid, uint256 poolPaid) =
            handler.payments();
        checkAtMost(platformPaid, platform, "platform");
        checkAtMost(hostPaid, host, "host");
        checkAtMost(ownerPaid, owner, "owner");
        checkAtMost(poolPaid, pool, "pool");
    }

    function invariant_root_sums_are_ordered() internal view {
        (uint256 finalSum, uint256 pendingSum, bool isPending) = handler.sums();
        (,,,, uint256 pool) = handler.credits();
        checkAtMost(finalSum, pool, "final within pool");
        if (!isPending) return;
        checkAtMost(finalSum, pendingSum, "final within pending");
        checkAtMost(pendingSum, pool, "pending within pool");
    }

    function invariant_claims_stay_within_entitlements() internal view {
        handler.requireWithinEntitlements();
        check(!handler.fell(), "no position's claims fall");
    }

    function invariant_claims_stay_within_the_root() internal view {
        (uint256 finalSum,,) = handler.sums();
        (,,, uint256 claimedTotal) = handler.payments();
        checkEq(handler.claims(), claimedTotal, "the sum of claims");
        checkAtMost(claimedTotal, finalSum, "within the final root");
    }

    /// @notice A run in which nothing was accepted, or nothing refused, proves nothing.
    function afterInvariant() public view {
        checkAtMost(1, handler.accepted(), "enough calls were accepted");
        checkAtMost(1, handler.refused(), "enough calls were refused");
    }

    /// @notice Each run of the campaign above is short: a long one shows that roots become final, some
    /// are cancelled, and claims are paid.
    function test_a_long_random_run_of_a_vault_is_not_idle() public {
        for (uint256 step = 0; step < 400; ++step) {
            uint256 draw = uint256(keccak256(abi.encode(step)));
            uint256 number = draw >> 8;
            if (draw % 8 == 0) handler.pay(number);
            else if (draw % 8 == 1) handler.collect(number);
            else if (draw % 8 == 2) handler.transferAsset(number % 2 == 0);
            else if (draw % 8 == 3) handler.post(number, number % 4 == 0);
            else if (draw % 8 == 4) handler.finalize(number);
            else if (draw % 8 == 5) handler.cancel(uint32(number));
            else if (draw % 8 == 6) handler.claim(uint32(number), number % 2 == 0);
            else handler.round(number, number);
            if (step % 50 == 49) invariant_a_vault_keeps_its_books();
        }
        checkAtMost(40, handler.theFinalEpoch(), "roots became final");
        checkAtMost(3, handler.cancelled(), "roots were cancelled");
        checkAtMost(40, handler.paidClaims(), "claims were paid");
        checkAtMost(100, handler.refused(), "calls were refused");
    }
}
