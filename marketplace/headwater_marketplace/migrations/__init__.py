"""The marketplace's database, brought to the form that this release works with.

Each release's changes are one file under `versions`. Upgrading keeps every row, and is done
whole or not at all (`headwater_wallet.upgrades`).
"""

from pathlib import Path

from sqlalchemy import MetaData

from headwater_marketplace.catalogue import CatalogueTable
from headwater_marketplace.seller.tables import SellerTable
from headwater_wallet.database import Database
from headwater_wallet.upgrades import upgrade_database


def metadata() -> MetaData:
    """Every table of the marketplace: the seller's books and the catalogue."""
    together = MetaData()
    for part in (SellerTable.metadata, CatalogueTable.metadata):
        for table in part.tables.values():
            table.to_metadata(together)
    return together


def upgrade(url: str, revision: str = "head") -> None:
    """Bring a database to this release's form, creating it where there is none.

    Args:
        url: an SQLAlchemy URL.
        revision: an earlier form instead, for tests of the upgrade.

    Raises:
        UnavailableError: the database cannot be opened, or comes from a later release; nothing was
            changed.
        MissingExtraError: its driver is not installed.
    """
    upgrade_database(url, Path(__file__).parent, revision)


def open_database(url: str) -> Database:
    """Upgrade a marketplace's database and open it, seller's books and catalogue in one.

    Raises:
        UnavailableError: as `upgrade` says.
    """
    upgrade(url)
    return Database(url, metadata())
