"""Cheats under audits, and donors under other names.

Symbols: `W` worlds. Amounts are atomic units, chances parts per 10^8.
"""

import numpy as np

from headwater_payments.errors import InvalidInputError
from headwater_simulations.draws import Draws, Int64s
from headwater_simulations.mechanisms import ideal_match


def audited_cheat(
    gain: int, stake: int, caught: int, tries: int = 1_000, worlds: int = 400, seed: int = 0
) -> Int64s:
    """What a cheat nets that tries again and again, and buys a new stake each time it is caught.

    Args:
        gain: what each try brings unless it is caught.
        stake: what is lost when it is.
        caught: chance of that.
        tries: how often.
        worlds: W.
        seed: of the draws.

    Returns:
        `[W]` atomic units.
    """
    draws = Draws(seed, np.arange(worlds))
    times = draws.chance(caught, "audit", 0, np.arange(tries)).sum(axis=1)
    return np.asarray((tries - times) * gain - times * stake, dtype=np.int64)


def split_subsidy(amount: int, identities: int) -> float:
    """What quadratic funding adds to one donor's gift to its own project, under k names.

    Args:
        amount: the gift, a multiple of `identities`.
        identities: k.

    Returns:
        The match in atomic units: (k - 1) times the gift.

    Raises:
        InvalidInputError: the gift can't be split evenly.
    """
    if identities < 1 or amount % identities:
        raise InvalidInputError("A gift is split evenly over at least one identity.")
    gifts = np.full((1, 1, identities), amount // identities, dtype=np.int64)
    return float(ideal_match(gifts)[0, 0])
