"""What a step of a compiled world is worked out in: arrays made once, outside compiled code."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from headwater_simulations.draws import Int64s, Words
from headwater_simulations.economy.compiled.words import CODES
from headwater_simulations.economy.scenario import Economy

PRICED, OFFERED, MADE, MAKING, FIRST, COUNT, SALES, TAKINGS = range(8)
MOVED, REPORTS, NOISY_WAS, PROFIT_WAS, RUNS_WAS = range(8, 13)
"""Columns of `stalls`: a service's price, what it promises beyond it, the quality and the cost of
its answers, its model's stretch of `members`, the step's sales and income; what validators would
have its reputation moved by, how many they are, and what it was like before any changed."""

DUE, EARNED, CONDUCT_WAS, FITNESS_WAS = range(4)
"""Rows of `people`: what the rule pays, by place; and by contributor, what it nets of its answers
and what it was like before any changed."""


class Scratch(NamedTuple):
    """The arrays; made outside, because making arrays compiles for seconds.

    Symbols: `N` contributors, `S` services, `M` owners.

    Attributes:
        keys: `[purposes]` of a step's draws.
        work: `[3, 2]` one answer's two best rows, as the rule takes them.
        stalls: `[S, 16]`, of which 13 are used, see `PRICED`.
        acting: `[N]` conducts, place by place of `members`.
        people: `[4, N]`, see `DUE`.
        renewed: `[M]` owners who moved.
    """

    keys: Words
    work: Int64s
    stalls: Int64s
    acting: npt.NDArray[np.uint8]
    people: Int64s
    renewed: Int64s


def scratch_for(economy: Economy) -> Scratch:
    """Empty arrays of a market's sizes."""
    return Scratch(
        np.zeros(len(CODES), np.uint64),
        np.zeros((3, 2), np.int64),
        np.zeros((economy.services, 16), np.int64),
        np.zeros(economy.contributors, np.uint8),
        np.zeros((4, economy.contributors), np.int64),
        np.zeros(economy.owners, np.int64),
    )
