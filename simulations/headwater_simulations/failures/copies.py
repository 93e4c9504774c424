"""Selling the same thing twice: what copies earn where pay is a share of values.

Symbols: `W` worlds, `n` sellers or points, `m` the times the first of them is there (1: no copies).

Source: Han et al., "Replication-Robust Payoff-Allocation for Machine Learning Data Markets", 2020
(arXiv 2006.14583).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headwater_attribution.valuation import (
    LN2,
    coverage_game,
    jaccard,
    knn_shapley,
    normalised,
    robust_shapley,
    shapley,
)
from headwater_payments.errors import InvalidInputError
from headwater_simulations.draws import Draws
from headwater_simulations.failures.noise import Floats, normals, uniforms

Bools = npt.NDArray[np.bool_]
Value = Callable[[Floats], Floats]

SELLERS: tuple[tuple[int, ...], ...] = (
    (0, 1, 2, 3, 4),
    (2, 3, 4, 7, 8),
    (2, 5, 6, 7, 9),
    (0, 2, 4, 5, 9),
    (3, 6, 8, 9, 10),
)
"""Five sellers of eleven items; the first alone has item 1, and the last alone item 10."""


def replicated_shares(value: Value, copies: range = range(1, 6)) -> list[float]:
    """The first seller's share of a fixed pot when it stands in the market m times.

    Args:
        value: `shapley`, `banzhaf` or `leave_one_out`.
        copies: the m to try.

    Returns:
        Its share at each m, all copies together.
    """
    return [float(normalised(value(coverage_game(_owners(m))))[0, _first(m)].sum()) for m in copies]


def robust_pay(copies: range = range(1, 6), penalty: float = LN2) -> list[float]:
    """The first seller's absolute pay by the penalised Shapley value, in items."""
    paid = []
    for m in copies:
        owns = _owners(m)
        robust = robust_shapley(shapley(coverage_game(owns)), jaccard(owns), penalty)
        paid.append(float(robust[0, _first(m)].sum()))
    return paid


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Two clouds of labelled points in the plane, and a classifier of nearest neighbours.

    Attributes:
        points: n, training points.
        queries: test points.
        nearest: K.
        apart: distance of the clouds' centres, in their standard deviations.
        random_labels: share of training labels that are coins.
        owned: share of the points that one owner has.
        worlds: W, over which shares are averaged.
        seed: of the draws.

    Raises:
        InvalidInputError: the owner has no point, or sizes below 1.
    """

    points: int = 2_000
    queries: int = 100
    nearest: int = 5
    apart: float = 2.0
    random_labels: float = 0.3
    owned: float = 0.01
    worlds: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.queries, self.nearest, self.worlds, int(self.points * self.owned)) < 1:
            raise InvalidInputError("A neighbourhood needs an owner's point, queries and worlds.")


def copied_points_share(
    copies: int, jitter: float = 0.0, market: Neighbourhood | None = None
) -> float:
    """The owner's share of a pot paid by KNN-Shapley when each of its points is there m times.

    Points whose mean value over the queries is negative are paid nothing, the rest in proportion.

    Args:
        copies: m, at least 1.
        jitter: standard deviation of the noise on each coordinate of a copy.
        market: the world.

    Returns:
        Its share, all copies together, as a mean over worlds.
    """
    where = market or Neighbourhood()
    draws = Draws(where.seed, np.arange(where.worlds))
    labels = uniforms(draws, "label", 0, (where.points,)) < 0.5
    asked = uniforms(draws, "asked", 0, (where.queries,)) < 0.5
    places = _cloud(draws, "point", labels, where.apart)
    coins = uniforms(draws, "coin", 0, (2, where.points))
    labels = np.where(coins[:, 0] < where.random_labels, coins[:, 1] < 0.5, labels)
    owned = int(where.points * where.owned)
    for copy in range(1, copies):
        moved = jitter * normals(draws, "jitter", copy, (owned, 2))
        places = np.concatenate((places, places[:, :owned] + moved), axis=1)
        labels = np.concatenate((labels, labels[:, :owned]), axis=1)
    targets = _cloud(draws, "query", asked, where.apart)
    aside = (np.square(targets[:, :, None, axis] - places[:, None, :, axis]) for axis in (0, 1))
    distances = np.add(*aside)
    values = knn_shapley(distances, labels[:, None] == asked[:, :, None], where.nearest)
    shares = normalised(values.mean(axis=1))
    return float((shares[:, :owned].sum(axis=1) + shares[:, where.points :].sum(axis=1)).mean())


def _cloud(draws: Draws, purpose: str, labels: Bools, apart: float) -> Floats:
    """`[W, n, 2]` places around the centre of each point's label."""
    shape = (labels.shape[1], 2)
    centre = np.where(labels, 0.5, -0.5)[..., None] * np.array([apart, 0.0])
    return np.asarray(centre + normals(draws, purpose, 0, shape), dtype=np.float64)


def _owners(copies: int) -> Bools:
    """`[1, n + m - 1, items]`; the copies come last."""
    owns = np.zeros((len(SELLERS), 1 + max(max(each) for each in SELLERS)), dtype=np.bool_)
    for seller, items in enumerate(SELLERS):
        owns[seller, list(items)] = True
    return np.concatenate((owns, np.repeat(owns[:1], copies - 1, axis=0)))[None]


def _first(copies: int) -> list[int]:
    return [0, *range(len(SELLERS), len(SELLERS) + copies - 1)]
