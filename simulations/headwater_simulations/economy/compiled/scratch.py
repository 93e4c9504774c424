"""What a step of a compiled world is worked out in: arrays made once, outside compiled code."""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from headwater_simulations.draws import Int64s, Words
from headwater_simulations.economy.compiled.words import CODES
from headwater_simulations.economy.scenario import Economy
from headwater_simulations.economy.turns import TURNS

PRICED, OFFERED, MADE, MAKING, FIRST, COUNT, SALES, TAKINGS = range(8)
MOVED, REPORTS, NOISY_WAS, PROFIT_WAS, RUNS_WAS = range(8, 13)
"""Columns of `stalls`: a service's price, what it promises beyond it, the quality and the cost of
its answers, its model's stretch of `members`, the step's sales and income; what validators would
have its reputation moved by, how many they are, and what it was like before any changed."""

SIZE: Final = 128
"""Answers of a block: few enough for all that is worked out about them to stay in the cache."""

(CHOICES, GOING, PRICES, STARTS, ROWS_OF, MADE_OF, MAKING_OF) = range(0, 7 * SIZE, SIZE)
PLACES, FACES = 7 * SIZE, 11 * SIZE
BEST, NEXT, TO_BEST, TO_NEXT, SPOILT = range(15 * SIZE, 20 * SIZE, SIZE)
"""Where a block has: a buyer's draws, the service it goes to, the price paid (0 where nothing is
bought), the model's stretch of `members`, quality and cost of the answer; four rows' places and
faces; places of the two best, what they are paid, and whether a false statement is among them. One
array with its stretches at fixed distances: so a compiler sees that they don't overlap."""

DUE, EARNED, CONDUCT_WAS, FITNESS_WAS = range(4)
"""Rows of `people`: what the rule pays, by place; and by contributor, what it nets of its answers
and what it was like before any changed."""


class Scratch(NamedTuple):
    """The arrays; made outside, because making arrays compiles for seconds.

    Symbols: `N` contributors, `S` services, `M` owners.

    Attributes:
        keys: `[purposes]` of a step's draws.
        block: what is worked out about some answers, see `CHOICES`.
        stalls: `[S, 16]`, of which 13 are used, see `PRICED`.
        acting: `[N]` conducts, place by place of `members`.
        people: `[4, N]`, see `DUE`.
        renewed: `[M]` owners who moved.
        away: `[B]` whether a buyer came when its service was sold out, by turns.
    """

    keys: Words
    block: Int64s
    stalls: Int64s
    acting: npt.NDArray[np.uint8]
    people: Int64s
    renewed: Int64s
    away: npt.NDArray[np.uint8]


def order_for(economy: Economy) -> Int64s | None:
    """Where the order of a role's agents is put; none where they act at once."""
    if not economy.by_turns:
        return None
    return np.zeros(max(getattr(economy, f"{role}s") for role in TURNS), np.int64)


def scratch_for(economy: Economy) -> Scratch:
    """Empty arrays of a market's sizes."""
    return Scratch(
        np.zeros(len(CODES), np.uint64),
        np.zeros(20 * SIZE, np.int64),
        np.zeros((economy.services, 16), np.int64),
        np.zeros(economy.contributors, np.uint8),
        np.zeros((4, economy.contributors), np.int64),
        np.zeros(economy.owners, np.int64),
        np.zeros(economy.buyers * economy.by_turns, np.uint8),
    )
