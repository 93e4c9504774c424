"""The compiled engine gives the reference's integers, and says where it cannot."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson

from headwater_attribution.columns import RuleColumns
from headwater_attribution.compiled_rules import ESTIMATE, LOW, PAID, causes_of_receipt
from headwater_attribution.rules import BY_ROWS, CAUSES, RuleParameters, pay_causes
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations import compiled_world
from headwater_simulations.errors import ConservationError
from headwater_simulations.kernel import WORTH_COMPILING, Engine, Outcome, engine_for, run
from headwater_simulations.scenario import Kind, Scenario
from headwater_simulations.studies import Axis, Study, run_study
from headwater_simulations.wealth import run_wealth

SHARE = st.integers(0, PARTS)
DEVIANTS = st.sets(st.sampled_from([kind for kind in Kind if kind is not Kind.HONEST]))
WORLDS = np.array([4, 0, 9])


def same(one: Outcome, other: Outcome) -> bool:
    columns = all(np.array_equal(one.columns[n], other.columns[n]) for n in one.columns.values)
    totals = ("pool", "others", "paid")
    return columns and all(np.array_equal(getattr(one, n), getattr(other, n)) for n in totals)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_world_ends_with_the_integers_of_the_reference(data: st.DataObject) -> None:
    draw = data.draw
    parameters = RuleParameters(shrinkage=draw(SHARE), cap=draw(SHARE))
    scenario = Scenario(
        agents=draw(st.sampled_from((60, 150))),
        steps=draw(st.integers(1, 5)),
        queries=draw(st.integers(1, 60)),
        seed=draw(st.integers(0, 2**64 - 1)),
        identities=draw(st.sampled_from((1, 5))),
        rule=replace(CAUSES, parameters=parameters),
        admission=draw(st.booleans()),
        dedup_recall=draw(SHARE),
        precedence=draw(SHARE),
        filler_recall=draw(SHARE),
        false_refusal=draw(SHARE),
        spam_reach=draw(SHARE),
        edit=draw(SHARE),
        contributors_share=draw(SHARE),
        price=draw(st.sampled_from((0, 1, 999, 10**9))),
        endowment=draw(st.sampled_from((0, 3_000, 10**12))),
        reformed=frozenset(draw(DEVIANTS)),
    )
    compiled = run(scenario, WORLDS, engine=Engine.COMPILED, threads=draw(st.sampled_from((1, 3))))
    assert same(run(scenario, WORLDS), compiled)


@given(
    money=st.integers(0, 10**18),
    pairs=st.lists(st.tuples(SHARE, SHARE), min_size=1, max_size=6),
    shrinkage=SHARE,
    cap=SHARE,
    confidence=SHARE,
)
def test_the_compiled_rule_pays_what_production_pays(
    money: int, pairs: list[tuple[int, int]], shrinkage: int, cap: int, confidence: int
) -> None:
    estimates = np.array([max(pair) // len(pairs) for pair in pairs])
    low = np.array([min(pair) // len(pairs) for pair in pairs])
    work = np.zeros((3, len(pairs)), dtype=np.int64)
    work[ESTIMATE], work[LOW] = estimates, low
    spent = causes_of_receipt(money, work, shrinkage, cap, confidence)
    columns = RuleColumns(
        np.array([[money]]),
        np.zeros((1, 1, len(pairs)), dtype=np.int64),
        estimates[None, None],
        low[None, None],
        estimates[None, None],
        np.ones((1, 1), dtype=np.int64),
    )
    paid = pay_causes(columns, RuleParameters(shrinkage, cap, confidence))[0, 0]
    assert [*work[PAID]] == [*paid]
    assert spent == paid.sum() <= money


def test_money_that_appears_is_noticed_by_the_compiled_engine_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forged(world: np.ndarray, *rest: object) -> None:
        rest[-1][3] = 2  # type: ignore[index]

    monkeypatch.setattr(compiled_world, "run_world", forged)
    with pytest.raises(ConservationError, match="step 2 of world 0"):
        run(Scenario(agents=60, steps=1), WORLDS, engine=Engine.COMPILED)


def test_other_rules_and_watched_steps_are_for_the_reference() -> None:
    other = Scenario(agents=60, steps=1, rule=BY_ROWS)
    with pytest.raises(InvalidInputError, match="rows/1"):
        run(other, WORLDS, engine=Engine.COMPILED)
    with pytest.raises(InvalidInputError, match="watched"):
        run(replace(other, rule=CAUSES), WORLDS, lambda *_: None, engine=Engine.COMPILED)
    assert engine_for(replace(other, steps=1_000_000), 100) is Engine.NUMPY


def test_an_engine_is_chosen_by_how_much_there_is_to_do() -> None:
    scenario = Scenario(steps=100, queries=100)
    worlds = WORTH_COMPILING // 10_000
    assert engine_for(scenario, worlds) is Engine.COMPILED
    assert engine_for(scenario, worlds - 1) is Engine.NUMPY


def test_a_study_has_the_same_rows_by_either_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = Scenario(agents=60, steps=2, queries=10, identities=5)
    study = Study(base=base, levers=(Axis("edit", values=(0.1, 0.9)),), worlds=2, gains=True)
    reference = run_study(study, tmp_path / "numpy").rows
    monkeypatch.setattr("headwater_simulations.kernel.WORTH_COMPILING", 0)
    assert run_study(study, tmp_path / "compiled").rows.equals(reference)


@pytest.mark.parametrize(("agents", "steps"), [(1, 3), (7, 40), (1_300, 25)])
@pytest.mark.parametrize("sequential", [False, True])
def test_wealth_ends_the_same_in_plain_python_and_compiled(
    agents: int, steps: int, sequential: bool
) -> None:
    ends = [
        run_wealth(agents, steps, compiled=compiled, sequential=sequential)
        for compiled in (True, False)
    ]
    assert np.array_equal(*ends)


def test_who_acts_one_after_the_other_has_what_was_given_before() -> None:
    together, turns = (run_wealth(1_300, 25, sequential=each) for each in (False, True))
    assert not np.array_equal(together, turns)
    many = run_wealth(20_000, 400, seed=3, sequential=True)
    assert np.bincount(many)[:6] / len(many) == pytest.approx(by_turns()[:6], abs=0.01)


def by_turns(most: int = 24, moments: int = 16, steps: int = 150) -> npt.NDArray[np.float64]:
    """Shares of a large crowd with 0, 1, ... units, each of whom has its turn once in a step.

    Until moment u of a step each is given Poisson many, G(u) on average. Whoever's turn it is then
    gives, unless it began with nothing, as a share `none` did, and got nothing since. So
    G' = 1 - none e^-G, which G(u) = ln(none + (1 - none) e^u) solves.
    """
    shares, has = np.eye(most)[1], np.arange(most)
    for _ in range(steps):
        ends = np.zeros(most)
        gained = [
            math.log(shares[0] + (1 - shares[0]) * math.exp(moment))
            for moment in (*((np.arange(moments) + 0.5) / moments), 1)
        ]
        for until in gained[:-1]:
            held = np.convolve(shares, poisson.pmf(has, until))[:most]
            held = np.array([held[0] + held[1], *held[2:], 0.0])
            ends += np.convolve(held, poisson.pmf(has, gained[-1] - until))[:most] / moments
        shares = ends
    return shares


def test_wealth_ends_up_distributed_as_energy_is() -> None:
    wealth = run_wealth(20_000, 400, seed=3)
    shares = np.bincount(wealth)[:4] / len(wealth)
    # With all moving at once, occupancy is geometric beyond zero; the mean stays one.
    assert shares[0] > shares[1] > shares[2] > shares[3] > 0
    assert wealth.mean() == 1
