"""One writer for one database: many callers' writes share a durable commit.

A commit waits for the disk, so callers that arrive meanwhile are written together by the next one
(group commit). If the work of one raises, all are undone and done again, each in a savepoint of its
own, so that the changes of that one alone are missing. A write returns only after the commit that
holds it.

The same code runs on SQLite and PostgreSQL, and several processes may open the same database: one
writes at a time, so what a write has read still holds when it is committed.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import EventLoopToken, current_token
from sqlalchemy import Connection, Engine, MetaData, event
from sqlalchemy.exc import SQLAlchemyError

from headwater_payments.errors import UnavailableError
from headwater_wallet.engines import cause, new_engine, tables_of

T = TypeVar("T")
MAX_BATCH = 256
_WRITES = "headwater_writes"
WRITE_LOCK = 0x686477
"""PostgreSQL's number of the lock that every write to a database takes, and every upgrade.

One number whatever the tables: two processes that know of different tables, such as those of two
releases, write the same rows.
"""


class Database:
    """A database opened for atomic writes.

    Args:
        url: an SQLAlchemy URL, such as `sqlite:///wallet.db` or `postgresql+psycopg://…`.
        metadata: the tables to create where they are missing.
        read_only: nothing is created, and writes are refused.

    Raises:
        UnavailableError: the database cannot be opened, or is to be read only and lacks a table.
        MissingExtraError: its driver is not installed.
    """

    def __init__(self, url: str, metadata: MetaData, *, read_only: bool = False) -> None:
        if read_only and (missing := metadata.tables.keys() - tables_of(url)):
            raise UnavailableError(
                f"The database lacks {min(missing)}, as an earlier release left it: "
                "open it once with this release."
            )
        self._engine = _open_engine(url, read_only)
        self._read_only = read_only
        self._connection: Connection | None = None
        try:
            if not read_only:
                with self._transaction() as connection:
                    metadata.create_all(connection)
                self._hang_up()  # the thread that writes makes its own
        except SQLAlchemyError as exc:
            self._engine.dispose()
            raise UnavailableError(f"The database cannot be opened: {cause(exc)}.") from exc
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._door = threading.Lock()
        self._closed = False
        self._submitted = 0
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="headwater-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction and return once it is durable.

        It may be run a second time, after what it did the first time was undone.

        Cancellation waits for the write: this returns with its outcome, and the caller is cancelled
        at its next await.

        Raises:
            UnavailableError: the database did not take the write; nothing changed.
            Exception: whatever `work` raises; nothing of it was written.
        """
        done = anyio.Event()
        job = _Job(work, Future(), done, current_token())
        with self._door:
            self._require_open()
            self._jobs.put(job)
        await _wait_through(done)
        if (failure := self._failure) is not None:
            self._failure = None
            raise failure
        result: T = job.future.result()
        return result

    def submit(self, work: Callable[[Connection], object]) -> None:
        """Have `work` done in its turn, before every later write, without waiting for the disk.

        For what another party can tell again after a crash. A failure is raised by the next `write`
        or `read`; nothing of the work was written then.

        Raises:
            UnavailableError: the database is closed, or open for reading only.
        """
        job = _Job(work, Future(), None, None)
        job.future.add_done_callback(self._note_failure)
        with self._door:
            self._require_open()
            self._submitted += 1
            self._jobs.put(job)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` over the latest state, what was submitted before included.

        Raises:
            UnavailableError: the database cannot be read, or refused what was submitted.
        """
        if self._submitted or self._failure is not None:
            await self.write(_nothing)
        return await anyio.to_thread.run_sync(self.read_now, work)

    def read_now(self, work: Callable[[Connection], T]) -> T:
        """Like `read`, blocking the calling thread."""
        try:
            with self._engine.connect() as connection:
                return work(connection)
        except SQLAlchemyError as exc:
            raise UnavailableError(f"The database cannot be read: {cause(exc)}.") from exc

    async def aclose(self) -> None:
        """Finish the writes under way and close; safe to call again."""
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self.close)

    def close(self) -> None:
        """Like `aclose`, blocking the calling thread."""
        with self._door:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        self._thread.join()
        self._engine.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _require_open(self) -> None:
        if self._closed:
            raise UnavailableError("The database is closed.")
        if self._read_only:
            raise UnavailableError("The database is open for reading only.")

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """One transaction on the writer's own connection, which is given up if it fails."""
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(**{_WRITES: True})
        try:
            with self._connection.begin():
                yield self._connection
        except BaseException:
            self._hang_up()
            raise

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _note_failure(self, future: "Future[Any]") -> None:
        self._submitted -= 1
        if (error := future.exception()) is not None:
            self._failure = error

    def _run(self) -> None:
        # A function's variables end with it: while this waits, no job of before is kept alive.
        while self._serve_batch():
            pass
        self._hang_up()

    def _serve_batch(self) -> bool:
        """Wait for a job, and write it with those that came meanwhile; False once closed."""
        if (first := self._jobs.get()) is None:
            return False
        batch, going_on = [first], True
        while len(batch) < MAX_BATCH and not self._jobs.empty():
            job = self._jobs.get()
            if job is None:
                going_on = False
                break
            batch.append(job)
        self._commit(batch)
        _wake(batch)
        return going_on

    def _commit(self, batch: list["_Job"]) -> None:
        outcomes: list[tuple[_Job, Any, BaseException | None]] = []
        try:
            try:
                with self._transaction() as connection:
                    outcomes = [(job, _bare(job, connection), None) for job in batch]
            except _UndoneError as undone:
                if len(batch) == 1:
                    outcomes = [(batch[0], None, undone.error)]
                else:
                    with self._transaction() as connection:
                        outcomes = [(job, *_attempt(job, connection)) for job in batch]
        except Exception as exc:  # noqa: BLE001  whatever it is, callers are waiting to hear of it
            error = UnavailableError(f"The database did not take the write: {cause(exc)}.")
            error.__cause__ = exc
            outcomes = [(job, None, error) for job in batch]
        for job, result, failure in outcomes:
            if failure is None:
                job.future.set_result(result)
            else:
                job.future.set_exception(failure)


class _Job:
    """One caller's work and where to report it."""

    __slots__ = ("done", "future", "token", "work")

    def __init__(
        self,
        work: Callable[[Connection], Any],
        future: "Future[Any]",
        done: anyio.Event | None,
        token: EventLoopToken | None,
    ) -> None:
        self.work, self.future, self.done, self.token = work, future, done, token


class _UndoneError(Exception):
    """A job without a savepoint failed; the transaction is rolled back by this passing through."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def _bare(job: _Job, connection: Connection) -> Any:
    try:
        return job.work(connection)
    except Exception as exc:
        raise _UndoneError(_told(exc)) from exc


def _attempt(job: _Job, connection: Connection) -> tuple[Any, Exception | None]:
    try:
        with connection.begin_nested():
            return job.work(connection), None
    except Exception as exc:  # noqa: BLE001  the caller's own error travels back to the caller
        return None, _told(exc)


def _told(error: Exception) -> Exception:
    """The error as the job's caller hears of it."""
    if isinstance(error, SQLAlchemyError):
        return UnavailableError(f"The database did not take the write: {cause(error)}.")
    return error


def _nothing(_connection: Connection) -> None:
    """What waits for everything before it."""


async def _wait_through(done: anyio.Event) -> None:
    """Wait for what is sure to come; a cancellation meanwhile takes effect afterwards.

    A shield holds off anyio's own cancellation. asyncio's (`Task.cancel`, `wait_for`, `timeout`)
    breaks through it, so it is caught and asked for again once the wait is over.
    """
    interrupted: asyncio.Task[Any] | None = None
    while not done.is_set():
        try:
            with anyio.CancelScope(shield=True):
                await done.wait()
        except asyncio.CancelledError:
            interrupted = asyncio.current_task()
    if interrupted is not None:
        # The count of requests stays as it was, which is how `asyncio.timeout` knows its own.
        interrupted.uncancel()
        interrupted.cancel()


def _wake(batch: list[_Job]) -> None:
    by_loop: dict[int, tuple[EventLoopToken, list[anyio.Event]]] = {}
    for job in batch:
        if job.token is not None and job.done is not None:
            by_loop.setdefault(id(job.token.native_token), (job.token, []))[1].append(job.done)
    for token, events in by_loop.values():

        def ring(waiting: list[anyio.Event] = events) -> None:
            for written in waiting:
                written.set()

        try:
            _call_soon(token, ring)
        except RuntimeError:
            # The loop that asked has ended: the writes stand, and nobody is left to tell.
            continue


def _call_soon(token: EventLoopToken, callback: Callable[[], None]) -> None:
    """Run `callback` in a loop of another thread, without waiting for a loop that is busy."""
    loop: Any = token.native_token
    if isinstance(loop, asyncio.AbstractEventLoop):
        loop.call_soon_threadsafe(callback)
    else:
        loop.run_sync_soon(callback)


def _open_engine(url: str, read_only: bool) -> Engine:
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
