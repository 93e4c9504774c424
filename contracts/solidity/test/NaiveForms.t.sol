// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EpochRoots} from "../src/EpochRoots.sol";
import {RevenueVault} from "../src/RevenueVault.sol";
import {RevenueVaultFactory} from "../src/RevenueVaultFactory.sol";
import {Entitlement, SumNode} from "../src/SumTree.sol";
import {VaultTerms} from "../src/VaultTerms.sol";
import {Vaults} from "./Vaults.sol";
import {vm} from "./Checks.sol";

/// @title A vault as one would write it first: claims by a root's sum, without the checks that cost.
/// @notice Three switches, each the naive form of one rule. Accounts are positions.
contract NaiveVault {
    bool private immutable _comparesBalance;
    bool private immutable _hashesTotalsOnly;

    uint256 public poolIn;
    uint256 public paid;
    bytes32 public root;
    uint256 public sum;
    mapping(uint256 position => uint256) public claimed;

    error Refused();

    constructor(bool comparesBalance, bool hashesTotalsOnly) {
        _comparesBalance = comparesBalance;
        _hashesTotalsOnly = hashesTotalsOnly;
    }

    function receiveIncome(uint256 amount) external {
        poolIn += amount;
    }

    function balance() public view returns (uint256) {
        return poolIn > paid ? poolIn - paid : 0;
    }

    function post(bytes32 root_, uint256 sum_) external {
        if (sum_ > (_comparesBalance ? balance() : poolIn)) revert Refused();
        (root, sum) = (root_, sum_);
    }

    function claim(uint256 position, uint256 cumulative, bytes32 otherHash, uint256 otherSum)
        external
        returns (uint256 amount)
    {
        bytes32 own = leaf(position, cumulative);
        bytes32 top = position == 0
            ? join(own, cumulative, otherHash, otherSum)
            : join(otherHash, otherSum, own, cumulative);
        if (top != root || cumulative + otherSum != sum) revert Refused();
        if (cumulative <= claimed[position]) revert Refused();
        amount = cumulative - claimed[position];
        claimed[position] = cumulative;
        paid += amount;
    }

    function leaf(uint256 position, uint256 cumulative) public view returns (bytes32) {
        return _hashesTotalsOnly
            ? keccak256(abi.encode(position))
            : keccak256(abi.encode(position, cumulative));
    }

    function join(bytes32 left, uint256 leftSum, bytes32 right, uint256 rightSum)
        public
        view
        returns (bytes32)
    {
        return _hashesTotalsOnly
            ? keccak256(abi.encode(left, right, leftSum + rightSum))
            : keccak256(abi.encode(left, leftSum, right, rightSum));
    }
}

/// @title A split whose parties set their own parts: operators of gross, contributors of what is left,
/// changed by the owner at will.
contract NaiveSplit {
    uint256 public operators;
    uint256 public contributors;
    uint256 public totalIn;
    uint256 public paid;

    /// @param operators_ percent of gross.
    /// @param contributors_ percent of net.
    function setTerms(uint256 operators_, uint256 contributors_) external {
        (operators, contributors) = (operators_, contributors_);
    }

    function receiveIncome(uint256 amount) external {
        totalIn += amount;
    }

    function payContributors(uint256 amount) external {
        paid += amount;
    }

    function due() external view returns (uint256) {
        uint256 earned = (totalIn - totalIn * operators / 100) * contributors / 100;
        return earned > paid ? earned - paid : 0;
    }
}

/// @title Attacks that each pay against the naive form of a rule and not against ours.
contract NaiveFormsTest is Vaults {
    function setUp() public {
        _setUpVaults();
    }

    /// @notice Comparing a root's sum with the balance refuses the next honest root once claims were
    /// made: 100 came in, 60 were claimed, 10 more came, and 110 is refused by a balance of 50.
    function test_a_sum_compared_with_the_balance_refuses_the_honest() public {
        NaiveVault naive = new NaiveVault(true, false);
        naive.receiveIncome(100);
        _postTwo(naive, 60, 40);
        naive.claim(0, 60, naive.leaf(1, 40), 40);
        naive.receiveIncome(10);
        bytes32 next = naive.join(naive.leaf(0, 66), 66, naive.leaf(1, 44), 44);
        vm.expectRevert(NaiveVault.Refused.selector);
        naive.post(next, 110);

        _pay(vault, 1_000);
        _finalTwo(360, 240);
        vault.claim(_two(360, 240)[0], _proof(_two(360, 240), 1, 0));
        _pay(vault, 100);
        _finalTwo(396, 264);
        checkEq(vault.finalRoot().sum, 660, "accepted");
    }

    /// @notice S <= pool alone: {A: 100, B: 0}, then {A: 0, B: 100}, pays 200 from 100.
    function test_sums_within_the_pool_alone_pay_twice() public {
        NaiveVault naive = new NaiveVault(false, false);
        naive.receiveIncome(100);
        _postTwo(naive, 100, 0);
        naive.claim(0, 100, naive.leaf(1, 0), 0);
        _postTwo(naive, 0, 100);
        naive.claim(1, 100, naive.leaf(0, 0), 0);
        checkEq(naive.paid(), 200, "the naive form paid 200 from 100");

        _pay(vault, 1_000);
        _finalTwo(600, 0);
        vault.claim(_two(600, 0)[0], _proof(_two(600, 0), 1, 0));
        _finalTwo(0, 600);
        bytes memory proof = _proof(_two(0, 600), 1, 1);
        Entitlement memory leaf = _two(0, 600)[1];
        vm.expectPartialRevert(RevenueVault.ClaimsExceedRoot.selector);
        vault.claim(leaf, proof);
    }

    /// @notice Hashing only the total of two children lets two leaves of 60 open under a root of 60.
    function test_hashing_totals_opens_one_sum_twice() public {
        NaiveVault naive = new NaiveVault(false, true);
        naive.receiveIncome(60);
        _postTwo(naive, 60, 0);
        naive.claim(0, 60, naive.leaf(1, 0), 0);
        naive.claim(1, 60, naive.leaf(0, 0), 0);
        checkEq(naive.paid(), 120, "the naive form paid 120 from 60");

        _pay(vault, 100);
        _finalTwo(60, 0);
        vault.claim(_two(60, 0)[0], _proof(_two(60, 0), 1, 0));
        Entitlement memory other = _two(0, 60)[1];
        SumNode[] memory moved = _neighbours(_two(60, 0), 1, 1);
        moved[0].sum = 0;
        bytes memory proof = _packed(moved);
        vm.expectRevert(EpochRoots.InvalidOpening.selector);
        vault.claim(other, proof);
    }

    /// @notice Half "of net" behind a host of 90 % and a platform of 5 % is 2.5 % of what buyers pay. Of
    /// gross, and with the operators capped, half is half.
    function test_shares_of_net_shrink_behind_a_host() public {
        uint256 gross = 1_000_000;
        NaiveSplit naive = new NaiveSplit();
        naive.setTerms(95, 50);
        naive.receiveIncome(gross);
        checkEq(naive.due(), gross * 25 / 1_000, "the naive half is 2.5 %");

        VaultTerms memory terms = _terms(versionId, 0);
        terms.hostShare = 90_000_000;
        terms.platformShare = 5_000_000;
        terms.ownerShare = 0;
        terms.contributorsShare = 5_000_000;
        vm.expectPartialRevert(RevenueVaultFactory.PlatformAndHostAboveCap.selector);
        factory.create(terms);
        terms.hostShare = 45_000_000;
        terms.contributorsShare = 50_000_000;
        RevenueVault capped = RevenueVault(factory.create(terms));
        _pay(capped, gross);
        capped.sync();
        (,,,, uint256 pool,) = capped.buckets();
        checkEq(pool, gross / 2, "half of gross");
    }

    /// @notice Terms that change under cumulative accounting divide the past again: 60 % of 1,000 were
    /// promised, and at 10 % nothing is left to claim. Ours have an address of their own.
    function test_terms_that_change_divide_the_past_again() public {
        uint256 came = 1_000;
        NaiveSplit naive = new NaiveSplit();
        naive.setTerms(0, 60);
        naive.receiveIncome(came);
        naive.payContributors(100);
        checkEq(naive.due(), 500, "promised");
        naive.setTerms(0, 10);
        checkEq(naive.due(), 0, "and gone after a cut to 10 %");

        _pay(vault, came);
        VaultTerms memory cut = _terms(versionId, 0);
        cut.contributorsShare = 10_000_000;
        cut.ownerShare = 65_000_000;
        address other = factory.create(cut);
        check(other != address(vault), "new terms are another vault");
        vault.sync();
        (,,,, uint256 pool,) = vault.buckets();
        checkEq(pool, 600, "the old one keeps its promise");
    }

    function _postTwo(NaiveVault naive, uint256 first, uint256 second) private {
        bytes32 root = naive.join(naive.leaf(0, first), first, naive.leaf(1, second), second);
        naive.post(root, first + second);
    }

    function _finalTwo(uint128 first, uint128 second) private {
        (bytes32 root, uint128 sum) = _tree(_two(first, second), 1);
        _post(root, sum, 1);
        _finalize();
    }
}
