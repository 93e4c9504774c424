"""What each conduct of a contributor comes to in numbers, and what kernels are told of a market."""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from headwater_payments.split import PARTS, portion
from headwater_simulations.draws import Int64s
from headwater_simulations.economy.scenario import Conduct, Economy

UP, BASE, SLOPE, COST, ROWS = range(5)
"""How often a contributor's row comes up (of 2^16), its score and what chance adds to that, what it
costs in a step, and accepted rows."""

SLOTS: Final = 4
WHOLE: Final = 2**16

METRICS: Final = (
    *("volume", "bought", "quality", "surplus", "platform", "pool"),
    *(f"paid_{each.name.lower()}" for each in Conduct),
    *(f"are_{each.name.lower()}" for each in Conduct),
    *("noisy", "noise_sold", "copying", "price", "reputation_honest", "reputation_noisy"),
    *("fees", "entered", "left", "owner_share"),
)
"""What a step is told by: sums over the world, money in atomic units. `surplus` is what answers
were worth to buyers less what it cost to make them and to measure services; `fees` is what the
platform took, `platform` what validators leave it of that."""

PAID_AT: Final = METRICS.index("paid_honest")
ARE_AT: Final = METRICS.index("are_honest")


@dataclass(frozen=True, slots=True)
class Chances:
    """Probabilities of a step, of 2^16."""

    explore: int
    imitation: int
    mutation: int
    entry: int
    switching: int


def chances(economy: Economy) -> Chances:
    """Rounded down to 2^-16."""
    names = (each.name for each in fields(Chances))
    return Chances(*(getattr(economy, name) * WHOLE // PARTS for name in names))


def behaviours(economy: Economy) -> Int64s:
    """`[5, conducts + 1]`: see `UP` and the others; the last column is of empty places."""
    new = PARTS - economy.dedup_recall
    unseen = PARTS - economy.precedence
    accepted = {
        Conduct.SPAM: 6 * (PARTS - economy.filler_recall),
        Conduct.COPY: new,
        Conduct.SYBIL: new,
        Conduct.POISON: PARTS - economy.poison_recall,
    }
    shown = {
        Conduct.SPAM: PARTS - economy.filler_recall,
        Conduct.COPY: portion(new, unseen),
        Conduct.SYBIL: new,
        Conduct.POISON: portion(PARTS - economy.poison_recall, unseen),
    }
    scores = {
        Conduct.SPAM: (100, 500),
        Conduct.COPY: (550, 400),
        Conduct.FREE_RIDE: (200, 300),
    }
    dear = {Conduct.HONEST: economy.upkeep, Conduct.WASH: economy.upkeep, Conduct.FREE_RIDE: 0}
    table = np.zeros((5, len(Conduct) + 1), dtype=np.int64)
    for conduct in Conduct:
        base, spread = scores.get(conduct, (600, 400))
        up = shown.get(conduct, PARTS) * WHOLE // PARTS
        table[UP, conduct], table[BASE, conduct] = up, base
        table[SLOPE, conduct] = (spread << 16) // max(up, 1)
        table[COST, conduct] = dear.get(conduct, economy.upkeep // 10)
        table[ROWS, conduct] = 10 * accepted.get(conduct, PARTS) // PARTS
    return table
