"""A study in a few lines: where each measure is lowest and highest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headwater_simulations.studies.frames import StudyFrame


@dataclass(frozen=True, slots=True)
class Score:
    """One measure over all points, each the mean of its worlds.

    Attributes:
        at: the settings where it is highest.
    """

    measure: str
    low: float
    median: float
    high: float
    at: Mapping[str, Any]

    @property
    def where(self) -> str:
        """The settings where it is highest, in a line."""
        return ", ".join(f"{name} {_text(value)}" for name, value in self.at.items())


def scores_of(frame: StudyFrame) -> list[Score]:
    """The scores of every measure, in order."""
    points, names = frame.by_point(), [axis.name for axis in frame.study.axes]
    found = []
    for measure in frame.measures:
        column = points[measure]
        best = points.row(int(column.arg_max() or 0), named=True)
        ends = (float(column.min()), float(column.median()), float(column.max()))  # type: ignore[arg-type]
        found.append(Score(measure, *ends, {name: best[name] for name in names}))
    return found


def _text(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
