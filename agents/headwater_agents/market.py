"""What an agent needs of a marketplace and of its wallet: three narrow protocols."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from headwater_payments.address import Address
from headwater_payments.json_schema import JsonSchema
from headwater_wallet.policy import SpendPolicy
from headwater_wallet.spend_records import BudgetState


@runtime_checkable
class Listing(Protocol):
    """Something for sale; `base_url` is a model's OpenAI-compatible root, or a service's URL."""

    @property
    def id(self) -> str:
        """Stable identity in the marketplace."""
        ...

    @property
    def name(self) -> str:
        """What the seller calls it; for a model, the id to put into requests."""
        ...

    @property
    def kind(self) -> str:
        """`model` or `service`."""
        ...

    @property
    def description(self) -> str:
        """The seller's own words: untrusted text, shown to a model as data only."""
        ...

    @property
    def base_url(self) -> str:
        """Where it is sold."""
        ...

    @property
    def price(self) -> object:
        """The price; its `str` is what an agent is shown."""
        ...

    @property
    def input_schema(self) -> JsonSchema | None:
        """The JSON Schema of what a service takes, as untrusted as the description; or None."""
        ...

    @property
    def output_schema(self) -> JsonSchema | None:
        """The JSON Schema of what a service gives, or None."""
        ...


@runtime_checkable
class Catalogue(Protocol):
    """Finds listings; `headwater_marketplace.client.MarketplaceClient` is one."""

    async def search(
        self, query: str, kind: str | None = None, max_price: int | None = None
    ) -> Sequence[Listing]:
        """Listings for a query, best first.

        Args:
            query: free text; empty for everything.
            kind: only `model` or only `service`.
            max_price: in atomic units of the marketplace's asset, for one typical request.

        Raises:
            UnavailableError: the marketplace does not answer.
        """
        ...


@runtime_checkable
class Purse(Protocol):
    """What an agent may know about its wallet (a `Wallet` is one); the keys stay behind it."""

    @property
    def address(self) -> Address:
        """The account that pays."""
        ...

    @property
    def policy(self) -> SpendPolicy:
        """What may be paid, and the asset it is paid in."""
        ...

    async def budget(self) -> BudgetState:
        """What may still be signed away, in atomic units, reservations deducted."""
        ...


@dataclass(frozen=True, slots=True)
class FixedListing:
    """A listing known beforehand, for agents that buy from one address without a marketplace."""

    id: str
    name: str
    kind: str
    description: str
    base_url: str
    price: object = "unknown"
    input_schema: JsonSchema | None = None
    output_schema: JsonSchema | None = None


@dataclass(frozen=True, slots=True)
class FixedCatalogue:
    """A catalogue of listings known beforehand; finds those that share a word with the query."""

    listings: tuple[Listing, ...]

    async def search(
        self, query: str, kind: str | None = None, max_price: int | None = None
    ) -> list[Listing]:
        """See `Catalogue`; prices are not compared, since a fixed listing states none in units."""
        asked = set(query.casefold().split())
        return [
            listing
            for listing in self.listings
            if kind in (None, listing.kind)
            and (
                not asked or asked & set(f"{listing.name} {listing.description}".casefold().split())
            )
        ]
