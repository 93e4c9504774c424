"""The rules compiled, for one receipt or world at a time: twins of those in `rules`.

Simulations run them inside their loops. They give the same integers as the references, which tests
compare on random receipts and on whole runs. Importing this imports numba.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

from headwater_payments.split import PARTS

Work = npt.NDArray[np.int64]
Row = npt.NDArray[np.int64]
ESTIMATE, LOW, PAID = 0, 1, 2
"""Rows of a receipt's table: estimates, their lower ends, and what is paid."""


@njit(nogil=True, error_model="numpy", inline="always")
def causes_of_receipt(money: int, work: Work, shrinkage: int, cap: int, confidence: int) -> int:
    """Divide one receipt's money among its causes.

    Args:
        money: atomic units.
        work: `[3 or more, K]` with estimates and lower ends, parts per 10^8, none above its
            estimate; what is paid is filled in, in atomic units.
        shrinkage: of `RuleParameters`.
        cap: of `RuleParameters`.
        confidence: of `RuleParameters`.

    Returns:
        What is paid in all.
    """
    total = 0
    for slot in range(work.shape[1]):
        work[PAID, slot] = credit_of(work[ESTIMATE, slot], work[LOW, slot], shrinkage, confidence)
        total += work[PAID, slot]
    spent = 0
    for slot in range(work.shape[1]):
        work[PAID, slot] = pay_of(money, work[PAID, slot], total, cap)
        spent += work[PAID, slot]
    return spent


@njit(nogil=True, error_model="numpy", inline="always")
def credit_of(estimate: int, low: int, shrinkage: int, confidence: int) -> int:
    """A cause's credit before the cap, parts per 10^8."""
    return _parts((low + _parts((estimate - low) * (PARTS - shrinkage))) * confidence)


@njit(nogil=True, error_model="numpy", inline="always")
def pay_of(money: int, credit: int, total: int, cap: int) -> int:
    """What a cause is paid, whose receipt has `total` credits; `cap` is of `RuleParameters`."""
    capped, whole = credit * min(total, cap), max(total, 1)
    credit = divided(capped, whole, capped / whole)
    units = _parts(money)
    return units * credit + _parts((money - units * PARTS) * credit)


@njit(nogil=True, error_model="numpy", inline="always")
def divided(number: int, divisor: int, about: float) -> int:
    """A number, at least 0, divided and rounded down, from what it comes to in floats.

    Floats err by less than one where it comes to less than 2^50, which is put right; so loops over
    many receipts become vector instructions, which know no division of integers.
    """
    whole = int(about)
    left = number - whole * divisor
    return whole + (left >= divisor) - (left < 0)


@njit(nogil=True, error_model="numpy", inline="always")
def _parts(product: int) -> int:
    """A product of parts, at least 0, in units again."""
    return divided(product, PARTS, product * (1 / PARTS))


@njit(nogil=True, error_model="numpy")
def influence_of_receipt(money: int, influence: Row, paid: Row) -> int:
    """Divide one receipt's money by positive influence: the twin of `rules.pay_influence`.

    Args:
        money: atomic units, at least 0.
        influence: `[K]` whose positive numbers sum to less than 2^31.
        paid: `[K]` filled in, in atomic units.

    Returns:
        What is paid in all: `money`, or 0 where no influence is positive.
    """
    for slot in range(len(paid)):
        paid[slot] = max(0, influence[slot])
    return _apportion(money, paid)


@njit(nogil=True, error_model="numpy")
def money_by_rows(money: int, rows: Row, paid: Row) -> int:
    """Divide all receipts' money of a world by accepted rows: the twin of `rules.pay_rows`.

    Args:
        money: atomic units, at least 0.
        rows: `[A]` of each account, summing to less than 2^31.
        paid: `[A]` filled in, in atomic units.

    Returns:
        What is paid in all: `money`, or 0 where nobody has a row.
    """
    paid[:] = rows
    return _apportion(money, paid)


@njit(nogil=True, error_model="numpy")
def _apportion(money: int, weights: Row) -> int:
    """`apportion.apportion` of one amount, in place of its weights; nothing where all are 0."""
    whole = weights.sum()
    if whole == 0:
        return 0
    quotient, rest = money // whole, money % whole
    remainders = np.empty_like(weights)
    left = money
    for slot in range(len(weights)):
        weight = weights[slot]
        remainders[slot] = rest * weight % whole
        weights[slot] = quotient * weight + rest * weight // whole
        left -= weights[slot]
    for _ in range(left):  # fewer units are left than there are shares
        first = np.argmax(remainders)
        weights[first] += 1
        remainders[first] = -1
    return money
