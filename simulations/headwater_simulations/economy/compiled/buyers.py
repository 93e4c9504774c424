"""Buyers, compiled: who buys an answer where, and what it teaches them."""

from typing import Any, Final

import numpy as np
from numba import njit

from headwater_attribution.compiled_rules import divided
from headwater_simulations.compiled_world import Array, mix
from headwater_simulations.economy.behaviour import METRICS
from headwater_simulations.economy.compiled.answers import divide_among_causes, find
from headwater_simulations.economy.compiled.scratch import (
    BEST,
    CHOICES,
    COUNT,
    DUE,
    FIRST,
    GOING,
    MADE,
    MADE_OF,
    MAKING,
    MAKING_OF,
    NEXT,
    OFFERED,
    PRICED,
    PRICES,
    ROWS_OF,
    SALES,
    SIZE,
    SPOILT,
    STARTS,
    TAKINGS,
    TO_BEST,
    TO_NEXT,
)
from headwater_simulations.economy.compiled.settings import Settings
from headwater_simulations.economy.compiled.turns import queue, shuffle, turn_away
from headwater_simulations.economy.compiled.words import (
    BUYER,
    OF_BUYERS,
    ROWS,
    SCORES,
    field,
    pick,
)
from headwater_simulations.economy.state import AT, BALANCE, ESTIMATE_OF_IT, FINE

_VOLUME: Final = METRICS.index("volume")
_BOUGHT: Final = METRICS.index("bought")
_QUALITY: Final = METRICS.index("quality")
_SURPLUS: Final = METRICS.index("surplus")


@njit(nogil=True, error_model="numpy")
def buy(
    buyers: Array,
    stalls: Array,
    acting: Array,
    people: Array,
    keys: Array,
    faces: Array,
    settings: Settings,
    at: int,
    block: Array,
    order: Array | None,
    away: Array,
    told: Array,
) -> int:
    """Every buyer; what rows earn is added up place by place. Gives all incomes."""
    shocked = settings.shock_step > 0 and at >= settings.shock_step
    income = settings.income * (settings.shock if shocked else 1)
    due = people[DUE]
    if order is not None and settings.capacity > 0:
        shuffle(order, buyers.shape[1], keys[OF_BUYERS])
        queue(buyers, stalls, order, away, keys[BUYER], settings, income)
    for first in range(0, buyers.shape[1], SIZE):
        count = min(SIZE, buyers.shape[1] - first)
        _choose(buyers, stalls, keys[BUYER], settings, income, first, count, block)
        if order is not None and settings.capacity > 0:
            turn_away(buyers, stalls, away, first, count, block)
        find(block, count, first, keys[ROWS], acting, faces)
        divide_among_causes(block, count, first, keys[SCORES], settings)
        for one in range(count):
            due[block[BEST + one]] += block[TO_BEST + one]
            due[block[NEXT + one]] += block[TO_NEXT + one]
        _learn(buyers[AT], buyers[ESTIMATE_OF_IT], settings, first, count, block, told)
    return int(income * buyers.shape[1])


@njit(nogil=True, error_model="numpy")
def _choose(
    buyers: Array,
    stalls: Array,
    key: Any,
    settings: Settings,
    income: int,
    first: int,
    count: int,
    block: Array,
) -> None:
    """Buyers stay or try another service, and pay; what is looked up of it goes into the block."""
    for one in range(count):
        block[CHOICES + one] = np.int64(mix(key ^ np.uint64(first + one)))
    for one in range(count):
        word, service = np.uint64(block[CHOICES + one]), buyers[AT, first + one]
        if field(word, 0) < settings.explore:
            service, other = pick(word, 1, len(stalls)), pick(word, 2, len(stalls))
            better = stalls[service, OFFERED] >= stalls[other, OFFERED]
            if first + one < settings.listed:
                better = stalls[service, PRICED] <= stalls[other, PRICED]
            service = service if better else other
        price, balance = stalls[service, PRICED], buyers[BALANCE, first + one] + income
        bought = (balance >= price) & (stalls[service, OFFERED] >= 0)
        price *= bought
        buyers[BALANCE, first + one] = balance - price
        stalls[service, SALES] += bought
        stalls[service, TAKINGS] += price
        block[GOING + one], block[PRICES + one] = service, price
        block[STARTS + one], block[ROWS_OF + one] = stalls[service, FIRST], stalls[service, COUNT]
        block[MADE_OF + one], block[MAKING_OF + one] = (
            stalls[service, MADE],
            stalls[service, MAKING],
        )


@njit(nogil=True, error_model="numpy")
def _learn(
    at: Array,
    estimate: Array,
    settings: Settings,
    first: int,
    count: int,
    block: Array,
    told: Array,
) -> None:
    """What an answer was worth, beside what its buyer expects where it is."""
    wobble, value, spoiling = settings.wobble, settings.value, settings.spoiling
    volume, sold, qualities, surplus = 0, 0, 0, 0
    for one in range(count):
        price, service = block[PRICES + one], block[GOING + one]
        luck = pick(np.uint64(block[CHOICES + one]), 3, 2 * wobble + 1) - wobble
        quality = block[MADE_OF + one] + luck - spoiling * block[SPOILT + one]
        quality = min(max(quality, 0), 1_000)
        worth = _worth(quality, value)
        there, expected = at[first + one], estimate[first + one]
        bought, gain = price > 0, (worth - price) << FINE
        better = bought & (gain > expected)
        learnt = gain if better else expected
        stayed = expected + ((gain - expected) >> 2)
        estimate[first + one] = stayed if bought & (service == there) else learnt
        at[first + one] = service if better else there
        volume += price
        sold += bought
        qualities += quality if bought else 0
        surplus += worth - block[MAKING_OF + one] if bought else 0
    told[_VOLUME] += volume
    told[_BOUGHT] += sold
    told[_QUALITY] += qualities
    told[_SURPLUS] += surplus


@njit(nogil=True, error_model="numpy", inline="always")
def _worth(quality: int, value: int) -> int:
    """What an answer is worth of which a perfect one is worth `value`, rounded down."""
    return divided(quality * value, 1_000, quality * value * 1e-3)
