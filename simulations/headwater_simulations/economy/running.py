"""Runs of the reference market: worlds apart from each other, by either engine, books checked."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from headwater_attribution.rules import pay_causes
from headwater_payments.errors import InvalidInputError
from headwater_simulations.draws import Draws, Int64s
from headwater_simulations.economy.behaviour import METRICS
from headwater_simulations.economy.reference import step
from headwater_simulations.economy.scenario import Economy
from headwater_simulations.economy.state import Links, State, found
from headwater_simulations.errors import ConservationError
from headwater_simulations.kernel import Engine


@dataclass(frozen=True, slots=True)
class Run:
    """What happened in some worlds.

    Attributes:
        history: `[W, T, metrics]` each step's sums; see `METRICS`.
        states: each world's last state.
    """

    economy: Economy
    history: Int64s
    states: tuple[State, ...]

    def metric(self, name: str) -> Int64s:
        """`[W, T]` of one metric.

        Raises:
            InvalidInputError: there is none of that name.
        """
        if name not in METRICS:
            raise InvalidInputError(f"There is no metric {name}; there are {', '.join(METRICS)}.")
        return np.asarray(self.history[:, :, METRICS.index(name)], dtype=np.int64)


def run_economy(
    economy: Economy, worlds: Int64s, *, engine: Engine = Engine.NUMPY, threads: int = 1
) -> Run:
    """Run the worlds with these numbers; a world's result depends on nothing else.

    Args:
        economy: the market.
        worlds: `[W]` numbers from 0.
        engine: numpy takes any rule; compiled, its twin in numba, the shipped one.
        threads: over which the compiled engine spreads worlds.

    Raises:
        ConservationError: money appeared or vanished in a step.
        InvalidInputError: no worlds, or a rule that has no compiled twin.
    """
    if len(worlds) == 0 or (worlds < 0).any():
        raise InvalidInputError("Give at least one world, numbered from 0.")
    advance = _reference
    if engine is Engine.COMPILED:
        if not economy.rule.by_receipt or economy.rule.pay is not pay_causes:
            raise InvalidInputError(
                f"The rule {economy.rule.rule_id} has no compiled twin: use the numpy engine."
            )
        advance = _compiled

    def one(world: int) -> tuple[State, Int64s]:
        return _run_world(economy, world, advance)

    numbers = worlds.tolist()
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            ends = list(pool.map(one, numbers))
    else:
        ends = [one(world) for world in numbers]
    return Run(economy, np.stack([end[1] for end in ends]), tuple(end[0] for end in ends))


Advance = Callable[[Economy, State, Links, Draws, Int64s], int]
"""Runs all steps in place, fills `[T, metrics]`, and gives the first step that broke, or -1."""


def _run_world(economy: Economy, world: int, advance: Advance) -> tuple[State, Int64s]:
    state, links = found(economy, world)
    history = np.zeros((economy.steps, len(METRICS)), dtype=np.int64)
    draws = Draws(economy.seed, np.array([world]))
    broken = advance(economy, state, links, draws, history)
    if broken >= 0:
        raise ConservationError(
            f"Money changed in step {broken} of world {world}.", step=broken, world=world
        )
    return state, history


def _reference(economy: Economy, state: State, links: Links, draws: Draws, history: Int64s) -> int:
    before = state.total
    for at in range(economy.steps):
        history[at] = step(economy, state, links, draws, at)
        if state.total != before:
            return at
    return -1


def _compiled(economy: Economy, state: State, links: Links, draws: Draws, history: Int64s) -> int:
    # numba is imported where it is used: importing it takes a second.
    from headwater_simulations.economy import compiled

    advance: Any = compiled.advance
    return int(advance(economy, state, links, draws, history))
