"""A link farm: one page and its sybils, which link to each other and to nobody else.

Symbols: `n` honest pages, `k` sybils.

Source: Cheng and Friedman, "Sybilproof Reputation Mechanisms", 2005.
"""

from dataclasses import dataclass

import numpy as np

from headwater_payments.errors import InvalidInputError
from headwater_simulations.mechanisms import Links, eigentrust, pagerank, uniform_teleport


@dataclass(frozen=True, slots=True)
class FarmedRank:
    """The farm's part of all rank, its page and its sybils together.

    Attributes:
        uniform: by PageRank that starts over anywhere.
        seeded: by PageRank that starts over at trusted pages.
        trust: by EigenTrust with the same pages trusted beforehand.
    """

    uniform: float
    seeded: float
    trust: float


def farmed_rank(
    sybils: int,
    pages: int = 200,
    *,
    links: int = 5,
    seeds: tuple[int, ...] = (195, 180, 165, 150, 120, 100, 80, 60, 40, 20),
) -> FarmedRank:
    """Rank captured by page 0 with k sybils, in a ring where each page links to the next few.

    The page keeps the links that point to it, drops its own, and points at its sybils, which point
    back. Every identity is a ticket of the uniform teleport; seeds give sybils none.

    Args:
        sybils: k; with none the page is as honest as the rest.
        pages: n.
        links: how many pages ahead each links to.
        seeds: the trusted pages.

    Raises:
        InvalidInputError: no page besides those linked to, negative k, or seeds that don't exist.
    """
    if not 0 < links < pages or sybils < 0 or not all(0 <= seed < pages for seed in seeds):
        raise InvalidInputError("A farm needs k >= 0, fewer links than pages, and honest seeds.")
    sources = np.repeat(np.arange(pages), links)
    targets = (sources + np.tile(np.arange(1, links + 1), pages)) % pages
    kept = (sources != 0) | (sybils == 0)
    there = np.arange(pages, pages + sybils)
    hub = np.zeros_like(there)
    graph = Links(
        pages + sybils,
        np.concatenate((sources[kept], there, hub))[None],
        np.concatenate((targets[kept], hub, there))[None],
        np.ones((1, int(kept.sum()) + 2 * sybils)),
    )
    trusted = np.zeros((1, pages + sybils))
    trusted[0, list(seeds)] = 1 / len(seeds)
    farm = [0, *range(pages, pages + sybils)]
    ranks = (
        pagerank(graph, uniform_teleport(graph)),
        pagerank(graph, trusted),
        eigentrust(graph, trusted),
    )
    return FarmedRank(*(float(rank[0, farm].sum()) for rank in ranks))
