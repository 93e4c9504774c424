"""Agents paid by agreement with each other, of whom some may stop looking at the tasks.

Symbols: `C` strategies, `S` worlds, `A` agents, `T` tasks with the answers 0 and 1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.adversary.deviation import SHARE, Deviation, Dimension, Strategy
from headwater_simulations.adversary.game import Played, parameter
from headwater_simulations.draws import Draws, Int64s
from headwater_simulations.failures.noise import Floats, uniforms
from headwater_simulations.mechanisms import output_agreement

_UNIT = 1_000_000
"""Atomic units for a pay of 1."""


@dataclass(frozen=True, slots=True)
class OneAnswer:
    """The cartel gives the commoner answer to a share of the tasks, without looking."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (Dimension("share", *SHARE),)
    share: int


@dataclass(frozen=True, slots=True)
class Peers:
    """A mechanism with a cartel among its agents.

    Attributes:
        mechanism: `[W, A, T]` reports and the number of answers to `[W, A]` pay.
        most: that it pays, or takes from, one agent; at most 1.
        agents: A.
        members: of the cartel.
        tasks: T.
        common: how often the answer is 1.
        accuracy: how often who looks sees it.
        cost: of looking at a task, atomic units of which 10^6 are a pay of 1 for all tasks.

    Raises:
        InvalidInputError: no members, or as many as there are agents, or no tasks.
    """

    mechanism: Callable[[Int64s, int], Floats] = output_agreement
    most: float = 1.0
    agents: int = 20
    members: int = 12
    tasks: int = 100
    common: float = 0.7
    accuracy: float = 0.8
    cost: int = 500

    kinds: ClassVar[tuple[type[Deviation], ...]] = (OneAnswer,)

    def __post_init__(self) -> None:
        if not 1 <= self.members < self.agents or self.tasks < 4 or self.cost < 0:
            raise InvalidInputError("A cartel has members, others beside it, and four tasks.")

    def play(self, strategies: Sequence[Strategy], draws: Draws) -> Played:
        """Every strategy in every world of `draws`."""
        truth = uniforms(draws, "truth", 0, (1, self.tasks)) < self.common
        seen = uniforms(draws, "sight", 0, (self.agents, self.tasks)) < self.accuracy
        honest = (truth == seen).astype(np.int64)
        turn = uniforms(draws, "blind", 0, (1, self.tasks))
        pay, spent, others = [], [], []
        for strategy in strategies:
            blind = turn * PARTS < parameter(strategy, OneAnswer, "share", 0)
            reports = honest.copy()
            reports[:, : self.members] |= blind
            paid = np.rint(self.mechanism(reports, 2) * _UNIT).astype(np.int64)
            pay.append(paid[:, : self.members].sum(axis=1))
            others.append(paid[:, self.members :].sum(axis=1))
            spent.append((self.tasks - blind.sum(axis=(1, 2))) * self.members * self.cost)
        return Played(np.stack(pay), np.stack(spent), np.stack(others))

    def limits(self, strategy: Strategy) -> tuple[int, int, int]:
        """Net at least, net at most, honest pay at most."""
        most = self.members * round(self.most * _UNIT)
        return -most - self.members * self.tasks * self.cost, most, most
