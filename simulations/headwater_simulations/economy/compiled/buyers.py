"""Buyers, compiled: who buys an answer where, and what it teaches them."""

from typing import Final

import numpy as np
from numba import njit

from headwater_simulations.compiled_world import Array, mix
from headwater_simulations.economy.behaviour import METRICS
from headwater_simulations.economy.compiled.answers import answer
from headwater_simulations.economy.compiled.scratch import (
    COUNT,
    DUE,
    FIRST,
    MADE,
    MAKING,
    OFFERED,
    PRICED,
    SALES,
    TAKINGS,
)
from headwater_simulations.economy.compiled.settings import Settings
from headwater_simulations.economy.compiled.words import BUYER, ROWS, SCORES, field, pick
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
    behaviour: Array,
    settings: Settings,
    at: int,
    work: Array,
    told: Array,
) -> int:
    """Every buyer; what rows earn is added up place by place. Gives all incomes."""
    shocked = settings.shock_step > 0 and at >= settings.shock_step
    income = settings.income * (settings.shock if shocked else 1)
    count, explore = len(stalls), settings.explore
    wobble, value = settings.wobble, settings.value
    due = people[DUE]
    choosing, finding, showing = keys[BUYER], keys[ROWS], keys[SCORES]
    volume, bought, qualities, surplus = 0, 0, 0, 0
    for buyer in range(buyers.shape[1]):
        word = mix(choosing ^ np.uint64(buyer))
        service = buyers[AT, buyer]
        if field(word, 0) < explore:
            one, other = pick(word, 1, count), pick(word, 2, count)
            better = stalls[one, OFFERED] >= stalls[other, OFFERED]
            if buyer < settings.listed:
                better = stalls[one, PRICED] <= stalls[other, PRICED]
            service = one if better else other
        price, balance = stalls[service, PRICED], buyers[BALANCE, buyer] + income
        if balance < price or stalls[service, OFFERED] < 0:
            buyers[BALANCE, buyer] = balance
            continue
        buyers[BALANCE, buyer] = balance - price
        stalls[service, SALES] += 1
        stalls[service, TAKINGS] += price
        found, shown = mix(finding ^ np.uint64(buyer)), mix(showing ^ np.uint64(buyer))
        start, rows = stalls[service, FIRST], stalls[service, COUNT]
        spoilt = answer(price, start, rows, found, shown, acting, due, behaviour, settings, work)
        luck = pick(word, 3, 2 * wobble + 1) - wobble
        quality = stalls[service, MADE] + luck - (settings.spoiling if spoilt else 0)
        quality = min(max(quality, 0), 1_000)
        worth = _worth(quality, value)
        _learn(buyers, buyer, service, (worth - price) << FINE)
        volume += price
        bought += 1
        qualities += quality
        surplus += worth - stalls[service, MAKING]
    told[_VOLUME], told[_BOUGHT] = volume, bought
    told[_QUALITY], told[_SURPLUS] = qualities, surplus
    return int(income * buyers.shape[1])


@njit(nogil=True, error_model="numpy", inline="always")
def _learn(buyers: Array, buyer: int, service: int, gain: int) -> None:
    """What an answer was worth, beside what the buyer expects where it is."""
    expected = buyers[ESTIMATE_OF_IT, buyer]
    if service == buyers[AT, buyer]:
        buyers[ESTIMATE_OF_IT, buyer] = expected + ((gain - expected) >> 2)
    elif gain > expected:
        buyers[AT, buyer] = service
        buyers[ESTIMATE_OF_IT, buyer] = gain


@njit(nogil=True, error_model="numpy", inline="always")
def _worth(quality: int, value: int) -> int:
    """What an answer is worth of which a perfect one is worth `value`, rounded down."""
    return np.int64(np.uint64(quality * value) // np.uint64(1_000))  # type: ignore[return-value]
