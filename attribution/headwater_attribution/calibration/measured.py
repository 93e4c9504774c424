"""One world measured over several seeds: every method's figures, each with its interval."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from headwater_attribution.calibration.methods import METHODS, Explained, Scores, timed
from headwater_attribution.calibration.metrics import (
    Estimate,
    bootstrap,
    linear_datamodelling_score,
    paid_rightly,
    payout_distance,
    payouts,
    rank_correlation,
    spam_share,
)
from headwater_attribution.calibration.retraining import Trainer, leave_one_out, retrain
from headwater_attribution.calibration.worlds import WorldData
from headwater_attribution.influence.factors import Floats

FIGURES: Final = ("lds", "left_out", "payout_distance", "paid_rightly", "spam_share", "seconds")
"""`lds`: linear datamodelling score. `left_out`: rank correlation over contributors with what
retraining without each of them changes. `payout_distance`: part of the pay that goes elsewhere than
retraining says. `paid_rightly`: of what is paid, the part that retraining confirms. `spam_share`:
part of the pay that goes to noise. `seconds`: of the method."""

TRUTH: Final = "retraining"
"""The row of the truth itself: one half of the retrainings judged by the other."""

Figures = dict[str, Floats]


@dataclass(frozen=True, slots=True)
class MeasuredWorld:
    """What was found in one world.

    Attributes:
        world: its name.
        seeds: how many times it was drawn.
        retrainings: adapters trained for the truth, each time.
        methods: by method the figures of `FIGURES`.
        margins: by method, its linear datamodelling score less that of DataInf on the same queries.
    """

    world: str
    seeds: int
    retrainings: int
    methods: Mapping[str, Mapping[str, Estimate]]
    margins: Mapping[str, Estimate]


def measure_world(
    world: str,
    draw: Callable[[int], tuple[WorldData, Trainer]],
    seeds: Sequence[int],
    *,
    retrainings: int,
    methods: Mapping[str, Scores] = METHODS,
) -> MeasuredWorld:
    """Draw a world for each seed, retrain for its truth, and hold every method against that.

    Args:
        world: its name.
        draw: from a seed to the texts and the trained base.
        seeds: at least one.
        retrainings: adapters on random halves of the contributors, for each seed.
        methods: by name.
    """
    runs = [
        measure_seed(*draw(seed), seed, retrainings=retrainings, methods=methods) for seed in seeds
    ]
    return summarise(world, runs, retrainings)


def summarise(
    world: str, seeds: Sequence[Mapping[str, Figures]], retrainings: int
) -> MeasuredWorld:
    """What `measure_seed` found for each seed, with intervals over seeds and queries."""
    found: defaultdict[str, list[Figures]] = defaultdict(list)
    for one_seed in seeds:
        for name, figures in one_seed.items():
            found[name].append(figures)
    summary = {name: _intervals(runs) for name, runs in found.items()}
    margins = {
        name: bootstrap(
            [run["lds"] - base["lds"] for run, base in zip(runs, found["datainf"], strict=True)]
        )
        for name, runs in found.items()
        if "datainf" in found and name not in (TRUTH, "datainf")
    }
    return MeasuredWorld(world, len(seeds), retrainings, summary, margins)


def _intervals(runs: Sequence[Figures]) -> dict[str, Estimate]:
    found = {}
    for figure in runs[0]:
        seen = [each[figure] for each in runs if len(each[figure])]
        if seen:
            found[figure] = bootstrap(seen)
    return found


def measure_seed(
    data: WorldData,
    trainer: Trainer,
    seed: int,
    *,
    retrainings: int,
    methods: Mapping[str, Scores] = METHODS,
) -> dict[str, Figures]:
    """By method the figures of one drawing of a world, each `[Q]` by query.

    A figure that a method has of no query, as `paid_rightly` of one that pays nobody, is left out.
    """
    texts = (trainer, data.documents, data.owners, data.queries)
    truth = retrain(*texts, contributors=data.contributors, retrainings=retrainings, seed=seed)
    left_out = leave_one_out(*texts, contributors=data.contributors, seed=seed)
    explained = Explained(data, trainer.train(data.documents, seed * 100_003))
    found = {}
    for name, method in methods.items():
        scores, seconds = timed(method, explained)
        paid = payouts(scores)
        found[name] = {
            "lds": linear_datamodelling_score(scores, truth.subsets, truth.losses),
            "left_out": rank_correlation(scores, left_out),
            "payout_distance": payout_distance(paid, truth.payouts),
            "paid_rightly": paid_rightly(paid, truth.payouts),
            "spam_share": spam_share(paid, data.spam),
            "seconds": np.array([seconds]),
        }
    one, other = truth.halves()
    found[TRUTH] = {
        "lds": linear_datamodelling_score(one.effects, other.subsets, other.losses),
        "left_out": rank_correlation(truth.effects, left_out),
        "payout_distance": payout_distance(one.payouts, other.payouts),
        "spam_share": spam_share(truth.payouts, data.spam),
    }
    return found
