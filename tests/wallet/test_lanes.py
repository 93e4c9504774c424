"""Lanes: with a seller of one request per channel at a time, several channels, and a line."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from headwater_marketplace.seller import Offer
from headwater_payments.amount import Amount
from headwater_payments.channels import ChannelBusyError
from headwater_payments.x402 import PAYMENT_REQUIRED, PAYMENT_SIGNATURE, PaymentRequired
from headwater_wallet.database import Database
from headwater_wallet.keys import LocalSigner
from headwater_wallet.lanes import LanePool, lanes_for
from headwater_wallet.policy import simple_policy
from headwater_wallet.reconcile import reconcile
from headwater_wallet.spend_ledger import SpendLedger
from headwater_wallet.tables import WalletTable
from headwater_wallet.wallet import Wallet, open_wallet
from support.clients import LIBRARIES, Library, Next
from support.paying import channel_terms, new_payment
from support.shop import PAYEE, PRICE, USDC, Shop, open_shop

pytestmark = pytest.mark.anyio


@pytest.fixture(params=list(LIBRARIES))
def library(request: pytest.FixtureRequest) -> Library:
    return Library(request.param)


def one_at_a_time(before: Callable[[Any], Awaitable[None]] | None = None) -> Any:
    """A seller that does not say that its channels carry several requests."""

    async def hook(request: Any, following: Next) -> Any:
        if before is not None and PAYMENT_SIGNATURE in request.headers:
            await before(request)
        answer = await following(request)
        if (header := answer.headers.get(PAYMENT_REQUIRED)) is not None:
            required = PaymentRequired.from_header(header)
            kept = {k: v for k, v in (required.extensions or {}).items() if "concurrent" not in k}
            plain = required.model_copy(update={"extensions": kept})
            answer.headers[PAYMENT_REQUIRED] = plain.to_header()
        return answer

    return hook


def test_lanes_are_bounded_by_the_wallet_and_by_the_escrow_that_it_may_place() -> None:
    assert lanes_for(4, 1_000, 20_000) == 4
    assert lanes_for(4, 1_000, 2_500) == 2
    assert lanes_for(4, 1_000, 10) == 1


async def test_the_lowest_free_lane_is_taken_and_the_rest_wait_in_order() -> None:
    pool, order = LanePool(2), []
    assert [await pool.take(), await pool.take()] == [0, 1]

    async def wait(name: str) -> None:
        order.append((name, await pool.take()))

    async with anyio.create_task_group() as group:
        for name in "abc":
            group.start_soon(wait, name)
            await anyio.wait_all_tasks_blocked()
        for number in (1, 0, 1):
            pool.give_back(number)
    assert order == [("a", 1), ("b", 0), ("c", 1)]


@pytest.mark.parametrize("first", ["called", "cancelled"])
async def test_one_who_leaves_the_line_holds_no_lane(first: str) -> None:
    pool = LanePool(1)
    await pool.take()

    async def use() -> None:
        number = await pool.take()
        try:
            await anyio.sleep_forever()
        finally:
            pool.give_back(number)

    async with anyio.create_task_group() as group:
        group.start_soon(use)
        await anyio.wait_all_tasks_blocked()
        if first == "called":
            pool.give_back(0)
        group.cancel_scope.cancel()
    if first == "cancelled":
        pool.give_back(0)
    assert pool.free == 1


async def test_requests_at_once_share_the_lanes_and_later_ones_use_them_again(
    shop: Shop, library: Library
) -> None:
    wallet, under_way, most = await shop.wallet(), 0, 0
    wallet.buyer.lanes = 3
    started = anyio.Event()

    async def count(_request: Any) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if under_way == 3:
            started.set()
        await started.wait()
        under_way -= 1

    async with library.client(wallet, library.wire(shop.app, one_at_a_time(count))) as client:
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(lambda: client.post("/paid/x", json={}))
        await client.post("/paid/x", json={})
    channels = await wallet.ledger.channels()
    budget = await wallet.budget()
    assert (most, len(channels), shop.chain.deposits) == (3, 3, 3)
    assert budget.charged == budget.used == 11 * PRICE
    assert sum(c.balance for c in channels.values()) <= wallet.policy.deposit_limit
    assert all(pool.free == 3 for pool in wallet.buyer.lane_pools.values())


async def test_a_budget_holds_over_all_lanes(shop: Shop, library: Library) -> None:
    wallet = await shop.wallet(budget=5 * PRICE)
    outcomes: list[str] = []

    async def call(client: Any) -> None:
        try:
            await client.post("/paid/x", json={})
            outcomes.append("paid")
        except Exception as exc:  # noqa: BLE001  the kind is what is compared
            outcomes.append(getattr(exc, "code", type(exc).__name__))

    wire = library.wire(shop.app, one_at_a_time())
    async with library.client(wallet, wire) as client, anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(call, client)
    assert sorted(outcomes) == ["budget_exceeded"] * 3 + ["paid"] * 5
    assert (await wallet.budget()).used == 5 * PRICE


async def lose_one(wallet: Wallet, client: Any, headers: dict[str, str]) -> None:
    with pytest.raises(Exception, match="no answer came"):
        await client.post("/paid/x", json={}, headers=headers)
    assert [i.state for i in await wallet.ledger.intents("unknown")] == ["unknown"]


async def test_a_payment_without_an_outcome_holds_its_lane_only(
    shop: Shop, library: Library
) -> None:
    wallet, losing = await shop.wallet(), [True]
    wallet.buyer.lanes = 2

    async def lose(request: Any) -> None:
        if losing:
            raise library.http.ReadTimeout("lost", request=request)

    async with library.client(wallet, library.wire(shop.app, one_at_a_time(lose))) as client:
        await lose_one(wallet, client, {})
        losing.clear()
        for _ in range(2):
            assert (await client.post("/paid/x", json={})).status_code == 200
        assert len(await wallet.ledger.channels()) == 2
        wallet.buyer.lanes, wallet.buyer.lane_pools = 1, {}
        with pytest.raises(ChannelBusyError):
            await client.post("/paid/x", json={})
        async with shop.plain_client() as asking:
            assert await reconcile(wallet.ledger, asking) == []
        assert (await client.post("/paid/x", json={})).status_code == 200
    assert (await wallet.budget()).charged == 3 * PRICE


async def test_a_keyed_payment_stays_on_its_lane_when_it_is_tried_again(
    shop: Shop, library: Library
) -> None:
    wallet, held, go = await shop.wallet(), anyio.Event(), anyio.Event()
    lost: list[str] = []

    async def hold_or_lose(request: Any) -> None:
        if request.headers.get("idempotency-key") and not lost:
            lost.append("once")
            raise library.http.ReadTimeout("lost", request=request)
        if request.headers.get("x-slow"):
            held.set()
            await go.wait()

    key = {"Idempotency-Key": "order-1"}
    wire = library.wire(shop.app, one_at_a_time(hold_or_lose))
    async with library.client(wallet, wire) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: client.post("/paid/x", json={}, headers={"x-slow": "1"}))
            await held.wait()
            await lose_one(wallet, client, key)
            go.set()
        [waiting] = await wallet.ledger.intents("unknown")
        assert (await client.post("/paid/x", json={}, headers=key)).status_code == 200
        settled = {i.payment_id: i for i in await wallet.ledger.intents("settled")}
        assert settled[waiting.payment_id].channel_id == waiting.channel_id
    for identifier, channel in (await wallet.ledger.channels()).items():
        assert (channel.charged, channel.reserved) == (PRICE, 0)
        assert channel.balance == (await shop.chain.channel(identifier)).balance


@pytest.mark.parametrize("first", ["cheap", "dear"])
async def test_the_deposit_limit_holds_over_all_lanes_whatever_is_bought_first(
    tmp_path: Path, first: str
) -> None:
    library, signer, peak, limit = Library("httpx"), LocalSigner.random(), 0, 1_000
    policy = replace(simple_policy(Amount(100_000, USDC)), deposit=Amount(limit, USDC))

    async with open_shop(tmp_path) as shop:
        prices = {"cheap": 10, "dear": 900}
        shop.app._offers = tuple(  # type: ignore[attr-defined]
            Offer(f"/paid/{name}", Amount(price, USDC), PAYEE) for name, price in prices.items()
        )
        shop.chain.wallets[signer.address] = 10**7

        async def slow(_scope: Any, receive: Any, send: Any) -> None:
            nonlocal peak
            await receive()
            for _ in range(5):
                await anyio.wait_all_tasks_blocked()
                channels = [record.state for record in await shop.store.channels()]
                peak = max(peak, sum(each.balance - each.charged for each in channels))
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"{}"})

        shop.app._app = slow  # type: ignore[assignment]

        async with (
            open_wallet(signer, policy, database=tmp_path / "w.db") as wallet,
            library.client(wallet, library.wire(shop.app, one_at_a_time())) as client,
        ):
            for name in (first, "dear", "cheap"):
                async with anyio.create_task_group() as group:
                    for _ in range(8):
                        group.start_soon(client.post, f"/paid/{name}")
            states = [intent.state for intent in await wallet.ledger.intents()]
    assert states == ["settled"] * 24
    # What eight cheap ones left in the other lanes stays there; the dear ones add what they miss.
    assert peak <= (limit if first == "dear" else limit + 900)


async def test_lanes_fill_up_to_one_limit_and_then_place_what_is_missing(database_url: str) -> None:
    async with Database(database_url, WalletTable.metadata) as database:
        ledger = SpendLedger(database, "default")
        await ledger.set_limit(Amount(100_000, USDC))

        async def pay(number: int, lane: int, atomic: int, *, arrives: bool = True) -> int:
            terms = channel_terms(lane, concurrent=False, deposit_limit=400, seller_limit=1_000)
            intent = await ledger.reserve(new_payment(number, atomic), terms)
            await ledger.mark_sent(intent.payment_id, "h")
            if arrives:
                balance = (await ledger.channels())[terms.identifier].balance
                await ledger.deposited(terms.identifier, balance + intent.deposit)
                await ledger.settle(intent.payment_id, atomic, None, None)
            return intent.deposit

        assert [await pay(n, n, 50) for n in range(3)] == [400, 400, 300]
        assert [await pay(3, 3, 20, arrives=False), await pay(4, 4, 20)] == [50, 20]
        assert await pay(5, 0, 350) == 0
        # Charged escrow makes room again: 1,000 less 350, 250 and 50 in the other lanes.
        assert await pay(6, 0, 50) == 350
        assert await pay(7, 1, 2_000) == 1_650
