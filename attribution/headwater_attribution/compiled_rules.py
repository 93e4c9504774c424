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


@njit(nogil=True, error_model="numpy")
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
        doubt = work[ESTIMATE, slot] - work[LOW, slot]
        credited = work[LOW, slot] + doubt * (PARTS - shrinkage) // PARTS
        work[PAID, slot] = credited * confidence // PARTS
        total += work[PAID, slot]
    spent = 0
    for slot in range(work.shape[1]):
        credited = work[PAID, slot] * cap // total if total > cap else work[PAID, slot]
        work[PAID, slot] = money // PARTS * credited + money % PARTS * credited // PARTS
        spent += work[PAID, slot]
    return spent
