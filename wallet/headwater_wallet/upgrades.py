"""Bringing a database to the form that this release works with, all of it or none.

Each release's changes are one file under a component's `migrations/versions` (Alembic). An upgrade
holds the database's write lock from its first look to its commit: processes that start together
don't upgrade twice, and one that dies half-way leaves what it found.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.exc import SQLAlchemyError

from headwater_payments.errors import UnavailableError
from headwater_wallet.engines import cause, new_engine
from headwater_wallet.writers import WRITE_LOCK


def upgrade_database(
    url: str,
    scripts: Path,
    revision: str = "head",
    *,
    version_table: str = "alembic_version",
    instead: Callable[[Connection], bool] = lambda _: False,
) -> None:
    """Run the migrations that a database lacks.

    Args:
        url: an SQLAlchemy URL.
        scripts: the folder with `env.py` and `versions`.
        revision: an earlier form instead of the newest.
        version_table: where the database says which form it has.
        instead: looks first, and gives whether nothing is left to be done.

    Raises:
        UnavailableError: the database cannot be opened, or comes from a later release; nothing was
            changed.
        MissingExtraError: its driver is not installed.
    """
    try:
        with exclusive(url) as connection:
            if instead(connection):
                return
            # Loaded where there is something to do: an opened wallet should not wait for it.
            from alembic import command
            from alembic.config import Config
            from alembic.util.exc import CommandError

            config = Config()
            config.set_main_option("script_location", str(scripts))
            config.attributes["connection"] = connection
            config.attributes["version_table"] = version_table
            try:
                command.upgrade(config, revision)
            except CommandError as exc:
                raise UnavailableError(f"The database cannot be upgraded: {cause(exc)}.") from exc
    except SQLAlchemyError as exc:
        raise UnavailableError(f"The database cannot be upgraded: {cause(exc)}.") from exc


@contextmanager
def exclusive(url: str) -> Iterator[Connection]:
    """A connection in a transaction that no other upgrade runs beside, changes of tables included.

    Raises:
        UnavailableError: it is no URL of a database.
        MissingExtraError: its driver is not installed.
    """
    engine = new_engine(url)
    sqlite = engine.dialect.name == "sqlite"

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        if sqlite:
            # Left to itself the driver would begin no transaction before a change of tables.
            connection.isolation_level = None
            connection.execute("PRAGMA busy_timeout=30000")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        lock = f"SELECT pg_advisory_xact_lock({WRITE_LOCK})"
        connection.exec_driver_sql("BEGIN IMMEDIATE" if sqlite else lock)

    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()
