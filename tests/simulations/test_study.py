import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from headwater_attribution.rules import BY_INFLUENCE, BY_ROWS, CAUSES
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.cli import app
from headwater_simulations.metrics import interval, student
from headwater_simulations.scenario import Kind, Scenario
from headwater_simulations.study import StudyResult, study, sweep_recall

SCENARIO = Scenario(agents=400, steps=40, queries=100)


@pytest.fixture(scope="module")
def shipped() -> StudyResult:
    return study(SCENARIO, 6)


def test_with_admission_deviating_brings_less_than_being_honest(shipped: StudyResult) -> None:
    for kind in (Kind.EXACT_COPIER, Kind.NEAR_COPIER):
        assert shipped.deviations[kind].pay_ratio.high < 0.05
    assert shipped.deviations[Kind.SPAMMER].pay_ratio.high < 0.25
    assert shipped.deviations[Kind.SPLITTER].pay_ratio.high <= 1.0
    assert shipped.honest_share.low > 0.98


def test_gain_is_net_of_what_rows_cost(shipped: StudyResult) -> None:
    free = study(replace(SCENARIO, cost_honest=0, cost_copied=0, cost_spam=0), 6)
    for kind, outcome in free.deviations.items():
        assert outcome.gain.mean == pytest.approx(outcome.pay_ratio.mean - 1)
        assert outcome.pay_ratio == shipped.deviations[kind].pay_ratio
    assert shipped.deviations[Kind.SPAMMER].gain.mean > free.deviations[Kind.SPAMMER].gain.mean


def test_without_admission_the_shipped_rule_pays_copies_less_than_the_baselines() -> None:
    open_door = replace(SCENARIO, admission=False)
    ours, influence, rows = (
        study(replace(open_door, rule=rule), 6) for rule in (CAUSES, BY_INFLUENCE, BY_ROWS)
    )
    assert ours.honest_share.low > influence.honest_share.high
    for kind in (Kind.EXACT_COPIER, Kind.NEAR_COPIER):
        paid = ours.deviations[kind].pay_ratio.high
        assert paid < influence.deviations[kind].pay_ratio.low
        assert paid < rows.deviations[kind].pay_ratio.low


def test_a_copier_is_paid_more_the_fewer_copies_are_recognised() -> None:
    results = sweep_recall(replace(SCENARIO, precedence=0), 6, [0, PARTS // 2, PARTS])
    paid = [result.deviations[Kind.EXACT_COPIER].pay_ratio for result in results]
    assert paid[0].low > paid[1].high
    assert paid[1].low > paid[2].high
    assert paid[2].mean == 0


def test_paired_worlds_share_their_draws() -> None:
    first, second = study(SCENARIO, 3), study(SCENARIO, 3)
    assert first == second


def test_an_interval_is_students() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    found = interval(values)
    assert found.mean == 3.0
    assert found.high - found.mean == pytest.approx(2.776 * np.sqrt(2.5) / np.sqrt(5), rel=0.01)
    assert student(10) == pytest.approx(2.228, rel=0.001)
    assert student(1_000) == pytest.approx(1.962, rel=0.001)
    assert interval(values[:1]).high == float("inf")


def test_intervals_cover_the_mean_in_about_95_of_100_studies() -> None:
    draw = np.random.default_rng(5)
    samples = draw.normal(size=(2_000, 8))
    covered = sum(found.low <= 0 <= found.high for found in map(interval, samples))
    assert 0.935 <= covered / 2_000 <= 0.965


def test_a_study_of_no_worlds_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        study(SCENARIO, 0)


SMALL_RUN = ["--agents", "100", "--steps", "5", "--worlds", "2"]


def test_the_command_prints_a_table_of_all_rules() -> None:
    result = CliRunner().invoke(app, SMALL_RUN)
    assert result.exit_code == 0
    for word in ("causes/1", "influence/1", "rows/1", "honest share", "copier", "splitter"):
        assert word in result.stdout


def test_the_command_prints_json_that_says_what_ran() -> None:
    arguments = [*SMALL_RUN, "--rule", "causes/1", "--no-admission", "--seed", "9", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    (found,) = json.loads(result.stdout)
    assert (found["rule"], found["agents"], found["seed"]) == ("causes/1", 100, 9)
    assert found["admission"] is False
    assert found["honest_share"]["low"] <= found["honest_share"]["mean"] <= 1
    assert set(found["deviations"]) == {"exact_copier", "near_copier", "spammer", "splitter"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--agents", "1"], "invalid_input"),
        (["--steps", "-5"], "invalid_input"),
        (["--worlds", "0"], "invalid_input"),
        (["--rule", "luck/1"], "unknown_method"),
        (["--dedup-recall", "1.5"], "invalid_input"),
        (["--dedup-recall", "nan"], "invalid_input"),
        (["--seed", "-1"], "invalid_input"),
    ],
)
def test_a_bad_option_gets_one_sentence_with_a_code(arguments: list[str], code: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error[{code}]: ")
    assert result.stderr.count("\n") == 1
