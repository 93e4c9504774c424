"""Contributors played from outside: PettingZoo's own tests, and rewards that tell rules apart."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from pettingzoo.test import parallel_api_test, parallel_seed_test

from headwater_attribution.rules import BY_ROWS, CAUSES, RewardRule
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.economy import Conduct, Economy
from headwater_simulations.reinforcement import MarketEnv

TINY = Economy(buyers=60, contributors=30, services=4, owners=2, validators=4, steps=30)


def netted(rule: RewardRule, conduct: Conduct) -> float:
    """What three learners net together who never do anything else, in prices."""
    market = replace(TINY, rule=rule, filler_recall=PARTS // 2, imitation=0, mutation=0)
    environment = MarketEnv(market)
    environment.reset(seed=5)
    total = 0.0
    while environment.agents:
        actions = dict.fromkeys(environment.agents, int(conduct))
        total += sum(environment.step(actions)[1].values())
    return total


def test_it_passes_the_tests_that_pettingzoo_has_for_its_interface() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel_api_test(MarketEnv(TINY), num_cycles=100)
        parallel_api_test(MarketEnv(replace(TINY, endowment=150, income=0)), num_cycles=100)
        parallel_seed_test(lambda: MarketEnv(TINY), num_cycles=20)


def test_spam_earns_a_learner_more_than_honest_work_where_rows_are_paid_and_less_by_causes() -> (
    None
):
    assert netted(BY_ROWS, Conduct.SPAM) > 1.5 * netted(BY_ROWS, Conduct.HONEST) > 0
    assert netted(CAUSES, Conduct.SPAM) < 0.5 * netted(CAUSES, Conduct.HONEST)


def test_a_learner_that_cannot_pay_for_its_rows_is_terminated() -> None:
    environment = MarketEnv(replace(TINY, endowment=150, income=0), learners=2)
    environment.reset(seed=1)
    honest = {agent: int(Conduct.HONEST) for agent in environment.agents}
    environment.step(honest)
    _, rewards, terminated, truncated, _ = environment.step(honest)
    assert all(terminated.values())
    assert not any(truncated.values())
    assert set(rewards.values()) == {-50 / TINY.price}
    assert environment.agents == []


def test_worlds_follow_each_other_and_a_seed_begins_anew() -> None:
    environment = MarketEnv(TINY, learners=1)
    ends = []
    for seed in (7, None, 7):
        environment.reset(seed=seed)
        for _ in range(5):
            seen = environment.step({"contributor_0": 0})[0]
        ends.append(seen["contributor_0"])
    assert np.array_equal(ends[0], ends[2])
    assert not np.array_equal(ends[0], ends[1])
    assert np.array_equal(environment.state(), ends[2])


def test_what_cannot_be_played_is_refused() -> None:
    for learners in (0, 31):
        with pytest.raises(InvalidInputError):
            MarketEnv(TINY, learners)
    environment = MarketEnv(TINY, learners=1)
    environment.reset()
    for actions in ({}, {"contributor_0": len(Conduct)}):
        with pytest.raises(InvalidInputError):
            environment.step(actions)
