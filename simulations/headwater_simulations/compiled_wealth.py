"""The wealth model's steps, compiled; importing this imports numba."""

from typing import Any

import numpy as np
from numba import njit

from headwater_simulations.compiled_world import below, mix
from headwater_simulations.draws import Int64s


@njit(nogil=True, error_model="numpy")
def give_and_take(wealth: Int64s, key: Any, code: Any, steps: int) -> None:
    """Run the steps in place; a step's draws are keyed by its number, as `draws` has it."""
    agents = len(wealth)
    given = np.zeros(agents, np.int64)
    for step in range(steps):
        now = mix(key ^ mix(code | np.uint64(step)))
        for agent in range(agents):
            if wealth[agent] > 0:
                given[below(agents, now, agent)] += 1
                given[agent] -= 1
        for agent in range(agents):
            wealth[agent] += given[agent]
            given[agent] = 0
