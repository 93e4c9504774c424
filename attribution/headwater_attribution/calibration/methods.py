"""Every method on one footing: a world and its trained adapter in, scores of contributors out.

Symbols: `C` contributors, `Q` queries.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from headwater_attribution.calibration.matching import bm25_scores, phrase_shares
from headwater_attribution.calibration.metrics import payouts
from headwater_attribution.calibration.retraining import Trained
from headwater_attribution.calibration.worlds import WorldData
from headwater_attribution.influence.basis import span_of
from headwater_attribution.influence.contributors import contributor_vectors, query_vectors
from headwater_attribution.influence.curvature import (
    BlockFisher,
    Curvature,
    DataInf,
    EkFac,
    Identity,
)
from headwater_attribution.influence.factors import Floats, LayerFactors, Layers, gradients

_SAMPLED: Final = 11
"""The seed of the labels that EK-FAC is fitted with."""


@dataclass(frozen=True)
class Explained:
    """A world with the adapter whose answers are to be explained; gradients are computed once."""

    data: WorldData
    trained: Trained

    @cached_property
    def rows(self) -> list[list[LayerFactors]]:
        """The contributed texts' factors by checkpoint."""
        return self.trained.factors(self.data.documents)

    @cached_property
    def sampled(self) -> list[list[LayerFactors]]:
        """The same with labels drawn from the model."""
        return self.trained.factors(self.data.documents, _SAMPLED)

    @cached_property
    def row_gradients(self) -> list[Layers]:
        """The contributed texts' gradients by checkpoint."""
        return [gradients(each) for each in self.rows]

    @cached_property
    def query_gradients(self) -> list[Layers]:
        """The queries' gradients by checkpoint."""
        return [gradients(each) for each in self.trained.factors(self.data.queries)]

    def influence(self, curvatures: list[Curvature]) -> Floats:
        """`[C, Q]` influence with a curvature for each of the *last* checkpoints."""
        last = -len(curvatures)
        pairs = list(zip(curvatures, self.row_gradients[last:], strict=True))
        vectors = contributor_vectors(pairs, self.data.owners, self.data.contributors)
        return np.asarray(vectors @ query_vectors(self.query_gradients[last:]).T)


Scores = Callable[[Explained], Floats]


def uniform(world: Explained) -> Floats:
    """The same to everybody: what a score has to beat."""
    return np.ones((world.data.contributors, len(world.data.queries)))


def bm25(world: Explained) -> Floats:
    """Search: `matching.bm25_scores`."""
    data = world.data
    return bm25_scores(data.documents, data.owners, data.queries, data.contributors)


def phrases(world: Explained) -> Floats:
    """Copied phrases: `matching.phrase_shares`."""
    data = world.data
    return phrase_shares(data.documents, data.owners, data.queries, data.contributors)


def gradient_dot(world: Explained) -> Floats:
    """Dot products of gradients at the last checkpoint."""
    return world.influence([Identity()])


def tracin(world: Explained) -> Floats:
    """Dot products of gradients, summed over the checkpoints."""
    return world.influence([Identity() for _ in world.rows])


def datainf(world: Explained) -> Floats:
    """OpenLedger's influence, at the last checkpoint as it is published."""
    return world.influence([DataInf(world.row_gradients[-1])])


def block_fisher(world: Explained) -> Floats:
    """Exact inverses of each layer's Fisher matrix, summed over the checkpoints."""
    return world.influence([BlockFisher(each) for each in world.row_gradients])


def ek_fac(world: Explained) -> Floats:
    """EK-FAC on labels that the model draws, summed over the checkpoints."""
    return world.influence([EkFac(each) for each in world.sampled])


def ek_fac_16_bit(world: Explained) -> Floats:
    """The same on the contributors' span in 16 bits, as it is committed."""
    pairs = list(zip(map(EkFac, world.sampled), world.row_gradients, strict=True))
    basis = span_of(contributor_vectors(pairs, world.data.owners, world.data.contributors))
    projected, scales = basis.project(query_vectors(world.query_gradients))
    return np.asarray(basis.influence(projected) / (scales * basis.scale), dtype=np.float64)


def ek_fac_held_out(world: Explained) -> Floats:
    """EK-FAC for those who help texts that aren't paid for, as `adapter-influence` has it.

    Every second query is held out for the others.
    """
    scores = ek_fac(world)
    found = scores.copy()
    for half in range(2):
        helps = scores[:, 1 - half :: 2].sum(axis=1) > 0
        found[~helps, half::2] = np.minimum(scores[~helps, half::2], 0.0)
    return found


def phrases_and_ek_fac(world: Explained) -> Floats:
    """Half of the pay by copied phrases, half by EK-FAC: the two channels together."""
    both = payouts(phrases(world)) + payouts(ek_fac(world))
    return both / 2


METHODS: Final[Mapping[str, Scores]] = {
    "uniform": uniform,
    "bm25": bm25,
    "phrases": phrases,
    "gradient-dot": gradient_dot,
    "tracin": tracin,
    "datainf": datainf,
    "block-fisher": block_fisher,
    "ek-fac": ek_fac,
    "ek-fac-16-bit": ek_fac_16_bit,
    "ek-fac, held out": ek_fac_held_out,
    "phrases+ek-fac": phrases_and_ek_fac,
}


def timed(method: Scores, world: Explained) -> tuple[Floats, float]:
    """A method's scores and the seconds it took, gradients included."""
    fresh = Explained(world.data, world.trained)
    start = time.perf_counter()
    scores = method(fresh)
    return scores, time.perf_counter() - start
