"""Studies: designs, chunks that survive a kill, rows that are the same wherever they were made."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import ray
from typer.testing import CliRunner

from headwater_attribution.rules import BY_ROWS
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.cli import app
from headwater_simulations.scenario import Kind, Scenario
from headwater_simulations.studies import (
    Axis,
    Design,
    InProcess,
    Processes,
    Progress,
    RayCluster,
    Study,
    open_study,
    replay_world,
    run_study,
)
from headwater_simulations.studies.chunks import chunks_of, evaluate
from headwater_simulations.studies.files import parse_study
from headwater_simulations.studies.plan import scenario_of
from headwater_simulations.studies.points import points_of
from headwater_simulations.studies.sensitivity import sensitivities
from headwater_simulations.study import study as compared

SMALL = Scenario(agents=100, steps=4, queries=20, identities=5)
RECALL = Axis("dedup_recall", low=0.0, high=1.0)


def study(**changes: Any) -> Study:
    given: dict[str, Any] = {
        "base": SMALL,
        "levers": (Axis("dedup_recall", values=(0.5, 1.0)),),
        "uncertainties": (Axis("spam_reach", values=(0.1, 0.4, 0.9)),),
        "worlds": 2,
    }
    return Study(**given | changes)


def test_a_grid_takes_every_combination_in_order() -> None:
    found = [(p["dedup_recall"], p["spam_reach"]) for p in points_of(study())]
    assert found == [(0.5, 0.1), (0.5, 0.4), (0.5, 0.9), (1.0, 0.1), (1.0, 0.4), (1.0, 0.9)]


@pytest.mark.parametrize("design", [Design.LATIN, Design.SOBOL])
def test_a_filling_design_puts_one_point_into_each_part_of_a_range(design: Design) -> None:
    axes = (RECALL, Axis("rows", low=10, high=26))
    points = points_of(study(design=design, points=16, levers=axes, uncertainties=()))
    assert sorted(int(float(p["dedup_recall"]) * 16) for p in points) == [*range(16)]
    assert all(isinstance(p["rows"], int) and 10 <= p["rows"] <= 26 for p in points)
    assert points == points_of(study(design=design, points=16, levers=axes, uncertainties=()))


def test_rows_are_what_the_scenario_gives_when_it_is_run_by_itself() -> None:
    asked = study(gains=True, uncertainties=(), worlds=3)
    rows = [row for chunk in chunks_of(asked) for row in evaluate(chunk)]
    alone = compared(asked.scenario({"dedup_recall": 0.5}), worlds=3)
    first = [row for row in rows if row["point"] == 0]
    assert np.mean([row["honest_share"] for row in first]) == alone.honest_share.mean
    gains = [row["gain_exact_copier"] for row in first]
    assert np.mean(gains) == alone.deviations[Kind.EXACT_COPIER].gain.mean


def test_rule_and_its_parameters_are_axes_like_any_other() -> None:
    named = Axis("rule", values=("causes/1", "rows/1"))
    asked = study(levers=(named, Axis("cap", values=(0.25, 1.0))))
    assert asked.scenario({"rule": "rows/1"}).rule == BY_ROWS
    assert asked.scenario({"cap": 0.25}).rule.parameters.cap == PARTS // 4
    both = asked.scenario({"shrinkage": 1.0, "rule": "rows/1"}).rule
    assert (both.rule_id, both.parameters.shrinkage) == ("rows/1", PARTS)
    base = scenario_of({"rule": "causes/1", "cap": 0.5})
    kept = study(base=base, levers=(named,)).scenario({"rule": "rows/1"}).rule
    assert (kept.rule_id, kept.parameters.cap) == ("rows/1", PARTS // 2)


def test_two_executors_write_identical_files(tmp_path: Path) -> None:
    asked = study(worlds=40)
    here = run_study(asked, tmp_path / "here", InProcess())
    there = run_study(asked, tmp_path / "there", Processes(2))
    assert len(chunks_of(asked)) > 1
    assert here.rows.equals(there.rows)
    assert (tmp_path / "here/rows.parquet").read_bytes() == (
        tmp_path / "there/rows.parquet"
    ).read_bytes()


class KilledError(Exception):
    """What stands for a kill between two chunks."""


class KilledAfter:
    """Works some chunks, then ends as a killed process does."""

    def __init__(self, chunks: int) -> None:
        self.left, self.worked = chunks, 0

    def map(self, work: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
        for item in items:
            if not self.left:
                raise KilledError
            self.left -= 1
            self.worked += 1
            yield item, work(item)


def test_a_killed_study_goes_on_where_it_was_and_ends_the_same(tmp_path: Path) -> None:
    asked = study(worlds=64)
    whole = run_study(asked, tmp_path / "whole")
    with pytest.raises(KilledError):
        run_study(asked, tmp_path / "cut", KilledAfter(2))
    with pytest.raises(InvalidInputError, match="run to its end"):
        open_study(asked, tmp_path / "cut")
    rest = KilledAfter(99)
    assert run_study(asked, tmp_path / "cut", rest).rows.equals(whole.rows)
    assert rest.worked == len(chunks_of(asked)) - 2
    assert open_study(asked, tmp_path / "cut").rows.equals(whole.rows)


def test_a_folder_takes_no_second_study(tmp_path: Path) -> None:
    run_study(study(), tmp_path)
    run_study(study(name="under another name"), tmp_path)
    with pytest.raises(InvalidInputError, match="another study"):
        run_study(study(worlds=3), tmp_path)


def test_progress_counts_chunks_and_estimates_what_is_left(tmp_path: Path) -> None:
    told: list[Progress] = []
    ticks = iter(range(0, 1_000, 10))
    run_study(study(worlds=64), tmp_path, None, told.append, clock=lambda: float(next(ticks)))
    assert [p.done for p in told] == [0, 1, 2, 3, 4, 5, 6]
    assert [p.left_s for p in told] == [None, 50.0, 40.0, 30.0, 20.0, 10.0, 0.0]


def test_a_row_is_played_again_step_by_step_to_the_same_end(tmp_path: Path) -> None:
    asked = study()
    frame = run_study(asked, tmp_path)
    row = frame.rows.row(7, named=True)
    trace = replay_world(asked, row)
    assert trace["step"].to_list() == [*range(SMALL.steps)]
    end = trace.row(-1, named=True)
    earned = sum(end[f"earned_{kind.name.lower()}"] for kind in Kind)
    assert row["unattributed_share"] == end["pool"] / (end["pool"] + earned)
    with pytest.raises(InvalidInputError, match="other code"):
        replay_world(asked, row | {"code": "0"})


def test_indices_name_the_axis_that_explains_a_measure(tmp_path: Path) -> None:
    axes = (RECALL, Axis("cost_spam", low=1, high=50))
    asked = study(design=Design.SALTELLI, points=16, levers=axes, uncertainties=(), worlds=1)
    frame = run_study(asked, tmp_path)
    assert frame.rows.height == 16 * (2 + 2)
    recall, cost = sensitivities(frame, "pay_exact_copier")
    assert recall.total > 0.9
    # What spam costs its maker moves nobody's pay.
    assert cost.total == pytest.approx(0)


def test_frames_are_given_to_pandas_with_the_same_columns(tmp_path: Path) -> None:
    frame = run_study(study(), tmp_path)
    given = frame.to_pandas()
    assert [*given.columns] == frame.rows.columns
    assert given["honest_share"].to_list() == frame.rows["honest_share"].to_list()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"levers": (RECALL,)}, "grid needs values"),
        ({"levers": (), "uncertainties": ()}, "give it a lever"),
        ({"uncertainties": (Axis("dedup_recall", values=(1.0,)),)}, "stands twice"),
        ({"design": Design.SOBOL, "points": 24}, "power of two"),
        ({"worlds": 1_000_000}, "worlds in all"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        study(**changes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("levers = 3", "table"),
        ("worlds = 'two'", "worlds is not"),
        ("nothing = 1", "no 'nothing'"),
        ("[levers]\ncolour = [1]", "Nothing named 'colour'"),
        ("[levers]\nrows = {from = 1, to = 2}", "needs `low` and `high`"),
        ("[levers]\nrows = {low = 3, high = 2}", "range from low to high"),
        ("design = 'spiral'\n[levers]\nrows = [1]", "no design 'spiral'"),
        ("[scenario]\nspam_reach = 2.0\n[levers]\nrows = [1]", "between 0 and 1"),
        ("[scenario]\nrule = 'best'\n[levers]\nrows = [1]", "no rule 'best'"),
        ("[scenario]\nrows = 1.5\n[levers]\nadmission = [true]", "whole number"),
        ("= 3", "no TOML"),
    ],
)
def test_a_file_that_says_no_study_is_refused_by_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        parse_study(text)


FILE = """
name = "recall against reach"
worlds = 2
gains = true

[scenario]
agents = 100
steps = 3
queries = 20
identities = 5

[levers]
dedup_recall = [0.5, 1.0]

[uncertainties]
spam_reach = [0.1, 0.9]
"""


def test_the_commands_run_a_file_and_write_one_page_that_needs_no_network(tmp_path: Path) -> None:
    file, out, page = tmp_path / "study.toml", tmp_path / "out", tmp_path / "page.html"
    file.write_text(FILE)
    run = CliRunner().invoke(app, ["study", str(file), "--out", str(out), "--executor", "here"])
    assert run.exit_code == 0, run.output
    assert "recall against reach: 4 points, 2 worlds each" in " ".join(run.output.split())
    told = CliRunner().invoke(app, ["report", str(file), "--out", str(out), "--page", str(page)])
    assert told.exit_code == 0, told.output
    text = page.read_text()
    assert "<h1>recall against reach</h1>" in text
    assert 'src="http' not in text
    card = json.loads(page.with_suffix(".json").read_text())
    assert card["rows"] == pl.read_parquet(out / "rows.parquet").height == 8
    assert [each["measure"] for each in card["measures"]][:2] == [
        "honest_share",
        "unattributed_share",
    ]


def test_a_study_that_was_not_run_has_no_report(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text(FILE)
    told = CliRunner().invoke(app, ["report", str(file), "--out", str(tmp_path / "none")])
    assert told.exit_code == 2
    assert "run to its end" in told.output


def test_a_ray_cluster_makes_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    asked = study(worlds=64)
    try:
        there = run_study(asked, tmp_path / "there", RayCluster())
    finally:
        ray.shutdown()
    assert there.rows.equals(run_study(asked, tmp_path / "here").rows)


def test_frames_are_given_to_xarray_with_settings_as_coordinates(tmp_path: Path) -> None:
    frame = run_study(study(), tmp_path)
    cube = frame.to_xarray()
    assert cube["honest_share"].shape == (6, 2)
    chosen = cube.where(cube["dedup_recall"] == 1.0, drop=True)
    assert [*chosen["spam_reach"].values] == [0.1, 0.4, 0.9]
