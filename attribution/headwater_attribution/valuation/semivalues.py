"""Shapley, Banzhaf and leave-one-out, exactly, from the table of a game.

Each is a weighted mean of what a player adds: φ_i = Σ_{S ∌ i} w(|S|) (v(S + i) - v(S)).

Symbols: `W` worlds, `n` players; tables as in `games`.
"""

from math import comb

import numpy as np

from headwater_attribution.valuation.games import MAX_PLAYERS, Floats, members
from headwater_payments.errors import InvalidInputError


def shapley(values: Floats) -> Floats:
    """The Shapley value: w(s) = s! (n - s - 1)! / n!. The players' values sum to v(all) - v(none).

    Args:
        values: `[W, 2^n]` the worth of each coalition.

    Returns:
        `[W, n]`.

    Raises:
        InvalidInputError: the table is not one of 1 to `MAX_PLAYERS` players.

    Source:
        Shapley, "A Value for n-Person Games", 1953.
    """
    players = _players(values)
    by_size = np.array([1 / (players * comb(players - 1, size)) for size in range(players)])
    return _semivalue(values, by_size)


def banzhaf(values: Floats) -> Floats:
    """The Banzhaf value: w(s) = 1 / 2^(n-1). Its sum is whatever it is.

    Args, returns and errors as for `shapley`.

    Source:
        Wang and Jia, "Data Banzhaf", 2023 (arXiv 2205.15466).
    """
    players = _players(values)
    return _semivalue(values, np.full(players, 0.5 ** (players - 1)))


def leave_one_out(values: Floats) -> Floats:
    """What is lost without each player: v(all) - v(all but i).

    Args, returns and errors as for `shapley`.
    """
    players = _players(values)
    everybody = 2**players - 1
    without = everybody ^ (1 << np.arange(players))
    return np.asarray(values[:, [everybody]] - values[:, without], dtype=np.float64)


def normalised(values: Floats) -> Floats:
    """Shares of a fixed pot: negative values count as zero, the rest sums to 1.

    How values become pay almost everywhere; properties proved of the values don't survive it.

    Args:
        values: `[W, n]` in any unit.

    Returns:
        `[W, n]`; all zero where no value is positive.
    """
    positive = np.maximum(values, 0.0)
    whole = positive.sum(axis=1, keepdims=True)
    return np.asarray(positive / np.where(whole > 0, whole, 1.0), dtype=np.float64)


def _players(values: Floats) -> int:
    coalitions = values.shape[1] if values.ndim == 2 else 0
    players = coalitions.bit_length() - 1
    if not 1 <= players <= MAX_PLAYERS or coalitions != 2**players:
        raise InvalidInputError(f"A game is a table [W, 2^n] with n from 1 to {MAX_PLAYERS}.")
    return players


def _semivalue(values: Floats, by_size: Floats) -> Floats:
    players = len(by_size)
    inside = members(players)
    sizes = inside.sum(axis=1)
    found = np.empty((len(values), players))
    for player in range(players):
        without = np.flatnonzero(~inside[:, player])
        added = values[:, without | 1 << player] - values[:, without]
        found[:, player] = added @ by_size[sizes[without]]
    return found
