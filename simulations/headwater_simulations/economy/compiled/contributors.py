"""Contributors, compiled: where their rows stand, what they are paid, how they change."""

from typing import Any, Final

import numpy as np
from numba import njit

from headwater_simulations.compiled_world import Array, mix
from headwater_simulations.economy.behaviour import ARE_AT, COST, METRICS, PAID_AT
from headwater_simulations.economy.compiled.answers import reward
from headwater_simulations.economy.compiled.scratch import (
    CONDUCT_WAS,
    DUE,
    EARNED,
    FITNESS_WAS,
    PRICED,
    SALES,
    TAKINGS,
)
from headwater_simulations.economy.compiled.settings import Settings
from headwater_simulations.economy.compiled.words import field, pick
from headwater_simulations.economy.scenario import ABSENT, Conduct
from headwater_simulations.economy.state import BALANCE, CONDUCT, FINE, FITNESS, PAID, WORLD

_VOLUME: Final = METRICS.index("volume")
_ENTERED: Final = METRICS.index("entered")
_LEFT: Final = METRICS.index("left")
_WASH: Final = int(Conduct.WASH)
_CONDUCTS: Final = len(Conduct)


@njit(nogil=True, error_model="numpy")
def take_places(acting: Array, people: Array, contributors: Array, members: Array) -> None:
    """Who stands where in the models' rows, and what everybody is like before any changes."""
    for one in range(len(members)):
        people[CONDUCT_WAS, one] = contributors[CONDUCT, one]
        people[FITNESS_WAS, one] = contributors[FITNESS, one]
        people[DUE, one] = 0
    for place in range(len(members)):
        acting[place] = people[CONDUCT_WAS, members[place]]


@njit(nogil=True, error_model="numpy")
def hand_out(people: Array, contributors: Array, members: Array) -> int:
    """What the rule pays, from places to whoever stands there; gives the sum."""
    paid = 0
    for place in range(len(members)):
        who, due = members[place], people[DUE, place]
        people[EARNED, who] = due
        contributors[BALANCE, who] += due
        contributors[PAID, who] += due
        paid += due
    return paid


@njit(nogil=True, error_model="numpy")
def wash(
    contributors: Array,
    stalls: Array,
    settings: Settings,
    people: Array,
    order: Array | None,
    told: Array,
) -> int:
    """Washers buy answers that their own row alone gives; gives what the rule pays for these."""
    paid, volume = 0, 0
    for turn in range(contributors.shape[1]):
        one = turn if order is None else order[turn]
        if people[CONDUCT_WAS, one] != _WASH:
            continue
        service = one % len(stalls)
        price = stalls[service, PRICED]
        sold_out = settings.capacity > 0 and stalls[service, SALES] >= settings.capacity
        if order is not None and sold_out:
            continue
        if contributors[BALANCE, one] - people[EARNED, one] < price:
            continue
        gained, _ = reward(price, 1_000, 0, 0, settings)
        contributors[BALANCE, one] += gained - price
        contributors[PAID, one] += gained
        people[EARNED, one] += gained - price
        stalls[service, SALES] += 1
        stalls[service, TAKINGS] += price
        paid += gained
        volume += price
    told[_VOLUME] += volume
    return paid


@njit(nogil=True, error_model="numpy")
def contribute(
    mine: Array,
    held: Array,
    key: Any,
    behaviour: Array,
    settings: Settings,
    people: Array,
    order: Array | None,
    told: Array,
) -> None:
    """Contributors pay for their rows, leave when they can't, and imitate who does better.

    What they see of each other is from before any changed or, by turns, from now.
    """
    count = mine.shape[1]
    earned, conduct, fitness = people[EARNED], people[CONDUCT_WAS], people[FITNESS_WAS]
    if order is not None:
        conduct, fitness = mine[CONDUCT], mine[FITNESS]
    for turn in range(count):
        one = turn if order is None else order[turn]
        was, fit = conduct[one], fitness[one]
        word = mix(key ^ np.uint64(one))
        wanted = behaviour[COST, was]
        cost = min(wanted, max(mine[BALANCE, one], 0))
        mine[BALANCE, one] -= cost
        held[WORLD] += cost
        mine[FITNESS, one] += (((earned[one] - cost) << FINE) - fit) >> 4
        chance = field(word, 0)
        if was == ABSENT:
            other = pick(word, 1, count)
            pays = fitness[other] * settings.payback > settings.entry_cost << FINE
            if chance < settings.entry and conduct[other] != ABSENT and pays:
                told[ARE_AT + conduct[other]] += 1
                mine[CONDUCT, one], mine[FITNESS, one] = conduct[other], 0
                brought = max(settings.endowment - settings.entry_cost, 0)
                mine[BALANCE, one] += brought
                held[WORLD] -= brought
                told[_ENTERED] += 1
            continue
        if chance < settings.imitation:
            other = pick(word, 1, count)
            if conduct[other] != ABSENT and fitness[other] > fit:
                mine[CONDUCT, one] = conduct[other]
        if field(word, 2) < settings.mutation:
            mine[CONDUCT, one] = pick(word, 3, _CONDUCTS)
        told[PAID_AT + was] += earned[one]
        if cost < wanted:
            mine[CONDUCT, one], mine[FITNESS, one] = ABSENT, 0
            held[WORLD] += mine[BALANCE, one]
            mine[BALANCE, one] = 0
            told[_LEFT] += 1
        else:
            told[ARE_AT + mine[CONDUCT, one]] += 1
