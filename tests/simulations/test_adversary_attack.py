from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_attribution.apportion import Int64s, apportion
from headwater_attribution.columns import RuleColumns
from headwater_attribution.rules import BY_ROWS, CAUSES, RuleParameters
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.adversary import (
    DEVIATIONS,
    Arena,
    AttackResult,
    Budget,
    Collude,
    Copy,
    Dimension,
    FarmPrior,
    Noise,
    Space,
    Split,
    Verdict,
    Wash,
    attack,
)
from headwater_simulations.adversary.attacking import judge
from headwater_simulations.adversary.bounds import Range, gain_bounds
from headwater_simulations.adversary.budget import BUDGETS, budget_named
from headwater_simulations.adversary.conduct import Conduct
from headwater_simulations.adversary.proportions import at_most, wilson
from headwater_simulations.adversary.shrink import shrink
from headwater_simulations.adversary.space import values_of
from headwater_simulations.adversary.trial import Ring
from headwater_simulations.metrics import Floats

TINY = Budget(
    candidates=192,
    generation=32,
    search_worlds=6,
    shortlist=8,
    pick_worlds=40,
    finalists=2,
    proof_worlds=900,
)
CHEAP_REWORDING = Arena()


def bounds_of(difference: Floats, error: float = 0.05) -> tuple[float, float]:
    ones = np.ones_like(difference)
    spread = max(float(difference.std()), 0.01)
    found = gain_bounds(
        difference, ones, Range(0.0, 60.0, 1.0), error=error, pilot_gain=0.0, pilot_spread=spread
    )
    return found.low, found.high


def test_bounds_fail_no_more_often_than_they_may() -> None:
    generator = np.random.default_rng(11)
    low_fails = high_fails = 0
    for _ in range(400):
        difference = generator.normal(0.1, 0.3, 300).clip(-0.99, 5)
        low, high = bounds_of(difference, error=0.1)
        low_fails += low > 0.1
        high_fails += high < 0.1
    assert low_fails <= 400 * 0.1
    assert high_fails <= 400 * 0.1


def test_bounds_close_in_on_the_gain() -> None:
    difference = np.random.default_rng(3).normal(0.2, 0.2, 20_000).clip(-0.9, 5)
    low, high = bounds_of(difference)
    assert 0.17 < low < 0.2 < high < 0.23


def test_a_rare_win_is_not_mistaken_for_none() -> None:
    # Wins 50 once in 200 worlds, worth 0.25 on average: no win in 400 worlds proves nothing.
    no_win_seen = np.full(400, -0.001)
    _, high = bounds_of(no_win_seen, error=0.01)
    assert high > 0.25


@given(st.lists(st.floats(-0.9, 5), min_size=2, max_size=50))
def test_bounds_lie_around_the_estimate(values: list[float]) -> None:
    difference = np.array(values)
    found = gain_bounds(
        difference,
        np.ones_like(difference),
        Range(0.0, 60.0, 1.0),
        error=0.05,
        pilot_gain=float(difference.mean()),
        pilot_spread=0.5,
    )
    assert found.low <= found.estimate + 1e-9
    assert found.high >= found.estimate - 1e-9


def test_shares_of_yes_have_the_textbook_intervals() -> None:
    assert at_most(0, 40) == pytest.approx(0.0722, abs=1e-4)
    assert at_most(0, 149) < 0.02 < at_most(0, 148)
    assert at_most(0, 299) < 0.01 < at_most(0, 298)
    assert at_most(7, 7) == 1
    found = wilson(81, 263)
    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    with pytest.raises(InvalidInputError):
        wilson(3, 2)


@given(st.integers(0, 2**32 - 1))
def test_every_point_of_a_space_is_a_strategy_within_its_ranges(seed: int) -> None:
    space = Space()
    used, at = space.anywhere(4, np.random.default_rng(seed))
    for row in range(4):
        strategy = space.strategy(used[row], at[row])
        assert 1 <= len(strategy) <= 3
        for deviation in strategy:
            for value, dimension in zip(values_of(deviation), deviation.dimensions, strict=True):
                assert dimension.low <= value <= dimension.high
    ends = [space.strategy(np.ones(len(DEVIATIONS), dtype=bool), at[0] * 0 + end) for end in (0, 1)]
    for low, high in zip(*ends, strict=True):
        assert values_of(low) == tuple(each.low for each in low.dimensions)
        assert values_of(high) == tuple(each.high for each in high.dimensions)


@pytest.mark.parametrize("kinds", [(), (Split, Split)])
def test_a_space_of_nothing_or_of_twice_the_same_is_refused(kinds: tuple[type, ...]) -> None:
    with pytest.raises(InvalidInputError):
        Space(kinds)


@pytest.fixture(scope="module")
def farmed() -> AttackResult:
    return attack(BY_ROWS, budget=TINY, seed=4)


def test_pay_by_rows_is_exploited_and_the_find_is_small(farmed: AttackResult) -> None:
    assert farmed.verdict is Verdict.EXPLOIT
    assert farmed.finalists[0].gain.low > 0.5
    assert farmed.minimal is not None
    assert farmed.minimal.gain.low > TINY.tolerance
    assert len(farmed.minimal.strategy) == 1
    assert farmed.minimal.gain.estimate < farmed.finalists[0].gain.estimate
    assert farmed.best is farmed.minimal


def test_an_attack_is_the_same_when_repeated_and_another_with_another_seed(
    farmed: AttackResult,
) -> None:
    again = attack(BY_ROWS, budget=TINY, seed=4)
    assert again.finalists == farmed.finalists
    assert again.minimal == farmed.minimal
    assert dict(again.archive) == dict(farmed.archive)
    assert attack(BY_ROWS, budget=TINY, seed=5).finalists != farmed.finalists


def test_the_shipped_rule_stands_against_splitting_noise_filler_and_washing() -> None:
    result = attack(CAUSES, space=Space((Split, Noise, FarmPrior, Wash)), budget=TINY)
    assert result.verdict is Verdict.NONE_FOUND
    assert result.minimal is None
    assert all(each.gain.high < TINY.tolerance for each in result.finalists)
    assert TINY.tolerance < result.detectable < 0.5
    assert result.best is result.finalists[0]


def test_too_few_worlds_leave_an_attack_undecided() -> None:
    few = replace(TINY, proof_worlds=12)
    result = attack(CAUSES, space=Space((Split, Noise)), budget=few)
    assert result.verdict is Verdict.UNDECIDED


def test_bounds_of_a_find_hold_on_worlds_that_nobody_looked_at(farmed: AttackResult) -> None:
    assert farmed.minimal is not None
    elsewhere = judge(
        farmed.arena, BY_ROWS, farmed.minimal.strategy, seed=99, worlds=3_000, error=0.01
    )
    assert farmed.minimal.gain.low < elsewhere.high
    assert elsewhere.low < farmed.minimal.gain.high


def test_shrinking_leaves_out_what_brings_nothing() -> None:
    ring = Ring(Arena(), BY_ROWS, 1, 0, 100)
    small = shrink(ring, (Split(5), Noise(3), FarmPrior(400)), 0.2)
    assert [type(each) for each in small] == [FarmPrior]
    assert 0 < small[0].rows < 60  # type: ignore[attr-defined]
    honest = (Split(3),)
    assert shrink(ring, honest, 0.2) == honest


def test_a_bare_function_is_a_rule() -> None:
    def by_accounts(columns: RuleColumns, parameters: RuleParameters) -> Int64s:
        named = (columns.rows > 0).astype(np.int64)
        return apportion(columns.charges.sum(axis=1), named)

    result = attack(by_accounts, space=Space((Split,)), budget=TINY)
    assert result.rule.rule_id == "by_accounts"
    assert result.verdict is Verdict.EXPLOIT
    assert isinstance(result.finalists[0].strategy[0], Split)

    def shapeless(columns: RuleColumns, parameters: RuleParameters) -> Int64s:
        return columns.charges

    for wrong in (shapeless, "causes/1"):
        with pytest.raises(InvalidInputError):
            attack(wrong, budget=TINY)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Templates:
    """A deviation that is not built in: noise and filler made from one template."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (Dimension("rows", 1, 200, 1, True),)
    rows: int

    def apply(self, conduct: Conduct) -> Conduct:
        return replace(conduct, noise=self.rows, filler=self.rows)


def test_a_deviation_of_ones_own_is_searched_and_shrunk() -> None:
    result = attack(BY_ROWS, space=Space((Split, Templates)), budget=TINY)
    assert result.verdict is Verdict.EXPLOIT
    assert result.minimal is not None
    assert [type(each) for each in result.minimal.strategy] == [Templates]


def test_the_costlier_the_rewording_the_less_copying_brings() -> None:
    space, gains = Space((Copy,)), []
    for cost in (0, 40, 400):
        arena = Arena(cost_reworded=cost, precedence=0)
        gains.append(attack(CAUSES, arena, space, TINY).finalists[0].gain.estimate)
    assert gains[0] > gains[1] > gains[2]


def test_budgets_have_names_and_limits() -> None:
    assert budget_named("small") is BUDGETS["small"]
    assert BUDGETS["small"].worlds < BUDGETS["standard"].worlds < BUDGETS["full"].worlds
    with pytest.raises(InvalidInputError):
        budget_named("infinite")
    for change in ({"candidates": 0}, {"error": 0.0}, {"tolerance": float("nan")}):
        with pytest.raises(InvalidInputError):
            replace(TINY, **change)  # type: ignore[arg-type]


def test_rules_without_parts_are_not_compared_by_luck() -> None:
    quarter = PARTS // 4
    ring = Ring(Arena(), CAUSES, 8, 0, 50)
    first, second = ring.trial([Conduct(copied=quarter)]), ring.trial([Conduct(copied=quarter)])
    assert (first.net == second.net).all()


def test_a_find_names_no_more_members_and_identities_than_there_are() -> None:
    arena = Arena(members=2, cap_identities=3)
    result = attack(CAUSES, arena, Space((Split, Collude)), TINY)
    for finalist in result.finalists:
        for deviation in finalist.strategy:
            if isinstance(deviation, Collude):
                assert deviation.members <= 2
            if isinstance(deviation, Split):
                assert deviation.identities <= 3
