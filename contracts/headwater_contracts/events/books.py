"""A vault's books rebuilt from its events alone: what anyone can check without trusting a node."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from headwater_contracts.clients.lineage import WHOLE
from headwater_contracts.clients.vault_terms import VaultTerms
from headwater_contracts.events.vault import (
    EntitlementPaid,
    FallbackPaid,
    HostPaid,
    OwnerCredited,
    OwnerPaid,
    ParentPaid,
    PlatformPaid,
    RootCancelled,
    RootFinalized,
    RootPosted,
    RoyaltyPulled,
    Synced,
    VaultEvent,
)
from headwater_payments.address import Address

_Key = TypeVar("_Key")


@dataclass(slots=True)
class VaultBooks:
    """What came in, what left and to whom, atomic units; `book` adds an event to it.

    Mappings hold every key ever seen, zeros included. `claimed` counts by position, `parent_paid`
    by parent link.
    """

    total_in: int = 0
    total_out: int = 0
    platform_paid: int = 0
    host_paid: int = 0
    royalty_in: int = 0
    fallback_paid: int = 0
    owner_credited: int = 0
    owner_credit: dict[Address, int] = field(default_factory=dict)
    parent_paid: dict[int, int] = field(default_factory=dict)
    claimed: dict[int, int] = field(default_factory=dict)
    pending: RootPosted | None = None
    final: RootPosted | None = None

    @classmethod
    def rebuilt(cls, events: Iterable[VaultEvent]) -> "VaultBooks":
        """The books after these events, which come in chain order and from the first one on."""
        books = cls()
        for event in events:
            books.book(event)
        return books

    @property
    def claimed_total(self) -> int:
        """Paid to contributors."""
        return sum(self.claimed.values())

    @property
    def held(self) -> int:
        """What the vault still holds of what it has booked."""
        return self.total_in - self.total_out

    def shares(self, terms: VaultTerms, absolute_stack: int = 0) -> tuple[int, int, int, int, int]:
        """What platform, host, owner, parents and pool have been credited so far.

        Args:
            terms: the vault's.
            absolute_stack: the absolute royalties that its version owes, parts per 10^8. Royalty
                income owes none: that part is the owner's.
        """
        relief = self.royalty_in * absolute_stack // WHOLE
        return (
            self.total_in * terms.platform_share // WHOLE,
            self.total_in * terms.host_share // WHOLE,
            self.total_in * terms.owner_share // WHOLE + relief,
            self.total_in * terms.parents_share // WHOLE - relief,
            self.total_in * terms.contributors_share // WHOLE,
        )

    def book(self, event: VaultEvent) -> None:
        """Add one event, the next in chain order."""
        match event:
            case Synced():
                self.total_in += event.inflow
            case RoyaltyPulled():
                self.royalty_in += event.amount
            case OwnerCredited():
                self.owner_credited += event.amount
                _add(self.owner_credit, event.owner, event.amount)
            case RootPosted():
                self.pending = event
            case RootCancelled():
                self.pending = None
            case RootFinalized():
                self.final, self.pending = self.pending, None
            case _:
                self._book_payment(event)

    def _book_payment(self, event: VaultEvent) -> None:
        match event:
            case PlatformPaid():
                self.platform_paid += event.amount
            case HostPaid():
                self.host_paid += event.amount
            case OwnerPaid():
                _add(self.owner_credit, event.owner, -event.amount)
            case ParentPaid():
                _add(self.parent_paid, event.index, event.amount)
            case EntitlementPaid():
                _add(self.claimed, event.position, event.amount)
            case FallbackPaid():
                self.fallback_paid += event.amount
            case _:
                return
        self.total_out += event.amount


def _add(totals: dict[_Key, int], key: _Key, amount: int) -> None:
    totals[key] = totals.get(key, 0) + amount
