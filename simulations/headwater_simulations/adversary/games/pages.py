"""Pages paid by rank, of which one may make pages that do nothing but link to it.

Symbols: `S` worlds, `n` honest pages, `k` sybils.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from headwater_payments.errors import InvalidInputError
from headwater_simulations.adversary.deviation import Deviation, Dimension, Strategy
from headwater_simulations.adversary.game import Played, parameter
from headwater_simulations.draws import Draws, Int64s
from headwater_simulations.mechanisms import Links, pagerank, uniform_teleport

_POT = 10**9


@dataclass(frozen=True, slots=True)
class LinkFarm:
    """So many pages that link to the first and that it links to alone."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (Dimension("sybils", 1, 64, 1, True),)
    sybils: int


@dataclass(frozen=True, slots=True)
class Pages:
    """A web of pages that link at random, paid by PageRank out of a pot.

    Attributes:
        pages: n.
        links: that each sets.
        seeds: pages at the end that are trusted, at which ranks start over; 0 for anywhere.
        cost: of a sybil, atomic units; the pot is 10^9.

    Raises:
        InvalidInputError: fewer pages than links and seeds, or a negative cost.
    """

    pages: int = 40
    links: int = 4
    seeds: int = 0
    cost: int = 200_000

    kinds: ClassVar[tuple[type[Deviation], ...]] = (LinkFarm,)

    def __post_init__(self) -> None:
        if not 0 < self.links < self.pages or not 0 <= self.seeds < self.pages or self.cost < 0:
            raise InvalidInputError("A web has more pages than each links to or are trusted.")

    def play(self, strategies: Sequence[Strategy], draws: Draws) -> Played:
        """Every strategy in every world of `draws`."""
        counts = [parameter(strategy, LinkFarm, "sybils", 0) for strategy in strategies]
        found = {count: self._rank(count, draws) for count in set(counts)}
        pay = np.stack([found[count] for count in counts])
        spent = np.array(counts, dtype=np.int64)[:, None] * self.cost + np.zeros_like(pay)
        return Played(pay, spent, _POT - pay)

    def limits(self, strategy: Strategy) -> tuple[int, int, int]:
        """Net at least, net at most, honest pay at most."""
        sybils = parameter(strategy, LinkFarm, "sybils", 0)
        return -sybils * self.cost, _POT, _POT

    def _rank(self, sybils: int, draws: Draws) -> Int64s:
        """`[S]` what the first page and its sybils get."""
        worlds, honest = len(draws.keys), self.pages
        sources = np.repeat(np.arange(honest), self.links)
        ahead = 1 + draws.below(honest - 1, "links", 0, np.arange(honest * self.links))
        targets = (sources + ahead) % honest
        kept = (sources != 0) | (sybils == 0)
        there, hub = np.arange(honest, honest + sybils), np.zeros(sybils, dtype=np.int64)
        to_hub, from_hub = np.concatenate((there, hub)), np.concatenate((hub, there))
        links = np.concatenate((sources[kept], to_hub))
        every = np.broadcast_to(links, (worlds, len(links)))
        into = np.broadcast_to(from_hub, (worlds, 2 * sybils))
        edges = np.concatenate((targets[:, kept], into), axis=1)
        graph = Links(honest + sybils, every, edges, np.ones(edges.shape))
        teleport = uniform_teleport(graph)
        if self.seeds:
            teleport = np.zeros_like(teleport)
            teleport[:, honest - self.seeds : honest] = 1 / self.seeds
        rank = pagerank(graph, teleport)
        own = rank[:, 0] + rank[:, honest:].sum(axis=1)
        return np.asarray(np.rint(own * _POT), dtype=np.int64)
