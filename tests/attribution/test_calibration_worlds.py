"""Where the truth is known by retraining: what each method sees of it, and what it can't."""

import numpy as np
import pytest

from headwater_attribution.calibration.measured import TRUTH, MeasuredWorld, measure_world
from headwater_attribution.calibration.metrics import (
    bootstrap,
    datamodel,
    linear_datamodelling_score,
    payout_distance,
    payouts,
    rank_correlation,
    spam_share,
)
from headwater_attribution.calibration.retraining import Trainer
from headwater_attribution.calibration.tiny_model import TinyShape
from headwater_attribution.calibration.tiny_trainer import TinyTrainer
from headwater_attribution.calibration.worlds import World, WorldData, WorldSize, make_world
from headwater_payments.errors import InvalidInputError

SMALL = WorldSize(topics=3, queries=18, base_documents=1_000, base_topics=20)
QUICK = TinyShape(steps=150, checkpoints=4, base_steps=800)


def draw(world: World, seed: int) -> tuple[WorldData, Trainer]:
    data = make_world(world, seed, SMALL)
    return data, TinyTrainer(data.vocabulary, data.base, seed, QUICK)


def measured(world: World) -> MeasuredWorld:
    return measure_world(world, lambda seed: draw(world, seed), [0], retrainings=24)


def test_in_a_mixed_world_curvature_ranks_and_pays_best_and_rank_alone_is_no_fair_pay() -> None:
    found = measured(World.MIXED)
    influence, search = found.methods["ek-fac"], found.methods["bm25"]
    assert influence["lds"].low > 0.6
    assert influence["payout_distance"].high < found.methods["uniform"]["payout_distance"].low / 2
    assert influence["spam_share"].value < 0.12
    assert influence["left_out"].low > 0.2
    assert found.methods[TRUTH]["lds"].value > 0.5
    assert found.margins["ek-fac"].low > 0
    assert found.margins["block-fisher"].value > 0

    assert search["lds"].value > 0.5
    assert search["payout_distance"].low > influence["payout_distance"].high
    assert search["spam_share"].low > 2 * influence["spam_share"].value

    for figure in ("lds", "payout_distance", "spam_share"):
        committed = found.methods["ek-fac-16-bit"][figure].value
        assert committed == pytest.approx(influence[figure].value, abs=2e-3)


def test_in_a_world_of_paraphrase_matching_sees_nothing_and_influence_does() -> None:
    methods = measured(World.PARAPHRASE).methods
    assert methods["phrases"]["lds"].high < 0.05
    assert methods["phrases"]["payout_distance"].value > 0.95
    assert methods["ek-fac"]["lds"].low > 0.5
    assert methods["ek-fac"]["payout_distance"].high < 0.45


def test_a_world_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    one, same, other = (make_world(World.MIXED, seed, SMALL) for seed in (4, 4, 5))
    assert (one.documents == same.documents).all()
    assert (one.queries == same.queries).all()
    assert (one.documents != other.documents).any()


def test_rows_and_queries_of_the_paraphrase_world_share_no_word_of_meaning() -> None:
    data = make_world(World.PARAPHRASE, 1, SMALL)
    clean = data.documents[np.isin(data.owners, np.arange(0, data.contributors, 4))]
    meaning = 2 * SMALL.concepts
    assert set((clean[clean < meaning] % 2).tolist()) == {0}
    assert set((data.queries[data.queries < meaning] % 2).tolist()) == {1}


def test_figures_by_hand() -> None:
    subsets = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1], [1, 0, 0]], dtype=np.bool_)
    effects = np.array([[3.0], [1.0], [0.0]])
    losses = 10 - subsets @ effects
    assert linear_datamodelling_score(effects, subsets, losses) == pytest.approx([1.0])
    assert linear_datamodelling_score(-effects, subsets, losses) == pytest.approx([-1.0])
    assert datamodel(subsets, losses, ridge=1e-9)[:, 0] == pytest.approx([3, 1, 0], abs=1e-6)
    paid = payouts(np.array([[3.0, -1.0], [1.0, -2.0]]))
    assert paid.tolist() == [[0.75, 0.0], [0.25, 0.0]]
    truth = np.array([[0.5, 1.0], [0.5, 0.0]])
    assert payout_distance(paid, truth).tolist() == [0.25, 1.0]
    assert spam_share(paid, np.array([False, True])).tolist() == [0.25, 0.0]
    ties = rank_correlation(np.array([[1.0], [1.0], [2.0]]), np.array([[1.0], [2.0], [3.0]]))
    assert ties == pytest.approx([np.sqrt(0.75)])


def test_a_score_that_adds_the_same_to_everybody_has_the_same_rank_but_pays_spam() -> None:
    random = np.random.default_rng(0)
    effects = np.abs(random.standard_normal((8, 30)))
    spam = np.arange(8) >= 6
    effects[spam] = 0
    halves = np.stack([random.permutation(8) < 4 for _ in range(40)])
    losses = -(halves @ effects)
    for added in (0.0, 5.0):
        assert linear_datamodelling_score(effects + added, halves, losses) == pytest.approx(1.0)
    assert spam_share(payouts(effects), spam).max() == 0
    assert spam_share(payouts(effects + 5), spam).min() > 0.2


def test_an_interval_of_few_seeds_is_wider_than_one_of_many() -> None:
    random = np.random.default_rng(1)
    runs = [random.standard_normal(30) + random.standard_normal() for _ in range(24)]
    few, many = bootstrap(runs[:3]), bootstrap(runs)
    assert few.low < few.value < few.high
    assert many.high - many.low < few.high - few.low
    with pytest.raises(InvalidInputError, match="at least one seed"):
        bootstrap([])
