import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_attribution.apportion import Int64s
from headwater_attribution.presets import (
    SIGNALS,
    ClassParameters,
    TournamentParameters,
    YumaParameters,
    absolute_royalties,
    class_pools,
    effective_count,
    entropy,
    phi,
    pro_rata,
    relative_royalties,
    score_shares,
    tournament_payouts,
    yuma_emission,
    yuma_epoch,
)
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS

TENTH, FIFTH = PARTS // 10, PARTS // 5


def ints(values: object) -> Int64s:
    return np.array(values, dtype=np.int64)


def floats(values: object) -> npt.NDArray[np.float64]:
    return np.array(values, dtype=np.float64)


# Pots


@given(
    st.integers(0, 2**63 - 1),
    st.lists(st.floats(0, 1e300, allow_nan=False), min_size=1, max_size=20),
)
def test_a_pot_is_divided_to_the_last_unit_or_not_at_all(pot: int, scores: list[float]) -> None:
    paid = pro_rata(ints([pot]), floats([scores]))[0]
    assert (paid >= 0).all()
    assert sum(paid.tolist()) == (pot if max(scores) > 0 else 0)


def test_scores_that_are_no_scores_are_refused() -> None:
    for bad in (-0.1, np.nan, np.inf):
        with pytest.raises(InvalidInputError, match="finite"):
            pro_rata(ints([10]), floats([[1.0, bad]]))


# Numerai

PLAIN = TournamentParameters(threshold=72_000, correlation=1.0, contribution=1.0, cap=PARTS // 20)


def rounds(stakes: list[int], scores: list[float], numbers: TournamentParameters) -> list[int]:
    nothing = floats([[0.0] * len(stakes)])
    paid = tournament_payouts(ints([stakes]), floats([scores]), nothing, numbers)
    return [int(each) for each in paid[0]]


def test_a_stake_gains_and_burns_alike_up_to_the_cap() -> None:
    assert rounds([10_000] * 4, [0.02, -0.02, 0.3, -0.3], PLAIN) == [200, -200, 500, -500]


def test_an_oversubscribed_round_pays_pro_rata() -> None:
    # 144,000 at risk against 72,000: half of every score counts, before the cap.
    assert rounds([72_000, 72_000], [0.04, 0.2], PLAIN) == [1_440, 3_600]


def test_signals_weighs_alpha_and_contribution_and_caps_lower() -> None:
    paid = tournament_payouts(
        ints([[10_000, 10_000]]), floats([[0.01, 1.0]]), floats([[0.01, 1.0]]), SIGNALS
    )
    assert paid.tolist() == [[110, 170]]


@given(
    st.lists(st.tuples(st.integers(0, 10**15), st.floats(-3, 3)), min_size=1, max_size=10),
)
def test_a_long_and_a_short_stake_cancel_to_the_unit(pairs: list[tuple[int, float]]) -> None:
    stakes = [stake for stake, _ in pairs] * 2
    scores = [score for _, score in pairs] + [-score for _, score in pairs]
    paid = rounds(stakes, scores, PLAIN)
    assert sum(paid) == 0
    capped = zip(paid, stakes, strict=True)
    assert all(abs(each) * 20 <= stake for each, stake in capped)


def test_a_tournament_refuses_what_it_cannot_pay_by() -> None:
    with pytest.raises(InvalidInputError, match="Stakes"):
        rounds([-1], [0.0], PLAIN)
    with pytest.raises(InvalidInputError, match="finite"):
        rounds([1], [float("nan")], PLAIN)
    with pytest.raises(InvalidInputError, match="threshold"):
        TournamentParameters(0, 1.0, 1.0, 0)
    with pytest.raises(InvalidInputError, match="weights"):
        TournamentParameters(1, float("inf"), 1.0, 0)


# Story

CHAIN = ints([[[0, 0, 0], [TENTH, 0, 0], [0, FIFTH, 0]]])
"""Grandparent, parent, child: the child owes 20 %, the parent 10 %."""


def test_a_relative_royalty_thins_out_ten_percent_of_twenty_is_two() -> None:
    royalties = relative_royalties(ints([[0, 0, 1_000]]), CHAIN)
    assert royalties.kept.tolist() == [[20, 180, 800]]
    assert royalties.received.tolist() == [[20, 200, 0]]


def test_an_absolute_royalty_is_the_same_however_far_below() -> None:
    royalties = absolute_royalties(ints([[0, 0, 1_000]]), CHAIN)
    assert royalties.kept.tolist() == [[100, 200, 700]]


def test_two_lines_to_one_ancestor_add_up() -> None:
    # 0 is the parent of 1 and 2, and 3 is a child of both.
    owed = np.zeros((1, 4, 4), dtype=np.int64)
    owed[0, 1, 0] = owed[0, 2, 0] = TENTH
    owed[0, 3, 1] = owed[0, 3, 2] = FIFTH
    sales = ints([[0, 0, 0, 1_000]])
    assert absolute_royalties(sales, owed).kept.tolist() == [[200, 200, 200, 400]]
    assert relative_royalties(sales, owed).kept.tolist() == [[40, 180, 180, 600]]


def test_a_parent_that_takes_nothing_still_leads_to_one_that_does() -> None:
    owed = ints([[[0, 0, 0], [TENTH, 0, 0], [0, 0, 0]]])
    linked = np.array([[[0, 0, 0], [1, 0, 0], [0, 1, 0]]], dtype=np.bool_)
    sales = ints([[0, 0, 1_000]])
    assert absolute_royalties(sales, owed, linked).kept.tolist() == [[100, 0, 900]]
    assert absolute_royalties(sales, owed).kept.tolist() == [[0, 0, 1_000]]
    for wrong in (np.zeros_like(linked), linked | np.eye(3, dtype=np.bool_), linked[:, :2]):
        with pytest.raises(InvalidInputError, match="Links"):
            absolute_royalties(sales, owed, wrong)


@st.composite
def lineages(draw: st.DrawFn) -> tuple[Int64s, Int64s]:
    works = draw(st.integers(1, 6))
    sales = draw(st.lists(st.integers(0, 10**15), min_size=works, max_size=works))
    owed = np.zeros((1, works, works), dtype=np.int64)
    for child in range(works):
        for parent in range(child):
            # 16 paths at most lead to one of six works, and five shares to each path's end.
            owed[0, child, parent] = draw(st.integers(0, PARTS // 200))
    return ints([sales]), owed


@given(lineages())
def test_royalties_conserve_sales_and_the_absolute_policy_costs_the_child_more(
    lineage: tuple[Int64s, Int64s],
) -> None:
    sales, owed = lineage
    absolute, relative = absolute_royalties(sales, owed), relative_royalties(sales, owed)
    for each in (absolute, relative):
        assert each.kept.sum() == sales.sum()
        assert (each.kept >= 0).all()
    assert absolute.kept[0, -1] <= relative.kept[0, -1]


def test_lineages_that_owe_too_much_or_run_in_circles_are_refused() -> None:
    sales = ints([[0, 0, 10]])
    deep = ints([[[0, 0, 0], [PARTS * 6 // 10, 0, 0], [0, PARTS // 2, 0]]])
    assert relative_royalties(sales, deep).kept.sum() == 10
    with pytest.raises(InvalidInputError, match="stack"):
        absolute_royalties(sales, deep)
    with pytest.raises(InvalidInputError, match="before"):
        relative_royalties(sales, np.ascontiguousarray(CHAIN.transpose(0, 2, 1)))
    with pytest.raises(InvalidInputError, match="whole"):
        relative_royalties(sales, ints([[[0, 0, 0], [0, 0, 0], [PARTS, 1, 0]]]))
    with pytest.raises(InvalidInputError, match="Sales"):
        relative_royalties(-sales, CHAIN)
    with pytest.raises(InvalidInputError, match="shares"):
        relative_royalties(sales, CHAIN[:, :2])


# Allora


def test_the_potential_matches_its_vector() -> None:
    points = floats([-2, 0, 1, 3])
    assert phi(points).round(4).tolist() == [0.0620, 0.3869, 0.8259, 2.3502]
    assert phi(points, steepness=3).round(4).tolist() == [0.0003, 0.1002, 1.1369, 6.7512]


def test_shares_reward_what_the_others_miss() -> None:
    shares = score_shares(floats([[0.0, 1.0, 2.0]]))[0]
    assert shares.sum() == pytest.approx(1)
    assert shares[0] < shares[1] < shares[2]
    far_below = score_shares(floats([[-1e9, -1e9]]), ClassParameters(steepness=3))
    assert far_below.tolist() == [[0.5, 0.5]]


def test_a_class_that_concentrates_claims_less() -> None:
    shares = floats([[0.25] * 4, [0.97, 0.01, 0.01, 0.01], [1, 0, 0, 0]])
    assert effective_count(shares) == pytest.approx([4, 1 / (0.97**2 + 3 * 0.01**2), 1])
    plain, damped = entropy(shares, beta=0.0), entropy(shares)
    assert plain[0] == damped[0] == pytest.approx(np.log(4))
    assert 0 < damped[1] < plain[1]
    assert damped[2] == 0


@given(st.integers(0, 2**62), st.lists(st.floats(0, 5), min_size=3, max_size=3))
def test_the_pools_are_the_emission_and_the_reputers_keep_theirs(
    emission: int, claims: list[float]
) -> None:
    first, second, third = (floats([each]) for each in claims)
    low = class_pools(ints([emission]), first, second, third, chi=0.1)
    total = int(low.inference[0]) + int(low.forecast[0]) + int(low.reputers[0])
    assert total == (emission if max(claims) > 0 else 0)
    if min(claims) > 0.01:
        high = class_pools(ints([emission]), first, second, third, chi=0.5)
        assert high.forecast[0] >= low.forecast[0]
        assert high.reputers[0] == pytest.approx(low.reputers[0], rel=1e-6, abs=2)


def test_the_damping_refuses_what_it_cannot_weigh() -> None:
    with pytest.raises(InvalidInputError, match="between"):
        class_pools(ints([1]), floats([1]), floats([1]), floats([1]), chi=0.6)
    with pytest.raises(InvalidInputError, match="steepness"):
        ClassParameters(steepness=0)
    with pytest.raises(InvalidInputError, match="finite"):
        score_shares(floats([[np.nan, 1.0]]))


# Yuma

STAKES = ints([[55, 25, 20]])
WEIGHTS = floats([[[0.7, 0.3], [0.6, 0.4], [0.0, 1.0]]])


def test_yuma_matches_its_worked_vector() -> None:
    epoch = yuma_epoch(STAKES, WEIGHTS)
    assert epoch.consensus[0] == pytest.approx([0.7, 0.3])
    assert epoch.ranks[0] == pytest.approx([0.535, 0.3])
    assert epoch.incentives[0].round(5).tolist() == [0.64072, 0.35928]
    assert epoch.trust[0].round(5).tolist() == [1, 0.64516]
    assert epoch.validator_trust[0] == pytest.approx([1, 0.9, 0.3])
    assert epoch.dividends[0].round(5).tolist() == [0.65868, 0.26946, 0.07186]


def test_yumas_emission_is_paid_to_the_last_unit() -> None:
    validators, miners = yuma_emission(ints([1_000_001]), yuma_epoch(STAKES, WEIGHTS))
    assert validators.sum() + miners.sum() == 1_000_001
    assert validators[0].tolist() == pytest.approx([329_340, 134_731, 35_928], abs=2)
    assert miners[0].tolist() == pytest.approx([320_359, 179_641], abs=2)


def test_bonds_move_by_alpha_and_remember() -> None:
    first = yuma_epoch(STAKES, WEIGHTS)
    again = yuma_epoch(STAKES, WEIGHTS, first.bonds)
    assert again.bonds == pytest.approx(first.bonds)
    turned = yuma_epoch(STAKES, WEIGHTS[:, :, ::-1], first.bonds, YumaParameters(alpha=0.25))
    fresh = yuma_epoch(STAKES, WEIGHTS[:, :, ::-1])
    assert turned.bonds == pytest.approx(0.25 * fresh.bonds + 0.75 * first.bonds)


@given(st.data())
def test_a_minority_cannot_lift_a_miner_above_what_the_majority_gives(data: st.DataObject) -> None:
    honest = data.draw(st.lists(st.floats(0.01, 1), min_size=3, max_size=3))
    cabal = data.draw(st.integers(1, 49))
    rows = [honest, [0.0, 0.0, 1.0]]
    epoch = yuma_epoch(ints([[100 - cabal, cabal]]), floats([rows]))
    assert epoch.consensus[0] == pytest.approx(floats(honest) / sum(honest))


def test_yuma_refuses_stakes_and_weights_that_cannot_be_weighed() -> None:
    with pytest.raises(InvalidInputError, match="stakes"):
        yuma_epoch(STAKES[:, :2], WEIGHTS)
    with pytest.raises(InvalidInputError, match="Bonds"):
        yuma_epoch(STAKES, WEIGHTS, WEIGHTS[:, :, :1])
    with pytest.raises(InvalidInputError, match="each world has some"):
        yuma_epoch(STAKES * 0, WEIGHTS)
    with pytest.raises(InvalidInputError, match="Weights"):
        yuma_epoch(STAKES, -WEIGHTS)
    with pytest.raises(InvalidInputError, match="kappa"):
        YumaParameters(kappa=0)
