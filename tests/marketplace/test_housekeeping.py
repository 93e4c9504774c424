"""What a dead process had reserved is released; what a live call has reserved never is."""

from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from headwater_marketplace.facilitator import ChainChannel
from headwater_marketplace.seller.abandoned import GONE_AFTER_S, GRACE_S, LONGEST_CALL_S
from headwater_marketplace.seller.housekeeping import EVERY_S, Housekeeper
from headwater_marketplace.seller.records import NewRequest
from headwater_marketplace.seller.store import SellerStore
from headwater_payments.batch_payload import SignedVoucher
from headwater_payments.channels import ChannelError
from headwater_payments.errors import UnavailableError
from headwater_payments.ledger import balances
from headwater_wallet.database import Database
from support.paying import PAYER, channel_terms
from support.shop import PAYEE, PRICE, USDC, open_shop

pytestmark = pytest.mark.anyio

TERMS = channel_terms()
START = 1_000_000


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now


async def opened(database: Database) -> SellerStore:
    store = SellerStore(database)
    await store.sync_channel(TERMS.identifier, TERMS.config, ChainChannel(100_000, 0), START)
    return store


async def reserve(store: SellerStore, number: int, maximum: int = 0) -> str:
    """A concurrent request of 100 units; its id."""
    name = f"p{number}-{maximum}"
    request = NewRequest(name, "f", PAYER, PAYEE, "/x", USDC.address, 100, START)
    voucher = SignedVoucher(TERMS.identifier, maximum or 100 * number, b"\x01" * 65)
    await store.reserve(request, voucher, concurrent=True)
    return request.payment_id


async def test_a_dead_process_is_noticed_and_its_reservations_are_released(
    database_url: str,
) -> None:
    clock = Clock()
    async with Database(database_url, SellerStore.metadata) as database:
        dead = await opened(database)
        await Housekeeper(dead, now=clock).tidy()
        left = await reserve(dead, 1)
        dead.live[left] = dead
        clock.now += GONE_AFTER_S - 1
        after = SellerStore(database)
        assert await Housekeeper(after, now=clock).tidy() == []
        clock.now += 1
        assert await Housekeeper(after, now=clock).tidy() == [left]
        [record] = await after.channels()
        assert (record.state.reserved, record.state.charged) == (0, 0)
        assert await Housekeeper(after, now=clock).tidy() == []


async def test_a_live_process_keeps_its_reservations_however_long_a_call_takes(
    database_url: str,
) -> None:
    clock = Clock()
    async with Database(database_url, SellerStore.metadata) as database:
        one, two = await opened(database), await opened(database)
        keepers = [Housekeeper(store, now=clock) for store in (one, two)]
        for keeper in keepers:
            await keeper.tidy()
        slow = await reserve(one, 1)
        one.live[slow] = one
        for _ in range(3 * LONGEST_CALL_S // EVERY_S):
            clock.now += EVERY_S
            for keeper in keepers:
                assert await keeper.tidy() == []
        assert await one.charge(slow, 60, USDC.address) == 60


async def test_without_leases_age_decides_and_of_its_own_a_process_knows(
    database_url: str,
) -> None:
    clock = Clock()
    async with Database(database_url, SellerStore.metadata) as database:
        silent, store = await opened(database), await opened(database)
        old = await reserve(silent, 1)
        own, served = await reserve(store, 2), await reserve(store, 3)
        store.live[served] = store
        keeper = Housekeeper(store, now=clock)
        clock.now = START + GRACE_S
        assert await keeper.tidy() == []
        clock.now += 1
        assert await keeper.tidy() == [own]
        clock.now = START + LONGEST_CALL_S
        assert await keeper.tidy() == []
        clock.now += 1
        assert await keeper.tidy() == [old]
        clock.now += 10**6
        assert await keeper.tidy() == []
        assert [p.payment_id for p in await store.payments("reserved")] == [served]


async def test_a_process_that_was_only_held_up_charges_for_its_call_all_the_same(
    database_url: str,
) -> None:
    clock = Clock()
    async with Database(database_url, SellerStore.metadata) as database:
        held_up, other = await opened(database), await opened(database)
        await Housekeeper(held_up, now=clock).tidy()
        payment = await reserve(held_up, 1)
        clock.now += GONE_AFTER_S
        assert await Housekeeper(other, now=clock).tidy() == [payment]
        assert await held_up.charge(payment, 60, USDC.address) == 60
        assert await held_up.charge(payment, 60, USDC.address) == 60
        [record] = await other.channels()
        assert (record.state.reserved, record.state.charged) == (0, 60)
        assert sum(v for (n, _), v in balances(await other.journal()).items() if "rec" in n) == 60


async def test_what_was_released_and_serves_another_request_is_not_charged_again(
    database_url: str,
) -> None:
    async with Database(database_url, SellerStore.metadata) as database:
        held_up, other = await opened(database), await opened(database)
        payment = await reserve(held_up, 1)
        await other.release(payment)
        await other.charge(await reserve(other, 2), 100, USDC.address)
        await other.charge(await reserve(other, 2, maximum=201), 100, USDC.address)
        with pytest.raises(ChannelError):
            await held_up.charge(payment, 100, USDC.address)
        [record] = await other.channels()
        assert (record.state.reserved, record.state.charged, record.state.signed) == (0, 200, 201)


async def test_the_housekeeper_runs_at_once_and_survives_an_outage(tmp_path: Path) -> None:
    clock, slept = Clock(), list[float]()
    async with open_shop(tmp_path) as shop:
        before = SellerStore(shop.store.database)
        await before.sync_channel(TERMS.identifier, TERMS.config, ChainChannel(100_000, 0), START)
        left = await reserve(before, 1)
        clock.now += LONGEST_CALL_S + 1
        keeper = Housekeeper(shop.store, now=clock, sleep=lambda s: pause(s))
        tidy, failures = keeper.tidy, 1

        async def failing() -> list[str]:
            nonlocal failures
            if failures:
                failures -= 1
                raise UnavailableError("The database is busy.")
            return await tidy()

        async def pause(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == 2:
                scope.cancel()
            await anyio.lowlevel.checkpoint()

        keeper.tidy = failing  # type: ignore[method-assign]
        with anyio.CancelScope() as scope:
            await keeper.run()
        assert slept == [EVERY_S, EVERY_S]
        assert keeper.statistics.released == 1
        assert "busy" in (keeper.statistics.last_failure or "")
        payment = await shop.store.payment(left)
        assert payment is not None
        assert payment.state == "released"


async def test_the_middleware_says_what_it_is_serving(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        wallet = await shop.wallet()
        seen: list[set[str]] = []
        inner: Any = shop.app._app

        async def watching(scope: Any, receive: Any, send: Any) -> None:
            seen.append(set(shop.store.live))
            await inner(scope, receive, send)

        shop.app._app = watching
        async with shop.client(wallet) as client:
            await client.post("/paid/x", json={"charge": PRICE})
            await client.post("/paid/x", json={"fail": True})
        [charged] = await shop.store.payments("charged")
        assert seen[0] == {charged.payment_id}
        assert len(seen[1]) == 1
        assert not shop.store.live
