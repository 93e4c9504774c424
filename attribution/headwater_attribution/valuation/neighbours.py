"""Shapley values of the training points of a nearest-neighbour classifier, in closed form.

Symbols: `W` worlds, `Q` queries, `n` training points.
"""

import numpy as np

from headwater_attribution.valuation.games import Bools, Floats
from headwater_payments.errors import InvalidInputError


def knn_shapley(distances: Floats, right: Bools, nearest: int) -> Floats:
    """Exact values for the game v(S) = right votes among the K nearest of S / K.

    From the farthest point to the nearest, in order of distance:
    s_n = 1[y_n = y] / max(K, n);
    s_i = s_(i+1) + (1[y_i = y] - 1[y_(i+1) = y]) / K × min(K, i) / i.
    O(n log n) for each query, sorting included. Equal distances count in order of position.

    Args:
        distances: `[W, Q, n]` from query to point.
        right: `[W, Q, n]` whether the point carries the query's label.
        nearest: K, at least 1.

    Returns:
        `[W, Q, n]`; a query's values sum to v(all). Their mean over queries is a point's value.

    Raises:
        InvalidInputError: shapes disagree, no points, or K below 1.

    Source:
        Jia et al., "Efficient Task-Specific Data Valuation for Nearest Neighbor Algorithms", 2019
        (arXiv 1908.08619), theorem 1.
    """
    points = distances.shape[-1] if distances.ndim == 3 else 0
    if distances.shape != right.shape or points < 1 or nearest < 1:
        raise InvalidInputError("Neighbours need distances and labels [W, Q, n], and K >= 1.")
    order = np.argsort(distances, axis=-1, kind="stable")
    votes = np.take_along_axis(right, order, axis=-1).astype(np.float64)
    places = np.arange(1, points)
    steps = (votes[..., :-1] - votes[..., 1:]) * (np.minimum(nearest, places) / places / nearest)
    last = votes[..., -1:] / max(nearest, points)
    ranked = np.concatenate((steps, last), axis=-1)[..., ::-1].cumsum(axis=-1)[..., ::-1]
    values = np.empty_like(ranked)
    np.put_along_axis(values, order, ranked, axis=-1)
    return values
