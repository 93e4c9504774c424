"""Stakes that audits can take: how much must be at stake for cheating not to pay.

A cheat keeps its gain unless an audit finds it out; then it keeps nothing and loses the stake.

Symbols: `...` any shape. Amounts are atomic units, chances parts per 10^8.
"""

import numpy as np
import numpy.typing as npt

from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MAX_GAIN = (2**63 - 1) // PARTS - 1
"""The largest gain whose product with a chance fits in 64 bits."""


def break_even_stake(gains: Int64s, caught: Int64s) -> Int64s:
    """S* = g (1 - p) / p, rounded up: with it at stake, cheating gains nothing on average.

    Args:
        gains: `[...]` g, what a cheat gains where it isn't caught; 0 to `MAX_GAIN`.
        caught: `[...]` p, the chance of being audited times that of being found out then; above 0.

    Returns:
        `[...]`.

    Raises:
        InvalidInputError: a gain or a chance out of range.

    Source:
        Becker, "Crime and Punishment: An Economic Approach", 1968.
    """
    _check(gains, caught)
    if (caught == 0).any():
        raise InvalidInputError("No stake deters what is never caught.")
    return np.asarray(-(-gains * (PARTS - caught) // caught), dtype=np.int64)


def expected_gain(
    gains: Int64s, stakes: Int64s, caught: Int64s, entry_cost: Int64s | int = 0
) -> Floats:
    """(1 - p) g - p (S + E), what cheating brings on average.

    E is what a new identity costs: a caught cheat comes back under another name (whitewashing), so
    its later income is no further loss.

    Args:
        gains: `[...]` g.
        stakes: `[...]` S, at least 0.
        caught: `[...]` p.
        entry_cost: `[...]` E.

    Returns:
        `[...]` atomic units.

    Raises:
        InvalidInputError: a gain, a chance or a stake out of range.
    """
    _check(gains, caught)
    if (stakes < 0).any():
        raise InvalidInputError("Stakes are at least 0.")
    chance = caught / PARTS
    return np.asarray((1 - chance) * gains - chance * (stakes + entry_cost), dtype=np.float64)


def _check(gains: Int64s, caught: Int64s) -> None:
    if (gains < 0).any() or (gains > MAX_GAIN).any():
        raise InvalidInputError(f"Gains are 0 to {MAX_GAIN}.")
    if (caught < 0).any() or (caught > PARTS).any():
        raise InvalidInputError("Chances are 0 to 10^8.")
