"""Exact division of money over arrays: no float, no overflow, nothing lost.

Symbols: `...` any leading axes (worlds, receipts), `n` the shares of one amount.

A product of an amount and a weight can exceed 64 bits, so amounts are divided first:
a·w / W = (a div W)·w + (a mod W)·w / W, where both terms fit as long as W < 2^31.
"""

import numpy as np
import numpy.typing as npt

from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS

Int64s = npt.NDArray[np.int64]

MAX_WEIGHT_SUM = 2**31 - 1


def portions(amounts: Int64s, parts: Int64s) -> Int64s:
    """`amounts` × `parts` / 10^8, rounded down.

    Args:
        amounts: `[...]` atomic units, 0 to 2^63 - 1.
        parts: `[...]` parts per 10^8, 0 to 10^8; broadcast against `amounts`.

    Raises:
        InvalidInputError: an amount is negative, or parts lie outside 0 to 10^8.
    """
    if (amounts < 0).any() or (parts < 0).any() or (parts > PARTS).any():
        raise InvalidInputError("Portions need amounts of at least 0 and parts from 0 to 10^8.")
    return amounts // PARTS * parts + amounts % PARTS * parts // PARTS


def apportion(amounts: Int64s, weights: Int64s) -> Int64s:
    """Divide each amount in proportion to its weights and hand out every last unit.

    The twin of `headwater_payments.split.split_amount` for arrays, with the same ties: units left
    over go to the largest remainders, equal remainders in order of position.

    Args:
        amounts: `[...]` atomic units, 0 to 2^63 - 1.
        weights: `[..., n]` each 0 or more; each row sums to 1 to 2^31 - 1.

    Returns:
        `[..., n]` atomic units; each row sums to its amount.

    Raises:
        InvalidInputError: a negative amount or weight, or a row sum out of range.

    Source:
        Largest-remainder (Hamilton) apportionment: Balinski and Young, "Fair Representation", 1982.
    """
    whole = weights.sum(axis=-1, keepdims=True)
    if (amounts < 0).any() or (weights < 0).any() or (weights > MAX_WEIGHT_SUM).any():
        raise InvalidInputError("Apportioning needs amounts and weights of at least 0.")
    if (whole < 1).any() or (whole > MAX_WEIGHT_SUM).any():
        raise InvalidInputError("Each row of weights must sum to between 1 and 2^31 - 1.")
    quotient, rest = np.divmod(amounts[..., None], whole)
    shares = quotient * weights + rest * weights // whole
    left = amounts - shares.sum(axis=-1)
    order = np.argsort(-(rest * weights % whole), axis=-1, kind="stable")
    rank = np.argsort(order, axis=-1, kind="stable")
    return np.asarray(shares + (rank < left[..., None]), dtype=np.int64)
