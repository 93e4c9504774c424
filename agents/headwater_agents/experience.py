"""What a buyer has seen of sellers, and how it ranks what they list by it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

from headwater_agents.market import Listing
from headwater_payments.routing import PERFECT, Preference, Prospect, learnt, rank

UNTRIED: Final = 800
"""The quality expected of a seller of whom nothing is known, of 1,000."""


@runtime_checkable
class Priced(Protocol):
    """A price that says the most a request costs, as `headwater_marketplace.listings` has it."""

    @property
    def ceiling(self) -> int:
        """Atomic units."""
        ...


@dataclass(slots=True)
class Experience:
    """Ranks listings by what they cost and by what came of buying there.

    Attributes:
        preference: what an answer is worth to the buyer, and what waiting costs.
        reputation: the quality that others say a listing has, 0 to 1,000, before the buyer has seen
            any of it: such as a summary of the ERC-8004 reputation registry.
    """

    preference: Preference
    reputation: Callable[[Listing], int] = lambda _: UNTRIED
    _qualities: dict[str, int] = field(default_factory=dict)
    _waits_ms: dict[str, int] = field(default_factory=dict)

    def ranked(self, listings: Sequence[Listing], budget: int | None = None) -> list[Listing]:
        """Those worth buying from, best first; see `routing.rank`.

        Listings that don't say what a request costs at most come last, in their order.
        """
        priced = [each for each in listings if isinstance(each.price, Priced)]
        others = [each for each in listings if not isinstance(each.price, Priced)]
        prospects = [self._prospect(each) for each in priced]
        return [priced[place] for place in rank(prospects, self.preference, budget)] + others

    def delivered(self, listing: Listing, seconds: float) -> None:
        """An answer came, after this time."""
        waited = int(seconds * 1_000)
        before = self._waits_ms.get(listing.id, waited)
        self._waits_ms[listing.id] = learnt(before, waited)

    def failed(self, listing: Listing) -> None:
        """No answer came, by the seller's doing."""
        self.rate(listing, 0)

    def rate(self, listing: Listing, quality: int) -> None:
        """An answer was this good, 0 to 1,000; what is outside of that counts as the nearer end."""
        seen = min(max(quality, 0), PERFECT)
        self._qualities[listing.id] = learnt(self.quality(listing), seen)

    def quality(self, listing: Listing) -> int:
        """What is expected of an answer, 0 to 1,000."""
        stated = self._qualities.get(listing.id)
        return min(max(self.reputation(listing), 0), PERFECT) if stated is None else stated

    def _prospect(self, listing: Listing) -> Prospect:
        ceiling = listing.price.ceiling if isinstance(listing.price, Priced) else 0
        return Prospect(ceiling, self.quality(listing), self._waits_ms.get(listing.id, 0))
