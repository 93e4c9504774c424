"""Donors matched by quadratic funding, of whom one owns a project and may give under many names.

Symbols: `S` worlds, `P` projects, `D` donors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from headwater_payments.errors import InvalidInputError
from headwater_simulations.adversary.deviation import Deviation, Dimension, Strategy
from headwater_simulations.adversary.game import Played, parameter
from headwater_simulations.draws import Draws
from headwater_simulations.mechanisms import funding_match

_MOST_NAMES = 32


@dataclass(frozen=True, slots=True)
class SplitGift:
    """The owner gives its gift to its own project under so many names."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (Dimension("names", 2, _MOST_NAMES, 2, True),)
    names: int


@dataclass(frozen=True, slots=True)
class Donors:
    """A round of matching.

    Attributes:
        projects: P; the first is the deviator's.
        donors: honest ones; each gives to one project.
        gift: of the owner to its project, and twice an honest donor's on average, atomic units.
        pool: of matching money.
        cost_name: of each name beyond the first.

    Raises:
        InvalidInputError: no second project, no donor, or a gift below 64.
    """

    projects: int = 5
    donors: int = 25
    gift: int = 2_000_000
    pool: int = 100_000_000
    cost_name: int = 10_000

    kinds: ClassVar[tuple[type[Deviation], ...]] = (SplitGift,)

    def __post_init__(self) -> None:
        if self.projects < 2 or self.donors < 1 or self.gift < 64:
            raise InvalidInputError("A round has two projects, a donor, and gifts of 64 units.")
        if min(self.pool, self.cost_name) < 0:
            raise InvalidInputError("A round's pool and the cost of a name are at least 0.")

    def play(self, strategies: Sequence[Strategy], draws: Draws) -> Played:
        """Every strategy in every world of `draws`."""
        donor, worlds = np.arange(self.donors), len(draws.keys)
        given = np.zeros((worlds, self.projects, self.donors + _MOST_NAMES), dtype=np.int64)
        to = draws.below(self.projects, "project", 0, donor)
        given[np.arange(worlds)[:, None], to, donor] = draws.below(self.gift, "gift", 0, donor)
        pools = np.full(worlds, self.pool, dtype=np.int64)
        pay, spent, others = [], [], []
        for strategy in strategies:
            names = parameter(strategy, SplitGift, "names", 1)
            here = given.copy()
            here[:, 0, self.donors : self.donors + names] = self.gift // names
            match = funding_match(pools, here)
            pay.append(match[:, 0] + self.gift // names * names)
            spent.append(np.full(worlds, self.gift // names * names + (names - 1) * self.cost_name))
            others.append(match[:, 1:].sum(axis=1))
        return Played(np.stack(pay), np.stack(spent), np.stack(others))

    def limits(self, strategy: Strategy) -> tuple[int, int, int]:
        """Net at least, net at most, honest pay at most."""
        names = parameter(strategy, SplitGift, "names", 1)
        return -(names - 1) * self.cost_name, self.pool, self.pool + self.gift
