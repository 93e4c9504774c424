"""Flows on games whose outcome is known, and the market's own equilibria."""

from dataclasses import replace

import numpy as np
import pytest

from headwater_attribution.rules import BY_ROWS
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.economy import Conduct, Economy, preset
from headwater_simulations.equilibria import (
    alpha_rank,
    mix_payoffs,
    recovery,
    regret,
    replicator,
    respond,
    rest_point,
)

SMALL = Economy(buyers=120, contributors=100, services=10, owners=4, validators=8, steps=120)
HAWK_DOVE = np.array([[-1.0, 4.0], [0.0, 2.0]])
"""A prize of 4, a fight that costs 6: two thirds are hawks at rest."""
ROCK_PAPER_SCISSORS = np.array([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]])
DILEMMA = np.array([[3.0, 0.0], [5.0, 1.0]])
HONEST_ONLY = np.eye(len(Conduct))[Conduct.HONEST]


def test_hawks_and_doves_rest_at_prize_over_cost() -> None:
    for start in (0.05, 0.95):
        rest = rest_point(HAWK_DOVE, np.array([start, 1 - start]))
        assert rest[0] == pytest.approx(4 / 6, abs=1e-6)


def test_cooperation_dies_out_in_the_dilemma_and_corners_stay() -> None:
    assert rest_point(DILEMMA, np.array([0.99, 0.01]))[1] == pytest.approx(1, abs=1e-9)
    assert replicator(DILEMMA @ [1.0, 0.0], np.array([1.0, 0.0])).tolist() == [1, 0]


def test_small_steps_keep_the_product_of_shares_in_rock_paper_scissors() -> None:
    mix = np.array([0.5, 0.3, 0.2])
    product = mix.prod()
    for _ in range(2_000):
        mix = replicator(ROCK_PAPER_SCISSORS @ mix, mix, 1e-3)
    assert mix.prod() == pytest.approx(product, rel=5e-3)


def test_alpha_rank_gives_what_the_paper_gives() -> None:
    # Rock, paper, scissors: a cycle, so a third each. A dilemma: all defect.
    assert alpha_rank(ROCK_PAPER_SCISSORS) == pytest.approx([1 / 3] * 3, abs=1e-9)
    assert alpha_rank(DILEMMA, alpha=1.0)[1] == pytest.approx(1, abs=1e-9)
    # Neutral: nothing drifts.
    assert alpha_rank(np.ones((4, 4))) == pytest.approx([0.25] * 4, abs=1e-9)


def test_alpha_rank_of_two_is_the_ratio_of_fixation_probabilities() -> None:
    payoffs, alpha, population = np.array([[1.0, 1.02], [1.0, 1.0]]), 2.0, 10
    u = alpha * 0.02
    up = (1 - np.exp(-u)) / (1 - np.exp(-population * u))
    down = (1 - np.exp(u)) / (1 - np.exp(population * u))
    rank = alpha_rank(payoffs, alpha=alpha, population=population)
    assert rank[0] / rank[1] == pytest.approx(up / down)
    assert rank[0] / rank[1] == pytest.approx(np.exp(u * (population - 1)))


@pytest.mark.parametrize("wrong", [np.ones(3), np.ones((2, 3)), np.array([[np.nan, 1], [1, 1]])])
def test_what_is_no_game_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(InvalidInputError):
        alpha_rank(wrong)
    with pytest.raises(InvalidInputError):
        replicator(np.ones(2), np.array([0.7, 0.7]))
    with pytest.raises(InvalidInputError):
        alpha_rank(DILEMMA, alpha=0)


def test_regret_is_nothing_where_the_best_is_played_and_its_interval_holds_the_truth() -> None:
    generator = np.random.default_rng(4)
    payoffs = np.array([10.0, 8.0]) + generator.normal(0, 1, (40, 2))
    assert regret(payoffs, np.array([1.0, 0.0])).mean == pytest.approx(0, abs=1e-9)
    other = regret(payoffs, np.array([0.0, 1.0]))
    assert other.low < 0.25 < other.high


def test_honest_work_is_its_own_best_response_under_the_shipped_rule() -> None:
    payoffs = mix_payoffs(SMALL, HONEST_ONLY, worlds=4)
    assert payoffs.mean(axis=0).argmax() == Conduct.HONEST
    rounds = respond(SMALL, worlds=4)
    assert len(rounds) == 1
    assert rounds[0].regret.mean <= 0.1


def test_spam_enters_and_takes_over_where_rows_are_paid() -> None:
    paid_by_rows = replace(SMALL, rule=BY_ROWS, filler_recall=PARTS // 2)
    rounds = respond(paid_by_rows, worlds=4)
    assert rounds[0].best is Conduct.SPAM
    assert rounds[0].regret.low > 0.1
    assert rounds[-1].mix[Conduct.HONEST] < 0.2


def test_a_market_recovers_from_free_riders_and_not_from_poison_that_gets_in() -> None:
    shares = (PARTS // 10, PARTS // 2)
    riders = recovery(SMALL, Conduct.FREE_RIDE, shares, worlds=4)
    assert [each.recovered for each in riders] == [4, 4]
    assert riders[0].chance.low > 0.3
    open_door = replace(SMALL, precedence=0, poison_recall=0)
    poison = recovery(open_door, Conduct.POISON, shares, worlds=4)
    assert poison[1].recovered == 0
    for wrong in ((Conduct.HONEST, (PARTS,)), (Conduct.SPAM, (0,))):
        with pytest.raises(InvalidInputError):
            recovery(SMALL, *wrong)
    with pytest.raises(InvalidInputError):
        mix_payoffs(preset("calm"), np.ones(7))
