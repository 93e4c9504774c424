"""Allora's damping: a class whose rewards concentrate on few gets a smaller pool.

Symbols: `W` worlds, `n` members of a class (inference, forecast, reputer).

Source: Allora, "A Decentralized Machine Intelligence Network" whitepaper, 2024, and the chain's
`emissions` module, whose factor outside the logarithm is used here.
"""

from dataclasses import dataclass

import numpy as np

from headwater_attribution.apportion import Int64s
from headwater_attribution.presets.pots import Floats, pro_rata
from headwater_payments.errors import InvalidInputError

_EPSILON = 1e-4


@dataclass(frozen=True, slots=True)
class ClassParameters:
    """The numbers of the damping.

    Attributes:
        steepness: p of φ; 1 for inference, 3 for forecasts.
        centre: c of φ.
        beta: how strongly concentration shrinks a pool; 0 doesn't.

    Raises:
        InvalidInputError: a number that is not finite, no steepness, or a negative beta.
    """

    steepness: float = 1.0
    centre: float = 0.75
    beta: float = 0.25

    def __post_init__(self) -> None:
        finite = np.isfinite([self.steepness, self.centre, self.beta]).all()
        if not finite or self.steepness <= 0 or self.beta < 0:
            raise InvalidInputError("The damping needs steepness > 0, beta >= 0 and a centre.")


@dataclass(frozen=True, slots=True)
class Classes:
    """The pools of an epoch, `[W]` atomic units each; they sum to the emission."""

    inference: Int64s
    forecast: Int64s
    reputers: Int64s


def phi(scores: Floats, steepness: float = 1.0, centre: float = 0.75) -> Floats:
    """The potential φ(x) = ln(1 + e^(p(x - c))): positive, and linear for large scores.

    Args:
        scores: `[...]` normalised one-out scores.
        steepness: p.
        centre: c.
    """
    return np.asarray(np.logaddexp(0.0, steepness * (scores - centre)), dtype=np.float64)


def score_shares(scores: Floats, parameters: ClassParameters | None = None) -> Floats:
    """Shares within a class: u_j = φ(T_j / (σ(T) + ε)) / Σ φ.

    Args:
        scores: `[W, n]` one-out scores T: log loss without j less log loss with all.
        parameters: steepness and centre.

    Returns:
        `[W, n]` that sum to 1.

    Raises:
        InvalidInputError: a score that is not finite.
    """
    if not np.isfinite(scores).all():
        raise InvalidInputError("Shares need finite scores.")
    numbers = parameters or ClassParameters()
    spread = scores.std(axis=-1, keepdims=True) + _EPSILON
    potential = phi(scores / spread, numbers.steepness, numbers.centre)
    # φ underflows where every score is far below the centre; the floor then makes shares equal.
    potential = np.maximum(potential, np.finfo(np.float64).tiny)
    return np.asarray(potential / potential.sum(axis=-1, keepdims=True), dtype=np.float64)


def effective_count(shares: Floats) -> Floats:
    """N_eff = 1 / Σ f², `[W]`: how many members there are as far as rewards go."""
    return np.asarray(1.0 / np.square(shares).sum(axis=-1), dtype=np.float64)


def entropy(shares: Floats, beta: float = 0.25) -> Floats:
    """A class's claim on the emission: F = -Σ f ln f × (N_eff / N)^β.

    Args:
        shares: `[W, n]` that sum to 1.
        beta: the strength of the damping.

    Returns:
        `[W]`, between 0 (one member takes all) and ln n (all alike).
    """
    logs = np.log(np.where(shares > 0, shares, 1.0))
    damping = (effective_count(shares) / shares.shape[-1]) ** beta
    return np.asarray(np.maximum(-(shares * logs).sum(axis=-1), 0.0) * damping, dtype=np.float64)


def class_pools(
    emission: Int64s, inference: Floats, forecast: Floats, reputers: Floats, chi: float = 0.1
) -> Classes:
    """The emission by class.

    U = (1-χ)γF E/(F+G+H), V = χγG E/(F+G+H), W = H E/(F+G+H), with γ = (F+G) / ((1-χ)F + χG): χ
    moves money between inference and forecasts and leaves the reputers' alone.

    Args:
        emission: `[W]` atomic units.
        inference: `[W]` F, from `entropy`.
        forecast: `[W]` G.
        reputers: `[W]` H.
        chi: the forecasts' weight, 0.1 to 0.5.

    Raises:
        InvalidInputError: χ out of range, or an entropy that is negative or not finite.
    """
    if not 0.1 <= chi <= 0.5:
        raise InvalidInputError("The forecasts' weight lies between 0.1 and 0.5.")
    mixed = (1 - chi) * inference + chi * forecast
    gamma = (inference + forecast) / np.where(mixed > 0, mixed, 1.0)
    claims = ((1 - chi) * gamma * inference, chi * gamma * forecast, reputers)
    pools = pro_rata(emission, np.stack(claims, axis=-1))
    return Classes(pools[..., 0], pools[..., 1], pools[..., 2])
