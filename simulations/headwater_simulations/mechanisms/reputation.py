"""Reputation that flows along links: PageRank and EigenTrust, by power iteration.

Symbols: `W` worlds, `n` nodes, `E` links.
"""

from dataclasses import dataclass
from math import ceil, log

import numpy as np
import numpy.typing as npt

from headwater_payments.errors import InvalidInputError

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_PRECISION = 1e-12


@dataclass(frozen=True, slots=True)
class Links:
    """A directed graph in each world.

    Attributes:
        nodes: n, the same in all worlds.
        sources: `[W, E]` where each link starts.
        targets: `[W, E]` where it points.
        weights: `[W, E]` local trust in any unit; links of no or negative trust don't count.

    Raises:
        InvalidInputError: shapes disagree, a node that is not there, or an infinite weight.
    """

    nodes: int
    sources: Int64s
    targets: Int64s
    weights: Floats

    def __post_init__(self) -> None:
        shapes = {self.sources.shape, self.targets.shape, self.weights.shape}
        if len(shapes) != 1 or self.sources.ndim != 2:
            raise InvalidInputError("Links need sources, targets and weights [W, E].")
        ends = np.concatenate((self.sources, self.targets), axis=1)
        if (ends < 0).any() or (ends >= self.nodes).any() or not np.isfinite(self.weights).all():
            raise InvalidInputError("Links join nodes there are, by finite weights.")


def uniform_teleport(links: Links) -> Floats:
    """`[W, n]` a surfer who starts over anywhere: each identity is a ticket, so sybils pay."""
    return np.full((len(links.sources), links.nodes), 1.0 / links.nodes)


def pagerank(links: Links, teleport: Floats, damping: float = 0.85) -> Floats:
    """r = (1 - d) p + d Cᵀ r, where every link of a node counts alike.

    A node without links starts over at p. The iteration stops where it is exact to 10^-12.

    Args:
        links: the graph; weights above 0 count as 1.
        teleport: `[W, n]` p, sums to 1: uniform, or all on trusted seeds.
        damping: d, above 0 and below 1.

    Returns:
        `[W, n]` that sums to 1.

    Raises:
        InvalidInputError: a teleport that is no distribution, or a damping out of range.

    Source:
        Page, Brin, Motwani and Winograd, "The PageRank Citation Ranking", 1999; the seeded form is
        Gyöngyi, Garcia-Molina and Pedersen, "Combating Web Spam with TrustRank", 2004.
    """
    return _flow(links, (links.weights > 0).astype(np.float64), teleport, damping)


def eigentrust(links: Links, pretrusted: Floats, caution: float = 0.15) -> Floats:
    """t = (1 - a) Cᵀ t + a p, with c_ij = max(s_ij, 0) / Σ_j max(s_ij, 0).

    Args:
        links: local trust s as weights.
        pretrusted: `[W, n]` p, sums to 1. Who trusts nobody trusts these.
        caution: a, above 0 and below 1.

    Returns:
        `[W, n]` global trust, sums to 1.

    Raises:
        InvalidInputError: as for `pagerank`.

    Source:
        Kamvar, Schlosser and Garcia-Molina, "The EigenTrust Algorithm for Reputation Management in
        P2P Networks", 2003.
    """
    return _flow(links, np.maximum(links.weights, 0.0), pretrusted, 1 - caution)


def _flow(links: Links, weights: Floats, start: Floats, damping: float) -> Floats:
    worlds, nodes = len(links.sources), links.nodes
    if not 0 < damping < 1:
        raise InvalidInputError("The damping lies between 0 and 1.")
    sums = start.sum(axis=1) if start.shape == (worlds, nodes) else np.zeros(1)
    if (start < 0).any() or not np.allclose(sums, 1.0, rtol=0, atol=1e-9):
        raise InvalidInputError("Starting over needs a distribution over the nodes of each world.")
    offsets = np.arange(worlds)[:, None] * nodes
    sources, targets = (links.sources + offsets).ravel(), (links.targets + offsets).ravel()
    out = np.bincount(sources, weights.ravel(), worlds * nodes)
    passed = weights.ravel() / np.where(out > 0, out, 1.0)[sources]
    stuck = (out == 0).reshape(worlds, nodes)
    rank = start
    for _ in range(ceil(log(_PRECISION) / log(damping))):
        moved = np.bincount(targets, rank.ravel()[sources] * passed, worlds * nodes)
        idle = (rank * stuck).sum(axis=1, keepdims=True)
        rank = (1 - damping) * start + damping * (moved.reshape(worlds, nodes) + idle * start)
    return rank
