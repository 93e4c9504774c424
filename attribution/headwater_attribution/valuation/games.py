"""Games as tables: the worth of every coalition of a few players.

Symbols: `W` worlds, `n` players, `2^n` coalitions. Coalition `c` holds player `i` where bit `i` of
`c` is set, so 0 is nobody and 2^n - 1 everybody.
"""

import numpy as np
import numpy.typing as npt

from headwater_attribution.apportion import Int64s
from headwater_payments.errors import InvalidInputError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MAX_PLAYERS = 16
"""Above this a table no longer fits a cache; value groups of players instead."""


def members(players: int) -> Bools:
    """`[2^n, n]` who is in each coalition.

    Raises:
        InvalidInputError: fewer than one player, or more than `MAX_PLAYERS`.
    """
    if not 1 <= players <= MAX_PLAYERS:
        raise InvalidInputError(f"A game is listed for 1 to {MAX_PLAYERS} players.")
    coalitions = np.arange(2**players)[:, None]
    return np.asarray(coalitions >> np.arange(players) & 1, dtype=np.bool_)


def coverage_game(owns: Bools, worth: Floats | None = None) -> Floats:
    """Sellers whose goods overlap: v(S) = Σ worth of the items that somebody in S owns.

    Submodular, as data is: the more is there, the less the same item adds.

    Args:
        owns: `[W, n, items]` who has what.
        worth: `[items]` of each item; 1 where left out.

    Returns:
        `[W, 2^n]`.

    Raises:
        InvalidInputError: shapes disagree, or too many players.
    """
    if owns.ndim != 3 or (worth is not None and worth.shape != owns.shape[2:]):
        raise InvalidInputError("A coverage game needs owners [W, n, items] and worth [items].")
    missing = members(owns.shape[1]).astype(np.float64) @ owns.astype(np.float64) == 0
    worths = np.ones(owns.shape[2]) if worth is None else worth
    return np.asarray(~missing @ worths, dtype=np.float64)


def neighbour_game(distances: Floats, right: Bools, nearest: int) -> Floats:
    """A K-nearest-neighbour classifier trained on a coalition: v(S) = right votes / K.

    v(S) = 1/K Σ_{k=1}^{min(K, |S|)} 1[label of the k-th nearest of S = y]. Here to check the closed
    form of `knn_shapley` against the definition.

    Args:
        distances: `[W, n]` from the query.
        right: `[W, n]` whether the point carries the query's label.
        nearest: K, at least 1.

    Returns:
        `[W, 2^n]`.

    Raises:
        InvalidInputError: shapes disagree, K below 1, or too many players.
    """
    if distances.shape != right.shape or distances.ndim != 2 or nearest < 1:
        raise InvalidInputError("Neighbours need distances and labels [W, n], and K >= 1.")
    order: Int64s = np.argsort(distances, axis=1, kind="stable").astype(np.int64)
    inside = members(distances.shape[1])
    there = np.take(inside, order, axis=1).swapaxes(0, 1)
    votes = there & (np.cumsum(there, axis=2) <= nearest)
    sorted_right = np.take_along_axis(right, order, axis=1)[:, None]
    return np.asarray((votes & sorted_right).sum(axis=2) / nearest, dtype=np.float64)
