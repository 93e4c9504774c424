"""A study as one HTML page that needs nothing else, with its scorecard as JSON beside it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import polars as pl
from plotly import graph_objects as go

from headwater_simulations.page import html_page, html_table, write_page
from headwater_simulations.studies.chunks import code_version
from headwater_simulations.studies.frames import StudyFrame
from headwater_simulations.studies.plan import Design
from headwater_simulations.studies.scores import scores_of
from headwater_simulations.studies.sensitivity import Sensitivity, sensitivities

CELLS: Final = 12
"""Cells of a map along an axis that has a range."""


def write_report(frame: StudyFrame, page: Path) -> Path:
    """Write the page and its scorecard.

    Returns:
        Where the scorecard is: the page's name with `.json`.

    Raises:
        InvalidInputError: they cannot be written.
    """
    return write_page(page, html_of(frame), scorecard(frame))


def scorecard(frame: StudyFrame) -> dict[str, Any]:
    """The study in numbers: its plan, every measure's ends, and what explains each."""
    explained = _explained(frame)
    return {
        "study": frame.study.to_json(),
        "identity": frame.study.identity,
        "code": code_version(),
        "rows": frame.rows.height,
        "measures": [asdict(score) for score in scores_of(frame)],
        "sensitivities": {name: [asdict(s) for s in found] for name, found in explained.items()},
    }


def html_of(frame: StudyFrame) -> str:
    """The page."""
    study = frame.study
    said = f"<p>{study.count:,} points ({study.design}), {study.worlds} worlds each.</p>"
    figures = [_bars(name, found) for name, found in _explained(frame).items()]
    figures += [_along(frame, axis.name) for axis in study.axes]
    if len(study.axes) > 1:
        figures += [_map(frame, measure) for measure in frame.measures]
    plan = {**study.to_json(), "code": code_version()}
    return html_page(study.name, [said, _table(frame)], figures, plan)


def _explained(frame: StudyFrame) -> dict[str, list[Sensitivity]]:
    if frame.study.design is not Design.SALTELLI:
        return {}
    points = frame.by_point()
    varying = [name for name in frame.measures if points[name].n_unique() > 1]
    return {name: sensitivities(frame, name) for name in varying}


def _table(frame: StudyFrame) -> str:
    rows = [
        (s.measure, f"{s.low:.3f}", f"{s.median:.3f}", f"{s.high:.3f}", s.where)
        for s in scores_of(frame)
    ]
    heads = ("measure", "lowest", "median", "highest", "highest at")
    return "<h2>Scorecard</h2>" + html_table(heads, rows)


def _bars(measure: str, found: list[Sensitivity]) -> Any:
    names = [each.axis for each in found]
    figure = go.Figure(
        [
            _bar("by itself", names, [s.first for s in found], [s.first_half for s in found]),
            _bar("in all", names, [s.total for s in found], [s.total_half for s in found]),
        ]
    )
    return figure.update_layout(title=f"What explains {measure}", yaxis_title="share of variance")


def _bar(name: str, names: list[str], values: list[float], halves: list[float]) -> Any:
    return go.Bar(name=name, x=names, y=values, error_y={"type": "data", "array": halves})


def _along(frame: StudyFrame, axis: str) -> Any:
    """Each measure along one axis: the median over all other settings, and the middle half."""
    cells = _celled(frame, axis)
    figure = go.Figure()
    for measure in frame.measures:
        lines = cells.group_by(axis).agg(
            pl.col(measure).median().alias("middle"),
            pl.col(measure).quantile(0.25, "linear").alias("low"),
            pl.col(measure).quantile(0.75, "linear").alias("high"),
        )
        lines = lines.sort(axis)
        middle = lines["middle"]
        spread = {
            "type": "data",
            "symmetric": False,
            "array": (lines["high"] - middle).to_list(),
            "arrayminus": (middle - lines["low"]).to_list(),
        }
        figure.add_scatter(
            name=measure, x=lines[axis].to_list(), y=middle.to_list(), error_y=spread
        )
    return figure.update_layout(title=f"Along {axis}: median and middle half", xaxis_title=axis)


def _map(frame: StudyFrame, measure: str) -> Any:
    """A measure over the first two axes, as the mean of all that falls into a cell."""
    across, up = (axis.name for axis in frame.study.axes[:2])
    cells = _celled(frame, across, up).group_by(across, up).agg(pl.col(measure).mean())
    columns, rows = (sorted(cells[name].unique().to_list(), key=_order) for name in (across, up))
    found = {(row[across], row[up]): row[measure] for row in cells.iter_rows(named=True)}
    heights = [[found.get((column, row)) for column in columns] for row in rows]
    figure = go.Figure(go.Heatmap(x=columns, y=rows, z=heights, colorbar={"title": measure}))
    return figure.update_layout(title=measure, xaxis_title=across, yaxis_title=up)


def _celled(frame: StudyFrame, *axes: str) -> pl.DataFrame:
    """The points with ranges cut into cells, each named by its middle."""
    cells = frame.by_point()
    for axis in frame.study.axes:
        if axis.name in axes and axis.low is not None and axis.high is not None:
            width = (axis.high - axis.low) / CELLS
            place = ((pl.col(axis.name) - axis.low) / width).floor().clip(0, CELLS - 1)
            cells = cells.with_columns((axis.low + (place + 0.5) * width).alias(axis.name))
    return cells


def _order(value: Any) -> tuple[bool, Any]:
    return isinstance(value, str), value
