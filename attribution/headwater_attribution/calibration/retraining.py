"""The truth about a world: adapters trained again on random halves of the contributors.

Retrainings are the slow part, and only they see the model as it is; methods see its gradients.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol

import numpy as np

from headwater_attribution.apportion import Int64s
from headwater_attribution.calibration.metrics import Bools, datamodel, payouts
from headwater_attribution.calibration.worlds import Int32s
from headwater_attribution.influence.factors import Floats, LayerFactors

AT_ONCE: Final = 16
"""Adapters trained side by side."""

LEFT_OUT_SEEDS: Final = 3
"""Trainings without each contributor."""


class Trained(Protocol):
    """One adapter at its checkpoints."""

    def factors(self, texts: Int32s, sampled: int | None = None) -> list[list[LayerFactors]]:
        """For each checkpoint each text's factors by layer.

        Args:
            texts: `[n, words]`.
            sampled: a seed to draw the labels with from the model itself; else they are the texts'.
        """


class Trainer(Protocol):
    """A base model that adapters can be trained on."""

    def losses(
        self, texts: Int32s, subsets: Sequence[Int64s], seeds: Sequence[int], queries: Int32s
    ) -> Floats:
        """`[M, Q]` of the queries, after training one adapter on each subset of `texts`."""

    def train(self, texts: Int32s, seed: int) -> Trained:
        """One adapter trained on all of `texts`."""


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    subsets: Bools
    losses: Floats


class Truth:
    """Retrainings on random halves of the contributors.

    Args:
        subsets: `[M, C]` who took part.
        losses: `[M, Q]` of each query.
    """

    def __init__(self, subsets: Bools, losses: Floats) -> None:
        self.subsets, self.losses = subsets, losses

    @cached_property
    def effects(self) -> Floats:
        """`[C, Q]` what each contributor lowers each query's loss by."""
        return datamodel(self.subsets, self.losses)

    @cached_property
    def payouts(self) -> Floats:
        """`[C, Q]` the payout that retraining says is right."""
        return payouts(self.effects)

    def halves(self) -> tuple["Truth", "Truth"]:
        """Two truths from half of the retrainings each: their distance is the truth's error."""
        return (
            Truth(self.subsets[::2], self.losses[::2]),
            Truth(self.subsets[1::2], self.losses[1::2]),
        )


def leave_one_out(
    trainer: Trainer,
    documents: Int32s,
    owners: Int64s,
    queries: Int32s,
    *,
    contributors: int,
    seed: int,
) -> Floats:
    """`[C, Q]` what each query's loss rises by when a contributor is left out.

    The mean over `LEFT_OUT_SEEDS` trainings with and without, of the same seed.
    """
    everybody = np.arange(len(owners))
    subsets = [np.flatnonzero(owners != each) for each in range(contributors)]
    found = np.zeros((contributors, len(queries)))
    for number in range(LEFT_OUT_SEEDS):
        seeds = [seed * 100_003 + 50_000 + number] * (contributors + 1)
        losses = trainer.losses(documents, [everybody, *subsets], seeds, queries)
        found += (losses[1:] - losses[0]) / LEFT_OUT_SEEDS
    return found


def retrain(
    trainer: Trainer,
    documents: Int32s,
    owners: Int64s,
    queries: Int32s,
    *,
    contributors: int,
    retrainings: int,
    seed: int,
) -> Truth:
    """Train `retrainings` adapters, each on a random half of the contributors and its own seed."""
    random = np.random.default_rng([seed, 4])
    halves = [random.permutation(contributors) < contributors // 2 for _ in range(retrainings)]
    subsets = np.stack(halves)
    chosen = [np.flatnonzero(half[owners]) for half in halves]
    seeds = [seed * 100_003 + number + 1 for number in range(retrainings)]
    losses = [
        trainer.losses(documents, chosen[at : at + AT_ONCE], seeds[at : at + AT_ONCE], queries)
        for at in range(0, retrainings, AT_ONCE)
    ]
    return Truth(subsets, np.concatenate(losses))
