"""One answer, compiled: which rows come up, and what the shipped rule pays for them.

Source: the compiled rule of `headwater_attribution`.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from headwater_attribution.compiled_rules import ESTIMATE, LOW, causes_of_receipt
from headwater_attribution.compiled_rules import PAID as PAID_OUT
from headwater_payments.split import PARTS
from headwater_simulations.compiled_world import Array
from headwater_simulations.economy.behaviour import BASE, SLOPE, SLOTS, UP
from headwater_simulations.economy.compiled.settings import Settings
from headwater_simulations.economy.compiled.vaults import share_of
from headwater_simulations.economy.compiled.words import field, pick
from headwater_simulations.economy.scenario import Conduct

_POISON: Final = int(Conduct.POISON)
_SCORED: Final = 34
_PLACED: Final = 2**32 - 1
"""Bits of a candidate below its score, and those of its place."""


@njit(nogil=True, error_model="numpy", inline="always")
def answer(
    price: int,
    start: int,
    rows: int,
    found: Any,
    shown: Any,
    acting: Array,
    due: Array,
    behaviour: Array,
    settings: Settings,
    work: Array,
) -> bool:
    """Find rows and pay the causes; gives whether a false statement is among them.

    Whoever isn't among the two best of the rows that come up loses nothing and isn't quoted, so
    the rule is shown these two, the best one first.
    """
    at = (
        start + pick(found, 0, rows),
        start + pick(found, 1, rows),
        start + pick(found, 2, rows),
        start + pick(found, 3, rows),
    )
    once = at[1] != at[0]
    a = _candidate(0, at[0], True, shown, acting, behaviour)
    b = _candidate(1, at[1], once, shown, acting, behaviour)
    once = (at[2] != at[0]) & (at[2] != at[1])
    c = _candidate(2, at[2], once, shown, acting, behaviour)
    once = (at[3] != at[0]) & (at[3] != at[1]) & (at[3] != at[2])
    d = _candidate(3, at[3], once, shown, acting, behaviour)
    # Sorted without a branch: which score is the higher one can't be foretold.
    a, b, c, d = max(a, b), min(a, b), max(c, d), min(c, d)
    best, middle, other = max(a, c), min(a, c), max(b, d)
    next_best, third = max(middle, other), min(middle, other)
    if best == 0:
        return False
    reward(price, best >> _SCORED, next_best >> _SCORED, third >> _SCORED, settings, work)
    place, second = best & _PLACED, next_best & _PLACED
    due[place] += work[PAID_OUT, 0]
    spoilt = (work[PAID_OUT, 0] > 0) & (acting[place] == _POISON)
    if next_best > 0:
        due[second] += work[PAID_OUT, 1]
        spoilt |= (work[PAID_OUT, 1] > 0) & (acting[second] == _POISON)
    return bool(spoilt)


@njit(nogil=True, error_model="numpy", inline="always")
def reward(price: int, top: int, second: int, third: int, settings: Settings, work: Array) -> None:
    """What the rule pays the two best of an answer, into `work`; see `market` for the shares."""
    words = PARTS if second == 0 else PARTS // 2
    full = np.float64(top + second)
    # Exact: a fraction of numbers below 2,001 is further from the next integer than floats err.
    lost = np.int64(np.float64((top - third) * PARTS) / full)
    work[ESTIMATE, 0], work[LOW, 0] = (lost + words) // 2, min(lost, words)
    lost = np.int64(np.float64((second - third) * PARTS) / full)
    words = PARTS - words
    work[ESTIMATE, 1], work[LOW, 1] = (lost + words) // 2, min(lost, words)
    money = share_of(price, settings.contributors_share)
    causes_of_receipt(money, work, settings.shrinkage, settings.cap, settings.confidence)


@njit(nogil=True, error_model="numpy", inline="always")
def _candidate(
    slot: int, place: int, once: bool, shown: Any, acting: Array, behaviour: Array
) -> int:
    """A row's score, slot and place in one number, by which rows sort; 0 if it doesn't come up."""
    conduct, drawn = acting[place], field(shown, slot)
    score = behaviour[BASE, conduct] + (drawn * behaviour[SLOPE, conduct] >> 16)
    up = (drawn < behaviour[UP, conduct]) & once
    return (score << _SCORED | (SLOTS - 1 - slot) << 32 | place) if up else 0
