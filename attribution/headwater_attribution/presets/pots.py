"""An integer pot divided by scores that are floats.

Symbols: `...` any leading axes (worlds), `n` the scores of one pot.
"""

import numpy as np
import numpy.typing as npt

from headwater_attribution.apportion import Int64s, apportion
from headwater_payments.errors import InvalidInputError

Floats = npt.NDArray[np.float64]

RESOLUTION = 2**30
"""Shares are rounded to this many steps before money is divided by them."""


def pro_rata(pots: Int64s, scores: Floats) -> Int64s:
    """Divide each pot in proportion to its scores, to the last unit.

    pay_i = pot × score_i / Σ score_j, by largest remainder. Where no score is positive nothing is
    paid: the pot stays with its owner.

    Args:
        pots: `[...]` atomic units, 0 to 2^63 - 1.
        scores: `[..., n]` each finite and at least 0, in any unit.

    Returns:
        `[..., n]` atomic units; each row sums to its pot, or to 0.

    Raises:
        InvalidInputError: a negative pot, or a score that is negative or not finite.
    """
    if not np.isfinite(scores).all() or (scores < 0).any():
        raise InvalidInputError("A pot is divided by scores that are finite and at least 0.")
    largest = scores.max(axis=-1, keepdims=True, initial=0.0)
    scaled = scores / np.where(largest > 0, largest, 1.0)
    # One after the other: another order, which libraries choose by length, rounds otherwise.
    whole = np.cumsum(scaled, axis=-1)[..., -1:]
    weights = (scaled / np.where(whole > 0, whole, 1.0) * RESOLUTION).astype(np.int64)
    anybody = weights.any(axis=-1, keepdims=True)
    return np.where(anybody, apportion(pots, np.where(anybody, weights, 1)), 0)
