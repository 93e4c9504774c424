"""The compiled twins of other economies' formulas pay the same money, over many worlds at once."""

import numpy as np
import pytest

from headwater_attribution.presets import (
    CLASSIC,
    ClassParameters,
    YumaParameters,
    absolute_royalties,
    class_pools,
    compiled,
    entropy,
    relative_royalties,
    score_shares,
    tournament_payouts,
    yuma_emission,
    yuma_epoch,
)
from headwater_payments.split import PARTS

WORLDS = 300
SIZES = [1, 2, 5, 11]


@pytest.mark.parametrize("n", SIZES)
def test_a_compiled_tournament_pays_and_burns_the_same(n: int) -> None:
    draw = np.random.default_rng(n)
    stakes = draw.integers(0, 2 ** draw.integers(1, 58, (WORLDS, 1)), (WORLDS, n))
    scores = draw.normal(0, 0.05, (2, WORLDS, n)) * (draw.random((2, WORLDS, n)) < 0.9)
    paid = compiled.tournament(
        stakes,
        scores[0],
        scores[1],
        (CLASSIC.threshold, CLASSIC.correlation, CLASSIC.contribution, CLASSIC.cap),
    )
    assert np.array_equal(paid, tournament_payouts(stakes, scores[0], scores[1]))
    assert (paid != 0).any()


@pytest.mark.parametrize("n", SIZES)
def test_compiled_royalties_reach_the_same_ancestors(n: int) -> None:
    draw = np.random.default_rng(n)
    sales = draw.integers(0, 2 ** draw.integers(1, 58, (WORLDS, 1)), (WORLDS, n))
    linked = np.tril(draw.random((WORLDS, n, n)) < 0.5, -1)
    relative = np.where(linked, draw.integers(0, PARTS // n, (WORLDS, n, n)), 0)
    expected = relative_royalties(sales, relative)
    kept, received = compiled.relative(sales, relative)
    assert np.array_equal(kept, expected.kept)
    assert np.array_equal(received, expected.received)
    absolute = np.where(linked, draw.integers(0, PARTS // 2**n, (WORLDS, n, n)), 0)
    if n > 5:
        absolute //= n  # as many paths as there are subsets of works between
    expected = absolute_royalties(sales, absolute, linked)
    kept, received = compiled.absolute(sales, absolute, linked)
    assert np.array_equal(kept, expected.kept)
    assert np.array_equal(received, expected.received)
    assert n == 1 or received.any()


@pytest.mark.parametrize("n", SIZES)
def test_compiled_damping_weighs_alike_and_divides_the_same_emission(n: int) -> None:
    draw, numbers = np.random.default_rng(n), ClassParameters(steepness=3.0)
    scores = draw.normal(0, 10.0 ** draw.integers(-3, 3, (WORLDS, 1)), (WORLDS, n))
    found = compiled.shares(scores, numbers.steepness, numbers.centre)
    expected = score_shares(scores, numbers)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-300)
    claims = compiled.claims_of_classes(expected, numbers.beta)
    np.testing.assert_allclose(claims, entropy(expected, numbers.beta), rtol=1e-9, atol=1e-12)
    emission = draw.integers(0, 2**62, WORLDS)
    f, g, h = draw.random((3, WORLDS)) * (draw.random((3, WORLDS)) < 0.8)
    pools = class_pools(emission, f, g, h, 0.3)
    paid = compiled.pools_of_classes(emission, f, g, h, 0.3)
    assert np.array_equal(paid, np.stack([pools.inference, pools.forecast, pools.reputers], 1))


@pytest.mark.parametrize("validators", SIZES)
def test_compiled_yuma_agrees_moves_bonds_and_pays_the_same(validators: int) -> None:
    draw, numbers, miners = np.random.default_rng(validators), YumaParameters(beta=0.7), 6
    stakes = draw.integers(1, 2**40, (WORLDS, validators))
    weights = draw.integers(0, 4, (WORLDS, validators, miners)).astype(np.float64)
    three = (numbers.kappa, numbers.beta, numbers.alpha)
    before = None
    for epoch in range(3):
        expected = yuma_epoch(stakes, weights, before, numbers)
        bonds = np.empty_like(weights) if before is None else before
        found = compiled.yuma(stakes, weights, bonds, epoch == 0, three)
        theirs = (expected.incentives, expected.bonds, expected.dividends)
        for mine, their in zip(found, theirs, strict=True):
            np.testing.assert_allclose(mine, their, rtol=1e-12, atol=1e-15)
        emission = draw.integers(0, 2**62, WORLDS)
        paid = compiled.yuma_pay(emission, expected.dividends, expected.incentives, numbers.xi)
        assert np.array_equal(paid, np.concatenate(yuma_emission(emission, expected, numbers), 1))
        before = expected.bonds


def test_nobody_with_a_claim_leaves_a_compiled_pot_undivided() -> None:
    none = np.zeros((1, 2))
    paid = compiled.yuma_pay(np.array([7]), none, none, 0.5)
    assert paid.tolist() == [[0, 0, 0, 0]]
