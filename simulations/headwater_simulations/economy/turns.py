"""Who acts when in a step: everybody of a role at once, or one after the other.

By turns an agent sees what those of its role did before it in this step: a buyer finds a service
sold out, a validator a reputation that was just moved, a contributor or a service the conduct that
another has just taken up. Roles follow one another as they do at once. The order is drawn for each
role and step, as Mesa shuffles its agents.

Source: that the order decides what becomes of a population, Huberman and Glance, "Evolutionary
games and computer simulations", PNAS 90, 1993; the shuffle of Fisher and Yates as Durstenfeld has
it, "Random permutation", 1964.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from headwater_simulations.draws import Bools, Draws, Int64s
from headwater_simulations.economy.scenario import Economy

TURNS: Final = ("buyer", "validator", "contributor", "service")
"""Roles whose agents look at what others of their role did."""


def acting(economy: Economy, draws: Draws, at: int, role: str) -> Iterator[Int64s]:
    """Numbers `[n]` of those who act together: all of a role, or one after the other."""
    count = getattr(economy, f"{role}s")
    if not economy.by_turns:
        yield np.arange(count)
        return
    for one in order(draws, at, role, count):
        yield np.array([one])


def order(draws: Draws, at: int, role: str, count: int) -> list[int]:
    """Numbers of a role's agents in the order of this step."""
    places = np.arange(count, dtype=np.uint64)
    high = draws.words(f"turn of {role}", at, places.astype(np.int64))[0] >> np.uint64(32)
    drawn = (high * (places + np.uint64(1)) >> np.uint64(32)).tolist()
    ordered = list(range(count))
    for place in range(count - 1, 0, -1):
        ordered[place], ordered[drawn[place]] = ordered[drawn[place]], ordered[place]
    return ordered


def served(
    economy: Economy,
    draws: Draws,
    at: int,
    role: str,
    service: Int64s,
    wanted: Bools,
    sold: Int64s,
) -> Bools:
    """Which of those who want an answer get one, before their service is sold out.

    Args:
        economy: the market.
        draws: its randomness.
        at: the step's number.
        role: of those who ask.
        service: `[n]` at which each asks.
        wanted: `[n]` whether it wants an answer and can pay.
        sold: `[S]` answers that services have sold in this step.
    """
    if not economy.capacity:
        return wanted
    left, got = (economy.capacity - sold).tolist(), np.zeros_like(wanted)
    for one in order(draws, at, role, len(wanted)):
        if wanted[one] and left[service[one]] > 0:
            left[service[one]] -= 1
            got[one] = True
    return got
