"""One writer for one database: many callers' writes share a durable commit.

A commit waits for the disk, so callers that arrive meanwhile are written together by the next one
(group commit). A write returns only after the commit that holds it.

The same code runs on SQLite and PostgreSQL, and several processes may open the same database: one
writes at a time, so what a write has read still holds when it is committed.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import EventLoopToken, current_token
from sqlalchemy import Connection, Engine, MetaData
from sqlalchemy.exc import SQLAlchemyError

from headwater_payments.errors import UnavailableError
from headwater_wallet.engines import cause, tables_of
from headwater_wallet.writers import Outcome, Work, Writer, open_engine

T = TypeVar("T")
MAX_BATCH = 256


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
        self._engine = open_engine(url, read_only)
        self._read_only = read_only
        self._writer = Writer(self._engine)
        self._prompt = Writer(self._engine, synced=False) if _is_file(self._engine) else None
        try:
            if not read_only:
                with self._writer.transaction() as connection:
                    metadata.create_all(connection)
                self._writer.hang_up()  # the thread that writes makes its own
        except SQLAlchemyError as exc:
            self._engine.dispose()
            raise UnavailableError(f"The database cannot be opened: {cause(exc)}.") from exc
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._door = threading.Lock()
        self._turn = threading.Lock()
        """Held by whichever of the two writers is in a transaction."""
        self._closed = False
        self._submitted = 0
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="headwater-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[Connection], T], *, synced: bool = True) -> T:
        """Run `work` in a transaction and return once it is durable.

        It may be run a second time, after what it did the first time was undone.

        Cancellation waits for the write: this returns with its outcome, and the caller is cancelled
        at its next await.

        Args:
            work: brief where it need not be synced, since it may then run in the caller's thread.
            synced: without it, all survives the end of this process, and a power cut only from the
                next synced write on that changes something (one that changes nothing syncs
                nothing): for what nobody is told of before that. The first write after a
                checkpoint begins a new log, whose header SQLite syncs even so.

        Raises:
            UnavailableError: the database did not take the write; nothing changed.
            Exception: whatever `work` raises; nothing of it was written.
        """
        if not synced and (outcome := self._written_at_once(work)) is not None:
            if outcome.failure is not None:
                raise outcome.failure
            prompt: T = outcome.result
            return prompt
        done = anyio.Event()
        job = _Job(work, synced, done, current_token())
        with self._door:
            self._require_open()
            self._jobs.put(job)
        await _wait_through(done)
        if (failure := self._failure) is not None:
            self._failure = None
            raise failure
        if job.outcome.failure is not None:
            raise job.outcome.failure
        result: T = job.outcome.result
        return result

    def submit(self, work: Callable[[Connection], object]) -> None:
        """Have `work` done before every later write, without waiting for the disk.

        For what another party can tell again after a power cut: it is as durable as a write that is
        not synced. Where nobody else writes it is done at once, in the caller's thread, so it has
        to be brief. A failure is raised by the next `write` or `read`; nothing of the work was
        written then.

        Raises:
            UnavailableError: the database is closed, or open for reading only.
        """
        if (outcome := self._written_at_once(work)) is not None:
            self._failure = outcome.failure
            return
        with self._door:
            self._require_open()
            self._submitted += 1
            self._jobs.put(_Job(work, False, None, None))

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
        if self._prompt is not None:
            with self._turn:
                self._prompt.hang_up()
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

    def _written_at_once(self, work: Callable[[Connection], Any]) -> Outcome | None:
        """Write without the disk, in this thread; None where another writes, or is to go before."""
        if self._prompt is None or not self._turn.acquire(blocking=False):
            return None
        try:
            if self._closed or self._read_only or self._submitted or self._failure is not None:
                return None
            outcomes = _unsynced(self._prompt, [work])
            return None if outcomes is None else outcomes[0]
        finally:
            self._turn.release()

    def _note_failure(self, outcome: Outcome) -> None:
        """What became of a submitted work."""
        with self._door:
            self._submitted -= 1
        if outcome.failure is not None:
            self._failure = outcome.failure

    def _run(self) -> None:
        # A function's variables end with it: while this waits, no job of before is kept alive.
        while self._serve_batch():
            pass
        self._writer.hang_up()

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
        works = [job.work for job in batch]
        with self._turn:
            outcomes = None
            if self._prompt is not None and not any(job.synced for job in batch):
                outcomes = _unsynced(self._prompt, works)
            if outcomes is None:
                outcomes = self._writer.commit(works)
        for job, outcome in zip(batch, outcomes, strict=True):
            job.outcome = outcome
            if job.done is None:
                self._note_failure(outcome)
        _wake(batch)
        return going_on


class _Job:
    """One caller's work, and whom to tell of its outcome."""

    __slots__ = ("done", "outcome", "synced", "token", "work")
    outcome: Outcome

    def __init__(
        self, work: Work, synced: bool, done: anyio.Event | None, token: EventLoopToken | None
    ) -> None:
        self.work, self.synced, self.done, self.token = work, synced, done, token


def _unsynced(writer: Writer, works: Sequence[Work]) -> list[Outcome] | None:
    """Commit without the disk; None where another process writes, and nothing was begun."""
    begun = False

    def first(connection: Connection) -> Any:
        nonlocal begun
        begun = True
        return works[0](connection)

    outcomes = writer.commit([first, *works[1:]])
    return outcomes if begun else None


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


def _is_file(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite" and engine.url.database not in (None, "", ":memory:")
