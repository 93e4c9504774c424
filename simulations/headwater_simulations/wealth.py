"""The Boltzmann wealth model, by which simulators are compared: who has a unit gives one away.

In each step every agent that has anything gives one unit to an agent drawn at random, itself
included, all at once. Wealth ends up distributed as energy is among particles.

Source: Dragulescu and Yakovenko, "Statistical mechanics of money", European Physical Journal B 17,
2000; the example model of Mesa.
"""

import zlib
from typing import Final

import numpy as np

from headwater_simulations.draws import Draws, Int64s
from headwater_simulations.errors import ConservationError

_PURPOSE: Final = "taker"


def run_wealth(agents: int, steps: int, seed: int = 1, *, compiled: bool = True) -> Int64s:
    """`[A]` wealth after some steps, from one unit each; the same by either way of running it.

    Raises:
        ConservationError: a unit appeared or vanished.
    """
    draws = Draws(seed, np.zeros(1, dtype=np.int64))
    if compiled:
        wealth = _compiled(agents, steps, draws)
    else:
        wealth, everybody = np.ones(agents, dtype=np.int64), np.arange(agents)
        for step in range(steps):
            takers = draws.below(agents, _PURPOSE, step, everybody)[0]
            gives = wealth > 0
            wealth = wealth - gives + np.bincount(takers[gives], minlength=agents)
    if wealth.sum() != agents or (wealth < 0).any():
        raise ConservationError(f"{agents} units became {wealth.sum()}.")
    return wealth


def compile_wealth() -> None:
    """Compile what `run_wealth` needs, so that the first run is as fast as the next."""
    run_wealth(2, 1)


def _compiled(agents: int, steps: int, draws: Draws) -> Int64s:
    from headwater_simulations.compiled_wealth import BLOCK, give_and_take

    # Narrow columns stay in the cache; nobody can have more than all there is.
    wealth, given = np.ones(agents, dtype=np.int32), np.zeros(agents, dtype=np.int32)
    takers = np.zeros(BLOCK, dtype=np.int64)
    code = np.uint64(zlib.crc32(_PURPOSE.encode()) << 32)
    give_and_take(wealth, given, takers, draws.keys[0], code, steps)
    return wealth.astype(np.int64)
