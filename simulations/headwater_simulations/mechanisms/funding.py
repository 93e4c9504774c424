"""Quadratic funding: many small contributions are matched more than one large one.

Symbols: `W` worlds, `P` projects, `D` donors as the mechanism sees them: identities.
"""

import numpy as np
import numpy.typing as npt

from headwater_attribution.presets import pro_rata
from headwater_payments.errors import InvalidInputError

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def ideal_match(contributions: Int64s) -> Floats:
    """(Σ_i √c_i)² - Σ_i c_i: what the formula adds to each project's own contributions.

    One donor's d, split over k identities, is matched by (k - 1) d.

    Args:
        contributions: `[W, P, D]` atomic units, at least 0.

    Returns:
        `[W, P]` atomic units, at least 0.

    Raises:
        InvalidInputError: a negative contribution, or another shape.

    Source:
        Buterin, Hitzig and Weyl, "A Flexible Design for Funding Public Goods", 2019
        (arXiv 1809.06421).
    """
    if contributions.ndim != 3 or (contributions < 0).any():
        raise InvalidInputError("Funding needs contributions [W, P, D] of at least 0.")
    roots = np.sqrt(contributions).sum(axis=2)
    return np.asarray(np.maximum(roots**2 - contributions.sum(axis=2), 0.0), dtype=np.float64)


def funding_match(pools: Int64s, contributions: Int64s) -> Int64s:
    """What a pool of matching money pays each project.

    The ideal match rounded down where the pool covers it, and else the whole pool in proportion.

    Args:
        pools: `[W]` atomic units.
        contributions: `[W, P, D]` atomic units; a project's ideal match stays below 2^53.

    Returns:
        `[W, P]` atomic units; each world's sum is at most its pool.

    Raises:
        InvalidInputError: as for `ideal_match`, a negative pool, or a match too large to be exact.
    """
    ideal = ideal_match(contributions)
    if (ideal >= 2.0**53).any():
        raise InvalidInputError("A project's match must stay below 2^53 atomic units.")
    # A hundredth of a unit: squares of roots may come out below the whole number they stand for.
    whole = np.floor(ideal + 0.01).astype(np.int64)
    covered = whole.sum(axis=1) <= pools
    return np.where(covered[:, None], whole, pro_rata(pools, ideal))
