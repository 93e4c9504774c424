"""Turns, compiled: the order of a role's agents in a step, and who finds a service sold out."""

from typing import Any

import numpy as np
from numba import njit

from headwater_simulations.compiled_world import Array, below, mix
from headwater_simulations.economy.compiled.scratch import (
    GOING,
    OFFERED,
    PRICED,
    PRICES,
    SALES,
    TAKINGS,
)
from headwater_simulations.economy.compiled.settings import Settings
from headwater_simulations.economy.compiled.words import field, pick
from headwater_simulations.economy.state import AT, BALANCE


@njit(nogil=True, error_model="numpy")
def shuffle(order: Array, count: int, key: Any) -> None:
    """The first `count` of `order` become the numbers below it in the order of a step."""
    for one in range(count):
        order[one] = one
    for place in range(count - 1, 0, -1):
        other = below(place + 1, key, place)
        order[place], order[other] = order[other], order[place]


@njit(nogil=True, error_model="numpy")
def service_for(word: Any, one: int, at: int, stalls: Array, settings: Settings) -> int:
    """Where a buyer goes who is at service `at`: there, or to the better one of two others."""
    if field(word, 0) >= settings.explore:
        return at
    service, other = pick(word, 1, len(stalls)), pick(word, 2, len(stalls))
    better = stalls[service, OFFERED] >= stalls[other, OFFERED]
    if one < settings.listed:
        better = stalls[service, PRICED] <= stalls[other, PRICED]
    return service if better else other


@njit(nogil=True, error_model="numpy")
def queue(
    buyers: Array,
    stalls: Array,
    order: Array,
    away: Array,
    key: Any,
    settings: Settings,
    income: int,
) -> None:
    """Mark in `away` `[B]` who comes when a service is sold out; nothing else is changed."""
    for turn in range(buyers.shape[1]):
        one = order[turn]
        word = mix(key ^ np.uint64(one))
        service = service_for(word, one, buyers[AT, one], stalls, settings)
        able = buyers[BALANCE, one] + income >= stalls[service, PRICED]
        wants = able & (stalls[service, OFFERED] >= 0)
        away[one] = wants & (stalls[service, SALES] >= settings.capacity)
        stalls[service, SALES] += wants & (away[one] == 0)
    for service in range(len(stalls)):
        stalls[service, SALES] = 0


@njit(nogil=True, error_model="numpy")
def turn_away(
    buyers: Array, stalls: Array, away: Array, first: int, count: int, block: Array
) -> None:
    """Take back what those marked bought, of a block of buyers."""
    for one in range(count):
        if away[first + one]:
            service, price = block[GOING + one], block[PRICES + one]
            buyers[BALANCE, first + one] += price
            stalls[service, SALES] -= 1
            stalls[service, TAKINGS] -= price
            block[PRICES + one] = 0
