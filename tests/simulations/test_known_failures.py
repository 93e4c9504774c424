"""Each mechanism loses to the attack it is known to lose to, by as much as was measured before.

The figures are of an independent implementation of the same formulas; where only they were kept and
not the settings, the tolerance says how close our worlds come.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_attribution.valuation import (
    banzhaf,
    by_cluster,
    coverage_game,
    leave_one_out,
    normalised,
    shapley,
)
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.failures import (
    SELLERS,
    Neighbourhood,
    Subnet,
    audited_cheat,
    cabal_emission,
    cartel_pay,
    copied_points_share,
    copier_dividend,
    farmed_rank,
    replicated_shares,
    robust_pay,
    split_subsidy,
)
from headwater_simulations.mechanisms import (
    best_wash,
    break_even_stake,
    determinant_pay,
    expected_gain,
    wash_profit,
)


def near(*figures: float, within: float) -> object:
    return pytest.approx(list(figures), abs=within)


# Copies. Han et al. 2020 (arXiv 2006.14583); Jia et al. 2019 (arXiv 1908.08619).


def test_copies_raise_a_shapley_share_from_22_to_35_percent() -> None:
    shares = replicated_shares(shapley)
    assert shares == sorted(shares)
    assert [shares[0], shares[-1]] == near(0.220, 0.353, within=0.0006)


def test_the_first_copy_pays_under_normalised_banzhaf_and_no_later_one() -> None:
    shares = replicated_shares(banzhaf)
    assert shares == near(0.218, 0.241, 0.204, 0.151, 0.102, within=0.0006)


def test_a_copy_kills_itself_and_its_original_under_leave_one_out() -> None:
    assert replicated_shares(leave_one_out) == [0.5, 0, 0, 0, 0]


def test_the_penalised_value_falls_with_every_copy_in_absolute_pay() -> None:
    # Agarwal, Dahleh and Sarkar 2019 (arXiv 1805.08125), with λ = ln 2.
    paid = robust_pay()
    assert [paid[0], paid[-1]] == near(1.144, 0.115, within=0.0006)
    assert paid == sorted(paid, reverse=True)
    # Without a penalty it is the Shapley value, and copies pay.
    free = robust_pay(penalty=0.0)
    assert free == sorted(free)


@pytest.mark.parametrize("copies", [1, 2, 5])
def test_valuing_clusters_keeps_the_share_where_it_was(copies: int) -> None:
    owns = np.array([[[item in items for item in range(11)] for items in SELLERS]])
    copied = np.concatenate((owns, np.repeat(owns[:, :1], copies - 1, axis=1)), axis=1)
    clusters = np.array([0, 1, 2, 3, 4, *[0] * (copies - 1)])
    shares = normalised(shapley(coverage_game(by_cluster(copied, clusters))))
    assert shares[0, 0] == pytest.approx(0.220, abs=0.0006)


def test_the_owner_of_one_percent_earns_by_knn_shapley_almost_in_proportion_to_copies() -> None:
    shares = [copied_points_share(copies) for copies in (1, 2, 4, 8)]
    assert shares == near(0.0097, 0.019, 0.037, 0.063, within=0.0015)


def test_jitter_of_a_third_of_a_deviation_does_not_hurt_the_copies() -> None:
    plain, jittered = copied_points_share(8), copied_points_share(8, jitter=0.3)
    assert jittered == pytest.approx(0.064, abs=0.01)
    assert jittered > 0.95 * plain


# Yuma. Opentensor, docs/consensus.md, with κ = 0.5.


def test_a_cabal_just_below_kappa_loses_by_voting_for_itself() -> None:
    emission = [cabal_emission(0.49, weight) for weight in (0.0, 0.5, 1.0)]
    assert emission == near(0.248, 0.186, 0.013, within=0.01)


def test_a_cabal_just_above_kappa_takes_everything() -> None:
    emission = [cabal_emission(0.55, weight) for weight in (0.0, 0.5, 1.0)]
    assert emission == near(0.280, 0.518, 0.997, within=0.01)


def test_the_cliff_does_not_depend_on_the_noise_or_the_draws() -> None:
    for subnet in (Subnet(noise=0.0, worlds=1), Subnet(noise=0.3), Subnet(seed=7), Subnet(beta=1)):
        assert cabal_emission(0.49, 1.0, subnet) < 0.05
        assert cabal_emission(0.55, 1.0, subnet) > 0.95


def test_a_copier_earns_more_than_those_who_measure_until_miners_change_fast() -> None:
    ratios = [copier_dividend(drift) for drift in (0.0, 0.02, 0.10, 0.30)]
    assert ratios == near(1.052, 1.050, 1.030, 0.962, within=0.01)


def test_there_is_nothing_to_gain_from_copying_those_who_do_not_err() -> None:
    exact = Subnet(noise=0.0, beta=1.0, worlds=8)
    assert copier_dividend(0.0, exact) == pytest.approx(1.0, abs=1e-9)
    assert copier_dividend(0.1, exact) < 1


# Peer prediction. Kong 2020 (arXiv 1911.00272); Shnayder et al. 2016 (arXiv 1603.03151).


@pytest.mark.parametrize(
    ("members", "pay"), [(1, 0.62), (15, 0.72), (30, 0.85), (50, 1.0)], ids=lambda each: str(each)
)
def test_a_cartel_of_one_answer_earns_the_more_the_larger_it_is(members: int, pay: float) -> None:
    cartel = cartel_pay(members, agents=50)
    assert cartel.agreement == pytest.approx(pay, abs=0.012)
    assert cartel.honest_agreement == pytest.approx(0.68, abs=0.01)
    assert (cartel.agreement > cartel.honest_agreement) == (members >= 15)


@pytest.mark.parametrize("members", [1, 15, 30, 50])
def test_the_determinant_and_correlated_agreement_pay_the_cartel_nothing(members: int) -> None:
    cartel = cartel_pay(members, agents=50, worlds=2)
    assert cartel.determinant == 0
    assert cartel.correlated == pytest.approx(0, abs=1e-12)
    assert cartel.honest_determinant > 0.004
    assert cartel.honest_correlated > 0.1


def test_a_garbled_report_is_paid_by_the_square_of_what_is_left_of_it() -> None:
    # Flipping one answer in five has det S = 1 - 2/5 = 0.6, in each half of the tasks.
    draws = np.random.default_rng(5)
    truth = draws.random((64, 1, 400)) < 0.5
    seen = (truth == (draws.random((64, 10, 400)) < 0.8)).astype(np.int64)
    honest = determinant_pay(seen, 2)[:, 0].mean()
    seen[:, 0] ^= draws.random((64, 400)) < 0.2
    assert determinant_pay(seen, 2)[:, 0].mean() / honest == pytest.approx(0.36, abs=0.05)


# Reputation. Cheng and Friedman 2005; Gyöngyi et al. 2004; Kamvar et al. 2003.


def test_a_farm_of_sybils_takes_a_uniform_teleports_rank() -> None:
    ranks = [farmed_rank(sybils).uniform for sybils in (0, 5, 50, 500)]
    assert ranks == near(0.005, 0.052, 0.222, 0.722, within=0.006)


def test_a_seeded_teleport_gives_sybils_nothing() -> None:
    farms = [farmed_rank(sybils) for sybils in (5, 50, 500)]
    assert [farm.seeded for farm in farms] == near(0.051, 0.051, 0.051, within=0.001)
    assert [farm.trust for farm in farms] == pytest.approx([farm.seeded for farm in farms])


# Stakes. Becker 1968.


@pytest.mark.parametrize(("percent", "times"), [(1, 99), (5, 19), (10, 9), (25, 3)])
def test_the_stake_that_deters_is_so_many_times_the_gain(percent: int, times: int) -> None:
    caught = PARTS * percent // 100
    gain = np.array([1_000])
    stake = break_even_stake(gain, np.array([caught]))
    assert stake[0] == times * 1_000
    assert expected_gain(gain, stake, np.array([caught]))[0] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("percent", [5, 25])
def test_audits_bear_the_break_even_stake_out(percent: int) -> None:
    caught = PARTS * percent // 100
    stake = int(break_even_stake(np.array([1_000]), np.array([caught]))[0])
    for change, sign in ((0.8, 1), (1.2, -1)):
        net = audited_cheat(1_000, round(stake * change), caught)
        error = net.std(ddof=1) / np.sqrt(len(net))
        assert sign * net.mean() > 3 * error
    net = audited_cheat(1_000, stake, caught)
    assert abs(net.mean()) < 4 * net.std(ddof=1) / np.sqrt(len(net))


# Quadratic funding. Buterin, Hitzig and Weyl 2019 (arXiv 1809.06421).


@given(st.integers(1, 10**6), st.integers(1, 200))
def test_a_gift_under_k_names_is_matched_k_minus_one_times(each: int, names: int) -> None:
    gift = each * names
    assert split_subsidy(gift, names) == pytest.approx((names - 1) * gift, rel=1e-9, abs=0.01)


# Washing. Ocean Protocol, Data Farming.


def test_washing_pays_until_the_fee_reaches_reward_over_volume() -> None:
    # R = 10,000 on V = 1,000,000 of honest volume: a fee of 1 % ends it.
    pool, volume = np.array([10_000]), np.array([1_000_000])
    washed = best_wash(pool, volume, fee=PARTS // 400)
    # √(R V / f) - V = √(4 × 10^12) - 10^6, which earns half the pool for a quarter percent of it.
    assert washed[0] == 1_000_000
    assert wash_profit(pool, volume, washed, PARTS // 400)[0] == 2_500
    assert best_wash(pool, volume, fee=PARTS // 100)[0] == 0
    assert wash_profit(pool, volume, washed, PARTS // 100)[0] < 0


@given(st.integers(10**3, 10**9), st.integers(10**3, 10**9), st.integers(1, 10**9))
def test_no_wash_pays_above_that_fee(pool: int, volume: int, washed: int) -> None:
    fee = min(-(-pool * PARTS // volume), PARTS)
    profit = wash_profit(np.array([pool]), np.array([volume]), np.array([washed]), fee)[0]
    # Two units of rounding; where the pool exceeds the volume no fee up to the price suffices.
    assert profit <= 2 or pool > volume


def test_worlds_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="member"):
        cartel_pay(0)
    with pytest.raises(InvalidInputError, match="farm"):
        farmed_rank(5, pages=10)
    with pytest.raises(InvalidInputError, match="cabal"):
        cabal_emission(1.1, 0)
    with pytest.raises(InvalidInputError, match="copier"):
        copier_dividend(0.1, epochs=5, after=5)
    with pytest.raises(InvalidInputError, match="subnet"):
        replace(Subnet(), validators=0)
    with pytest.raises(InvalidInputError, match="owner's point"):
        Neighbourhood(owned=0.0)
    with pytest.raises(InvalidInputError, match="evenly"):
        split_subsidy(10, 3)
