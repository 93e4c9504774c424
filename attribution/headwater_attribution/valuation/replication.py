"""Answers to copies: pay less for likeness, or value clusters instead of points.

Symbols: `W` worlds, `n` players, `items` what they own.
"""

from math import log

import numpy as np

from headwater_attribution.apportion import Int64s
from headwater_attribution.valuation.games import Bools, Floats
from headwater_payments.errors import InvalidInputError

LN2 = log(2)
"""The weakest penalty with which copying doesn't raise absolute pay."""


def jaccard(owns: Bools) -> Floats:
    """Likeness of what two players own: |A ∩ B| / |A ∪ B|, 1 for two that own nothing.

    Args:
        owns: `[W, n, items]`.

    Returns:
        `[W, n, n]` from 0 to 1.
    """
    counted = owns.astype(np.float64)
    both = counted @ counted.swapaxes(1, 2)
    sizes = counted.sum(axis=2)
    either = sizes[:, :, None] + sizes[:, None] - both
    return np.asarray(np.where(either > 0, both / np.where(either > 0, either, 1), 1.0))


def robust_shapley(values: Floats, likeness: Floats, penalty: float = LN2) -> Floats:
    """ψ_i = φ_i exp(-λ Σ_{j ≠ i} SM_ij): a copy halves what both are worth.

    Robust in absolute pay; honest look-alikes pay for it, and part of the pot is never paid.

    Args:
        values: `[W, n]` φ, Shapley values.
        likeness: `[W, n, n]` SM, from 0 to 1.
        penalty: λ, at least ln 2 for robustness to copies.

    Returns:
        `[W, n]`, each at most φ where φ is positive.

    Raises:
        InvalidInputError: shapes disagree, or a likeness or penalty out of range.

    Source:
        Agarwal, Dahleh and Sarkar, "A Marketplace for Data", 2019 (arXiv 1805.08125).
    """
    if likeness.shape != (*values.shape, values.shape[-1]) or penalty < 0:
        raise InvalidInputError("A penalty needs values [W, n] and likeness [W, n, n].")
    if not ((likeness >= 0) & (likeness <= 1)).all():
        raise InvalidInputError("Likeness lies between 0 and 1.")
    others = likeness.sum(axis=2) - np.diagonal(likeness, axis1=1, axis2=2)
    return np.asarray(values * np.exp(-penalty * others), dtype=np.float64)


def by_cluster(owns: Bools, clusters: Int64s) -> Bools:
    """The quotient of a coverage game: each cluster of copies plays as one.

    Its members then share what the cluster is worth, so a copy that the clusters see gains nothing;
    one that they miss gains as if there were none.

    Args:
        owns: `[W, n, items]`.
        clusters: `[n]` the number of each player's cluster, 0 to C - 1.

    Returns:
        `[W, C, items]` what each cluster owns.

    Raises:
        InvalidInputError: shapes disagree, or the numbers leave one out.
    """
    if owns.ndim != 3 or clusters.shape != owns.shape[1:2]:
        raise InvalidInputError("Clusters number the players of owners [W, n, items].")
    count = int(clusters.max(initial=-1)) + 1
    if sorted({int(each) for each in clusters}) != list(range(count)):
        raise InvalidInputError("Clusters are numbered from 0 without gaps.")
    joined = [owns[:, clusters == each].any(axis=1) for each in range(count)]
    return np.stack(joined, axis=1)
