"""Which databases there are, how they are reached, and which tables one holds."""

from typing import Final

from sqlalchemy import Engine, create_engine, inspect, make_url
from sqlalchemy.exc import SQLAlchemyError

from headwater_payments.errors import MissingExtraError, UnavailableError

CONNECT_S: Final = 10
"""Seconds after which a server that does not answer is given up."""
_DRIVERS: Final = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


def new_engine(url: str) -> Engine:
    """An engine for a database; it connects when it is first used.

    Args:
        url: an SQLAlchemy URL of SQLite or PostgreSQL.

    Raises:
        UnavailableError: it is no such URL.
        MissingExtraError: the database's driver is not installed.
    """
    scheme, _, rest = url.partition("://")
    waits: dict[str, object] = {}
    try:
        # What is no URL at all is told by whoever reads it.
        if make_url(url).drivername not in _DRIVERS:
            raise UnavailableError(_unsupported(scheme))
        driver = _DRIVERS[scheme]
        if driver != "sqlite" and "connect_timeout" not in make_url(url).query:
            waits["connect_timeout"] = CONNECT_S
        return create_engine(f"{driver}://{rest}", connect_args=waits)
    except ModuleNotFoundError as exc:
        raise MissingExtraError("That database", exc.name or "it", "marketplace") from exc
    except (SQLAlchemyError, ImportError, ValueError) as exc:
        raise UnavailableError(f"The database cannot be opened: {cause(exc)}.") from exc


def tables_of(url: str) -> frozenset[str]:
    """The names of a database's tables; nothing of it is created or changed.

    Raises:
        UnavailableError: it cannot be read, or is no database.
        MissingExtraError: its driver is not installed.
    """
    engine = new_engine(url)
    try:
        return frozenset(inspect(engine).get_table_names())
    except SQLAlchemyError as exc:
        raise UnavailableError(f"The database cannot be read: {cause(exc)}.") from exc
    finally:
        engine.dispose()


def cause(error: Exception) -> str:
    """What the database said, in a line and without its own full stop."""
    original = getattr(error, "orig", None)
    lines = str(original or error).splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _unsupported(scheme: str) -> str:
    if scheme.startswith("postgres"):
        return (
            f"The database cannot be opened: for PostgreSQL write postgresql:// or "
            f"postgresql+psycopg://, not {scheme}://."
        )
    return (
        f"The database cannot be opened: {scheme} is not supported; name SQLite (sqlite:///file) "
        "or PostgreSQL (postgresql://host/name)."
    )
