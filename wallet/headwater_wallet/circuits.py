"""Failures in a row at each seller, kept where every process sees them."""

from sqlalchemy import Connection, delete
from sqlalchemy.orm import Session
from sqlmodel import col

from headwater_wallet.database import Database
from headwater_wallet.sessions import in_session
from headwater_wallet.tables import CircuitRow


class CircuitBook:
    """Counts failures by origin; a success starts the count anew."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def failed(self, origin: str, at: int) -> None:
        """Note a failure at an origin; `at` is Unix time in seconds."""

        def work(session: Session) -> None:
            row = session.get(CircuitRow, origin, with_for_update=True)
            failures = 1 if row is None else row.failures + 1
            session.merge(CircuitRow(origin=origin, failures=failures, last_failure_at=at))

        await self._database.write(in_session(work))

    def succeeded_soon(self, origin: str) -> None:
        """Forget an origin's failures, in turn, without waiting for the disk.

        Were it lost in a crash, the count would be too high, which errs on the side of the wallet.
        """

        def work(connection: Connection) -> None:
            connection.execute(delete(CircuitRow).where(col(CircuitRow.origin) == origin))

        self._database.submit(work)
