import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from headwater_payments.errors import InvalidInputError
from headwater_simulations import calibrate_cli
from headwater_simulations.adversary import Budget, Verdict
from headwater_simulations.adversary.calibration import Calibration, Outcome, calibrate, recall
from headwater_simulations.adversary.deviations import conduct_of
from headwater_simulations.adversary.planted import FLAWS, flawed, sound
from headwater_simulations.adversary.trial import Ring
from headwater_simulations.cli import app

TINY = Budget(
    candidates=256,
    generation=32,
    search_worlds=6,
    shortlist=10,
    pick_worlds=30,
    finalists=2,
    proof_worlds=700,
    tolerance=0.15,
)

KINDS = 12
"""The flaws of rules; open doors have a test for each in `test_adversary_deviations.py`."""


@pytest.fixture(scope="module")
def measured() -> Calibration:
    return calibrate(TINY, flaws=KINDS, sound_rules=9, seed=23, basin_draws=40)


def test_most_planted_flaws_are_found_and_no_sound_rule_is_accused(measured: Calibration) -> None:
    assert len(measured.planted) >= KINDS - 3
    counted = recall(measured.planted)
    assert counted is not None
    assert counted[0] >= 0.6 * counted[1]
    assert counted[2].low < counted[0] / counted[1] <= counted[2].high
    assert measured.alarms == 0
    assert measured.alarms_at_most == pytest.approx(1 - 0.05 ** (1 / 9))


def test_a_search_too_small_to_find_much_says_so_in_its_recall() -> None:
    blind = replace(TINY, candidates=2, generation=2, shortlist=2, proof_worlds=100)
    few = calibrate(blind, flaws=KINDS, sound_rules=1, seed=23, basin_draws=10)
    counted = recall(few.planted)
    assert counted is not None
    assert counted[0] < 0.6 * counted[1]


def test_every_kind_of_flaw_is_one_somewhere_and_sound_rules_pay_honest_work() -> None:
    shown: dict[str, float] = {}
    for number in range(3 * len(FLAWS)):
        plant = flawed(5, number)
        ring = Ring(plant.arena, plant.rule, 5, 0, 40)
        gains = ring.trial([conduct_of(strategy) for strategy in plant.exploits]).gains
        shown[plant.kind] = max(shown.get(plant.kind, -1.0), float(gains.max()))
    assert set(shown) == set(FLAWS)
    assert all(gain > 0.1 for gain in shown.values()), shown
    for number in range(6):
        plant = sound(5, number)
        assert Ring(plant.arena, plant.rule, 5, 0, 20).honest_net.mean() > 0
        assert plant.exploits == ()


def test_plants_are_drawn_by_seed_and_number() -> None:
    assert flawed(3, 4) == flawed(3, 4)
    assert flawed(3, 4) != flawed(4, 4)
    assert flawed(3, 4) != flawed(3, 4 + len(FLAWS))
    assert sound(3, 4) == sound(3, 4)
    assert sound(3, 4).arena != sound(3, 5).arena


def test_more_processes_give_the_same_calibration() -> None:
    few = replace(TINY, candidates=32, proof_worlds=60)
    alone = calibrate(few, flaws=2, sound_rules=1, seed=2, basin_draws=20)
    again = calibrate(few, flaws=2, sound_rules=1, seed=2, workers=2, basin_draws=20)
    assert again == alone


def test_a_calibration_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        calibrate(TINY, flaws=0, sound_rules=1)
    assert recall([]) is None


def outcome(gain: float, basin: float, verdict: Verdict) -> Outcome:
    return Outcome("usage", gain, True, basin, verdict, gain)


def test_recall_is_told_by_gain_and_by_basin() -> None:
    done = Calibration(
        TINY,
        1,
        (
            outcome(0.2, 0.001, Verdict.UNDECIDED),
            outcome(0.2, 0.2, Verdict.EXPLOIT),
            outcome(3.0, 0.2, Verdict.EXPLOIT),
            replace(outcome(0.01, 0.0, Verdict.NONE_FOUND), planted=False),
        ),
        (outcome(0.0, 0.0, Verdict.NONE_FOUND),),
    )
    told = calibrate_cli.report(done)["recall"]
    assert isinstance(told, dict)
    assert {name: (line["found"], line["planted"]) for name, line in told.items()} == {
        "all planted flaws": (2, 3),
        "usage": (2, 3),
        "gain 0 to 0.25": (1, 2),
        "gain above 1": (1, 1),
        "basin 0 % to 1 %": (0, 1),
        "basin 10 % to 100 %": (2, 2),
    }


def test_the_command_prints_recall_and_alarms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(calibrate_cli.SIZES, "small", (1, 2))
    shown = CliRunner().invoke(app, ["calibrate"])
    assert shown.exit_code == 0
    assert "all planted flaws" in shown.stdout
    assert "of 2 accused" in shown.stdout
    found = json.loads(CliRunner().invoke(app, ["calibrate", "--json"]).stdout)
    assert found["sound_rules"] == 2
    assert len(found["flaws"]) == 1
    assert np.isfinite(found["false_alarms_at_most"])


@pytest.mark.parametrize(
    "arguments", [["--size", "huge"], ["--budget", "none"], ["--workers", "0"], ["--seed", "-1"]]
)
def test_bad_input_gets_one_sentence_with_a_code(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, ["calibrate", *arguments])
    assert result.exit_code == 2
    assert result.stderr.startswith("error[invalid_input]: ")
    assert result.stderr.count("\n") == 1
