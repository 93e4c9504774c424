"""The wealth model's steps, compiled; importing this imports numba."""

from typing import Any, Final

import numpy as np
from numba import njit

from headwater_simulations.compiled_world import below, mix

BLOCK: Final = 512
"""Agents whose takers are drawn together."""


@njit(nogil=True, error_model="numpy")
def give_and_take(wealth: Any, given: Any, takers: Any, key: Any, code: Any, steps: int) -> None:
    """Run the steps in place; a step's draws are keyed by its number, as `draws` has it.

    Everybody's taker is drawn and gets 1 or 0: a branch that half of the agents take costs more.

    Args:
        wealth: `[A]` of each agent; as narrow as it can be, for the cache to hold it.
        given: `[A]` zeros, of the same type.
        takers: `[B]` where some agents' takers are noted.
        key: of the world.
        code: of what is drawn.
        steps: how many.
    """
    agents = len(wealth)
    for step in range(steps):
        now = mix(key ^ mix(code | np.uint64(step)))
        for first in range(0, agents, len(takers)):
            count = min(len(takers), agents - first)
            for one in range(count):
                takers[one] = below(agents, now, first + one)
            for one in range(count):
                given[takers[one]] += wealth[first + one] > 0
        for agent in range(agents):
            wealth[agent] += given[agent] - (wealth[agent] > 0)
            given[agent] = 0


@njit(nogil=True, error_model="numpy")
def take_turns(
    wealth: Any, order: Any, drawn: Any, key: Any, takers: Any, turns: Any, steps: int
) -> None:
    """Run the steps in place, one agent after the other, in an order that each step shuffles.

    Args:
        wealth: `[A]` of each agent.
        order: `[A]` the agents, in any order.
        drawn: `[B]` where some draws are noted.
        key: of the world.
        takers: code of what is drawn of takers.
        turns: code of what is drawn of the order.
        steps: how many.

    Source: Fisher and Yates's shuffle as Durstenfeld has it, "Random permutation", 1964.
    """
    agents, size = len(wealth), len(drawn)
    for step in range(steps):
        now = mix(key ^ mix(turns | np.uint64(step)))
        for last in range(agents, 1, -size):
            count = min(size, last - 1)
            for one in range(count):
                drawn[one] = below(last - one, now, last - 1 - one)
            for one in range(count):
                place = last - 1 - one
                order[place], order[drawn[one]] = order[drawn[one]], order[place]
        now = mix(key ^ mix(takers | np.uint64(step)))
        for first in range(0, agents, size):
            count = min(size, agents - first)
            for one in range(count):
                drawn[one] = below(agents, now, order[first + one])
            for one in range(count):
                gives = wealth[order[first + one]] > 0
                wealth[order[first + one]] -= gives
                wealth[drawn[one]] += gives
