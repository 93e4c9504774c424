"""Services, compiled: what they offer in a step, and how they change after it."""

from typing import Any, Final

import numpy as np
from numba import njit

from headwater_simulations.compiled_world import Array, mix
from headwater_simulations.economy.behaviour import METRICS
from headwater_simulations.economy.compiled.scratch import (
    COUNT,
    FIRST,
    MADE,
    MAKING,
    MOVED,
    NOISY_WAS,
    OFFERED,
    PRICED,
    PROFIT_WAS,
    REPORTS,
    RUNS_WAS,
    SALES,
    TAKINGS,
)
from headwater_simulations.economy.compiled.settings import Settings
from headwater_simulations.economy.compiled.vaults import renew
from headwater_simulations.economy.compiled.words import field, pick
from headwater_simulations.economy.state import (
    BALANCE,
    DIRECTION,
    FINE,
    LAST,
    NOISY,
    PRICE,
    PROFIT,
    REPUTATION,
    RUNS,
    SHARE,
    SOLD,
    WINDOW,
    WORLD,
)

_ARE_NOISY: Final = METRICS.index("noisy")
_NOISE_SOLD: Final = METRICS.index("noise_sold")
_PRICES: Final = METRICS.index("price")
_OF_HONEST: Final = METRICS.index("reputation_honest")
_OF_NOISY: Final = METRICS.index("reputation_noisy")


@njit(nogil=True, error_model="numpy")
def open_stalls(
    stalls: Array,
    services: Array,
    edges: tuple[Array, ...],
    settings: Settings,
) -> None:
    """What is looked up about a service, side by side in memory; see `PRICED`."""
    first, count, _ = edges
    for one in range(len(stalls)):
        promised = (services[REPUTATION, one] >> FINE) * settings.value // 1_000
        noisy = services[NOISY, one] == 1
        stalls[one, PRICED] = services[PRICE, one]
        stalls[one, OFFERED] = promised - services[PRICE, one]
        stalls[one, MADE] = settings.noise_quality if noisy else settings.quality
        stalls[one, MAKING] = settings.noise_cost if noisy else settings.unit_cost
        model = services[RUNS, one]
        stalls[one, FIRST], stalls[one, COUNT] = first[model], count[model]
        stalls[one, SALES], stalls[one, TAKINGS] = 0, 0
        stalls[one, MOVED], stalls[one, REPORTS] = 0, 0
        stalls[one, NOISY_WAS] = services[NOISY, one]
        stalls[one, RUNS_WAS] = model


@njit(nogil=True, error_model="numpy")
def serve(
    services: Array,
    owners: Array,
    stalls: Array,
    held: Array,
    key: Any,
    settings: Settings,
    at: int,
    order: Array | None,
    told: Array,
) -> None:
    """Services pay for their answers, imitate, move prices, and shed bad reputations."""
    count, period = services.shape[1], settings.price_period
    for one in range(count):
        stalls[one, PROFIT_WAS] = services[PROFIT, one]
    moves = period > 0 and at % period == period - 1
    for turn in range(count):
        one = turn if order is None else order[turn]
        unit = settings.noise_cost if stalls[one, NOISY_WAS] == 1 else settings.unit_cost
        told[_NOISE_SOLD] += services[SOLD, one] if stalls[one, NOISY_WAS] == 1 else 0
        cost = min(unit * services[SOLD, one], max(services[BALANCE, one], 0))
        services[BALANCE, one] -= cost
        held[WORLD] += cost
        services[WINDOW, one] -= cost
        services[SOLD, one] = 0
        if moves:
            _move_price(services, one, settings)
        word = mix(key ^ np.uint64(one))
        other = pick(word, 1, count)
        profit, model = stalls[other, PROFIT_WAS], stalls[other, RUNS_WAS]
        if field(word, 0) < settings.imitation and profit > stalls[one, PROFIT_WAS]:
            services[NOISY, one] = stalls[other, NOISY_WAS]
        cheaper = owners[SHARE, model] < owners[SHARE, stalls[one, RUNS_WAS]]
        if field(word, 2) < settings.switching and cheaper:
            services[RUNS, one] = model
            renew(services, one)
        bad = services[REPUTATION, one] < settings.whitewash_below << FINE
        if bad and stalls[one, NOISY_WAS] == 1 and services[BALANCE, one] >= settings.identity_cost:
            services[REPUTATION, one] = settings.quality << FINE
            services[BALANCE, one] -= settings.identity_cost
            held[WORLD] += settings.identity_cost
        told[_ARE_NOISY] += services[NOISY, one]
        told[_PRICES] += services[PRICE, one]
        shown = services[REPUTATION, one] >> FINE
        told[_OF_NOISY if services[NOISY, one] == 1 else _OF_HONEST] += shown
        if order is not None:
            stalls[one, NOISY_WAS], stalls[one, RUNS_WAS] = (
                services[NOISY, one],
                services[RUNS, one],
            )
            stalls[one, PROFIT_WAS] = services[PROFIT, one]


@njit(nogil=True, error_model="numpy")
def _move_price(services: Array, one: int, settings: Settings) -> None:
    """Go on in the direction in which profit rose, and turn where it fell."""
    if services[WINDOW, one] < services[LAST, one]:
        services[DIRECTION, one] = -services[DIRECTION, one]
    by = max(services[PRICE, one] * settings.price_step // 10_000, 1)
    moved = services[PRICE, one] + services[DIRECTION, one] * by
    services[PRICE, one] = min(max(moved, settings.floor), 2**31)
    services[PROFIT, one] += ((services[WINDOW, one] << FINE) - services[PROFIT, one]) >> 2
    services[LAST, one] = services[WINDOW, one]
    services[WINDOW, one] = 0
