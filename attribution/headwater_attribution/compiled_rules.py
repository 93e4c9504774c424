"""The shipped rule compiled: the twin of `rules.pay_causes` for one receipt at a time.

Simulations run it inside their loops. It gives the same integers as the reference, which tests
compare on random receipts and on whole runs. Importing this imports numba.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

from headwater_payments.split import PARTS

Work = npt.NDArray[np.int64]
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
        work[PAID, slot] = 0
        if work[ESTIMATE, slot] == 0:
            continue
        doubt = work[ESTIMATE, slot] - work[LOW, slot]
        credited = work[LOW, slot] + _parts(doubt * (PARTS - shrinkage))
        work[PAID, slot] = _parts(credited * confidence)
        total += work[PAID, slot]
    spent = 0
    whole, rest = money // PARTS, money % PARTS
    for slot in range(work.shape[1]):
        if work[PAID, slot] == 0:
            continue
        credited = work[PAID, slot] * cap // total if total > cap else work[PAID, slot]
        work[PAID, slot] = whole * credited + _parts(rest * credited)
        spent += work[PAID, slot]
    return spent


@njit(nogil=True, error_model="numpy", inline="always")
def _parts(product: int) -> int:
    """A product of parts, at least 0, in units again; unsigned division by a constant is cheap."""
    return np.int64(np.uint64(product) // np.uint64(PARTS))  # type: ignore[return-value]
