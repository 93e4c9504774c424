"""One writer, many callers: batches, savepoints, durability, cancellation, several processes."""

import asyncio
import gc
import multiprocessing
import os
import re
import signal
import socket
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from sqlalchemy import Column as SqlColumn
from sqlalchemy import Connection, Integer, MetaData, String, Table, event, select, text, update

from headwater_payments.errors import HeadwaterError, InvalidInputError, UnavailableError
from headwater_wallet import engines
from headwater_wallet.database import Database
from headwater_wallet.engines import tables_of

METADATA = MetaData()
NOTES = Table(
    "note", METADATA, SqlColumn("id", Integer, primary_key=True), SqlColumn("text", String)
)
COUNTER = Table(
    "counter", METADATA, SqlColumn("name", String, primary_key=True), SqlColumn("value", Integer)
)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def note(number: int) -> "Note":
    return Note(number)


class Note:
    """Work that inserts one row, and can be told to fail after it."""

    def __init__(self, number: int, error: Exception | None = None) -> None:
        self.number, self.error = number, error

    def __call__(self, connection: Connection) -> int:
        connection.execute(NOTES.insert().values(id=self.number, text="x"))
        if self.error is not None:
            raise self.error
        return self.number


def count(connection: Connection) -> int:
    return len(connection.execute(select(NOTES)).all())


def increment(connection: Connection) -> None:
    """Read, then write: right only where nobody writes in between."""
    value = connection.execute(select(COUNTER.c.value)).scalar_one()
    connection.execute(update(COUNTER).values(value=value + 1))


@contextmanager
def commits_held(database: Database) -> Iterator[tuple[threading.Event, list[int]]]:
    """Commits wait for the event; the list grows by one for each that went through."""
    let_go, done = threading.Event(), [0]

    def on_commit(_connection: Connection) -> None:
        let_go.wait(20)
        done[0] += 1

    event.listen(database._engine, "commit", on_commit)
    try:
        yield let_go, done
    finally:
        let_go.set()


@pytest.mark.anyio
async def test_what_was_written_is_read_back(database_url: str) -> None:
    async with Database(database_url, METADATA) as database:
        assert await database.write(note(1)) == 1
        assert await database.read(count) == 1
        assert database.read_now(count) == 1


@pytest.mark.anyio
async def test_writes_that_wait_together_share_a_commit(database_url: str) -> None:
    async with Database(database_url, METADATA) as database:
        with commits_held(database) as (let_go, done):
            async with anyio.create_task_group() as group:
                for number in range(50):
                    group.start_soon(database.write, note(number))
                await anyio.wait_all_tasks_blocked()
                let_go.set()
            # The first commit may hold any part of the fifty; what came meanwhile is one more.
            assert done[0] <= 2
        assert await database.read(count) == 50


@pytest.mark.anyio
async def test_a_write_that_fails_leaves_the_others_of_its_batch(database_url: str) -> None:
    outcomes: dict[int, str] = {}
    async with Database(database_url, METADATA) as database:

        async def write(number: int, error: Exception | None) -> None:
            try:
                await database.write(Note(number, error))
                outcomes[number] = "ok"
            except (ValueError, HeadwaterError) as exc:
                outcomes[number] = type(exc).__name__

        with commits_held(database) as (let_go, _):
            async with anyio.create_task_group() as group:
                for number in range(20):
                    broken = ValueError("no") if number % 3 == 0 else None
                    group.start_soon(write, number, broken)
                await anyio.wait_all_tasks_blocked()
                let_go.set()
        ids = await database.read(lambda c: set(c.execute(select(NOTES.c.id)).scalars()))
    assert ids == {number for number in range(20) if number % 3}
    assert {n for n, said in outcomes.items() if said == "ValueError"} == set(range(0, 20, 3))


@pytest.mark.anyio
async def test_the_callers_own_error_comes_back_unchanged(database_url: str) -> None:
    error = InvalidInputError("mine")
    async with Database(database_url, METADATA) as database:
        with pytest.raises(InvalidInputError) as caught:
            await database.write(Note(1, error))
        assert caught.value is error
        assert await database.read(count) == 0


@pytest.mark.anyio
async def test_a_write_that_breaks_a_constraint_is_unavailable_and_changes_nothing(
    database_url: str,
) -> None:
    async with Database(database_url, METADATA) as database:
        await database.write(note(1))
        with pytest.raises(UnavailableError):
            await database.write(note(1))
        await database.write(note(2))
        assert await database.read(count) == 2


@pytest.mark.anyio
async def test_a_write_returns_only_after_its_commit(database_url: str) -> None:
    returned = False
    async with Database(database_url, METADATA) as database:

        async def write() -> None:
            nonlocal returned
            await database.write(note(1))
            returned = True

        with commits_held(database) as (let_go, done):
            async with anyio.create_task_group() as group:
                group.start_soon(write)
                await anyio.wait_all_tasks_blocked()
                assert not returned
                assert await database.read(count) == 0
                let_go.set()
            assert (returned, done) == (True, [1])
        assert await database.read(count) == 1


@pytest.mark.anyio
async def test_a_commit_that_fails_fails_every_write_in_it(database_url: str) -> None:
    refused: list[str] = []
    async with Database(database_url, METADATA) as database:

        def broken(_connection: Connection) -> None:
            raise OSError("the disk is full")

        async def write(number: int) -> None:
            try:
                await database.write(note(number))
            except UnavailableError as exc:
                refused.append(exc.message)

        event.listen(database._engine, "commit", broken)
        async with anyio.create_task_group() as group:
            for number in range(5):
                group.start_soon(write, number)
        event.remove(database._engine, "commit", broken)
        assert refused == ["The database did not take the write: the disk is full."] * 5
        await database.write(note(9))
        assert await database.read(count) == 1


@pytest.mark.anyio
async def test_cancellation_waits_until_the_write_is_committed(database_url: str) -> None:
    finished: list[str] = []
    async with Database(database_url, METADATA) as database:

        async def write() -> None:
            await database.write(note(1))
            finished.append("write")
            await anyio.lowlevel.checkpoint()
            finished.append("beyond the next await")

        with commits_held(database) as (let_go, _):
            async with anyio.create_task_group() as group:
                group.start_soon(write)
                await anyio.wait_all_tasks_blocked()
                group.cancel_scope.cancel()
                let_go.set()
        assert finished == ["write"]
        assert await database.read(count) == 1


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_asyncios_own_cancellation_waits_too(database_url: str, times: int) -> None:
    finished: list[str] = []
    async with Database(database_url, METADATA) as database:

        async def write() -> None:
            await database.write(note(1))
            finished.append("write")
            await asyncio.sleep(0)
            finished.append("beyond the next await")

        with commits_held(database) as (let_go, _):
            task = asyncio.create_task(write())
            await anyio.wait_all_tasks_blocked()
            for _ in range(times):
                task.cancel()
                await anyio.wait_all_tasks_blocked()
            assert not task.done()
            let_go.set()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert finished == ["write"]
        assert await database.read(count) == 1


async def write_and_dawdle(database: Database) -> None:
    async with asyncio.timeout(0.01):
        await database.write(note(1))
        await asyncio.sleep(10)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_an_asyncio_timeout_during_a_write_is_still_a_timeout(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path / 't.db'}", METADATA) as database:
        with commits_held(database) as (let_go, _):
            threading.Timer(0.05, let_go.set).start()
            with pytest.raises(TimeoutError):
                await write_and_dawdle(database)
        assert await database.read(count) == 1


@pytest.mark.anyio
async def test_a_closed_database_takes_no_more_writes(database_url: str) -> None:
    database = Database(database_url, METADATA)
    await database.aclose()
    await database.aclose()
    with pytest.raises(UnavailableError, match="closed"):
        await database.write(note(1))


@pytest.mark.anyio
async def test_closing_finishes_the_writes_under_way(database_url: str) -> None:
    written: list[int] = []
    database = Database(database_url, METADATA)

    async def write(number: int) -> None:
        try:
            written.append(await database.write(note(number)))
        except UnavailableError:
            assert database._closed

    async with anyio.create_task_group() as group:
        for number in range(30):
            group.start_soon(write, number)
        group.start_soon(database.aclose)
    async with Database(database_url, METADATA) as again:
        assert await again.read(count) == len(written)


@pytest.mark.anyio
async def test_closing_from_the_loops_own_thread_does_not_wait_for_the_loop(
    database_url: str,
) -> None:
    database = Database(database_url, METADATA)
    with commits_held(database) as (let_go, _):
        async with anyio.create_task_group() as group:
            group.start_soon(database.write, note(1))
            await anyio.wait_all_tasks_blocked()
            let_go.set()
            database.close()


def test_writes_of_two_loops_are_told_apart(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'loops.db'}", METADATA)

    async def many(start: int) -> None:
        async with anyio.create_task_group() as group:
            for number in range(start, start + 20):
                group.start_soon(database.write, note(number))

    loops = [
        threading.Thread(target=anyio.run, args=(many, start), kwargs={"backend": backend})
        for start, backend in ((0, "asyncio"), (100, "trio"), (200, "asyncio"))
    ]
    for loop in loops:
        loop.start()
    for loop in loops:
        loop.join(30)
    assert database.read_now(count) == 60
    database.close()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////nowhere/at/all/x.db",
        "not a url",
        "postgresql+nodriver://localhost/x",
        "postgresql+psycopg://user:hunter2@127.0.0.1:1/x?connect_timeout=2",
    ],
)
def test_a_database_that_cannot_be_opened_is_one_sentence_without_its_password(url: str) -> None:
    with pytest.raises(UnavailableError) as caught:
        Database(url, METADATA)
    assert caught.value.message.startswith("The database cannot be opened: ")
    assert "\n" not in caught.value.message
    assert "hunter2" not in caught.value.message


def _add(url: str, times: int) -> None:
    async def run() -> None:
        async with Database(url, METADATA) as database, anyio.create_task_group() as group:
            for _ in range(times):
                group.start_soon(database.write, increment)

    anyio.run(run)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_processes_that_read_then_write_lose_nothing(database_url: str) -> None:
    async with Database(database_url, METADATA) as database:
        await database.write(
            lambda connection: connection.execute(text("INSERT INTO counter VALUES ('n', 0)"))
        )
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_add, args=(database_url, 40)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    async with Database(database_url, METADATA) as database:
        total = await database.read(lambda c: c.execute(select(COUNTER.c.value)).scalar_one())
    assert total == 120


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql+asyncpg://h/x", "write postgresql:// or postgresql+psycopg://"),
        ("postgresql+psycopg2://h/x", "write postgresql:// or postgresql+psycopg://"),
        ("mysql://h/x", "mysql is not supported; name SQLite"),
        ("sqlite+aiosqlite:///x.db", "sqlite+aiosqlite is not supported; name SQLite"),
    ],
)
def test_a_database_of_another_kind_is_told_which_there_are(url: str, said: str) -> None:
    with pytest.raises(UnavailableError, match=re.escape(said)):
        Database(url, METADATA)


def test_a_server_that_takes_connections_and_never_answers_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engines, "CONNECT_S", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        for opening in (lambda url: Database(url, METADATA), tables_of):
            with pytest.raises(UnavailableError):
                opening(f"postgresql://nobody@127.0.0.1:{port}/x")


@pytest.mark.anyio
async def test_a_database_for_reading_only_is_neither_made_nor_written(database_url: str) -> None:
    with pytest.raises(UnavailableError, match="lacks counter"):
        Database(database_url, METADATA, read_only=True)
    assert tables_of(database_url) == frozenset()
    async with Database(database_url, METADATA) as database:
        await database.write(note(1))
    async with Database(database_url, METADATA, read_only=True) as database:
        assert await database.read(count) == 1
        with pytest.raises(UnavailableError, match="reading only"):
            await database.write(note(2))
        with pytest.raises(UnavailableError, match="reading only"):
            database.submit(note(2))
        assert await database.read(count) == 1


@pytest.mark.anyio
async def test_what_a_write_held_is_let_go_of_before_the_next_write(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path / 'held.db'}", METADATA) as database:
        work = Note(1)
        held, gone = weakref.ref(work), threading.Event()
        weakref.finalize(work, gone.set)
        await database.write(work)
        del work
        gc.collect()
        # The writer's thread wakes the caller before it turns to its next job.
        await anyio.to_thread.run_sync(gone.wait, 20)
        assert held() is None


@pytest.mark.anyio
async def test_processes_that_know_of_different_tables_write_one_at_a_time(
    database_url: str,
) -> None:
    fewer = MetaData()
    COUNTER.to_metadata(fewer)
    async with Database(database_url, METADATA) as one, Database(database_url, fewer) as other:
        await one.write(lambda c: c.execute(COUNTER.insert().values(name="n", value=0)))
        async with anyio.create_task_group() as group:
            for number in range(40):
                group.start_soon((one, other)[number % 2].write, increment)
        assert await one.read(lambda c: c.execute(select(COUNTER.c.value)).scalar()) == 40


@pytest.mark.anyio
async def test_a_write_that_need_not_be_synced_is_read_back_and_survives_the_database(
    database_url: str,
) -> None:
    async with Database(database_url, METADATA) as database:
        assert await database.write(note(1), synced=False) == 1
        assert await database.read(count) == 1
        await database.write(note(2))
    async with Database(database_url, METADATA) as again:
        assert await again.read(count) == 2


@pytest.mark.anyio
async def test_a_write_that_need_not_be_synced_runs_at_once_in_the_callers_thread(
    tmp_path: Path,
) -> None:
    threads: list[str] = []
    begun = threading.Event()

    def where(connection: Connection) -> None:
        threads.append(threading.current_thread().name)
        note(len(threads))(connection)

    def begin(connection: Connection) -> None:
        where(connection)
        begun.set()

    mine = threading.current_thread().name
    async with Database(f"sqlite:///{tmp_path / 'once.db'}", METADATA) as database:
        await database.write(where, synced=False)
        await database.write(where)
        database.submit(where)
        with commits_held(database) as (let_go, _):
            async with anyio.create_task_group() as group:
                group.start_soon(database.write, begin)
                assert await anyio.to_thread.run_sync(begun.wait, 20)
                database.submit(where)
                let_go.set()
                # What was submitted goes before every later write, so this one waits in line.
                await database.write(where, synced=False)
        await database.write(where, synced=False)
        writer = "headwater-writer"
        assert threads == [mine, writer, mine, writer, writer, writer, mine]
        assert await database.read(count) == 7


@pytest.mark.anyio
async def test_while_another_writes_what_need_not_be_synced_waits_in_line(tmp_path: Path) -> None:
    url, begun = f"sqlite:///{tmp_path / 'line.db'}", threading.Event()

    def begin(connection: Connection) -> None:
        note(1)(connection)
        begun.set()

    async with Database(url, METADATA) as database, Database(url, METADATA) as other:
        with commits_held(database) as (let_go, _):
            async with anyio.create_task_group() as group:
                group.start_soon(database.write, begin)
                assert await anyio.to_thread.run_sync(begun.wait, 20)
                for each, number in ((database, 2), (other, 3)):
                    group.start_soon(partial(each.write, note(number), synced=False))
                await anyio.wait_all_tasks_blocked()
                assert await database.read(count) == 0
                let_go.set()
        assert await other.read(count) == 3


@pytest.mark.anyio
async def test_an_unsynced_write_that_fails_leaves_nothing_and_the_next_goes_through(
    database_url: str,
) -> None:
    error = InvalidInputError("mine")
    async with Database(database_url, METADATA) as database:
        with pytest.raises(InvalidInputError) as caught:
            await database.write(Note(1, error), synced=False)
        assert caught.value is error
        await database.write(note(1), synced=False)
        with pytest.raises(UnavailableError):
            await database.write(note(1), synced=False)
        await database.write(note(2), synced=False)
        assert await database.read(count) == 2
    with pytest.raises(UnavailableError, match="closed"):
        await database.write(note(3), synced=False)


@pytest.mark.anyio
async def test_an_unsynced_write_that_is_refused_costs_the_next_no_new_connection(
    tmp_path: Path,
) -> None:
    opened: list[object] = []
    async with Database(f"sqlite:///{tmp_path / 'refused.db'}", METADATA) as database:
        await database.write(note(1), synced=False)
        event.listen(database._engine, "connect", lambda driver, _: opened.append(driver))
        for number in (2, 3):
            with pytest.raises(InvalidInputError):
                await database.write(Note(number, InvalidInputError("mine")), synced=False)
        await database.write(note(2), synced=False)
        assert opened == []
        # What the database itself refuses may have to do with the connection.
        with pytest.raises(UnavailableError):
            await database.write(note(2), synced=False)
        await database.write(note(3), synced=False)
        assert len(opened) == 1
        assert await database.read(count) == 3


def _write_and_be_killed(url: str) -> None:
    async def run() -> None:
        await Database(url, METADATA).write(note(1), synced=False)
        os.kill(os.getpid(), signal.SIGKILL)

    anyio.run(run)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_an_unsynced_write_survives_the_end_of_its_process(database_url: str) -> None:
    worker = multiprocessing.get_context("spawn").Process(
        target=_write_and_be_killed, args=(database_url,)
    )
    worker.start()
    worker.join(60)
    assert worker.exitcode == -signal.SIGKILL
    async with Database(database_url, METADATA) as database:
        assert await database.read(count) == 1
