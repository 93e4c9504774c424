"""Which of several offers to take: what each leaves its buyer, by price, reputation and waiting.

Pure and in integers: agents rank listings by it (`headwater_agents.Buyer`), and so do the buyers of
the simulator's reference market. Money is in atomic units, qualities run from 0 to 1,000.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from headwater_payments.errors import InvalidInputError

PERFECT: Final = 1_000
"""The quality of an answer than which there is no better."""


@dataclass(frozen=True, slots=True)
class Preference:
    """What a buyer wants of an answer.

    Attributes:
        value: what a perfect answer is worth; 0 to go by price and waiting alone.
        wait_cost: what a second of waiting costs.

    Raises:
        InvalidInputError: one of them is negative.
    """

    value: int
    wait_cost: int = 0

    def __post_init__(self) -> None:
        if min(self.value, self.wait_cost) < 0:
            raise InvalidInputError("An answer is worth at least 0, and so is waiting for it.")

    def surplus(self, price: int, quality: int, latency_ms: int = 0) -> int:
        """What an answer is worth less what it costs and takes, each rounded down.

        Args:
            price: the most that it costs.
            quality: what is expected of it, 0 to 1,000.
            latency_ms: how long it is expected to take, milliseconds.
        """
        return self.value * quality // PERFECT - price - self.wait_cost * latency_ms // 1_000


BY_PRICE: Final = Preference(0)
"""The cheapest first, as marketplaces list what answers a query equally well."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a buyer knows of an offer before it takes it; see `Preference.surplus`."""

    price: int
    quality: int = PERFECT
    latency_ms: int = 0


def rank(
    prospects: Sequence[Prospect], preference: Preference, budget: int | None = None
) -> list[int]:
    """Places of the offers that are worth taking, the one with the largest surplus first.

    Equals keep their order. What costs more than the budget is left out, and so is what is expected
    to be worth less than it costs, unless the buyer goes by price alone (`value` 0).
    """
    surplus = [preference.surplus(each.price, each.quality, each.latency_ms) for each in prospects]
    least = 0 if preference.value else min(surplus, default=0)
    taken = [
        place
        for place, each in enumerate(prospects)
        if surplus[place] >= least and (budget is None or each.price <= budget)
    ]
    return sorted(taken, key=lambda place: -surplus[place])


def learnt(expected: int, seen: int) -> int:
    """What is expected after an answer: a quarter of the way to what was seen, rounded down."""
    return expected + ((seen - expected) >> 2)
