"""Bittensor's Yuma consensus: validators weigh miners, and what the stake doesn't agree on is cut.

Symbols: `W` worlds, `V` validators, `M` miners.

Source: Opentensor, "Yuma consensus" (subtensor, docs/consensus.md).
"""

from dataclasses import dataclass

import numpy as np

from headwater_attribution.apportion import Int64s
from headwater_attribution.presets.pots import Floats, pro_rata
from headwater_payments.errors import InvalidInputError

_TIE = 1e-12


@dataclass(frozen=True, slots=True)
class YumaParameters:
    """The numbers of an epoch.

    Attributes:
        kappa: the share of stake that must support a weight, above 0 and at most 1.
        beta: how far bonds follow the clipped weights: 0 not at all, 1 entirely.
        alpha: how far bonds move in one epoch.
        xi: the validators' part of the emission; the miners get the rest.

    Raises:
        InvalidInputError: a number out of range.
    """

    kappa: float = 0.5
    beta: float = 1.0
    alpha: float = 0.1
    xi: float = 0.5

    def __post_init__(self) -> None:
        inside = all(0 <= each <= 1 for each in (self.kappa, self.beta, self.alpha, self.xi))
        if not inside or self.kappa == 0:
            raise InvalidInputError("Yuma's numbers lie between 0 and 1, and kappa above 0.")


@dataclass(frozen=True, slots=True)
class YumaEpoch:
    """What an epoch computes.

    Attributes:
        consensus: `[W, M]` the largest weight that kappa of the stake supports.
        ranks: `[W, M]` stake-weighted sum of clipped weights.
        incentives: `[W, M]` ranks normalised: the miners' shares.
        trust: `[W, M]` how much of a miner's weight survived clipping.
        validator_trust: `[W, V]` how much of a validator's weight survived.
        bonds: `[W, V, M]` the validators' claims on each miner's success.
        dividends: `[W, V]` bonds × incentives, normalised: the validators' shares.
    """

    consensus: Floats
    ranks: Floats
    incentives: Floats
    trust: Floats
    validator_trust: Floats
    bonds: Floats
    dividends: Floats


def yuma_consensus(stakes: Floats, weights: Floats, kappa: float) -> Floats:
    """W̄_j = max { w : Σ_i S_i [W_ij ≥ w] ≥ κ }, the stake-weighted upper quantile.

    Args:
        stakes: `[W, V]` shares of the stake that sum to 1.
        weights: `[W, V, M]`.
        kappa: the share that must support a weight; one within 10^-12 below counts as reaching it.

    Returns:
        `[W, M]`.
    """
    order = np.argsort(-weights, axis=1, kind="stable")
    backing = np.cumsum(np.take_along_axis(stakes[:, :, None], order, axis=1), axis=1)
    marginal = np.argmax(backing >= kappa - _TIE, axis=1)[:, None]
    ranked = np.take_along_axis(weights, order, axis=1)
    return np.take_along_axis(ranked, marginal, axis=1)[:, 0]


def yuma_epoch(
    stakes: Int64s,
    weights: Floats,
    bonds: Floats | None = None,
    parameters: YumaParameters | None = None,
) -> YumaEpoch:
    """One epoch: clip at the consensus, rank, and move the bonds.

    W̄_ij = min(W_ij, W̄_j); R_j = Σ_i S_i W̄_ij; I = R / Σ R;
    W̃ = (1-β)W + βW̄; ΔB_ij = S_i W̃_ij / Σ_k S_k W̃_kj; B = αΔB + (1-α)B′; D_i ~ Σ_j B_ij I_j.

    Args:
        stakes: `[W, V]` atomic units, some in each world; below 2^53.
        weights: `[W, V, M]` at least 0; each validator's are normalised to sum to 1.
        bonds: `[W, V, M]` of the epoch before; none in the first, where B = ΔB.
        parameters: the epoch's numbers.

    Raises:
        InvalidInputError: shapes disagree, a negative or infinite input, or a world without stake.
    """
    numbers = parameters or YumaParameters()
    _check(stakes, weights, bonds)
    shares = stakes / stakes.sum(axis=1, keepdims=True)
    weights = _normalised(weights, axis=2)
    consensus = yuma_consensus(shares, weights, numbers.kappa)
    clipped = np.minimum(weights, consensus[:, None])
    ranks = (shares[:, :, None] * clipped).sum(axis=1)
    incentives = _normalised(ranks, axis=1)
    penalised = (1 - numbers.beta) * weights + numbers.beta * clipped
    instant = _normalised(shares[:, :, None] * penalised, axis=1)
    moved = instant if bonds is None else numbers.alpha * instant + (1 - numbers.alpha) * bonds
    return YumaEpoch(
        consensus=consensus,
        ranks=ranks,
        incentives=incentives,
        trust=_ratio(ranks, (shares[:, :, None] * weights).sum(axis=1)),
        validator_trust=_ratio(clipped.sum(axis=2), weights.sum(axis=2)),
        bonds=moved,
        dividends=_normalised((moved * incentives[:, None]).sum(axis=2), axis=1),
    )


def yuma_emission(
    emission: Int64s, epoch: YumaEpoch, parameters: YumaParameters | None = None
) -> tuple[Int64s, Int64s]:
    """The emission by E = ξD + (1-ξ)I, to the last unit.

    Args:
        emission: `[W]` atomic units.
        epoch: whose dividends and incentives pay.
        parameters: for ξ.

    Returns:
        `[W, V]` the validators' and `[W, M]` the miners' atomic units; together the emission, or
        nothing where nobody is weighed.
    """
    xi = (parameters or YumaParameters()).xi
    claims = np.concatenate((xi * epoch.dividends, (1 - xi) * epoch.incentives), axis=1)
    paid = pro_rata(emission, claims)
    validators = epoch.dividends.shape[1]
    return paid[:, :validators], paid[:, validators:]


def _check(stakes: Int64s, weights: Floats, bonds: Floats | None) -> None:
    if weights.ndim != 3 or weights.shape[:2] != stakes.shape:
        raise InvalidInputError("Yuma needs stakes [W, V] and weights [W, V, M].")
    if bonds is not None and bonds.shape != weights.shape:
        raise InvalidInputError("Bonds have the shape of the weights.")
    if (stakes < 0).any() or not (stakes.sum(axis=1) > 0).all():
        raise InvalidInputError("Stakes are at least 0, and each world has some.")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise InvalidInputError("Weights are finite and at least 0.")


def _normalised(values: Floats, axis: int) -> Floats:
    return _ratio(values, values.sum(axis=axis, keepdims=True))


def _ratio(values: Floats, whole: Floats) -> Floats:
    return np.asarray(values / np.where(whole > 0, whole, 1.0), dtype=np.float64)
