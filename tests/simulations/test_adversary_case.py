import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headwater_attribution.errors import UnknownMethodError
from headwater_attribution.rules import BY_ROWS, CAUSES
from headwater_payments.errors import InvalidInputError
from headwater_simulations.adversary import (
    Arena,
    AttackResult,
    Budget,
    Case,
    FarmPrior,
    Noise,
    Space,
    Split,
    Verdict,
    Wash,
    assert_stopped,
    assert_unexploitable,
    attack,
    case_of,
    describe,
    load_case,
    replay,
    save_case,
)
from headwater_simulations.cli import app
from headwater_simulations.errors import ExploitableError

TINY = Budget(
    candidates=96,
    generation=32,
    search_worlds=6,
    shortlist=6,
    pick_worlds=30,
    finalists=2,
    proof_worlds=600,
    tolerance=0.15,
)

MINE = """
import numpy as np
from headwater_attribution.rules import RewardRule, RuleParameters

def pay(columns, parameters):
    from headwater_attribution.apportion import apportion
    return apportion(columns.charges.sum(axis=1), (columns.rows > 0).astype(np.int64))

RULE = RewardRule("equal/1", "to every account the same", False, pay)
BARE = pay
NUMBER = 7
"""


@pytest.fixture(scope="module")
def farmed() -> AttackResult:
    return attack(BY_ROWS, space=Space((Split, FarmPrior)), budget=TINY)


@pytest.fixture
def case(farmed: AttackResult, tmp_path: Path) -> Path:
    save_case(case_of(farmed), tmp_path / "case.json")
    return tmp_path / "case.json"


@pytest.fixture
def rule_file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(MINE, "utf-8")
    return path


def test_a_case_comes_back_as_it_was_and_replays_to_the_last_bit(
    farmed: AttackResult, case: Path
) -> None:
    loaded = load_case(case)
    assert loaded == case_of(farmed)
    assert loaded.strategy == farmed.best.strategy
    again = replay(loaded)
    assert again.unchanged
    assert again.verdict is Verdict.EXPLOIT


def test_a_case_is_stopped_by_a_rule_under_which_it_does_not_pay(case: Path) -> None:
    loaded = load_case(case)
    assert_stopped(loaded, CAUSES)
    assert not replay(loaded, CAUSES).unchanged
    with pytest.raises(ExploitableError, match="FarmPrior"):
        assert_stopped(loaded)


def test_a_case_of_a_rule_that_is_gone_says_so(case: Path) -> None:
    with pytest.raises(UnknownMethodError):
        replay(replace(load_case(case), rule="gone/1"))


def test_a_sound_rule_passes_and_an_exploitable_one_fails_a_users_test() -> None:
    sound = assert_unexploitable(CAUSES, space=Space((Split, Noise, Wash)), budget=TINY)
    assert sound.verdict is Verdict.NONE_FOUND
    with pytest.raises(ExploitableError, match=r"exploit: .*FarmPrior"):
        assert_unexploitable(BY_ROWS, space=Space((FarmPrior,)), budget=TINY)
    with pytest.raises(ExploitableError, match="undecided"):
        assert_unexploitable(
            CAUSES, Arena(), Space((Split, Noise)), replace(TINY, proof_worlds=10), seed=3
        )


def test_strategies_are_described_in_words() -> None:
    words = describe((Split(3), Wash(5, 2_000_000)))
    assert words == "Split(identities 3) + Wash(purchases 5, price 2 %)"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("format", "headwater.case/2"),
        ("worlds", 0),
        ("seed", -1),
        ("error", 0),
        ("tolerance", None),
        ("strategy", []),
        ("strategy", [{"kind": "Bribe"}]),
        ("strategy", [{"kind": "Split"}]),
        ("strategy", [{"kind": "Split", "identities": 99}]),
        ("strategy", [{"kind": "Split", "identities": True}]),
        ("strategy", [{"kind": "Split", "identities": 2, "more": 1}]),
        ("arena", {"walls": 3}),
        ("arena", {"members": 0}),
        ("gain", {"low": 0}),
        ("surplus", 1),
    ],
)
def test_a_file_that_is_no_case_is_refused(case: Path, member: str, value: Any) -> None:
    document = json.loads(case.read_text("utf-8"))
    document[member] = value
    case.write_text(json.dumps(document), "utf-8")
    with pytest.raises(InvalidInputError):
        load_case(case)


def test_a_case_without_bounds_is_kept(case: Path) -> None:
    loaded = load_case(case)
    few = replace(loaded, gain=replace(loaded.gain, low=float("-inf"), high=float("inf")))
    save_case(few, case)
    assert load_case(case) == few
    with pytest.raises(InvalidInputError):
        save_case(few, case / "below" / "a-file")


def invoke(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_attacks_saves_and_replays(tmp_path: Path) -> None:
    case = tmp_path / "find.json"
    quick = ("attack", "--rule", "rows/1", "--budget", "small", "--only", "FarmPrior,Split")
    status, out, _ = invoke(*quick, "--save", case)
    assert status == 1
    assert "exploit" in out
    assert "FarmPrior" in out
    status, out, _ = invoke("replay", case)
    assert (status, "unchanged" in out, "exploit" in out) == (1, True, True)
    status, out, _ = invoke("replay", case, "--rule", "causes/1")
    assert (status, "none found" in out) == (0, True)


def test_the_command_prints_json_that_says_what_was_tried() -> None:
    arguments = ("attack", "--budget", "small", "--only", "Split, Wash", "--json")
    status, out, _ = invoke(*arguments, "--set", "members=2", "--set", "admission=false")
    found = json.loads(out)
    assert (status, found["verdict"], found["minimal"]) == (0, "none found", None)
    assert found["arena"]["members"] == 2
    assert found["arena"]["admission"] is False
    assert len(found["finalists"]) > 0
    assert found["finalists"][0]["gain"]["high"] < found["budget"]["tolerance"]


def test_a_rule_in_a_file_is_attacked_by_name(rule_file: Path, tmp_path: Path) -> None:
    for name in ("RULE", "BARE"):
        case = tmp_path / f"{name}.json"
        status, out, _ = invoke(
            "attack", "--rule", f"{rule_file}:{name}", "--budget", "small", "--save", case
        )
        assert status == 1
        assert "Split" in out
        assert isinstance(load_case(case), Case)
        assert invoke("replay", case)[0] == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("attack", "--rule", "luck/1"), "unknown_method"),
        (("attack", "--rule", "nowhere.py:RULE"), "invalid_input"),
        (("attack", "--budget", "endless"), "invalid_input"),
        (("attack", "--only", "Bribe"), "invalid_input"),
        (("attack", "--only", "Split,Split"), "invalid_input"),
        (("attack", "--set", "walls=3"), "invalid_input"),
        (("attack", "--set", "members=many"), "invalid_input"),
        (("attack", "--set", "members=0"), "invalid_input"),
        (("attack", "--set", "admission=7"), "invalid_input"),
        (("attack", "--set", "queries=true"), "invalid_input"),
        (("attack", "--tolerance", "nan"), "invalid_input"),
        (("attack", "--seed", "-1"), "invalid_input"),
        (("replay", "nowhere.json"), "invalid_input"),
    ],
)
def test_bad_input_gets_one_sentence_with_a_code(arguments: tuple[str, ...], code: str) -> None:
    status, _, err = invoke(*arguments)
    assert status == 2
    assert err.startswith(f"error[{code}]: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "text",
    [
        *("raise ValueError('no')", "RULE = 7", "def RULE(: pass", "", "raise SystemExit(0)"),
        *("def RULE(columns): return columns.rows", "def RULE(columns, _): return 1 / 0"),
        "def RULE(columns, _): return columns.rows // (columns.rows.shape[1] < 5)",
    ],
)
def test_a_file_without_a_rule_is_refused_in_one_sentence(rule_file: Path, text: str) -> None:
    rule_file.write_text(text, "utf-8")
    status, _, err = invoke("attack", "--rule", f"{rule_file}:RULE")
    assert status == 2
    assert err.startswith("error[invalid_input]: ")
    assert err.count("\n") == 1
