"""What is asked of scores when the truth is known: rank, payout, spam, clones, with intervals.

The linear datamodelling score (LDS) asks whether summed scores rank retrainings rightly. It can't
see a constant paid to everybody, so it says nothing about payouts; the other figures do.

Symbols: `M` retrainings, `C` contributors, `Q` queries, `S` seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from headwater_attribution.influence.factors import Floats
from headwater_payments.errors import InvalidInputError

Bools = npt.NDArray[np.bool_]

RESAMPLES: Final = 1_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and the interval that holds 95 % of its bootstrap resamples."""

    value: float
    low: float
    high: float


def linear_datamodelling_score(scores: Floats, subsets: Bools, losses: Floats) -> Floats:
    """`[Q]` rank correlation of summed scores with what retrainings did to each query.

    Args:
        scores: `[C, Q]`, positive where a contributor lowers the loss.
        subsets: `[M, C]` who took part in each retraining.
        losses: `[M, Q]` of each query after it.

    Source:
        Park et al., "TRAK", 2023 (arXiv 2303.14186), definition 2.
    """
    return rank_correlation(subsets.astype(np.float64) @ scores, -losses)


def rank_correlation(left: Floats, right: Floats) -> Floats:
    """`[Q]` Spearman's ρ of the columns of two arrays `[M, Q]`; 0 where one of them is constant."""
    a, b = _ranks(left), _ranks(right)
    spread = np.sqrt(np.square(a).sum(axis=0) * np.square(b).sum(axis=0))
    return np.asarray((a * b).sum(axis=0) / np.where(spread > 0, spread, 1), dtype=np.float64)


def datamodel(subsets: Bools, losses: Floats, ridge: float = 0.5) -> Floats:
    """`[C, Q]` what each contributor lowers each query's loss by, by ridge regression.

    Losses of retrainings on random subsets are regressed on who took part: the truth that payouts
    are held against.

    Source:
        Ilyas et al., "Datamodels", 2022 (arXiv 2202.00622).
    """
    present = subsets.astype(np.float64) - subsets.mean(axis=0)
    gram = present.T @ present + ridge * np.eye(present.shape[1])
    return np.asarray(np.linalg.solve(gram, present.T @ (losses.mean(axis=0) - losses)))


def payouts(scores: Floats) -> Floats:
    """`[C, Q]` positive scores as shares of each query's pay; a query nobody helped pays nobody."""
    positive = np.maximum(scores, 0.0)
    whole = positive.sum(axis=0)
    return positive / np.where(whole > 0, whole, 1.0)


def payout_distance(paid: Floats, truth: Floats) -> Floats:
    """`[Q]` the part of the pay that goes elsewhere than retraining says: total variation, 0 to 1.

    What `paid` leaves unpaid counts as paid elsewhere.
    """
    unpaid = np.maximum(truth.sum(axis=0) - paid.sum(axis=0), 0.0)
    return np.asarray((np.abs(paid - truth).sum(axis=0) + unpaid) / 2)


def paid_rightly(paid: Floats, truth: Floats) -> Floats:
    """`[≤ Q]` of what is paid on a query, the part that retraining would pay to the same.

    Queries on which nothing is paid are left out: an abstention is neither right nor wrong.
    """
    whole = paid.sum(axis=0)
    agreed = np.minimum(paid, truth).sum(axis=0)
    return np.asarray(agreed[whole > 0] / whole[whole > 0])


def spam_share(paid: Floats, spam: Bools) -> Floats:
    """`[Q]` the part of the pay that goes to contributors of noise."""
    whole = paid.sum(axis=0)
    return np.asarray(paid[spam].sum(axis=0) / np.where(whole > 0, whole, 1.0))


def bootstrap(by_seed: Sequence[Floats], seed: int = 0) -> Estimate:
    """The mean over seeds and queries, with an interval.

    Queries of one seed share a model, so seeds are resampled first and queries within each.

    Args:
        by_seed: for each seed a figure for each of its queries.
        seed: of the resampling.

    Raises:
        InvalidInputError: there is nothing to take the mean of.
    """
    if not by_seed or any(len(each) == 0 for each in by_seed):
        raise InvalidInputError("A figure needs at least one seed with at least one query.")
    random = np.random.default_rng(seed)
    means = np.empty(RESAMPLES)
    for number in range(RESAMPLES):
        drawn = random.integers(0, len(by_seed), len(by_seed))
        means[number] = np.mean(
            [random.choice(by_seed[each], len(by_seed[each])).mean() for each in drawn]
        )
    low, high = np.quantile(means, (0.025, 0.975))
    return Estimate(float(np.mean([each.mean() for each in by_seed])), float(low), float(high))


def _ranks(values: Floats) -> Floats:
    """Centred ranks of each column, ties sharing their mean rank."""
    ranks = np.empty(values.shape)
    for column in range(values.shape[1]):
        _, group, counts = np.unique(values[:, column], return_inverse=True, return_counts=True)
        ends = np.cumsum(counts)
        ranks[:, column] = (ends - (counts - 1) / 2)[group]
    return np.asarray(ranks - ranks.mean(axis=0))
