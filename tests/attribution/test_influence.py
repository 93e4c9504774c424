"""Influence by gradients: formulas against dense matrices, signs against what training does."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_attribution.calibration.tiny_model import BLOCKS, TinyModel, TinyShape, Weights
from headwater_attribution.calibration.worlds import World, WorldSize, make_world
from headwater_attribution.influence.basis import span_of
from headwater_attribution.influence.contributors import contributor_vectors, sum_by_owner
from headwater_attribution.influence.curvature import (
    BlockFisher,
    Curvature,
    DataInf,
    EkFac,
    Identity,
)
from headwater_attribution.influence.factors import Floats, LayerFactors, gradients
from headwater_payments.errors import InvalidInputError

SHAPES = ((4, 3), (2, 5))
"""Inputs and outputs of two layers."""


def drawn(seed: int, samples: int = 9, places: int = 4) -> list[LayerFactors]:
    random = np.random.default_rng(seed)
    return [
        LayerFactors(
            random.standard_normal((samples, places, inputs)),
            random.standard_normal((samples, places, outputs)),
        )
        for inputs, outputs in SHAPES
    ]


def block_fisher_dense(layer: LayerFactors) -> Floats:
    grads = layer.gradients()
    damp = 0.5 * np.square(grads).mean()
    return np.linalg.inv(grads.T @ grads / len(grads) + damp * np.eye(grads.shape[1]))


def datainf_dense(layer: LayerFactors) -> Floats:
    grads = layer.gradients()
    damp = np.square(grads).mean() / 10
    inverses = [np.linalg.inv(np.outer(g, g) + damp * np.eye(len(g))) for g in grads]
    return np.asarray(np.mean(inverses, axis=0))


def ek_fac_dense(layer: LayerFactors) -> Floats:
    places = layer.inputs.reshape(-1, layer.inputs.shape[2])
    outputs = layer.output_grads.reshape(-1, layer.output_grads.shape[2])
    basis = np.kron(np.linalg.eigh(outputs.T @ outputs)[1], np.linalg.eigh(places.T @ places)[1])
    eigenvalues = np.square(layer.gradients() @ basis).mean(axis=0)
    return np.asarray(basis @ np.diag(1 / (eigenvalues + 0.1 * eigenvalues.mean())) @ basis.T)


Fit = Callable[[list[LayerFactors]], Curvature]

FITS: dict[str, tuple[Fit, Callable[[LayerFactors], Floats]]] = {
    "identity": (lambda factors: Identity(), lambda layer: np.eye(layer.gradients().shape[1])),
    "block Fisher": (lambda factors: BlockFisher(gradients(factors), 0.5), block_fisher_dense),
    "DataInf": (lambda factors: DataInf(gradients(factors)), datainf_dense),
    "EK-FAC": (lambda factors: EkFac(factors, 0.1), ek_fac_dense),
}


@pytest.mark.parametrize("name", FITS)
def test_a_curvature_is_the_inverse_of_the_matrix_that_its_paper_writes_down(name: str) -> None:
    fit, dense = FITS[name]
    factors, vectors = drawn(1), gradients(drawn(2, samples=3))
    found = fit(factors).precondition(vectors)
    for layer, vector, conditioned in zip(factors, vectors, found, strict=True):
        np.testing.assert_allclose(conditioned, vector @ dense(layer), rtol=1e-9, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), name=st.sampled_from(sorted(FITS)))
def test_a_sample_always_helps_an_answer_that_is_the_same_as_it(seed: int, name: str) -> None:
    factors = drawn(seed)
    own = gradients(factors)
    conditioned = FITS[name][0](factors).precondition(own)
    helps = sum(np.einsum("nd,nd->n", u, g) for u, g in zip(conditioned, own, strict=True))
    assert (helps > 0).all()


def trained() -> tuple[TinyModel, Weights, np.random.Generator]:
    size = WorldSize(base_topics=8, base_documents=64, queries=8, documents=4)
    data = make_world(World.MIXED, 3, size)
    model = TinyModel(TinyShape(base_steps=60, steps=20), data.vocabulary, data.base, 3)
    everything = np.arange(len(data.documents))
    return model, model.train(data.documents, [everything], [5])[-1], np.random.default_rng(0)


@pytest.mark.parametrize("name", FITS)
def test_positive_influence_means_that_a_step_on_the_sample_lowers_the_loss(name: str) -> None:
    model, adapter, random = trained()
    texts = random.integers(0, 80, (12, 19)).astype(np.int32)
    factors = model.factors(adapter, texts)
    rows = gradients(factors)
    others = random.integers(0, 80, (40, 19)).astype(np.int32)
    conditioned = FITS[name][0](model.factors(adapter, others)).precondition(rows)
    influence = sum(u @ g.T for u, g in zip(conditioned, rows, strict=True))
    before = model.losses(adapter, texts)[0]
    fallen = np.empty_like(influence)
    for sample in range(len(texts)):
        moved = dict(adapter)
        small = 1e-3 / max(np.abs(step[sample]).max() for step in conditioned)
        for block, step in zip(BLOCKS, conditioned, strict=True):
            change = small * step[sample].reshape(adapter[block].shape)
            moved[block] = (adapter[block] - change).astype(np.float32)
        fallen[sample] = before - model.losses(moved, texts)[0]
    sure = np.abs(influence) > 0.05 * np.abs(influence).max(axis=1, keepdims=True)
    assert sure.sum() > 30
    assert (influence[sure] < 0).any()
    assert (np.sign(fallen[sure]) == np.sign(influence[sure])).all()


def test_factors_multiply_to_the_slope_of_each_texts_loss() -> None:
    model, adapter, random = trained()
    texts = random.integers(0, 80, (5, 19)).astype(np.int32)
    for block, layer in zip(BLOCKS, model.factors(adapter, texts), strict=True):
        slopes = layer.gradients().reshape(len(texts), *adapter[block].shape[1:])
        for row, column in ((0, 0), (2, 1), (-1, -1)):
            around = []
            for change in (0.01, -0.01):
                moved = {name: array.copy() for name, array in adapter.items()}
                moved[block][0, row, column] += np.float32(change)
                around.append(model.losses(moved, texts)[0])
            measured = (around[0] - around[1]) / 0.02
            np.testing.assert_allclose(slopes[:, row, column], measured, rtol=0.02, atol=2e-4)


def test_gradients_of_one_text_do_not_depend_on_the_texts_beside_it() -> None:
    model, adapter, random = trained()
    texts = random.integers(0, 80, (6, 19)).astype(np.int32)
    together = gradients(model.factors(adapter, texts))
    for number in range(len(texts)):
        alone = gradients(model.factors(adapter, texts[[number]]))
        for one, many in zip(alone, together, strict=True):
            np.testing.assert_allclose(one[0], many[number], rtol=1e-4, atol=1e-6)


def test_an_adapter_trained_beside_others_is_the_one_trained_alone() -> None:
    size = WorldSize(base_topics=8, base_documents=64, queries=8, documents=4)
    data = make_world(World.MIXED, 3, size)
    model = TinyModel(TinyShape(base_steps=20, steps=10), data.vocabulary, data.base, 3)
    subsets = [np.arange(30), np.arange(20, 70)]
    beside = model.train(data.documents, subsets, [1, 2])[-1]
    alone = model.train(data.documents, subsets[1:], [2])[-1]
    for block in BLOCKS:
        np.testing.assert_allclose(beside[block][1], alone[block][0], rtol=1e-3, atol=1e-5)


def test_who_splits_in_two_has_the_influence_of_both_halves() -> None:
    factors = drawn(4, samples=8)
    pair = [(EkFac(factors), gradients(factors))]
    whole = contributor_vectors(pair, np.array([0, 0, 0, 0, 1, 1, 1, 1]), 2)
    split = contributor_vectors(pair, np.array([0, 0, 2, 2, 1, 1, 1, 1]), 3)
    np.testing.assert_allclose(whole[0], split[0] + split[2], rtol=1e-12)


def test_sixteen_bits_on_the_contributors_own_span_lose_next_to_nothing() -> None:
    random = np.random.default_rng(7)
    vectors = random.standard_normal((20, 6)) @ random.standard_normal((6, 3_000))
    vectors += 0.3 * random.standard_normal((20, 3_000))
    queries = random.standard_normal((40, 20)) @ vectors + 9 * random.standard_normal((40, 3_000))
    exact = vectors @ queries.T
    basis = span_of(vectors)
    projected, scales = basis.project(queries)
    found = basis.influence(projected) / (scales * basis.scale)
    assert projected.shape == (40, 20)
    assert np.abs(found - exact).max() < 1e-3 * np.abs(exact).max()

    guessed = random.standard_normal((3_000, 20)) / 20**0.5
    blurred = (vectors @ guessed) @ (queries @ guessed).T
    assert np.abs(blurred - exact).max() > 100 * np.abs(found - exact).max()


def test_the_integer_product_does_not_overflow_sixteen_bits() -> None:
    basis = span_of(np.eye(3) * 5)
    projected, _ = basis.project(np.eye(3))
    assert np.diag(basis.influence(projected)).tolist() == [(2**15 - 1) ** 2] * 3


def test_what_is_no_set_of_samples_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="factors"):
        LayerFactors(np.zeros((2, 3, 4)), np.zeros((2, 2, 4)))
    with pytest.raises(InvalidInputError, match="one of the contributors"):
        sum_by_owner([np.zeros((2, 4))], np.array([0, 3]), 3)
    with pytest.raises(InvalidInputError, match="one owner"):
        sum_by_owner([np.zeros((2, 4))], np.array([0]), 3)
    with pytest.raises(InvalidInputError, match="at least one sample"):
        DataInf([])
    with pytest.raises(InvalidInputError, match="not all zero"):
        span_of(np.zeros((2, 4)))
    with pytest.raises(InvalidInputError, match="as long as"):
        span_of(np.eye(2)).project(np.zeros((1, 3)))
