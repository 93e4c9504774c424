"""Validators, compiled: they measure services or copy reputations, and learn which pays.

Source: regret matching, as `reference` has it.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from headwater_payments.split import PARTS
from headwater_simulations.compiled_world import Array, mix
from headwater_simulations.economy.behaviour import METRICS
from headwater_simulations.economy.compiled.scratch import MOVED, REPORTS
from headwater_simulations.economy.compiled.settings import Settings
from headwater_simulations.economy.compiled.words import field, pick
from headwater_simulations.economy.state import (
    ARM,
    BALANCE,
    FINE,
    NOISY,
    PLATFORM,
    REGRET_COPYING,
    REGRET_MEASURING,
    REPUTATION,
    WORLD,
)

_TO_PLATFORM: Final = METRICS.index("platform")
_COPYING: Final = METRICS.index("copying")
_SURPLUS: Final = METRICS.index("surplus")


@njit(nogil=True, error_model="numpy")
def rate(
    validators: Array,
    services: Array,
    stalls: Array,
    held: Array,
    key: Any,
    settings: Settings,
    fees: int,
    order: Array | None,
    told: Array,
) -> None:
    """Every validator rates a service, by what it saw or by the reputation there is."""
    count, people = services.shape[1], validators.shape[1]
    fund = fees * settings.validators_share // PARTS // people
    left = fees
    for turn in range(people):
        one = turn if order is None else order[turn]
        word = mix(key ^ np.uint64(one))
        service = pick(word, 0, count)
        error = pick(word, 1, 2 * settings.wobble + 1) - settings.wobble
        true = settings.noise_quality if services[NOISY, service] == 1 else settings.quality
        seen, reputation = min(max(true + error, 0), 1_000), services[REPUTATION, service]
        of_copying = max(validators[REGRET_COPYING, one], 0)
        both = max(validators[REGRET_MEASURING, one], 0) + of_copying
        copies = validators[ARM, one] == 1
        if both > 0:
            copies = field(word, 2) * both < of_copying << 16
        agrees = abs(seen - (reputation >> FINE)) <= settings.tolerance
        measuring = (fund if agrees else 0) - settings.measure_cost
        played = fund if copies else measuring
        validators[REGRET_MEASURING, one] += measuring - played
        validators[REGRET_COPYING, one] += fund - played
        validators[ARM, one] = 1 if copies else 0
        cost = 0 if copies else min(settings.measure_cost, validators[BALANCE, one])
        paid = fund if copies or agrees else 0
        validators[BALANCE, one] += paid - cost
        left -= paid
        held[WORLD] += cost
        stalls[service, REPORTS] += 1
        stalls[service, MOVED] += 0 if copies else (seen << FINE) - reputation
        told[_COPYING] += copies
        told[_SURPLUS] -= cost
        if order is not None:
            _report(services, stalls, service)
    for service in range(count):
        _report(services, stalls, service)
    held[PLATFORM] += left
    told[_TO_PLATFORM] += left


@njit(nogil=True, error_model="numpy", inline="always")
def _report(services: Array, stalls: Array, service: int) -> None:
    """What was reported on a service moves its reputation."""
    reports = stalls[service, REPORTS]
    services[REPUTATION, service] += stalls[service, MOVED] // (reports + 7)
    stalls[service, REPORTS], stalls[service, MOVED] = 0, 0
