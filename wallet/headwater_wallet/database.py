"""One writer for one database: many callers' writes share a durable commit.

A commit waits for the disk, so callers that arrive meanwhile are written together by the next one
(group commit). Each caller's work runs in a savepoint of its own: if it raises, its changes alone
are undone. A write returns only after the commit that holds it.

The same code runs on SQLite and PostgreSQL; several processes may open the same database.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
import anyio.to_thread
from anyio import from_thread
from anyio.lowlevel import EventLoopToken, current_token
from sqlalchemy import Connection, Engine, MetaData, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from headwater_payments.errors import UnavailableError

T = TypeVar("T")
MAX_BATCH = 256


class Database:
    """A database opened for atomic writes.

    Args:
        url: an SQLAlchemy URL, such as `sqlite:///wallet.db` or `postgresql+psycopg://…`.
        metadata: the tables to create where they are missing.

    Raises:
        UnavailableError: the database cannot be opened.
    """

    def __init__(self, url: str, metadata: MetaData) -> None:
        self._engine = _open_engine(url)
        try:
            metadata.create_all(self._engine)
        except SQLAlchemyError as exc:
            self._engine.dispose()
            raise UnavailableError(f"The database cannot be opened: {_cause(exc)}.") from exc
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="headwater-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction and return once it is durable.

        Cancellation waits for the write: when this is left, the work is committed or undone.

        Raises:
            UnavailableError: the database did not take the write; nothing changed.
            Exception: whatever `work` raises; nothing of it was written.
        """
        if self._closed:
            raise UnavailableError("The database is closed.")
        job = _Job(work, Future(), anyio.Event(), current_token())
        self._jobs.put(job)
        with anyio.CancelScope(shield=True):
            await job.done.wait()
        result: T = job.future.result()
        return result

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` over the latest committed state.

        Raises:
            UnavailableError: the database cannot be read.
        """
        return await anyio.to_thread.run_sync(self.read_now, work)

    def read_now(self, work: Callable[[Connection], T]) -> T:
        """Like `read`, blocking the calling thread."""
        try:
            with self._engine.connect() as connection:
                return work(connection)
        except SQLAlchemyError as exc:
            raise UnavailableError(f"The database cannot be read: {_cause(exc)}.") from exc

    async def aclose(self) -> None:
        """Finish the writes under way and close; safe to call again."""
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self.close)

    def close(self) -> None:
        """Like `aclose`, blocking the calling thread."""
        if not self._closed:
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

    def _run(self) -> None:
        while (first := self._jobs.get()) is not None:
            batch, stop = [first], False
            while len(batch) < MAX_BATCH and not self._jobs.empty():
                job = self._jobs.get()
                if job is None:
                    stop = True
                    break
                batch.append(job)
            self._commit(batch)
            _wake(batch)
            if stop:
                return

    def _commit(self, batch: list["_Job"]) -> None:
        outcomes: list[tuple[_Job, Any, BaseException | None]] = []
        try:
            with self._engine.begin() as connection:
                outcomes = [(job, *_attempt(job, connection)) for job in batch]
        except SQLAlchemyError as exc:
            error = UnavailableError(f"The database did not take the write: {_cause(exc)}.")
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
        done: anyio.Event,
        token: EventLoopToken,
    ) -> None:
        self.work, self.future, self.done, self.token = work, future, done, token


def _attempt(job: _Job, connection: Connection) -> tuple[Any, BaseException | None]:
    try:
        with connection.begin_nested():
            return job.work(connection), None
    except SQLAlchemyError as exc:
        return None, UnavailableError(f"The database did not take the write: {_cause(exc)}.")
    except Exception as exc:  # noqa: BLE001  the caller's own error travels back to the caller
        return None, exc


def _wake(batch: list[_Job]) -> None:
    by_loop: dict[int, list[_Job]] = {}
    for job in batch:
        by_loop.setdefault(id(job.token.native_token), []).append(job)
    for jobs in by_loop.values():

        def ring(waiting: list[_Job] = jobs) -> None:
            for job in waiting:
                job.done.set()

        try:
            from_thread.run_sync(ring, token=jobs[0].token)
        except RuntimeError:
            # The loop that asked has ended: the writes stand, and nobody is left to tell.
            continue


def _open_engine(url: str) -> Engine:
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def configure(connection: Any, _record: object) -> None:
            connection.isolation_level = None
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA busy_timeout=30000")

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            # Taking the write lock at once makes read-then-write atomic across processes.
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _cause(error: SQLAlchemyError) -> str:
    original = getattr(error, "orig", None)
    return str(original or error).splitlines()[0]
