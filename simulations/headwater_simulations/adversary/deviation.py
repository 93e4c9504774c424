"""What a search needs of a way to leave honest play, and what makes several of them a strategy.

A deviation names its parameters' ranges, so that a search can draw them, and the value at which
each changes the least, so that a find can be shrunk. A strategy is a tuple of deviations. In an
arena a deviation also says which of a coalition's numbers it changes, after the ones before it.

A deviation of one's own is a frozen dataclass of integers with `dimensions` and, for arenas,
`apply`.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from headwater_payments.split import PARTS
from headwater_simulations.adversary.conduct import Conduct


@dataclass(frozen=True, slots=True)
class Dimension:
    """One integer parameter.

    Attributes:
        name: of the field.
        low, high: its range, both included.
        mildest: the end at which the deviation is smallest.
        by_ratio: whether it is searched by ratio, as counts are, and not by difference.
    """

    name: str
    low: int
    high: int
    mildest: int
    by_ratio: bool = False


@runtime_checkable
class Deviation(Protocol):
    """What the search needs of a deviation: a frozen dataclass whose fields are `dimensions`."""

    dimensions: ClassVar[tuple[Dimension, ...]]


@runtime_checkable
class ArenaDeviation(Deviation, Protocol):
    """A deviation for coalitions in an arena."""

    def apply(self, conduct: Conduct) -> Conduct:
        """The conduct with this deviation added."""
        ...


Strategy = tuple[Deviation, ...]

SHARE = (PARTS // 100, PARTS, PARTS // 100)
"""The range and the mildest value of a share."""
