from dataclasses import replace

import numpy as np
import pytest

import headwater_attribution.rules as production
from headwater_attribution.apportion import Int64s
from headwater_attribution.attribution import Attribution, Share
from headwater_attribution.columns import RuleColumns
from headwater_attribution.rules import (
    BY_INFLUENCE,
    CAUSES,
    RULES,
    RewardRule,
    RuleParameters,
    pay_causes,
)
from headwater_attribution.settlement import PaidShares, settle_receipts
from headwater_payments.address import parse_address
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.columns import Columns
from headwater_simulations.draws import Draws
from headwater_simulations.errors import ConservationError, HiddenColumnError
from headwater_simulations.kernel import run
from headwater_simulations.market import (
    COPY,
    ORIGINAL,
    RIVAL,
    SPAM,
    leave_one_out,
    observe,
    quoted_words,
    rule_columns,
)
from headwater_simulations.population import HIDDEN, populate
from headwater_simulations.scenario import Kind, Scenario

SMALL = Scenario(agents=200, steps=10, queries=50)
WORLDS = np.arange(3)
OWNER = parse_address("0x" + "a1" * 20)


def test_the_rule_simulated_is_the_object_that_production_runs() -> None:
    assert Scenario().rule is production.CAUSES is production.rule_named("causes/1")
    assert Scenario().rule.pay is production.pay_causes


def test_an_epoch_closed_in_production_calls_the_same_function_with_one_world() -> None:
    worlds = []

    def seen(columns: RuleColumns, parameters: RuleParameters) -> Int64s:
        worlds.append(columns.worlds)
        return Scenario().rule.pay(columns, parameters)

    share = Share(1, OWNER, PARTS // 2, PARTS // 2, PARTS)
    receipt = PaidShares("0x" + "00" * 32, 1_000, Attribution((share,)))
    earnings = settle_receipts([receipt], replace(CAUSES, pay=seen), {OWNER: 1})
    assert worlds == [1]
    assert earnings.total == 500


def test_every_step_calls_that_very_function() -> None:
    calls = []

    def counted(columns: RuleColumns, parameters: RuleParameters) -> Int64s:
        calls.append(columns.worlds)
        return pay_causes(columns, parameters)

    run(replace(SMALL, rule=RewardRule("counted/1", "counted", True, counted)), WORLDS)
    assert calls == [3] * SMALL.steps


@pytest.mark.parametrize("rule", RULES.values())
def test_money_is_conserved_and_moves(rule: RewardRule) -> None:
    outcome = run(replace(SMALL, rule=rule), WORLDS)
    held = outcome.columns["balance"].sum(axis=1) + outcome.pool + outcome.others
    assert held.tolist() == [SMALL.agents * SMALL.endowment] * 3
    assert (outcome.paid == SMALL.steps * SMALL.queries * SMALL.price).all()
    assert (outcome.columns["earned"].sum(axis=1) + outcome.pool == outcome.paid * 6 // 10).all()


def test_a_kernel_that_makes_money_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    from headwater_simulations import kernel

    monkeypatch.setattr(kernel, "_collect", lambda balance, asked: asked.charges)
    with pytest.raises(ConservationError):
        run(SMALL, WORLDS)


def test_who_cannot_pay_is_not_served() -> None:
    poor = replace(SMALL, endowment=900)
    outcome = run(poor, WORLDS)
    assert (outcome.paid == 0).all()
    assert (outcome.columns["balance"] == 900).all()


def test_a_world_is_the_same_whatever_runs_beside_it() -> None:
    together = run(SMALL, np.arange(5))
    for world in (0, 3):
        alone = run(SMALL, np.array([world]))
        assert (alone.columns["earned"][0] == together.columns["earned"][world]).all()
        assert alone.pool[0] == together.pool[world]


def test_another_seed_or_world_gives_other_draws() -> None:
    earned = run(SMALL, np.arange(2)).columns["earned"]
    assert (earned[0] != earned[1]).any()
    assert (run(replace(SMALL, seed=2), np.arange(1)).columns["earned"][0] != earned[0]).any()


def test_draws_are_spread_evenly_and_named_by_purpose() -> None:
    draws = Draws(7, np.arange(4))
    entities = np.arange(20_000)
    counts = np.bincount(draws.below(10, "a", 0, entities).ravel(), minlength=10)
    assert abs(counts - 8_000).max() < 450
    assert abs(draws.chance(PARTS // 4, "b", 0, entities).mean() - 0.25) < 0.01
    words = [draws.words(purpose, step, entities[:50]) for purpose in ("a", "b") for step in (0, 1)]
    assert len({word.tobytes() for word in words}) == 4
    assert (np.sort(draws.order(50, "c"), axis=1) == np.arange(50)).all()


def test_a_mechanism_cannot_read_a_hidden_column() -> None:
    public = populate(SMALL, Draws(1, WORLDS), 3).public()
    for name in HIDDEN:
        with pytest.raises(HiddenColumnError, match=name):
            public[name]
        with pytest.raises(HiddenColumnError):
            public.get(name)
    assert set(public) == {"rows", "balance", "earned"}
    with pytest.raises(ValueError, match="read-only"):
        public["rows"][0, 0] = 1


def test_what_the_rule_gets_depends_on_public_columns_only() -> None:
    draws = Draws(1, WORLDS)
    columns = populate(SMALL, draws, 3)
    observed = observe(SMALL, columns, draws, 0)
    scrambled = Columns(
        {name: -value if name in HIDDEN else value for name, value in columns.values.items()},
        HIDDEN,
    )
    first = CAUSES.settle(rule_columns(SMALL, columns.public(), observed))
    second = CAUSES.settle(rule_columns(SMALL, scrambled.public(), observed))
    assert (first.accounts == second.accounts).all()


def test_kinds_stand_in_blocks_of_the_size_asked() -> None:
    kinds = [Scenario().kind_of(agent) for agent in range(1_000)]
    assert [kinds.count(kind) for kind in Kind] == [800, 50, 50, 50, 50]
    tiny = Scenario(agents=100, deviants=0)
    assert tiny.each_kind == tiny.identities


def scores(*values: int) -> Int64s:
    return np.array([[values]], dtype=np.int64)


YES, NO = np.array([[True]]), np.array([[False]])


def test_leave_one_out_worked_by_hand() -> None:
    assert leave_one_out(scores(800, 0, 400, 200), NO).tolist() == [
        [[600 * PARTS // 1_200, 0, 200 * PARTS // 1_200, 0]]
    ]
    assert leave_one_out(scores(800, 800, 0, 0), NO).tolist() == [[[PARTS // 2, PARTS // 2, 0, 0]]]
    assert leave_one_out(scores(800, 800, 0, 0), YES).tolist() == [[[PARTS, 0, 0, 0]]]
    assert leave_one_out(scores(0, 0, 0, 0), NO).sum() == 0


def test_words_of_an_exact_copy_belong_to_the_original() -> None:
    words = quoted_words(SMALL, scores(800, 800, 100, 0), NO, NO)[0, 0]
    assert words.tolist() == [PARTS, 0, 0, 0]
    near = quoted_words(SMALL, scores(800, 810, 100, 0), NO, YES)[0, 0]
    kept = 0.8**8
    assert near[ORIGINAL] == pytest.approx(PARTS * (1 + kept) / 2, rel=1e-6)
    assert near[COPY] == pytest.approx(PARTS * (1 - kept) / 2, rel=1e-6)
    assert near.sum() == PARTS
    alone = quoted_words(SMALL, scores(0, 810, 100, 0), NO, NO)[0, 0]
    assert (alone[COPY], alone[RIVAL], alone[SPAM]) == (PARTS // 2, PARTS // 2, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"agents": 1},
        {"steps": 0},
        {"queries": 0},
        {"seed": -1},
        {"seed": 2**64},
        {"dedup_recall": PARTS + 1},
        {"deviants": PARTS // 2},
        {"rows": 0},
        {"price": -1},
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(InvalidInputError):
        replace(SMALL, **change)  # type: ignore[arg-type]


def test_the_smallest_population_has_a_victim_for_each_copier() -> None:
    smallest = Scenario(agents=60, steps=2)
    run(smallest, np.arange(2))
    with pytest.raises(InvalidInputError, match="victim"):
        replace(smallest, agents=59)


def test_no_worlds_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        run(SMALL, np.arange(0))


def test_the_baseline_pays_a_copy_that_the_shipped_rule_does_not() -> None:
    blind = replace(SMALL, admission=False, dedup_recall=PARTS)
    copiers = [SMALL.kind_of(i) is Kind.EXACT_COPIER for i in range(SMALL.agents)]
    ours = run(replace(blind, rule=CAUSES), WORLDS).columns["earned"][:, copiers]
    naive = run(replace(blind, rule=BY_INFLUENCE), WORLDS).columns["earned"][:, copiers]
    assert ours.sum() == 0 or ours.sum() < naive.sum() // 20
    assert naive.sum() > 0
