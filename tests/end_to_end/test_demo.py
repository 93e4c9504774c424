"""The demonstration: it holds, it says so in two forms, it can be interrupted and run twice."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
import typer

from headwater.demo import books
from headwater.demo.cli import demo
from headwater.demo.economy import Done
from headwater.demo.outcome import Outcome, judge
from headwater.demo.report import write_report
from headwater.demo.run import Options, run
from headwater.demo.settling import RULE
from headwater_agents.scripted import DISCOVER, ResearchPolicy, Say, ToolResult
from headwater_models.chat import ChatRequest
from headwater_models.corpus_backend import CorpusBackend
from headwater_payments.ledger import Posting, transfer
from headwater_simulations.scenario import Scenario

COMMAND = [sys.executable, "-m", "headwater", "demo"]
FEWER: dict[str, Any] = {"questions": 60, "briefings": 8}
"""Enough for what is looked at, in half the time."""
TOO_FEW = "at least 300 paid calls"
FOLDERS = os.pathsep.join(path for path in sys.path if path)


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def outcome(told: list[str]) -> Outcome:
    return anyio.run(run, Options(), told.append)


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "--report", str(folder / "report"), *arguments],
        env={**os.environ, "PYTHONPATH": FOLDERS, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_every_check_holds(outcome: Outcome) -> None:
    failed = [(check.name, check.detail) for check in outcome.checks if not check.held]
    assert failed == []
    assert len(outcome.checks) == 16


def test_every_question_finds_an_answer_and_one_that_does_not_is_told(told: list[str]) -> None:
    assert not any("have no answer" in line for line in told)
    refused = ResearchPolicy("python").next_move("What is a list?", [ToolResult(DISCOVER, [])])
    assert isinstance(refused, Say)
    assert Done("agent", ["It is a sequence.", refused.text]).unanswered == [refused.text]


def test_it_is_as_large_as_promised(outcome: Outcome) -> None:
    assert outcome.earnings is not None
    honest = [line for line in outcome.earnings.contributors if line.kind == "honest"]
    assert len(honest) >= 60
    assert sum(line.submitted for line in honest) >= 1_500
    assert outcome.traffic is not None
    assert outcome.traffic.calls >= 300
    assert 0 < outcome.traffic.streamed < outcome.traffic.calls
    assert outcome.seconds < 120


def test_the_cheaters_work_was_refused_with_reasons(outcome: Outcome) -> None:
    for kind in ("exact copy", "near copy", "filler", "keyword stuffing", "split filler"):
        assert sum(outcome.refused[kind].values()) > 0
        assert all(len(reason.split()) > 3 for reason in outcome.reasons[kind].values())
        assert outcome.reasons[kind].keys() == outcome.refused[kind].keys()


def test_revenue_reaches_owners_two_levels_up(outcome: Outcome) -> None:
    net = {role: change for role, _, change, _ in outcome.parties}
    assert net["curator"] > 0
    assert net["provider"] > 0
    assert net["briefing agent"] > 0
    assert net["langgraph agent"] < 0
    assert (
        sum(net.values())
        + sum(line.earned for line in (outcome.earnings.contributors if outcome.earnings else ()))
        == 0
    )


def test_the_rule_that_paid_is_the_rule_that_the_simulator_attacks() -> None:
    assert Scenario().rule is RULE
    assert Scenario().rule.settle.__func__ is RULE.settle.__func__  # type: ignore[attr-defined]


def test_what_it_tells_names_every_refusal_with_its_code(outcome: Outcome, told: list[str]) -> None:
    for code in ("budget_exceeded", "voucher_replayed", "seller_misbehaved"):
        assert any(f"[{code}]" in line for line in told)


def test_page_and_json_hold_the_same(outcome: Outcome, tmp_path: Path) -> None:
    page = write_report(outcome, tmp_path).read_text(encoding="utf-8")
    data = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert data["passed"] is True
    for line in data["earnings"]["contributors"]:
        assert f"{line['earned']:,}" in page
    assert data["example"]["passages"]
    marked = [p["contributor"] for p in data["example"]["passages"] if p["contributor"]]
    assert marked
    assert all(name in page for name in marked)
    assert page.count("<mark") >= len(marked)


def test_without_admission_all_that_cheats_hand_in_enters_and_what_it_earns_is_shown(
    outcome: Outcome,
) -> None:
    loose = anyio.run(run, Options(admission=False, **FEWER), lambda _line: None)
    assert outcome.earnings is not None
    assert loose.earnings is not None
    kept_out, let_in = outcome.earnings.cheats[:5], loose.earnings.cheats[:5]
    assert sum(line.accepted for line in kept_out) <= 2
    assert all(line.accepted == line.rows for line in let_in)
    assert sum(line.earned for line in let_in) >= sum(line.earned for line in kept_out)
    assert loose.conservation is not None
    assert loose.conservation.holds
    assert [check.name for check in loose.checks if check.state == "failed"] == [TOO_FEW]
    shown = [check.name for check in loose.checks if check.state == "shown"]
    assert "what filler earns without admission" in shown
    assert not [check.name for check in loose.checks if check.name.endswith("does not pay")]


def test_a_run_without_results_does_not_pass() -> None:
    empty = Outcome()
    assert not empty.passed
    empty.checks = judge(empty, scripted=True)
    assert not empty.passed
    assert {check.state for check in empty.checks} == {"failed"}


def book_one_unit_short(patch: pytest.MonkeyPatch) -> None:
    """The journal leaves out one atomic unit of every movement that the chain made."""

    def short(source: str, to: str, asset: str, amount: int) -> tuple[Posting, Posting]:
        return transfer(source, to, asset, max(0, amount - 1))

    patch.setattr(books, "transfer", short)


def ignore_the_removed_row(patch: pytest.MonkeyPatch) -> None:
    """The model answers from the rows that it is asked to do without."""
    honest = CorpusBackend._answer

    def ignoring(self: CorpusBackend, request: ChatRequest, without: object = ()) -> object:
        return honest(self, request)

    patch.setattr(CorpusBackend, "_answer", ignoring)


@pytest.mark.parametrize(
    ("spoil", "noticed"),
    [
        (book_one_unit_short, "money is conserved in the journal and on chain"),
        (ignore_the_removed_row, "the model cites the right row"),
    ],
)
def test_a_broken_run_does_not_pass(
    spoil: Callable[[pytest.MonkeyPatch], None],
    noticed: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    spoil(monkeypatch)
    monkeypatch.setattr("headwater.demo.run.Options", partial(Options, **FEWER))
    with pytest.raises(typer.Exit) as ended:
        demo(admission=True, seed=7, llm=None, report=tmp_path)
    assert ended.value.exit_code == 1
    data = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert data["passed"] is False
    failed = [check["name"] for check in data["checks"] if check["state"] == "failed"]
    assert {noticed, TOO_FEW} <= {*failed}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    left = [path.name for path in tmp_path.iterdir() if path.name.startswith("headwater-demo-")]
    assert left == []


def test_two_at_once_do_not_meet(folder: Path) -> None:
    both = [start(folder), start(folder, "--seed", "8")]
    for process in both:
        printed, errors = process.communicate(timeout=240)
        assert process.returncode == 0, printed[-3_000:] + errors
    report = folder / "report"
    written = sorted(path.name for path in report.iterdir())
    assert written == ["epoch-1.json", "index.html", "report.json"]
    bundle = str(report / "epoch-1.json")
    command = [sys.executable, "-m", "headwater", "attribution", "verify", "--quiet", bundle]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": FOLDERS}, check=True)


@pytest.mark.parametrize("line", ["Chain 84532", "Registered", "The langgraph agent"])
def test_an_interruption_leaves_nothing_behind(folder: Path, line: str) -> None:
    process = start(folder)
    assert process.stdout is not None
    for printed in process.stdout:
        if printed.startswith(line):
            break
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert time.monotonic() - began < 30
    assert list((folder / "report").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--report", "/dev/null/folder"], "invalid_input"),
        (["--llm", "no-provider"], "invalid_input"),
    ],
)
def test_a_wrong_option_gets_one_sentence(folder: Path, arguments: list[str], code: str) -> None:
    process = start(folder, *arguments)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors.startswith(f"error[{code}]: ")
    assert errors.count("\n") == 1
