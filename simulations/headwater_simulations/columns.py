"""A world's state as named columns, and the part of them that a mechanism may read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headwater_simulations.errors import HiddenColumnError

Column = npt.NDArray[np.int64]


class PublicView(Mapping[str, Column]):
    """The public columns, read-only. Asking for a hidden one raises instead of finding nothing."""

    def __init__(self, columns: Mapping[str, Column], hidden: frozenset[str]) -> None:
        self._columns = columns
        self._hidden = hidden

    def __getitem__(self, name: str) -> Column:
        if name in self._hidden:
            raise HiddenColumnError(
                f"The column {name!r} is known to nature only; no mechanism may read it.",
                column=name,
            )
        view = self._columns[name].view()
        view.flags.writeable = False
        return view

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._columns if name not in self._hidden)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True, slots=True)
class Columns:
    """All columns, `[W, A]` each: `W` worlds, `A` identities.

    Attributes:
        values: the arrays by name.
        hidden: the names that only nature knows.
    """

    values: Mapping[str, Column]
    hidden: frozenset[str]

    def __getitem__(self, name: str) -> Column:
        return self.values[name]

    def public(self) -> PublicView:
        """What mechanisms get."""
        return PublicView(self.values, self.hidden)
