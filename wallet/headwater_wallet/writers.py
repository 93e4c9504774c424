"""Transactions on one connection: the works of several callers in one commit, each whole or undone.

Two kinds of writer share a database. A synced one commits to the disk. One that is not leaves it to
the system when to write, so its commit survives the end of this process and not a power cut, until
the next synced commit that changes something, which covers everything before it: both append to one
write-ahead log.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import SQLAlchemyError

from headwater_payments.errors import UnavailableError
from headwater_wallet.engines import cause, new_engine

Work: TypeAlias = Callable[[Connection], Any]

WRITE_LOCK: Final = 0x686477
"""PostgreSQL's number of the lock that every write to a database takes, and every upgrade.

One number whatever the tables: two processes that know of different tables, such as those of two
releases, write the same rows.
"""
_WRITES: Final = "headwater_writes"


class Outcome(NamedTuple):
    """What became of one work."""

    result: Any
    failure: Exception | None


class Writer:
    """A connection that writes, made when it is first needed and given up when it fails.

    A work that fails by itself, as one that refuses a voucher does, says nothing about the
    connection, which stays.

    Args:
        engine: as `open_engine` gives it.
        synced: whether a commit waits for the disk; only SQLite knows another kind.
    """

    def __init__(self, engine: Engine, *, synced: bool = True) -> None:
        self._engine, self._synced = engine, synced
        self._connection: Connection | None = None

    def commit(self, works: Sequence[Work]) -> list[Outcome]:
        """Do all in one transaction, and tell each its outcome once that is committed.

        If one raises, all are undone and done again, each in a savepoint of its own, so that the
        changes of that one alone are missing.
        """
        try:
            try:
                with self.transaction() as connection:
                    return [Outcome(_bare(work, connection), None) for work in works]
            except _UndoneError as undone:
                if len(works) == 1:
                    return [Outcome(None, undone.error)]
                with self.transaction() as connection:
                    return [_attempt(work, connection) for work in works]
        except Exception as exc:  # noqa: BLE001  whatever it is, callers are waiting to hear of it
            error = UnavailableError(f"The database did not take the write: {cause(exc)}.")
            error.__cause__ = exc
            return [Outcome(None, error)] * len(works)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction; the connection is given up if it fails, not for its works' errors."""
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(**{_WRITES: True})
            if not self._synced:
                _leave_it_to_the_system(self._connection)
        try:
            beginning = self._connection.begin()
        except SQLAlchemyError:
            if self._synced:  # otherwise another process writes, and that is all
                self.hang_up()
            raise
        try:
            with beginning:
                yield self._connection
        except _UndoneError as undone:
            # A rollback that fails raises its own error instead.
            if isinstance(undone.__cause__, SQLAlchemyError):
                self.hang_up()
            raise
        except BaseException:
            self.hang_up()
            raise

    def hang_up(self) -> None:
        """Give up the connection; another is made when it is needed."""
        if self._connection is not None:
            if not self._synced:
                self._connection.invalidate()  # its settings are no others'
            self._connection.close()
            self._connection = None


def open_engine(url: str, read_only: bool) -> Engine:
    """An engine whose transactions read and write as `Database` promises.

    Raises:
        UnavailableError: it is no URL of a database that is supported.
        MissingExtraError: its driver is not installed.
    """
    engine = new_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def configure(connection: Any, _record: object) -> None:
            connection.isolation_level = None
            connection.execute("PRAGMA busy_timeout=30000")
            if read_only:
                connection.execute("PRAGMA query_only=ON")
                return
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")

    lock = f"SELECT pg_advisory_xact_lock({WRITE_LOCK})"

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # Taking the write lock at once makes read-then-write atomic across processes.
        writes = connection.get_execution_options().get(_WRITES, False)
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
        elif writes:
            connection.exec_driver_sql(lock)

    return engine


def _leave_it_to_the_system(connection: Connection) -> None:
    driver: Any = connection.connection.dbapi_connection
    driver.execute("PRAGMA synchronous=NORMAL")
    # Another process that writes is not waited for, and a checkpoint, which syncs, is left to
    # those that wait for the disk anyway.
    driver.execute("PRAGMA busy_timeout=0")
    driver.execute("PRAGMA wal_autocheckpoint=0")


class _UndoneError(Exception):
    """A work without a savepoint failed; the transaction is rolled back by this passing through."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def _bare(work: Work, connection: Connection) -> Any:
    try:
        return work(connection)
    except Exception as exc:
        raise _UndoneError(_told(exc)) from exc


def _attempt(work: Work, connection: Connection) -> Outcome:
    try:
        with connection.begin_nested():
            return Outcome(work(connection), None)
    except Exception as exc:  # noqa: BLE001  the caller's own error travels back to the caller
        return Outcome(None, _told(exc))


def _told(error: Exception) -> Exception:
    """The error as the work's caller hears of it."""
    if isinstance(error, SQLAlchemyError):
        return UnavailableError(f"The database did not take the write: {cause(error)}.")
    return error
