"""Leases: work that one process at a time does, taken over when its holder is gone.

A lease decides who works, never whether money moves once: that is for the chain and the books.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, Table, insert, select, update

from headwater_marketplace.seller.tables import LeaseRow
from headwater_wallet.database import Database

_leases: Table = LeaseRow.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Lease:
    """One holder's claim to one kind of work.

    Args:
        database: holds the seller's tables.
        name: the work.
        holder: who asks; another text for each process, and for each of its lives.
        lasts_s: seconds after which a holder that no longer renews is taken to be gone.
        now: Unix time in seconds; the clocks of the holders may differ by far less than `lasts_s`.
    """

    database: Database
    name: str
    holder: str
    lasts_s: int
    now: Callable[[], int]

    async def take(self) -> bool:
        """Take or renew it; False while another holder has it."""
        now = self.now()

        def work(connection: Connection) -> bool:
            query = select(_leases).where(_leases.c.name == self.name).with_for_update()
            row = connection.execute(query).first()
            values = {"holder": self.holder, "expires_at": now + self.lasts_s}
            if row is None:
                connection.execute(insert(_leases).values(name=self.name, **values))
                return True
            if row.holder != self.holder and row.expires_at > now:
                return False
            connection.execute(update(_leases).where(_leases.c.name == self.name).values(**values))
            return True

        return await self.database.write(work)

    async def give_up(self) -> None:
        """Let another holder have it at once."""
        await self.database.write(
            lambda connection: connection.execute(
                _leases.delete().where(_leases.c.name == self.name, _leases.c.holder == self.holder)
            )
        )
