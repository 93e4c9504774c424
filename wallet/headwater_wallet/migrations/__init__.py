"""The spend ledger's database, brought to the form that this release works with.

A new ledger is made in its newest form at once, one of an earlier release is upgraded with every
row it holds, and one of a later release is left alone.
"""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, MetaData, inspect, text

from headwater_wallet.database import Database
from headwater_wallet.tables import LEDGER_TABLES, WalletTable
from headwater_wallet.upgrades import upgrade_database

HEAD: Final = "0003"
"""The newest form; a test holds it against the files under `versions`."""
VERSION_TABLE: Final = "wallet_version"
"""Apart from the marketplace's, with which a ledger may share a database."""


def metadata() -> MetaData:
    """Every table of a spend ledger."""
    return WalletTable.metadata


def upgrade(url: str, revision: str = "head") -> None:
    """Bring a ledger to this release's form, creating it where there is none.

    Args:
        url: an SQLAlchemy URL.
        revision: an earlier form instead, for tests of the upgrade.

    Raises:
        UnavailableError: the database cannot be opened, or comes from a later release; nothing was
            changed.
        MissingExtraError: its driver is not installed.
    """
    instead = _is_current if revision == "head" else _has_nothing_to_say
    upgrade_database(
        url, Path(__file__).parent, revision, version_table=VERSION_TABLE, instead=instead
    )


def open_ledger(url: str) -> Database:
    """Upgrade a spend ledger's database and open it.

    Raises:
        UnavailableError: as `upgrade` says.
        MissingExtraError: the same.
    """
    upgrade(url)
    return Database(url, WalletTable.metadata)


def _is_current(connection: Connection) -> bool:
    """Whether a ledger has the newest form, which a new one is given here."""
    tables = set(inspect(connection).get_table_names())
    if VERSION_TABLE in tables:
        found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608
        return found.scalar() == HEAD
    if tables & LEDGER_TABLES:
        return False
    WalletTable.metadata.create_all(connection)
    connection.execute(
        text(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    )
    connection.execute(
        text(f"INSERT INTO {VERSION_TABLE} VALUES (:head)"),  # noqa: S608  both are constants
        {"head": HEAD},
    )
    return True


def _has_nothing_to_say(_connection: Connection) -> bool:
    return False
