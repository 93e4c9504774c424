"""What a seller does beside serving: ending what an earlier crash left open."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Never

import anyio

from headwater_marketplace.seller.abandoned import (
    GONE_AFTER_S,
    abandoned,
    forget_the_dead,
    serving_lease,
    unserved,
)
from headwater_marketplace.seller.records import Payment
from headwater_marketplace.seller.resume import TransferResumer
from headwater_marketplace.seller.store import SellerStore
from headwater_payments.errors import HeadwaterError

EVERY_S: Final = GONE_AFTER_S // 6
"""Five renewals may fail before a process is taken for dead."""


@dataclass(slots=True)
class HousekeepingStatistics:
    """What a housekeeper has done since it was made."""

    rounds: int = 0
    released: int = 0
    open_transfers: int = 0
    last_failure: str | None = None


class Housekeeper:
    """Releases what dead processes had reserved, and learns what became of transfers under way.

    Run it beside the server, in each process.

    Args:
        store: the seller's books; the very object that the middleware uses, which knows what is
            being served.
        now: Unix time in seconds.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        store: SellerStore,
        transfers: TransferResumer | None = None,
        *,
        now: Callable[[], int] = lambda: int(time.time()),
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._store, self._now, self._sleep = store, now, sleep
        self._transfers = transfers
        self.statistics = HousekeepingStatistics()

    async def run(self) -> Never:
        """Tidy at once and then every `EVERY_S` seconds until cancelled; failures are noted."""
        try:
            while True:
                try:
                    await self.tidy()
                except HeadwaterError as exc:
                    self.statistics.last_failure = f"{exc.code}: {exc.message}"
                await self._sleep(EVERY_S)
        finally:
            with anyio.move_on_after(5, shield=True):
                await serving_lease(self._store, self._now()).give_up()

    async def tidy(self) -> list[str]:
        """Say that this process is there, and release what others left; gives the payments' ids.

        Raises:
            UnavailableError: the database does not answer; what was released stays so.
        """
        now = self._now()
        self.statistics.rounds += 1
        await serving_lease(self._store, now).take()
        ended = [payment.payment_id for payment in await abandoned(self._store, now)]
        for payment_id in ended:
            # A single transfer may have been on its way: its nonce stays taken.
            await self._store.release(payment_id, free_nonce=False)
            self.statistics.released += 1
        if self._transfers is not None:
            left = await self._transfers.resume(await self._ended(now))
            self.statistics.open_transfers = len(left)
        await forget_the_dead(self._store, now)
        return ended

    async def _ended(self, now: int) -> Callable[[Payment], bool]:
        """Tells whether nobody waits for a payment's outcome any more, here or elsewhere."""
        store, nobody_serves = self._store, await unserved(self._store, now)

        def ended(payment: Payment) -> bool:
            if payment.owner == store.instance:
                return payment.payment_id not in store.live
            return nobody_serves(payment)

        return ended
