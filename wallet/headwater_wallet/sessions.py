"""ORM sessions inside a transaction that somebody else commits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.orm import Session

T = TypeVar("T")


@contextmanager
def joined_session(connection: Connection) -> Iterator[Session]:
    """A session whose changes go with the connection's transaction, or its savepoint."""
    with Session(
        bind=connection, join_transaction_mode="conditional_savepoint", expire_on_commit=False
    ) as session:
        yield session
        session.commit()


def in_session(work: Callable[[Session], T]) -> Callable[[Connection], T]:
    """Work over a session as work over a connection, in the form that `Database` takes."""

    def run(connection: Connection) -> T:
        with joined_session(connection) as session:
            return work(session)

    return run
