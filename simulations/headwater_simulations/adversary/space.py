"""Which strategies a search may try, and how points of a unit cube become strategies.

A point has for each kind of deviation whether it is used, and a coordinate from 0 to 1 for each of
its parameters, which is there even while the kind is not used.

Symbols: `B` points, `K` kinds, `D` parameters of all kinds together.
"""

from dataclasses import dataclass, field

import numpy as np

from headwater_payments.errors import InvalidInputError
from headwater_simulations.adversary.deviation import Deviation, Dimension, Strategy
from headwater_simulations.adversary.deviations import DEVIATIONS
from headwater_simulations.draws import Bools
from headwater_simulations.metrics import Floats


@dataclass(frozen=True, slots=True)
class Space:
    """The strategies made of some kinds of deviation, each used once or not at all.

    Attributes:
        kinds: the deviations, in the order in which they apply.

    Raises:
        InvalidInputError: no kind, or one that stands twice or lacks parameters.
    """

    kinds: tuple[type[Deviation], ...] = field(default=DEVIATIONS)

    def __post_init__(self) -> None:
        if not self.kinds or len(set(self.kinds)) != len(self.kinds):
            raise InvalidInputError("A space has at least one kind of deviation, each once.")
        if not all(getattr(kind, "dimensions", ()) for kind in self.kinds):
            raise InvalidInputError("Each kind of deviation names its `dimensions`.")

    @property
    def dimensions(self) -> tuple[tuple[int, Dimension], ...]:
        """Every parameter, with the number of the kind that it belongs to: `D` of them."""
        return tuple(
            (number, dimension)
            for number, kind in enumerate(self.kinds)
            for dimension in kind.dimensions
        )

    def strategy(self, used: Bools, coordinates: Floats) -> Strategy:
        """The strategy at a point: `used` is `[K]`, `coordinates` `[D]` from 0 to 1."""
        values: dict[int, list[int]] = {}
        for (number, dimension), at in zip(self.dimensions, coordinates.tolist(), strict=True):
            values.setdefault(number, []).append(_value(dimension, at))
        return tuple(
            kind(*values[number]) for number, kind in enumerate(self.kinds) if used[number]
        )

    def point(self, strategy: Strategy) -> tuple[Bools, Floats]:
        """`[K]` and `[D]` of a strategy: `strategy` at this point is it, in the order of kinds.

        Raises:
            InvalidInputError: it has a kind that isn't here, one twice, or none at all.
        """
        named = {type(each): each for each in strategy}
        if not strategy or len(named) != len(strategy) or not named.keys() <= set(self.kinds):
            raise InvalidInputError(
                "A strategy of this space deviates in at least one of its kinds, each once: "
                f"{', '.join(kind.__name__ for kind in self.kinds)}."
            )
        used = np.array([kind in named for kind in self.kinds])
        at = [
            _place(dimension, getattr(named[kind], dimension.name)) if kind in named else 0.5
            for number, dimension in self.dimensions
            for kind in (self.kinds[number],)
        ]
        return used, np.array(at)

    def anywhere(self, count: int, generator: np.random.Generator) -> tuple[Bools, Floats]:
        """`[B, K]` and `[B, D]` points drawn evenly: the number of kinds first, then which."""
        kinds = len(self.kinds)
        wanted = generator.integers(1, min(3, kinds) + 1, size=(count, 1))
        order = np.argsort(generator.random((count, kinds)), axis=1)
        used = np.argsort(order, axis=1) < wanted
        return used, generator.random((count, len(self.dimensions)))


def kinds_of(strategy: Strategy) -> tuple[str, ...]:
    """The names of its deviations, in order."""
    return tuple(type(deviation).__name__ for deviation in strategy)


def values_of(deviation: Deviation) -> tuple[int, ...]:
    """Its parameters, in the order of its dimensions."""
    return tuple(getattr(deviation, each.name) for each in deviation.dimensions)


def _place(dimension: Dimension, value: int) -> float:
    """A coordinate at which `_value` gives `value`: the middle of those that do."""
    low, high = dimension.low, dimension.high
    if dimension.by_ratio:
        return float(np.log((value + 0.5) / low) / np.log((high + 1) / low))
    return (value - low + 0.5) / (high - low + 1)


def _value(dimension: Dimension, at: float) -> int:
    low, high = dimension.low, dimension.high
    if dimension.by_ratio:
        return min(high, int(low * ((high + 1) / low) ** at))
    return min(high, low + int(at * (high - low + 1)))
