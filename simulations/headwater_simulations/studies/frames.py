"""What a study found, as a frame: one row for each world at each point."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from headwater_payments.errors import MissingExtraError
from headwater_simulations.studies.chunks import measures_of
from headwater_simulations.studies.plan import Study

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@dataclass(frozen=True, slots=True)
class StudyFrame:
    """A study and its rows, ordered by point and world.

    Attributes:
        rows: columns `point`, `world`, `seed`, `code`, then settings, then measures.
    """

    study: Study
    rows: pl.DataFrame

    @property
    def measures(self) -> tuple[str, ...]:
        """The names of what was measured."""
        return tuple(measures_of(self.study))

    def by_point(self) -> pl.DataFrame:
        """One row for each point: its settings, and the mean of each measure over its worlds."""
        names = [axis.name for axis in self.study.axes]
        means = [pl.col(name).mean() for name in self.measures]
        return self.rows.group_by("point", *names, maintain_order=True).agg(*means)

    def to_pandas(self) -> "pd.DataFrame":
        """The rows as pandas has them.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError as exc:
            raise MissingExtraError("That frame", "pandas", "simulations") from exc
        return pd.DataFrame(self.rows.to_dict(as_series=False))

    def to_xarray(self) -> "xr.Dataset":
        """Measures over (`point`, `world`), with each point's settings as coordinates.

        Raises:
            MissingExtraError: xarray is not installed.
        """
        try:
            import xarray as xr
        except ModuleNotFoundError as exc:
            raise MissingExtraError("That view", "xarray", "xarray") from exc
        shape = (self.study.count, self.study.worlds)
        firsts = self.rows.filter(pl.col("world") == 0)
        coordinates: dict[str, Any] = {
            axis.name: ("point", firsts[axis.name].to_numpy()) for axis in self.study.axes
        }
        cubes = {
            name: (("point", "world"), self.rows[name].to_numpy().reshape(shape))
            for name in self.measures
        }
        return xr.Dataset(cubes, coordinates)
