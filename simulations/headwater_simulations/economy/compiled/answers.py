"""Answers, compiled: which rows come up, and what the shipped rule pays for them.

A block of answers goes through each part together: looking up who stands where by turns, and
everything else in loops that become vector instructions. Nobody buys where a price is 0.

Source: the compiled rule of `headwater_attribution`.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from headwater_attribution.compiled_rules import credit_of, pay_of
from headwater_payments.split import PARTS
from headwater_simulations.compiled_world import Array, mix
from headwater_simulations.draws import Int64s
from headwater_simulations.economy.behaviour import BASE, SLOPE, SLOTS, UP
from headwater_simulations.economy.compiled.scratch import (
    BEST,
    FACES,
    NEXT,
    PLACES,
    PRICES,
    ROWS_OF,
    SIZE,
    SPOILT,
    STARTS,
    TO_BEST,
    TO_NEXT,
)
from headwater_simulations.economy.compiled.settings import Settings
from headwater_simulations.economy.compiled.vaults import share_of
from headwater_simulations.economy.compiled.words import field, pick
from headwater_simulations.economy.scenario import Conduct

_BASES, _SLOPES, _POISON = 17, 27, 53
"""Where a face has a conduct's score, what chance adds to it, and whether it is poison; below these
it has how often its rows come up."""

_SCORED: Final = 34
_SPOILS: Final = 20
_PLACED: Final = 2**_SPOILS - 1
"""Bits of a candidate below its score; its poison; and those of its place."""


def faces_of(behaviour: Int64s) -> Int64s:
    """`[conducts + 1]` what is looked up about whoever stands at a row, in one number each."""
    poison = np.arange(behaviour.shape[1]) == Conduct.POISON
    return np.asarray(
        behaviour[UP]
        | behaviour[BASE] << _BASES
        | behaviour[SLOPE] << _SLOPES
        | poison.astype(np.int64) << _POISON
    )


@njit(nogil=True, error_model="numpy")
def find(block: Array, count: int, first: int, key: Any, acting: Array, faces: Array) -> None:
    """Draw four rows of the models asked, and see who stands there."""
    for one in range(count):
        word = mix(key ^ np.uint64(first + one))
        start, rows = block[STARTS + one], block[ROWS_OF + one]
        block[PLACES + one] = start + pick(word, 0, rows)
        block[PLACES + SIZE + one] = start + pick(word, 1, rows)
        block[PLACES + 2 * SIZE + one] = start + pick(word, 2, rows)
        block[PLACES + 3 * SIZE + one] = start + pick(word, 3, rows)
    for one in range(count):
        block[FACES + one] = faces[acting[block[PLACES + one]]]
        block[FACES + SIZE + one] = faces[acting[block[PLACES + SIZE + one]]]
        block[FACES + 2 * SIZE + one] = faces[acting[block[PLACES + 2 * SIZE + one]]]
        block[FACES + 3 * SIZE + one] = faces[acting[block[PLACES + 3 * SIZE + one]]]


@njit(nogil=True, error_model="numpy")
def divide_among_causes(block: Array, count: int, first: int, key: Any, settings: Settings) -> None:
    """The rule pays the two best of the rows that come up.

    Whoever isn't among these loses nothing and isn't quoted, so the rule is shown these two.
    """
    for one in range(count):
        word = mix(key ^ np.uint64(first + one))
        p, q = block[PLACES + one], block[PLACES + SIZE + one]
        r, s = block[PLACES + 2 * SIZE + one], block[PLACES + 3 * SIZE + one]
        a = _candidate(word, 0, p, True, block[FACES + one])
        b = _candidate(word, 1, q, q != p, block[FACES + SIZE + one])
        c = _candidate(word, 2, r, (r != p) & (r != q), block[FACES + 2 * SIZE + one])
        once = (s != p) & (s != q) & (s != r)
        d = _candidate(word, 3, s, once, block[FACES + 3 * SIZE + one])
        # Sorted without a branch: which score is the higher one can't be foretold.
        a, b, c, d = max(a, b), min(a, b), max(c, d), min(c, d)
        best, middle, other = max(a, c), min(a, c), max(b, d)
        second, third = max(middle, other), min(middle, other)
        top, lower, lowest = best >> _SCORED, second >> _SCORED, third >> _SCORED
        to_best, to_next = reward(block[PRICES + one], top, lower, lowest, settings)
        block[BEST + one], block[NEXT + one] = best & _PLACED, second & _PLACED
        block[TO_BEST + one], block[TO_NEXT + one] = to_best, to_next
        spoilt = (to_best > 0) & (best >> _SPOILS & 1 == 1)
        spoilt |= (to_next > 0) & (second >> _SPOILS & 1 == 1)
        block[SPOILT + one] = spoilt


@njit(nogil=True, error_model="numpy", inline="always")
def reward(price: int, top: int, second: int, third: int, settings: Settings) -> tuple[int, int]:
    """What the rule pays the two best of an answer by their scores; see `market` for the shares."""
    of_next = PARTS // 2 * (second > 0)
    of_best = (PARTS - of_next) * (top > 0)
    full = max(top + second, 1)
    # Exact: a fraction of numbers below 2,001 is further from the next integer than floats err.
    lost = int((top - third) * PARTS / full)
    shrinkage, cap, confidence = settings.shrinkage, settings.cap, settings.confidence
    best = credit_of((lost + of_best) >> 1, min(lost, of_best), shrinkage, confidence)
    lost = int((second - third) * PARTS / full)
    other = credit_of((lost + of_next) >> 1, min(lost, of_next), shrinkage, confidence)
    money, total = share_of(price, settings.contributors_share), best + other
    return pay_of(money, best, total, cap), pay_of(money, other, total, cap)


@njit(nogil=True, error_model="numpy", inline="always")
def _candidate(word: Any, slot: int, place: int, once: bool, face: int) -> int:
    """A row's score, slot and place in one number, by which rows sort; 0 if it doesn't come up."""
    drawn = field(word, slot)
    score = (face >> _BASES & 0x3FF) + (drawn * (face >> _SLOPES & 0x3FFFFFF) >> 16)
    there = (drawn < face & 0x1FFFF) & once
    ranked = score << _SCORED | (SLOTS - 1 - slot) << 32 | (face >> _POISON & 1) << _SPOILS | place
    return ranked if there else 0
