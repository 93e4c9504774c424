"""The Boltzmann wealth model, by which simulators are compared: who has a unit gives one away.

In each step every agent that has anything gives one unit to an agent drawn at random, itself
included, all at once or one after the other. Wealth ends up distributed as energy is among
particles.

Source: Dragulescu and Yakovenko, "Statistical mechanics of money", European Physical Journal B 17,
2000; the example model of Mesa.
"""

import zlib

import numpy as np

from headwater_simulations.draws import Draws, Int64s
from headwater_simulations.errors import ConservationError

_TAKER, _TURN = "taker", "turn"


def run_wealth(
    agents: int, steps: int, seed: int = 1, *, compiled: bool = True, sequential: bool = False
) -> Int64s:
    """`[A]` wealth after some steps, from one unit each; the same by either way of running it.

    Args:
        agents: A.
        steps: how many.
        seed: of all randomness.
        compiled: whether it runs compiled; else in numpy, and in Python where agents take turns.
        sequential: whether agents act one after the other, in an order that each step shuffles, as
            Mesa's do; else all at once.

    Raises:
        ConservationError: a unit appeared or vanished.
    """
    draws = Draws(seed, np.zeros(1, dtype=np.int64))
    if compiled:
        wealth = _compiled(agents, steps, draws, sequential=sequential)
    elif sequential:
        wealth = _by_turns(agents, steps, draws)
    else:
        wealth = _at_once(agents, steps, draws)
    if wealth.sum() != agents or (wealth < 0).any():
        raise ConservationError(f"{agents} units became {wealth.sum()}.")
    return wealth


def compile_wealth() -> None:
    """Compile what `run_wealth` needs, so that the first run is as fast as the next."""
    run_wealth(2, 1)
    run_wealth(2, 1, sequential=True)


def _at_once(agents: int, steps: int, draws: Draws) -> Int64s:
    wealth, everybody = np.ones(agents, dtype=np.int64), np.arange(agents)
    for step in range(steps):
        takers = draws.below(agents, _TAKER, step, everybody)[0]
        gives = wealth > 0
        wealth = wealth - gives + np.bincount(takers[gives], minlength=agents)
    return wealth


def _by_turns(agents: int, steps: int, draws: Draws) -> Int64s:
    wealth, order, everybody = [1] * agents, list(range(agents)), np.arange(agents)
    for step in range(steps):
        high = draws.words(_TURN, step, everybody)[0] >> np.uint64(32)
        places = (high * (everybody.astype(np.uint64) + np.uint64(1)) >> np.uint64(32)).tolist()
        for place in range(agents - 1, 0, -1):
            other = places[place]
            order[place], order[other] = order[other], order[place]
        takers = draws.below(agents, _TAKER, step, everybody)[0].tolist()
        for agent in order:
            if wealth[agent] > 0:
                wealth[agent] -= 1
                wealth[takers[agent]] += 1
    return np.array(wealth, dtype=np.int64)


def _compiled(agents: int, steps: int, draws: Draws, *, sequential: bool) -> Int64s:
    from headwater_simulations.compiled_wealth import BLOCK, give_and_take, take_turns

    # Narrow columns stay in the cache; nobody can have more than all there is.
    wealth, drawn = np.ones(agents, dtype=np.int32), np.zeros(BLOCK, dtype=np.int64)
    taker, turn = (np.uint64(zlib.crc32(name.encode()) << 32) for name in (_TAKER, _TURN))
    if sequential:
        order = np.arange(agents, dtype=np.int32)
        take_turns(wealth, order, drawn, draws.keys[0], taker, turn, steps)
    else:
        given = np.zeros(agents, dtype=np.int32)
        give_and_take(wealth, given, drawn, draws.keys[0], taker, steps)
    return wealth.astype(np.int64)
