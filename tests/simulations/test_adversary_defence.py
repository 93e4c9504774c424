import json

import pytest
from typer.testing import CliRunner

from headwater_attribution.rules import BY_ROWS, CAUSES
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.adversary import Arena, Budget, Copy, FarmPrior, Space, Split
from headwater_simulations.adversary.attacking import Verdict
from headwater_simulations.adversary.defence import Lever, defend
from headwater_simulations.adversary.roles import Fabricate, GrindSeeds
from headwater_simulations.cli import app

TINY = Budget(
    candidates=96,
    generation=32,
    search_worlds=6,
    shortlist=6,
    pick_worlds=30,
    finalists=2,
    proof_worlds=800,
    tolerance=0.15,
)


CREDULOUS = Arena(precedence=0)
"""A market whose questions don't show copies."""


def test_the_cheapest_setting_that_stops_the_attack_is_chosen() -> None:
    # Rewording that costs 400 stops copying; 4,000 would too, and is said to cost more.
    lever = Lever("cost_reworded", (0, 400, 4_000), (0.0, 0.1, 0.5))
    found = defend(CAUSES, [lever], CREDULOUS, Space((Copy, Split)), TINY)
    assert found.holds
    assert [each.setting["cost_reworded"] for each in found.rounds] == [0, 400]
    assert found.rounds[0].result.finalists[0].gain.low > TINY.tolerance
    assert found.rounds[-1].cost == pytest.approx(0.1)
    assert found.rounds[-1].known < TINY.tolerance
    assert found.reattack.budget.candidates == 4 * TINY.candidates


def test_a_lever_that_does_not_help_is_reported_as_no_defence() -> None:
    lever = Lever("cost_identity", (0, 50))
    found = defend(BY_ROWS, [lever], space=Space((FarmPrior,)), budget=TINY, rounds=2)
    assert not found.holds


def test_what_honest_authors_lose_counts_as_cost() -> None:
    lever = Lever("cap", (PARTS, PARTS // 2))
    found = defend(CAUSES, [lever], space=Space((Split,)), budget=TINY)
    assert found.rounds[0].setting == {"cap": PARTS}
    assert found.rounds[0].cost == 0
    only = defend(CAUSES, [Lever("cap", (PARTS // 2,))], space=Space((Split,)), budget=TINY)
    assert 0.2 < only.rounds[0].cost < 0.8


def test_an_audit_with_a_stake_stops_filler_where_rows_are_paid() -> None:
    levers = [Lever("stake", (0, 20_000)), Lever("audit", (0, PARTS), (0.0, 0.05))]
    found = defend(BY_ROWS, levers, Arena(epochs=3), Space((FarmPrior, Split)), TINY)
    assert found.rounds[-1].setting == {"stake": 20_000, "audit": PARTS}
    few_rows = found.reattack.finalists[0].gain.estimate
    assert few_rows < found.rounds[0].result.finalists[0].gain.estimate / 2


@pytest.mark.parametrize(
    "levers",
    [
        [],
        [Lever("stake", (1,)), Lever("stake", (2,))],
        [Lever("stake", tuple(range(30))), Lever("audit", tuple(range(30)))],
    ],
)
def test_levers_that_make_no_search_are_refused(levers: list[Lever]) -> None:
    with pytest.raises(InvalidInputError):
        defend(CAUSES, levers, budget=TINY)


def test_a_lever_is_a_number_that_somebody_can_set() -> None:
    for name, values, costs in (
        *(("luck", (1,), ()), ("stake", (), ()), ("stake", (1, 2), (0.1,))),
        ("late_seed", (2,), ()),
    ):
        with pytest.raises(InvalidInputError):
            Lever(name, values, costs)
    with pytest.raises(InvalidInputError):
        defend(CAUSES, [Lever("stake", (1,))], budget=TINY, rounds=0)


def test_what_is_off_or_on_is_a_lever_too() -> None:
    early = Arena(
        operator=True, late_seed=False, recompute=PARTS // 20, operator_bond=30_000, members=3
    )
    found = defend(
        CAUSES,
        [Lever("late_seed", (0, 1), (0.0, 0.01))],
        early,
        Space((Fabricate, GrindSeeds)),
        TINY,
        rounds=2,
    )
    assert [dict(each.setting) for each in found.rounds] == [{"late_seed": 0}, {"late_seed": 1}]
    assert found.rounds[0].result.verdict is Verdict.EXPLOIT
    assert found.holds


def test_the_command_tells_each_round_and_the_reattack() -> None:
    arguments = ["defend", "--only", "Copy", "--lever", "cost_reworded=10:0,400:0.1"]
    arguments += ["--set", "precedence=0"]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0
    for word in ("round 1", "round 2", "re-attack", "exploit", "none found"):
        assert word in shown.stdout
    told = json.loads(CliRunner().invoke(app, [*arguments, "--rounds", "1", "--json"]).stdout)
    assert [each["setting"] for each in told["rounds"]] == [{"cost_reworded": 10}]
    assert told["reattack"]["verdict"] == "exploit"


@pytest.mark.parametrize("lever", ["luck=1", "stake", "stake=", "stake=much", "stake=1:nan"])
def test_a_bad_lever_gets_one_sentence_with_a_code(lever: str) -> None:
    result = CliRunner().invoke(app, ["defend", "--lever", lever])
    assert result.exit_code == 2
    assert result.stderr.startswith("error[invalid_input]: ")
    assert result.stderr.count("\n") == 1
