"""Failures in a row at each seller, kept where every process sees them."""

from typing import Final

from sqlalchemy import Connection, bindparam, delete

from headwater_wallet.books import Books, in_books
from headwater_wallet.database import Database
from headwater_wallet.prepared import Prepared
from headwater_wallet.records import TABLES, CircuitRecord

_FORGET: Final = Prepared(
    delete(TABLES[CircuitRecord]).where(TABLES[CircuitRecord].c.origin == bindparam("origin"))
)


class CircuitBook:
    """Counts failures by origin; a success starts the count anew."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def failed(self, origin: str, at: int) -> None:
        """Note a failure at an origin; `at` is Unix time in seconds."""

        def work(books: Books) -> None:
            row = books.get(CircuitRecord, origin)
            if row is None:
                return books.add(CircuitRecord(origin, failures=1, last_failure_at=at))
            row.failures, row.last_failure_at = row.failures + 1, at

        await self._database.write(in_books(work))

    def succeeded_soon(self, origin: str) -> None:
        """Forget an origin's failures, in turn, without waiting for the disk.

        Were it lost in a crash, the count would be too high, which errs on the side of the wallet.
        """

        def work(connection: Connection) -> None:
            _FORGET.run(connection, {"origin": origin})

        self._database.submit(work)
