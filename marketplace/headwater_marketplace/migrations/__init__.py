"""The marketplace's database, brought to the form that this release works with.

Each release's changes are one file under `versions`. Upgrading keeps every row; it is one
transaction where the database allows that (SQLite and PostgreSQL do).
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import MetaData
from sqlalchemy.exc import SQLAlchemyError

from headwater_marketplace.catalogue import CatalogueTable
from headwater_marketplace.seller.tables import SellerTable
from headwater_payments.errors import UnavailableError
from headwater_wallet.database import Database
from headwater_wallet.engines import cause, new_engine


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
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    try:
        engine = new_engine(url)
        try:
            with engine.begin() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, revision)
        finally:
            engine.dispose()
    except (SQLAlchemyError, CommandError) as exc:
        raise UnavailableError(f"The database cannot be upgraded: {cause(exc)}.") from exc


def open_database(url: str) -> Database:
    """Upgrade a marketplace's database and open it, seller's books and catalogue in one.

    Raises:
        UnavailableError: as `upgrade` says.
    """
    upgrade(url)
    return Database(url, metadata())
