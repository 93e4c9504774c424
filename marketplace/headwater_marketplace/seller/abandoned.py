"""Telling the reservations of dead processes from those of live calls.

Each store that runs a `Housekeeper` renews a lease, by which the others know that its process is
there. A reservation is abandoned when

* it is of this process, which knows that nobody serves it, and older than `GRACE_S`;
* it is of another whose lease has run out, `GONE_AFTER_S` after it was last renewed; or
* it is of one that never had a lease, and older than `LONGEST_CALL_S`, more than any call takes.

A process that was only held up, and is taken for dead, charges for its calls all the same.
"""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, Table, select

from headwater_marketplace.seller.leases import Lease
from headwater_marketplace.seller.records import REFUND, Payment
from headwater_marketplace.seller.store import SellerStore
from headwater_marketplace.seller.tables import LeaseRow

GRACE_S: Final = 300
GONE_AFTER_S: Final = 120
LONGEST_CALL_S: Final = 3_600
_SERVING: Final = "serving:"
_leases: Table = LeaseRow.__table__  # type: ignore[attr-defined]


def serving_lease(store: SellerStore, now: int) -> Lease:
    """The lease by which other processes know that this store's process is there."""
    return Lease(
        store.database, _SERVING + store.instance, store.instance, GONE_AFTER_S, lambda: now
    )


async def abandoned(store: SellerStore, now: int) -> list[Payment]:
    """The reservations that nobody serves any more, oldest first.

    Not those of transfers under way, nor what is held for refunds, which no time ends.

    Args:
        store: the books, of a process that serves.
        now: Unix time in seconds.
    """
    nobody_serves = await unserved(store, now)
    in_doubt = {transfer.payment_id for transfer in await store.transfers()}
    return [
        payment
        for payment in await store.payments("reserved")
        if payment.payment_id not in in_doubt
        and payment.scheme != REFUND
        and nobody_serves(payment)
    ]


async def unserved(store: SellerStore, now: int) -> Callable[[Payment], bool]:
    """Tells, of a payment that is reserved, whether nobody serves it any more."""
    expiries = await store.database.read(_serving)
    return lambda payment: _is_abandoned(payment, store, expiries, now)


async def forget_the_dead(store: SellerStore, now: int) -> None:
    """Remove the leases that ran out, once their owners' reservations have been dealt with."""
    waiting = {payment.owner for payment in await store.payments("reserved")}

    def work(connection: Connection) -> None:
        for instance, expires_at in _serving(connection).items():
            if expires_at <= now and instance not in waiting:
                connection.execute(_leases.delete().where(_leases.c.name == _SERVING + instance))

    await store.database.write(work)


def _is_abandoned(payment: Payment, store: SellerStore, expiries: dict[str, int], now: int) -> bool:
    age = now - payment.created_at
    if payment.payment_id in store.live:
        return False
    if payment.owner == store.instance:
        return age > GRACE_S
    if payment.owner in expiries:
        return expiries[payment.owner] <= now
    return age > LONGEST_CALL_S


def _serving(connection: Connection) -> dict[str, int]:
    query = select(_leases.c.holder, _leases.c.expires_at).where(
        _leases.c.name.startswith(_SERVING, autoescape=True)
    )
    return {row.holder: row.expires_at for row in connection.execute(query)}
