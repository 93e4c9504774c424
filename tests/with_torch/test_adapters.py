"""Factors of adapters by hooks, against torch's own gradients, and what they are worth."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn

from headwater_attribution.calibration.measured import measure_world
from headwater_attribution.calibration.retraining import Trainer
from headwater_attribution.calibration.transformer import (
    Transformer,
    TransformerShape,
    TransformerTrainer,
)
from headwater_attribution.calibration.worlds import World, WorldData, WorldSize, make_world
from headwater_attribution.influence.adapters import (
    batch_factors,
    concatenated,
    low_rank_layers,
    sampled_targets,
    summed_gradients,
    tapped,
)
from headwater_attribution.influence.contributors import sum_by_owner
from headwater_attribution.influence.factors import gradients
from headwater_payments.errors import InvalidInputError

QUICK = TransformerShape(base_steps=300, steps=80)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def model() -> Transformer:
    torch.manual_seed(0)
    made = Transformer(50, 12, TransformerShape())
    for name, weight in made.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(weight, std=0.1)
        weight.requires_grad_(".lora_" in name)
    return made.double()


def losses(model: Transformer, texts: torch.Tensor) -> torch.Tensor:
    scores = model(texts[:, :-1]).transpose(1, 2)
    by_word = nn.functional.cross_entropy(scores, texts[:, 1:], reduction="none")
    return by_word.mean(dim=1)


def test_factors_multiply_to_torchs_own_gradient_of_each_sample(model: Transformer) -> None:
    texts = torch.randint(50, (7, 12), generator=torch.Generator().manual_seed(1))
    layers = low_rank_layers(model)
    assert len(layers) == 2 * 4 * 2
    found = gradients(batch_factors(layers, lambda: losses(model, texts)))
    for number in range(len(texts)):
        weights = [layer.weight for layer in layers.values()]
        alone = torch.autograd.grad(losses(model, texts[[number]]).sum(), weights)
        for mine, own in zip(found, alone, strict=True):
            np.testing.assert_allclose(mine[number], own.numpy().ravel(), rtol=1e-9, atol=1e-15)


def test_gradients_do_not_depend_on_how_samples_are_batched(model: Transformer) -> None:
    texts = torch.randint(50, (16, 12), generator=torch.Generator().manual_seed(2))
    layers = low_rank_layers(model)
    whole = gradients(batch_factors(layers, lambda: losses(model, texts)))
    pieces = concatenated(
        [batch_factors(layers, lambda part=part: losses(model, part)) for part in texts.split(5)]
    )
    for one, other in zip(whole, gradients(pieces), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-14)


def test_sums_by_contributor_are_the_same_over_any_batches(model: Transformer) -> None:
    texts = torch.randint(50, (16, 12), generator=torch.Generator().manual_seed(3))
    owners = np.arange(16) % 3
    layers = low_rank_layers(model)
    batches = [
        (lambda part=part: losses(model, part), owner)
        for part, owner in zip(texts.split(6), np.split(owners, [6, 12]), strict=True)
    ]
    streamed = summed_gradients(layers, batches, 3)
    whole = gradients(batch_factors(layers, lambda: losses(model, texts)))
    for one, other in zip(streamed, sum_by_owner(whole, owners, 3), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-13)


def test_hooks_are_gone_afterwards_and_gradients_of_weights_are_left_alone(
    model: Transformer,
) -> None:
    texts = torch.randint(50, (4, 12))
    layers = low_rank_layers(model)
    batch_factors(layers, lambda: losses(model, texts))
    assert all(not layer._forward_hooks for layer in layers.values())
    assert all(layer.weight.grad is None for layer in layers.values())
    with pytest.raises(RuntimeError, match="on purpose"), tapped(layers):
        raise RuntimeError("on purpose")
    assert all(not layer._forward_hooks for layer in layers.values())


def test_what_gives_no_gradient_by_sample_is_refused(model: Transformer) -> None:
    texts = torch.randint(50, (4, 12))
    layers = low_rank_layers(model)
    with pytest.raises(InvalidInputError, match="one loss for each sample"):
        batch_factors(layers, lambda: losses(model, texts).mean())
    with pytest.raises(InvalidInputError, match="without a bias"), tapped({"x": nn.Linear(2, 2)}):
        raise AssertionError("unreachable")
    with tapped(layers) as tap:
        model(texts)
        with pytest.raises(InvalidInputError, match="No gradient reached"):
            tap.factors()
    with pytest.raises(InvalidInputError, match="lora_A"):
        low_rank_layers(nn.Linear(2, 2))


def test_labels_drawn_from_a_model_follow_its_probabilities() -> None:
    logits = torch.tensor([[0.0, 0.0, -100.0], [-100.0, 0.0, -100.0]]).repeat(500, 1)
    drawn = sampled_targets(logits, torch.Generator().manual_seed(4)).view(500, 2)
    assert (drawn[:, 1] == 1).all()
    assert 200 < int((drawn[:, 0] == 0).sum()) < 300
    assert int((drawn[:, 0] == 2).sum()) == 0


def test_an_adapter_is_the_same_bits_when_it_is_trained_again() -> None:
    size = WorldSize(base_documents=200, base_topics=8, queries=4, documents=4)
    data = make_world(World.MIXED, 3, size)
    shape = TransformerShape(base_steps=10, steps=8)
    trainer = TransformerTrainer(data.vocabulary, data.base, 3, shape)
    half = [np.arange(30)]
    one, _, again = (
        trainer.losses(data.documents, half, [seed], data.queries) for seed in (5, 6, 5)
    )
    assert (one == again).all()
    fresh = TransformerTrainer(data.vocabulary, data.base, 3, shape)
    assert (fresh.losses(data.documents, half, [5], data.queries) == one).all()


def test_where_no_word_matches_curvature_ranks_retrained_transformers_best() -> None:
    size = WorldSize(topics=3, queries=18, base_documents=800, base_topics=20)

    def draw(seed: int) -> tuple[WorldData, Trainer]:
        data = make_world(World.PARAPHRASE, seed, size)
        return data, TransformerTrainer(data.vocabulary, data.base, seed, QUICK)

    found = measure_world("paraphrase", draw, [0], retrainings=24)
    assert found.methods["ek-fac"]["lds"].value > 0.4
    assert found.margins["ek-fac"].value > 0.05
    uniform, influence = (found.methods[name]["payout_distance"] for name in ("uniform", "ek-fac"))
    assert influence.high < uniform.low
