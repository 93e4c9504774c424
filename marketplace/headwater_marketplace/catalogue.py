"""The catalogue: listings in a table, found by words, kind and price."""

import re

from sqlalchemy import BigInteger, Connection, Text, select
from sqlalchemy.orm import Session, registry
from sqlmodel import Field, SQLModel, col

from headwater_marketplace.listings import MAX_STORED, Listing, is_listing_id
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_wallet.database import Database

_WORD = re.compile(r"[a-z0-9]+")


class NoSuchListingError(HeadwaterError):
    """There is no listing of that id."""

    code = "no_such_listing"
    http_status = 404


class CatalogueTable(SQLModel, registry=registry()):
    """Base of the catalogue's tables."""


class ListingRow(CatalogueTable, table=True):
    """A listing; `body` is its JSON."""

    __tablename__ = "listing"

    id: str = Field(primary_key=True)
    kind: str = Field(index=True)
    provider: str = Field(index=True)
    ceiling: int = Field(sa_type=BigInteger, index=True)
    body: str = Field(sa_type=Text)


class Catalogue:
    """Listings of one marketplace."""

    metadata = CatalogueTable.metadata

    def __init__(self, database: Database) -> None:
        self._database = database

    async def register(self, listing: Listing) -> None:
        """Add a listing, or replace the same provider's by one of a higher revision.

        Raises:
            InvalidInputError: the id belongs to another provider, or the revision is not higher.
        """
        body = listing.model_dump_json()

        def work(connection: Connection) -> None:
            with Session(bind=connection, join_transaction_mode="conditional_savepoint") as session:
                known = session.get(ListingRow, listing.id, with_for_update=True)
                if known is not None and known.provider != listing.provider:
                    raise InvalidInputError(
                        f"The listing id {listing.id!r} belongs to another provider."
                    )
                if known is not None and known.body != body:
                    _require_newer(listing, Listing.model_validate_json(known.body))
                session.merge(
                    ListingRow(
                        id=listing.id,
                        kind=listing.kind,
                        provider=listing.provider,
                        ceiling=listing.price.ceiling,
                        body=body,
                    )
                )
                session.commit()

        await self._database.write(work)

    async def get(self, listing_id: str) -> Listing:
        """One listing.

        Raises:
            NoSuchListingError: there is none.
        """

        if not is_listing_id(listing_id):
            raise NoSuchListingError(f"There is no listing {listing_id[:80]!r}.")

        def work(connection: Connection) -> Listing:
            with Session(bind=connection) as session:
                row = session.get(ListingRow, listing_id)
                if row is None:
                    raise NoSuchListingError(f"There is no listing {listing_id!r}.")
                return Listing.model_validate_json(row.body)

        return await self._database.read(work)

    async def search(
        self, query: str = "", kind: str | None = None, max_price: int | None = None
    ) -> list[Listing]:
        """Listings that share a word with the query, most shared words first, then cheapest.

        Args:
            query: words; empty finds everything.
            kind: only this kind.
            max_price: only those whose requests cost at most this, in atomic units.

        Raises:
            InvalidInputError: a negative price.
        """
        if max_price is not None and max_price < 0:
            raise InvalidInputError("A maximum price cannot be negative.")

        def work(connection: Connection) -> list[Listing]:
            chosen = select(ListingRow).order_by(col(ListingRow.ceiling), col(ListingRow.id))
            if kind is not None:
                chosen = chosen.where(col(ListingRow.kind) == kind)
            if max_price is not None:
                chosen = chosen.where(col(ListingRow.ceiling) <= min(max_price, MAX_STORED))
            with Session(bind=connection) as session:
                return [Listing.model_validate_json(row.body) for row in session.scalars(chosen)]

        found = await self._database.read(work)
        asked = set(_WORD.findall(query.lower()))
        if not asked:
            return found
        shared = {listing.id: len(asked & _words(listing)) for listing in found}
        matching = [listing for listing in found if shared[listing.id]]
        return sorted(matching, key=lambda listing: -shared[listing.id])


def _require_newer(listing: Listing, known: Listing) -> None:
    if listing.revision <= known.revision:
        raise InvalidInputError(
            f"The listing {listing.id!r} is at revision {known.revision}; a change needs a higher "
            f"one than {listing.revision}.",
            revision=known.revision,
        )


def _words(listing: Listing) -> set[str]:
    return set(_WORD.findall(f"{listing.id} {listing.name} {listing.description}".lower()))
