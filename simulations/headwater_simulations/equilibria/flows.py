"""Where a population drifts in a symmetric game: replicator dynamics and alpha-rank.

Symbols: `K` strategies; `payoffs[i, j]` is what `i` gets against `j`.
"""

import numpy as np

from headwater_payments.errors import InvalidInputError
from headwater_simulations.metrics import Floats


def replicator(fitness: Floats, mix: Floats, step: float = 0.1) -> Floats:
    """One step of the discrete replicator dynamics: what does better than the mean grows.

    x_i ← x_i e^(step (f_i - f̄)), normalised: it keeps the simplex, its corners, and rest points.

    Args:
        fitness: `[K]` of each strategy in the mix as it is.
        mix: `[K]` shares that sum to 1.
        step: how far; small steps follow the differential equation.

    Source: Hofbauer and Sigmund, "Evolutionary Games and Population Dynamics", 1998, 7.1.
    """
    _check_mix(mix, len(fitness))
    # Subtracting the largest changes nothing and keeps the exponential from overflowing.
    grown = mix * np.exp(step * (fitness - fitness.max()))
    return np.asarray(grown / grown.sum(), dtype=np.float64)


def rest_point(payoffs: Floats, mix: Floats, *, steps: int = 20_000, step: float = 0.05) -> Floats:
    """Where replicator dynamics from `mix` lead in the game of a `[K, K]` matrix."""
    _check_game(payoffs)
    for _ in range(steps):
        after = replicator(payoffs @ mix, mix, step)
        if np.abs(after - mix).max() < 1e-13:
            break
        mix = after
    return mix


def alpha_rank(payoffs: Floats, *, alpha: float = 10.0, population: int = 50) -> Floats:
    """`[K]` the long run of one population with rare mutants: its stationary distribution.

    A mutant of `j` takes over a population of `i` with probability (1 - e^-u) / (1 - e^-mu), where
    u = alpha (payoffs[j, i] - payoffs[i, j]) and m is the population; 1/m where u is 0. Each of the
    K - 1 mutants is as likely.

    Raises:
        InvalidInputError: no square of finite numbers with two strategies, or bad parameters.

    Source: Omidshafiei et al., "α-Rank: Multi-Agent Evaluation by Evolution", 2019, section 3.
    """
    _check_game(payoffs)
    if alpha <= 0 or population < 2:
        raise InvalidInputError("Alpha-rank needs an alpha above 0 and a population of two.")
    count = len(payoffs)
    ahead = np.clip(alpha * (payoffs.T - payoffs), -500, 500)
    with np.errstate(over="ignore"):
        lost = -np.expm1(-population * ahead)
    even = np.abs(ahead) < 1e-12
    taken = np.where(even, 1 / population, -np.expm1(-ahead) / np.where(even, 1, lost))
    # An entry below the smallest float would cut the chain apart.
    moves = np.maximum(np.nan_to_num(taken), 1e-300) / (count - 1)
    np.fill_diagonal(moves, 0)
    np.fill_diagonal(moves, 1 - moves.sum(axis=1))
    system = np.vstack([moves.T - np.eye(count), np.ones(count)])
    goal = np.append(np.zeros(count), 1.0)
    found = np.maximum(np.linalg.lstsq(system, goal, rcond=None)[0], 0)
    return np.asarray(found / found.sum(), dtype=np.float64)


def _check_mix(mix: Floats, count: int) -> None:
    if mix.shape != (count,) or (mix < 0).any() or abs(mix.sum() - 1) > 1e-9:
        raise InvalidInputError("A mix has a share for each strategy, and they sum to 1.")


def _check_game(payoffs: Floats) -> None:
    square = payoffs.ndim == 2 and payoffs.shape[0] == payoffs.shape[1] >= 2
    if not square or not np.isfinite(payoffs).all():
        raise InvalidInputError("A symmetric game is a square of finite numbers, two or more wide.")
