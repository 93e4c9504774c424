"""The reference market: two engines, one result; money stays; deviations end as they should."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from headwater_attribution.errors import UnknownMethodError
from headwater_attribution.rules import BY_ROWS, CAUSES, RuleParameters
from headwater_payments.errors import InvalidInputError
from headwater_payments.routing import Preference
from headwater_payments.split import PARTS
from headwater_simulations.cli import app
from headwater_simulations.economy import (
    METRICS,
    PRESETS,
    Conduct,
    Economy,
    Run,
    preset,
    read_economy,
    reference,
    run_economy,
)
from headwater_simulations.economy.state import HIDDEN, found
from headwater_simulations.errors import ConservationError
from headwater_simulations.kernel import Engine

WORLDS = np.arange(2)
TINY = Economy(
    buyers=40, contributors=30, services=6, owners=3, validators=5, steps=25, endowment=4_000
)
TABLES = ("buyers", "contributors", "services", "owners", "validators", "held")


def spread(most: int) -> st.SearchStrategy[int]:
    """0 to `most`, evenly: of hypothesis's own integers most are small where they may be large."""
    step = max(most // 100, 1)
    return st.builds(
        lambda whole, rest: min(whole * step + rest, most),
        st.integers(0, 100),
        st.integers(0, step - 1),
    )


SHARE, THIRD, QUALITY = spread(PARTS), spread(PARTS // 3), spread(1_000)
COST = st.sampled_from((0, 20, 2_000))
MARKETS = st.builds(
    Economy,
    buyers=st.one_of(st.integers(1, 40), st.integers(127, 260)),
    contributors=st.integers(9, 36),
    services=st.integers(3, 8),
    owners=st.integers(1, 3),
    validators=st.integers(1, 6),
    steps=st.just(6),
    seed=st.integers(0, 2**31 - 1),
    rule=st.builds(
        lambda *parts: replace(CAUSES, parameters=RuleParameters(*parts)), SHARE, SHARE, SHARE
    ),
    **dict.fromkeys(("spam", "copy", "sybil", "poison"), st.just(PARTS // 9)),
    **dict.fromkeys(("free_ride", "wash"), st.just(PARTS // 9)),
    **dict.fromkeys(("absent", "contributors_share", "owner_share", "platform_share"), THIRD),
    **dict.fromkeys(("noisy", "copiers", "validators_share", "owner_step", "cheapest"), SHARE),
    **dict.fromkeys(("explore", "imitation", "mutation", "entry", "switching"), SHARE),
    **dict.fromkeys(("dedup_recall", "precedence", "filler_recall", "poison_recall"), SHARE),
    **dict.fromkeys(("quality", "noise_quality", "wobble", "spoiling"), QUALITY),
    **dict.fromkeys(("tolerance", "whitewash_below"), QUALITY),
    **dict.fromkeys(("unit_cost", "noise_cost", "upkeep", "measure_cost", "identity_cost"), COST),
    **dict.fromkeys(("shock_step", "price_period", "owner_period"), st.integers(0, 4)),
    income=st.sampled_from((0, 700, 10**5, 10**6)),
    shock=st.integers(1, 3),
    value=st.sampled_from((0, 2_000, 10**6, 10**7)),
    price=st.sampled_from((1, 60, 600, 10**6)),
    floor=st.sampled_from((1, 50, 10**6)),
    price_step=spread(5_000),
    entry_cost=st.sampled_from((0, 20, 1_000, 10**8)),
    payback=st.sampled_from((0, 50, 1_000, 10_000)),
    endowment=st.sampled_from((0, 3_000, 10**8)),
)
"""Small markets in which everything is drawn, to the ends of what is allowed."""


def same(one: Run, other: Run) -> bool:
    states = zip(one.states, other.states, strict=True)
    return np.array_equal(one.history, other.history) and all(
        np.array_equal(getattr(a, name), getattr(b, name)) for a, b in states for name in TABLES
    )


def at_end(run: Run, name: str) -> float:
    return float(run.metric(name)[:, -10:].mean())


@pytest.mark.parametrize("name", PRESETS)
def test_both_engines_give_the_same_integers_in_every_preset(name: str) -> None:
    market = replace(preset(name), rule=CAUSES, steps=25, buyers=300, contributors=80)
    compiled = run_economy(market, WORLDS, engine=Engine.COMPILED, threads=2)
    assert same(run_economy(market, WORLDS), compiled)
    assert compiled.metric("bought").sum() > 0


def test_both_engines_give_the_same_integers_in_a_thousand_sampled_worlds() -> None:
    compared, happened = 0, np.zeros(len(METRICS), dtype=np.int64)

    @settings(max_examples=1_000, deadline=None)
    @given(MARKETS, st.integers(0, 2**31 - 1))
    def compare(market: Economy, world: int) -> None:
        nonlocal compared, happened
        compiled = run_economy(market, np.array([world]), engine=Engine.COMPILED)
        assert same(run_economy(market, np.array([world])), compiled)
        compared += 1
        happened = happened + compiled.history.any(axis=(0, 1))

    compare()
    assert compared >= 1_000
    # Where nothing happens, any two engines are the same.
    assert (happened > 10).all(), dict(zip(METRICS, happened.tolist(), strict=True))


def test_both_engines_give_the_same_integers_where_agents_act_by_turns() -> None:
    mattered = sold_out = 0

    @settings(max_examples=120, deadline=None)
    @given(MARKETS, st.integers(0, 2**31 - 1), st.sampled_from((0, 1, 3, 12)))
    def compare(at_once: Economy, world: int, capacity: int) -> None:
        nonlocal mattered, sold_out
        number = np.array([world])
        unbounded = replace(at_once, by_turns=True)
        market = replace(unbounded, capacity=capacity)
        compiled = run_economy(market, number, engine=Engine.COMPILED)
        assert same(run_economy(market, number), compiled)
        others = [
            run_economy(each, number, engine=Engine.COMPILED) for each in (at_once, unbounded)
        ]
        mattered += not np.array_equal(others[0].history, others[1].history)
        sold_out += int(others[1].metric("bought").sum() > compiled.metric("bought").sum())

    compare()
    # Where the order never matters, taking turns shows nothing.
    assert mattered > 60, mattered
    assert sold_out > 20, sold_out


def test_by_turns_a_service_sells_what_it_can_to_who_comes_first() -> None:
    wash = replace(TINY, wash=PARTS // 5, steps=1, by_turns=True, income=10**6)
    for capacity in (1, 4, 6):
        run = run_economy(replace(wash, capacity=capacity), np.arange(20))
        assert (run.metric("volume") <= capacity * wash.services * wash.price).all()
        assert run.metric("bought").max() <= capacity * wash.services
    # Forty buyers for six answers: over enough steps everybody is first some day.
    scarce = replace(TINY, by_turns=True, capacity=1, steps=120)
    spent = run_economy(scarce, WORLDS, engine=Engine.COMPILED).states[0].buyers[0]
    assert (spent < scarce.endowment + scarce.steps * scarce.income).all()


def test_by_turns_the_second_validator_finds_what_the_first_reported() -> None:
    """One service is looked at by both: at once its reputation moves by a ninth of both errors."""
    two = replace(TINY, services=2, owners=1, contributors=9, validators=2, steps=1)
    two = replace(two, noisy=PARTS, wobble=0, imitation=0)
    fell = two.quality - two.noise_quality << 8
    at_once, by_turns = (
        run_economy(replace(two, by_turns=turns), np.arange(12)) for turns in (False, True)
    )
    ends = [
        {int(each) for state in run.states for each in state.services[3]}
        for run in (at_once, by_turns)
    ]
    unseen, once = two.quality << 8, -fell // 8
    assert ends[0] == {unseen, unseen + once, unseen + -2 * fell // 9}
    assert ends[1] == {unseen, unseen + once, unseen + once + (-fell - once) // 8}


def test_a_world_is_the_same_alone_beside_others_and_on_threads() -> None:
    three = run_economy(TINY, np.array([5, 0, 7]), engine=Engine.COMPILED, threads=3)
    alone = run_economy(TINY, np.array([7]))
    assert np.array_equal(three.history[2], alone.history[0])
    assert not np.array_equal(three.history[0], three.history[1])


def test_buyers_choose_by_the_rule_that_agents_rank_listings_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    market = replace(TINY, noisy=PARTS // 2, explore=PARTS // 2)
    before = run_economy(market, WORLDS)
    monkeypatch.setattr(Preference, "surplus", lambda *_: 0)
    assert not same(run_economy(market, WORLDS), before)


def test_money_stays_and_money_that_appears_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_economy(replace(TINY, wash=PARTS // 2), np.array([0]))
    assert run.states[0].total == found(TINY, 0)[0].total
    honest = reference.step

    def forged(*args: object) -> np.ndarray:
        args[1].held[0] += 1  # type: ignore[attr-defined]
        return honest(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("headwater_simulations.economy.running.step", forged)
    with pytest.raises(ConservationError, match="step 0 of world 3"):
        run_economy(TINY, np.array([3]))


def test_what_contributors_get_is_what_the_rule_decides() -> None:
    run = run_economy(replace(TINY, mutation=0), WORLDS)
    taken = run.metric("volume").cumsum(axis=1)
    credited = (run.metric("paid_honest") + run.metric("pool")).cumsum(axis=1)
    # A vault rounds all that it ever took in down once, by less than a unit.
    assert ((2 * credited <= taken) & (taken < 2 * credited + 2 * TINY.services)).all()
    certain = replace(CAUSES, parameters=RuleParameters(confidence=0))
    assert run_economy(replace(TINY, rule=certain), WORLDS).metric("paid_honest").sum() == 0


def test_honest_work_wins_under_the_shipped_rule_and_spam_where_rows_are_paid() -> None:
    for name in ("copycats", "free-riding", "wash-trading"):
        run = run_economy(preset(name), WORLDS, engine=Engine.COMPILED)
        assert at_end(run, "are_honest") > run.metric("are_honest")[:, 0].mean()
        assert at_end(run, "are_honest") > 350
    spam = run_economy(preset("spam-farming"), np.array([0]))
    assert at_end(spam, "are_spam") > 300
    cured = run_economy(replace(preset("spam-farming"), rule=CAUSES), WORLDS)
    assert at_end(cured, "are_spam") < 60


def test_falsehoods_that_get_in_spoil_the_market_and_a_quality_floor_saves_it() -> None:
    poisoned = run_economy(preset("poisoning"), WORLDS, engine=Engine.COMPILED)
    assert at_end(poisoned, "are_poison") > 250
    assert at_end(poisoned, "surplus") < 0.6 * poisoned.metric("surplus")[:, 0].mean()
    guarded = replace(preset("poisoning"), precedence=PARTS * 96 // 100)
    assert at_end(run_economy(guarded, WORLDS, engine=Engine.COMPILED), "are_poison") < 60


def test_buyers_leave_noise_unless_nobody_measures() -> None:
    noise = run_economy(preset("synthetic-noise"), WORLDS, engine=Engine.COMPILED)
    assert noise.metric("noise_sold")[:, 0].mean() > 5 * at_end(noise, "noise_sold")
    copying = run_economy(preset("weight-copying"), WORLDS, engine=Engine.COMPILED)
    assert at_end(copying, "copying") > 30
    cheap = replace(preset("weight-copying"), measure_cost=0, tolerance=1_000)
    assert at_end(run_economy(cheap, WORLDS, engine=Engine.COMPILED), "copying") == 36


def test_prices_fall_in_a_war_and_demand_follows_incomes() -> None:
    calm, war = (
        run_economy(preset(name), WORLDS, engine=Engine.COMPILED) for name in ("calm", "price-war")
    )
    assert war.metric("price").min() < calm.metric("price").min()
    shock = run_economy(preset("demand-shock"), WORLDS, engine=Engine.COMPILED).metric("bought")
    assert shock[:, 150:].mean() > 1.5 * shock[:, 50:100].mean()


def test_the_faster_contributors_imitate_the_sooner_a_deviation_is_gone() -> None:
    ends = []
    for imitation in (0, PARTS // 100, PARTS // 5):
        market = replace(preset("free-riding"), imitation=imitation, mutation=0, steps=60)
        ends.append(at_end(run_economy(market, WORLDS, engine=Engine.COMPILED), "are_free_ride"))
    assert ends[0] > ends[1] > ends[2]


def test_owners_take_less_the_more_services_compare_their_terms() -> None:
    ends = []
    for switching in (0, PARTS // 20):
        market = replace(preset("calm"), switching=switching)
        ends.append(at_end(run_economy(market, WORLDS, engine=Engine.COMPILED), "owner_share"))
    assert ends[0] > 1.2 * ends[1]
    still = run_economy(replace(TINY, owner_period=0), WORLDS)
    assert (still.metric("owner_share") == TINY.owners * TINY.owner_share).all()


def test_contributors_enter_only_where_it_pays_however_many_leave() -> None:
    growing = replace(preset("demand-shock"), absent=PARTS * 3 // 4, endowment=1_500)
    run = run_economy(growing, WORLDS, engine=Engine.COMPILED)
    left, entered = run.metric("left").sum(), run.metric("entered").sum()
    assert entered > left + 400
    there = sum(run.metric(f"are_{each.name.lower()}") for each in Conduct)
    assert (there[:, 0] <= 110).all()
    assert (there[:, 150:].mean(axis=1) > there[:, 50:100].mean(axis=1)).all()
    full = replace(growing, absent=0, entry_cost=10**8)
    dear = run_economy(full, WORLDS, engine=Engine.COMPILED)
    assert dear.metric("entered").sum() == 0
    assert dear.metric("left").sum() > 100


def test_a_market_is_read_from_toml_and_nonsense_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "market.toml"
    file.write_text('buyers = 30\nrule = "rows/1"\n', "utf-8")
    market = read_economy(file, TINY)
    assert (market.buyers, market.rule, market.services) == (30, BY_ROWS, 6)
    for text in ("buyers = ", "sellers = 3", "buyers = 0.5", "spam = 100000001"):
        file.write_text(text, "utf-8")
        with pytest.raises(InvalidInputError):
            read_economy(file)
    file.write_text('rule = "none/1"', "utf-8")
    with pytest.raises(UnknownMethodError):
        read_economy(file)
    with pytest.raises(InvalidInputError):
        read_economy(tmp_path / "missing.toml")
    file.write_text("by_turns = true\ncapacity = 4", "utf-8")
    assert read_economy(file, TINY) == replace(TINY, by_turns=True, capacity=4)
    wrong: tuple[dict[str, Any], ...] = (
        *({"buyers": 0}, {"owners": 40}, {"price": 0}, {"copy": PARTS, "spam": 1}),
        *({"capacity": 1}, {"by_turns": 1}),
    )
    for change in wrong:
        with pytest.raises(InvalidInputError):
            replace(TINY, **change)


def test_what_the_engines_cannot_do_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no compiled twin"):
        run_economy(replace(TINY, rule=BY_ROWS), WORLDS, engine=Engine.COMPILED)
    with pytest.raises(InvalidInputError):
        run_economy(TINY, np.array([], dtype=np.int64))
    with pytest.raises(InvalidInputError):
        run_economy(replace(TINY, steps=1), WORLDS).metric("luck")
    with pytest.raises(InvalidInputError):
        preset("utopia")
    assert "conduct" in HIDDEN["contributors"]


def test_the_command_runs_a_market_by_name() -> None:
    runner = CliRunner()
    shown = runner.invoke(app, ["run", "copycats", "--worlds", "1", "--steps", "12"])
    assert shown.exit_code == 0
    assert "contributors: copy" in shown.stdout
    asked = ["run", "--worlds", "1", "--steps", "3", "--engine", "compiled", "--json"]
    told = json.loads(runner.invoke(app, asked).stdout)
    assert set(told["metrics"]) == set(METRICS)
    assert len(told["metrics"]["bought"]) == 3
    for wrong in (["run", "utopia"], ["run", "--engine", "steam"], ["run", "--worlds", "0"]):
        refused = runner.invoke(app, wrong)
        assert refused.exit_code == 2
        assert refused.stderr.startswith("error[invalid_input]: ")
