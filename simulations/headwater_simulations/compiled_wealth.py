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
