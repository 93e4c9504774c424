"""Ways to leave honest play: small typed values that compose.

A deviation says which of a coalition's numbers it changes; a strategy is a tuple of deviations,
each applied to what the ones before it made. Each names its parameters' ranges, so that a search
can draw them, and the value at which a parameter changes the least, so that a find can be shrunk.

A deviation of one's own is a frozen dataclass of integers with `dimensions` and `apply`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, runtime_checkable

from headwater_payments.split import PARTS
from headwater_simulations.adversary.arena import MAX_PARTS, MAX_ROWS, MAX_WASH, Arena
from headwater_simulations.adversary.conduct import HONEST, Conduct


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

    def apply(self, conduct: Conduct) -> Conduct:
        """The conduct with this deviation added."""
        ...


Strategy = tuple[Deviation, ...]

_SHARE = (PARTS // 100, PARTS, PARTS // 100)


@dataclass(frozen=True, slots=True)
class Split:
    """Each member publishes its rows under this many identities (a Sybil attack)."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (Dimension("identities", 2, MAX_PARTS, 2),)
    identities: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, identities=self.identities)


@dataclass(frozen=True, slots=True)
class Collude:
    """This many members publish under one name and stand together for what each could withhold."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (Dimension("members", 2, 8, 2),)
    members: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, joined=self.members)


@dataclass(frozen=True, slots=True)
class FreeRide:
    """A share of the coalition's rows is never written, and its cost saved."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (Dimension("share", *_SHARE),)
    share: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, unwritten=self.share)


@dataclass(frozen=True, slots=True)
class Copy:
    """A share of all other authors' rows is copied, with some words replaced."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (
        Dimension("share", *_SHARE),
        Dimension("edit", 0, PARTS, 0),
    )
    share: int
    edit: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, copied=self.share, copy_edit=self.edit)


@dataclass(frozen=True, slots=True)
class Restate:
    """A share of the coalition's own rows is said again, with some words replaced."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (
        Dimension("share", *_SHARE),
        Dimension("edit", 0, PARTS, 0),
    )
    share: int
    edit: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, restated=self.share, restate_edit=self.edit)


@dataclass(frozen=True, slots=True)
class Noise:
    """Rows stuffed with words that make them come up for anything."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (Dimension("rows", 1, MAX_ROWS, 1, True),)
    rows: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, noise=self.rows)


@dataclass(frozen=True, slots=True)
class FarmPrior:
    """Plausible rows that no query brings up: they count only where rows are counted."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (Dimension("rows", 1, MAX_ROWS, 1, True),)
    rows: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, filler=self.rows)


@dataclass(frozen=True, slots=True)
class Wash:
    """The coalition buys answers that its own rows give, at this share of the ordinary price."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (
        Dimension("purchases", 1, MAX_WASH, 1, True),
        Dimension("price", PARTS // 100, PARTS, PARTS // 100, True),
    )
    purchases: int
    price: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, wash=self.purchases, wash_price=self.price)


DEVIATIONS: tuple[type[Deviation], ...] = (
    Split,
    Collude,
    FreeRide,
    Copy,
    Restate,
    Noise,
    FarmPrior,
    Wash,
)
"""Every kind that is built in."""


def fitted(strategy: Strategy, arena: Arena) -> Strategy:
    """The strategy with no more members and identities than the arena has."""
    return tuple(_fitted(deviation, arena) for deviation in strategy)


def conduct_of(strategy: Sequence[Deviation]) -> Conduct:
    """What a coalition does that follows the strategy."""
    conduct = HONEST
    for deviation in strategy:
        conduct = deviation.apply(conduct)
    return conduct


def _fitted(deviation: Deviation, arena: Arena) -> Deviation:
    if isinstance(deviation, Collude):
        return Collude(min(deviation.members, arena.members))
    if isinstance(deviation, Split):
        return Split(min(deviation.identities, arena.cap_identities))
    return deviation
