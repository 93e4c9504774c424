"""Where a payment can go wrong, and making it go wrong there: each point, in each way.

The points are every await of both sides, every SQL statement and every commit. A clean run counts
them; then the same run is made again for each fault that can be told from the others.
"""

import asyncio
import inspect
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import anyio
import httpx
from anyio import from_thread
from anyio.lowlevel import EventLoopToken, current_token
from sqlalchemy.exc import OperationalError

from headwater_payments.errors import UnavailableError
from headwater_wallet.database import Database
from support.awaits import Instrument, Site, Sort

Kind = Literal["fail", "fail after", "cancel", "die", "die after"]
Name = Literal["buyer", "seller"]
What = Sort | Literal["statement", "commit"]

PARTY: ContextVar["Party | None"] = ContextVar("party", default=None)
"""Whose code is running."""


class DeadError(BaseException):
    """Nothing more happens in a process that has died."""


@dataclass(frozen=True, slots=True)
class Point:
    """The `nth` time that a party passes a place in a payment.

    `moment` counts how often the party's task had been left for another before, and `effects` what
    it had done to the world outside its memory.
    """

    party: Name
    place: str
    nth: int
    what: What = field(compare=False)
    moment: int = field(compare=False, default=0)
    effects: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, and where."""

    point: Point
    kind: Kind

    def __str__(self) -> str:
        return f"{self.point.party}: {self.kind}, {self.point.place} ({self.point.nth})"


@dataclass
class Party:
    """One side of a payment: a process with a database, which can be cancelled and can die."""

    name: Name
    path: Path
    scopes: list[anyio.CancelScope] = field(default_factory=list)
    at_death: Callable[[], None] = lambda: None
    dead: bool = False

    @property
    def remains(self) -> Path:
        """What was on disk when it died."""
        return self.path.with_suffix(".remains")

    def cancel(self) -> None:
        """Cancel what it is at."""
        for scope in self.scopes:
            scope.cancel()

    def die(self) -> None:
        """Keep what is on disk, and do nothing ever again."""
        self.keep()
        self.end()

    def keep(self) -> None:
        """Copy what is committed; what was under way is not."""
        now, kept = sqlite3.connect(self.path), sqlite3.connect(self.remains)
        now.backup(kept)
        now.close()
        kept.close()

    def end(self) -> None:
        """Stop all that it does."""
        self.dead = True
        self.cancel()
        self.at_death()


class Plan:
    """Watches one payment, and strikes at one point of it.

    Attributes:
        points: those that were passed, in order.
        struck: whether the fault has happened.
        on: whether what happens now is part of the payment.
        instrument: tells what kind of thing is awaited.
    """

    def __init__(self, fault: Fault | None = None) -> None:
        self.points: list[Point] = []
        self.struck = False
        self.on = False
        self.instrument: Instrument | None = None
        self._fault = fault
        self._passed: Counter[tuple[Name, str]] = Counter()
        self._moment = self._effects = 0
        self._databases: list[Database] = []
        self._done = threading.Condition()
        self._token: EventLoopToken | None = None
        self._loop_thread: threading.Thread | None = None

    async def step_in(self, site: Site, awaitable: Any) -> Any:
        """Do one await of either side, or have it go wrong."""
        party = PARTY.get()
        if not self.on or party is None:
            return await awaitable
        assert self.instrument is not None
        what = self.instrument.sort_of(awaitable)
        self._token, self._loop_thread = current_token(), threading.current_thread()
        if party.dead:
            _drop(awaitable)
            raise DeadError
        kind = self._passes(party, str(site), what)
        if kind in ("fail", "die"):
            _drop(awaitable)
            if kind == "fail":
                raise _failure(site, what, party.name)
            party.die()
            raise DeadError
        if kind == "cancel":
            party.cancel()
        result = await awaitable
        self._effects += what == "whole"
        if party.dead:
            raise DeadError
        if kind == "fail after":
            if isinstance(result, httpx.Response):
                await result.aclose()
            raise _failure(site, what, party.name)
        return result

    @contextmanager
    def watching(
        self, parties: dict[Name, Party], databases: dict[Name, Database]
    ) -> Iterator[None]:
        """Make points of what the parties' databases do."""
        with ExitStack() as stack:
            for name, database in databases.items():
                stack.enter_context(self._watch(parties[name], database))
            yield

    def submitted_is_done(self) -> None:
        """Wait, in a thread, until every write that nobody waits for has been tried."""
        with self._done:
            assert self._done.wait_for(lambda: not any(d._submitted for d in self._databases), 10)

    @contextmanager
    def _watch(self, party: Party, database: Database) -> Iterator[None]:
        engine = database._engine
        commit, note = engine.dialect.do_commit, database._note_failure
        execute = engine.dialect.do_execute

        def do_execute(cursor: Any, text: str, *more: Any) -> None:
            if self.on and not party.dead:
                place = " ".join(text.split()[:3])
                if self._passes(party, place, "statement") == "fail":
                    raise sqlite3.OperationalError("disk I/O error")
            execute(cursor, text, *more)

        def do_commit(connection: Any) -> None:
            kind = None
            if self.on and not party.dead:
                kind = self._passes(party, "COMMIT", "commit")
            if kind == "fail":
                raise _disk_error("COMMIT")
            if kind == "die":
                self._kill(party)
            commit(connection)
            self._effects += 1
            if kind == "die after":
                self._kill(party)
            if kind == "fail after":
                raise _disk_error("COMMIT")

        def noted(outcome: Any) -> None:
            with self._done:
                note(outcome)
                self._done.notify_all()

        self._databases.append(database)
        engine.dialect.do_commit = do_commit  # type: ignore[method-assign]
        database._note_failure = noted  # type: ignore[method-assign]
        engine.dialect.do_execute = do_execute  # type: ignore[method-assign]
        try:
            yield
        finally:
            engine.dialect.do_execute = execute  # type: ignore[method-assign]
            engine.dialect.do_commit = commit  # type: ignore[method-assign]
            database._note_failure = note  # type: ignore[method-assign]

    def _kill(self, party: Party) -> None:
        """At a commit, in whatever thread that is: what it still does there is not kept."""
        party.keep()
        if threading.current_thread() is self._loop_thread:
            party.end()
        else:
            from_thread.run_sync(party.end, token=self._token)

    def _passes(self, party: Party, place: str, what: What) -> Kind | None:
        if what not in ("statement", "commit"):
            # Runs only once the task is left for another.
            asyncio.get_running_loop().call_soon(self._left)
        self._passed[party.name, place] += 1
        nth = self._passed[party.name, place]
        point = Point(party.name, place, nth, what, self._moment, self._effects)
        self.points.append(point)
        if self._fault is None or self._fault.point != point or self.struck:
            return None
        self.struck = True
        return self._fault.kind

    def _left(self) -> None:
        self._moment += 1


def faults_of(points: Iterable[Point], skipped: Iterable[Point] = ()) -> Iterator[Fault]:
    """Every fault at these points that can be told from the others.

    Cancelling a task twice while nothing else runs is cancelling it once, and a process that has
    done nothing to the world between two points leaves the same behind at both.
    """
    known = set(skipped)
    cancelled: set[tuple[Name, int]] = set()
    died: set[tuple[Name, int, int]] = set()
    for point in points:
        moment = point.party, point.moment
        if point in known:
            cancelled.add(moment)
            died.add((*moment, point.effects))
            continue
        yield Fault(point, "fail")
        if point.what in ("whole", "commit"):
            yield Fault(point, "fail after")
        if point.what == "commit":
            yield Fault(point, "die")
            yield Fault(point, "die after")
        if point.what in ("statement", "commit"):
            continue
        if moment not in cancelled:
            yield Fault(point, "cancel")
        if (*moment, point.effects) not in died:
            yield Fault(point, "die")
        cancelled.add(moment)
        died.add((*moment, point.effects))


def _failure(site: Site, what: What, party: Name) -> Exception:
    """What such an await raises when it fails in life."""
    text = f"injected at {site}"
    if party == "buyer" and what == "whole" and "signer" not in site.text:
        return httpx.ReadError(text)
    if site.text.startswith(("send(", "receive(", "self._raw_send(")):
        return OSError(text)
    return UnavailableError(text)


def _disk_error(statement: str) -> OperationalError:
    return OperationalError(statement, {}, sqlite3.OperationalError("disk I/O error"))


def _drop(awaitable: Any) -> None:
    if inspect.iscoroutine(awaitable):
        awaitable.close()
