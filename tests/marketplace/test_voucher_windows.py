"""Long streams are paid for a window at a time, so neither side stands to lose much."""

import json
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from headwater_marketplace.seller import Offer, PaymentMiddleware, current_meter
from headwater_payments.amount import Amount
from headwater_payments.extensions import LOOKUP_PATH
from headwater_payments.hexadecimal import parse_hex
from headwater_payments.windows import NeedVoucher
from headwater_payments.x402 import PAYMENT_REQUIRED, PAYMENT_SIGNATURE, PaymentRequired
from headwater_wallet.errors import PaymentError, SellerMisbehavedError, StreamCutShortError
from headwater_wallet.policy import Rule, SpendPolicy
from headwater_wallet.policy_windows import Window
from headwater_wallet.reconcile import reconcile
from headwater_wallet.stream_watch import SHOW_PAYMENT_EVENTS
from headwater_wallet.wallet import Wallet
from support.clients import LIBRARIES, Library
from support.shop import PRICE, USDC, Shop, open_shop
from support.streaming import streaming_transport

pytestmark = pytest.mark.anyio

WINDOW = 100
STEP = 20
STREAM = {"stream": True}


async def counting(scope: Any, receive: Any, send: Any) -> None:
    """Streams `chunks` events of `step` atomic units each; `kind` is its content type."""
    asked = json.loads((await receive())["body"])
    meter = current_meter()
    assert meter is not None
    kind = asked.get("kind", "text/event-stream").encode()
    head = [(b"content-type", kind)]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    for number in range(asked["chunks"]):
        meter.set_charge(min(meter.cap, (number + 1) * asked.get("step", STEP)))
        event = f"data: {number}\n\n".encode()
        await send({"type": "http.response.body", "body": event, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def events(count: int) -> str:
    return "".join(f"data: {number}\n\n" for number in range(count))


@pytest.fixture(params=list(LIBRARIES))
def library(request: pytest.FixtureRequest) -> Library:
    return Library(request.param)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path, window=Amount(WINDOW, USDC)) as opened:
        opened.app._app = counting  # type: ignore[assignment]
        opened.app._patience = anyio.sleep_forever
        yield opened


@asynccontextmanager
async def buying(
    library: Library, shop: Shop, wallet: Wallet, app: Any = None, *, buffer: float = 0
) -> AsyncIterator[Any]:
    """A paying client whose streams arrive while they are made."""
    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            wire = streaming_transport(library.http, app or shop.app, group, buffer=buffer)
            async with library.client(wallet, wire) as client:
                yield client
            group.cancel_scope.cancel()


async def text_of(client: Any, **asked: Any) -> str:
    extensions = asked.pop("extensions", {})
    async with client.stream(
        "POST", "/paid/x", json={**STREAM, **asked}, extensions=extensions
    ) as answer:
        return bytes(await answer.aread()).decode()


async def agree(shop: Shop, wallet: Wallet, charged: int) -> None:
    """Both sides' books say the same, and the chain's bound holds."""
    assert (await wallet.budget()).charged == charged
    [record] = await shop.store.channels()
    state = record.state
    assert (state.charged, state.reserved) == (charged, 0)
    assert state.charged <= state.signed <= state.balance
    [channel] = (await wallet.ledger.channels()).values()
    assert (channel.charged, channel.reserved) == (charged, 0)
    assert state.signed <= channel.signed == (await wallet.budget()).used


async def test_a_stream_of_several_windows_is_whole_and_charged_for_what_it_used(
    shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()
    async with buying(library, shop, wallet) as client:
        assert await text_of(client, chunks=30) == events(30)
        await agree(shop, wallet, 600)
        assert await text_of(client, chunks=2) == events(2)
    await agree(shop, wallet, 640)
    intents = await wallet.ledger.intents()
    assert [i.state for i in intents] == ["settled", "settled"]
    assert intents[0].receipt is not None
    assert (await wallet.budget()).used < 640 + 2 * WINDOW
    assert shop.chain.deposits == 1


async def test_the_windows_of_a_stream_are_those_of_the_method_it_was_asked_by(
    shop: Shop, library: Library
) -> None:
    [post] = shop.app._offers
    # Found first by its path, with windows that a voucher for the other would not fit.
    get = Offer(post.path, Amount(500, USDC), post.pay_to, method="GET", window=Amount(30, USDC))
    shop.app._offers = (get, post)
    wallet = await shop.wallet()
    async with buying(library, shop, wallet) as client:
        assert await text_of(client, chunks=30) == events(30)
    await agree(shop, wallet, 600)


async def test_the_first_voucher_covers_one_window_only(shop: Shop, library: Library) -> None:
    wallet = await shop.wallet(budget=2 * WINDOW)
    async with buying(library, shop, wallet) as client:
        assert await text_of(client, chunks=3) == events(3)
    assert (await wallet.budget()).used == WINDOW


async def test_the_sellers_payment_events_are_seen_only_where_asked_for(
    shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()
    async with buying(library, shop, wallet) as client:
        assert "payment-" not in await text_of(client, chunks=9)
        shown = await text_of(client, chunks=9, extensions={SHOW_PAYMENT_EVENTS: True})
    assert shown.count("event: payment-need-voucher") == 2
    assert shown.count("event: payment-receipt") == 1


async def test_a_buyer_that_does_not_know_windows_pays_the_whole_at_the_start(
    shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def plain(message: Any) -> None:
            headers = []
            for name, value in message.get("headers", []):
                if name.decode().upper() == PAYMENT_REQUIRED:
                    required = PaymentRequired.from_header(value.decode())
                    kept = dict(required.extensions or {})
                    del kept["voucher-windows"]
                    value = required.model_copy(update={"extensions": kept}).to_header().encode()
                headers.append((name, value))
            await send({**message, "headers": headers} if headers else message)

        await shop.app(scope, receive, plain)

    async with buying(library, shop, wallet, app) as client:
        assert await text_of(client, chunks=30) == events(30)
    assert (await wallet.budget()).used == PRICE
    await agree(shop, wallet, 600)


async def test_a_request_that_asks_for_no_stream_is_paid_for_whole(
    shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()
    async with buying(library, shop, wallet) as client:
        answer = await client.post("/paid/x", json={"chunks": 30})
        assert answer.text == events(30)
    assert (await wallet.budget()).used == PRICE


async def test_a_window_for_a_request_without_a_stream_is_refused(shop: Shop) -> None:
    library = Library("httpx")
    wallet = await shop.wallet()
    async with buying(library, shop, wallet) as client:
        await text_of(client, chunks=2)
    [intent] = await wallet.ledger.intents()
    assert intent.header is not None
    async with shop.plain_client() as plain:
        answer = await plain.post(
            "/paid/x", json={"chunks": 30}, headers={PAYMENT_SIGNATURE: intent.header}
        )
    assert answer.status_code == 402
    assert answer.json()["error"] == "voucher_window_without_stream"


POLICIES: dict[str, Callable[[], SpendPolicy]] = {
    "budget": lambda: SpendPolicy(Amount(250, USDC), (Rule("allow", "all"),)),
    "window of time": lambda: SpendPolicy(
        Amount(100_000, USDC), (Rule("allow", "all"),), windows=(Window(3_600, most=250),)
    ),
}


@pytest.mark.parametrize("kind", ["budget", "window of time"])
async def test_where_the_policy_refuses_a_voucher_what_was_covered_is_delivered_and_billed(
    shop: Shop, library: Library, kind: str
) -> None:
    wallet = await shop.wallet()
    wallet.buyer.policy = POLICIES[kind]()
    await wallet.ledger.set_limit(wallet.buyer.policy.budget)
    received = bytearray()

    async def read(client: Any) -> None:
        asked = {**STREAM, "chunks": 30, "step": 30}
        async with client.stream("POST", "/paid/x", json=asked) as answer:
            async for chunk in answer.aiter_raw():
                received.extend(chunk)

    async with buying(library, shop, wallet) as client:
        with pytest.raises(StreamCutShortError) as caught:
            await read(client)
    # Two windows of 100 cover six chunks of 30 each; the seventh was never sent.
    assert caught.value.details["charged"] == "180"
    assert caught.value.details["reason"] in ("budget_exceeded", "window_exceeded")
    assert received.decode() == events(6)
    assert (await wallet.budget()).used == 200
    await agree(shop, wallet, 180)


async def test_the_kill_switch_stops_a_stream_at_its_next_window(
    shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()

    async def read(client: Any) -> None:
        async with client.stream("POST", "/paid/x", json={**STREAM, "chunks": 30}) as answer:
            async for _ in answer.aiter_raw():
                await wallet.ledger.stop("enough")

    async with buying(library, shop, wallet) as client:
        with pytest.raises(StreamCutShortError) as caught:
            await read(client)
    assert caught.value.details["reason"] == "wallet_stopped"
    await agree(shop, wallet, WINDOW)


GREED: dict[str, dict[str, str]] = {
    "beyond the price": {"covered": str(PRICE), "required": str(PRICE + 1)},
    "two windows at once": {"required": str(3 * WINDOW)},
    "for another payment": {"paymentId": "pay_" + "0" * 32},
    "for another channel": {"channelId": "0x" + "00" * 32},
    "malformed": {"required": "lots"},
}


@pytest.mark.parametrize("kind", list(GREED))
async def test_a_seller_that_asks_for_what_was_not_agreed_gets_no_signature(
    shop: Shop, library: Library, kind: str
) -> None:
    wallet = await shop.wallet()

    async def greedy(scope: Any, receive: Any, send: Any) -> None:
        async def forging(message: Any) -> None:
            body = message.get("body", b"")
            head, found, data = body.partition(b"event: payment-need-voucher\ndata: ")
            if found:
                asked = {**json.loads(data), **GREED[kind]}
                body = head + found + json.dumps(asked).encode() + b"\n\n"
                message = {**message, "body": body}
            await send(message)

        await shop.app(scope, receive, forging)

    async with buying(library, shop, wallet, greedy) as client:
        with pytest.raises(SellerMisbehavedError):
            await text_of(client, chunks=30)
        assert (await wallet.budget()).used == WINDOW
        with pytest.raises(SellerMisbehavedError, match="blocked"):
            await text_of(client, chunks=30)
    assert (await wallet.budget()).used == WINDOW


async def test_a_reader_that_leaves_inside_a_window_pays_for_what_was_sent(
    shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()
    async with buying(library, shop, wallet) as client:
        async with client.stream("POST", "/paid/x", json={**STREAM, "chunks": 30}) as answer:
            seen = b""
            async for chunk in answer.aiter_raw():
                seen += chunk
                if b"data: 11" in seen:
                    break
        await charged_at(shop, 1)
    async with shop.plain_client() as asking:
        assert await reconcile(wallet.ledger, asking) == []
    # Twelve were read; the next was on its way.
    assert (await wallet.budget()).charged in (12 * STEP, 13 * STEP)
    await agree(shop, wallet, (await wallet.budget()).charged)


async def charged_at(shop: Shop, count: int) -> None:
    """Wait until the seller has charged so many payments; the callers' time limit bounds it."""
    while len(await shop.store.payments("charged")) < count:
        await anyio.lowlevel.checkpoint()


async def test_many_streams_on_one_channel_are_each_paid_for(shop: Shop, library: Library) -> None:
    wallet = await shop.wallet()
    texts: dict[int, str] = {}
    async with buying(library, shop, wallet) as client, anyio.create_task_group() as group:

        async def one(chunks: int) -> None:
            texts[chunks] = await text_of(client, chunks=chunks)

        for chunks in range(4, 28, 4):
            group.start_soon(one, chunks)
    assert texts == {chunks: events(chunks) for chunks in range(4, 28, 4)}
    await agree(shop, wallet, STEP * sum(range(4, 28, 4)))
    assert shop.chain.deposits == 1


async def test_a_stream_that_is_not_of_events_is_paid_for_beside_it(
    shop: Shop, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headwater_wallet import stream_watch

    monkeypatch.setattr(stream_watch, "STALL_S", 0)
    wallet = await shop.wallet()
    async with buying(library, shop, wallet) as client:
        text = await text_of(client, chunks=30, kind="application/x-ndjson")
    assert text == events(30)
    [intent] = await wallet.ledger.intents()
    assert (intent.state, intent.charge) == ("settled", 600)
    assert intent.receipt is not None
    await agree(shop, wallet, 600)


async def test_a_refused_stream_that_is_not_of_events_says_so_too(
    shop: Shop, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headwater_wallet import stream_watch

    monkeypatch.setattr(stream_watch, "STALL_S", 0)
    wallet = await shop.wallet(budget=250)
    async with buying(library, shop, wallet) as client:
        with pytest.raises(StreamCutShortError):
            await text_of(client, chunks=30, kind="application/x-ndjson")
    await agree(shop, wallet, 200)


async def test_a_voucher_whose_answer_is_lost_is_sent_again_and_serves_once(
    shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()
    sent: list[str] = []

    async def lossy(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "POST" and scope["path"].startswith(LOOKUP_PATH):
            headers = dict(scope["headers"])
            sent.append(headers[PAYMENT_SIGNATURE.lower().encode()])
            if len(sent) == 1:
                await shop.app(scope, receive, nowhere)
                return await cut_off(send)
        await shop.app(scope, receive, send)

    async def nowhere(_message: Any) -> None:
        return None

    async with buying(library, shop, wallet, lossy) as client:
        assert await text_of(client, chunks=9) == events(9)
    assert sent[0] == sent[1]
    assert len(set(sent)) == 2
    await agree(shop, wallet, 9 * STEP)


async def cut_off(send: Any) -> None:
    """An answer whose connection breaks."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise OSError("the line is cut")


async def test_a_window_voucher_serves_no_other_payment(shop: Shop, library: Library) -> None:
    wallet = await shop.wallet()
    vouchers: list[str] = []

    async def spying(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "POST" and scope["path"].startswith(LOOKUP_PATH):
            headers = dict(scope["headers"])
            vouchers.append(headers[PAYMENT_SIGNATURE.lower().encode()].decode())
        await shop.app(scope, receive, send)

    async with buying(library, shop, wallet, spying) as client:
        await text_of(client, chunks=9)
    first = vouchers[0]
    [payment] = await shop.store.payments("charged")
    async with shop.plain_client() as plain:
        headers = {PAYMENT_SIGNATURE: first}
        over = await plain.post(LOOKUP_PATH + payment.payment_id, headers=headers)
        assert over.status_code == 200, "the same voucher for the same payment changes nothing"
        fresh = replayed_under_another_id(first)
        again = await plain.post(
            "/paid/x", json={**STREAM, "chunks": 3}, headers={PAYMENT_SIGNATURE: fresh}
        )
        assert again.status_code == 402
        assert again.json()["error"] == "voucher_replayed"
        other = await plain.post(LOOKUP_PATH + "pay_unknown_0000000", headers=headers)
        assert other.status_code == 404
    await agree(shop, wallet, 9 * STEP)


def replayed_under_another_id(header: str) -> str:
    from headwater_payments.x402 import PaymentPayload

    payload = PaymentPayload.from_header(header)
    extensions = json.loads(json.dumps(payload.extensions))
    extensions["payment-identifier"]["info"]["id"] = "pay_" + "f" * 32
    extensions["voucher-windows"]["info"]["use"] = True
    return payload.model_copy(update={"extensions": extensions}).to_header()


async def test_an_old_voucher_covers_no_window(shop: Shop, library: Library) -> None:
    wallet = await shop.wallet()
    async with buying(library, shop, wallet) as client:
        await text_of(client, chunks=3)
        [old] = await wallet.ledger.intents()
        async with client.stream("POST", "/paid/x", json={**STREAM, "chunks": 30}) as answer:
            chunks = answer.aiter_raw()
            await anext(chunks)
            [running] = await shop.store.payments("reserved")
            async with shop.plain_client() as plain:
                stolen = await plain.post(
                    LOOKUP_PATH + running.payment_id, headers={PAYMENT_SIGNATURE: old.header or ""}
                )
            assert stolen.status_code == 402
            assert stolen.json()["details"]["reason"] == "voucher_replayed"
            async for _ in chunks:
                pass
    await agree(shop, wallet, 33 * STEP)


async def test_a_voucher_that_reaches_another_worker_of_the_same_books_lets_the_stream_go_on(
    shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()
    second = PaymentMiddleware(
        counting,  # type: ignore[arg-type]
        offers=shop.app._offers,
        store=shop.store,
        signer=shop.signer,
        facilitator=shop.chain,
        chain=shop.chain,
    )

    async def balanced(scope: Any, receive: Any, send: Any) -> None:
        beside = scope["path"].startswith(LOOKUP_PATH)
        await (second if beside else shop.app)(scope, receive, send)

    async with buying(library, shop, wallet, balanced) as client:
        assert await text_of(client, chunks=9) == events(9)
    await agree(shop, wallet, 9 * STEP)


async def test_a_stream_without_a_voucher_stops_when_patience_ends(
    shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()
    shop.app._patience = anyio.lowlevel.checkpoint

    async def deaf(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].startswith(LOOKUP_PATH) and scope["method"] != "GET":
            return await cut_off(send)
        await shop.app(scope, receive, send)

    async with buying(library, shop, wallet, deaf) as client:
        with pytest.raises(StreamCutShortError) as caught:
            await text_of(client, chunks=30)
    assert caught.value.details["reason"] == "unavailable"
    await agree(shop, wallet, WINDOW)
    [payment] = await shop.store.payments("charged")
    async with shop.plain_client() as plain:
        told = (await plain.get(LOOKUP_PATH + payment.payment_id)).json()
    [intent] = await wallet.ledger.intents()
    assert told["receipt"] == intent.receipt
    assert told["settlement"]["extra"]["stopped"] is True


async def test_a_window_that_outgrows_the_escrow_brings_a_deposit(
    shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()
    wallet.buyer.policy = replace(wallet.buyer.policy, deposit=Amount(250, USDC))
    async with buying(library, shop, wallet) as client:
        assert await text_of(client, chunks=30) == events(30)
    await agree(shop, wallet, 600)
    assert shop.chain.deposits == 3


async def test_a_deposit_that_is_mined_after_the_stream_has_ended_is_known_to_the_wallet(
    shop: Shop, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    wallet = await shop.wallet()
    wallet.buyer.policy = replace(wallet.buyer.policy, deposit=Amount(WINDOW, USDC))
    settle, settling = shop.chain.settle, anyio.Event()

    async def slowly(payload: Any, requirements: Any) -> Any:
        if shop.chain.deposits:
            settling.set()
            await charged_at(shop, 1)
        return await settle(payload, requirements)

    async def handler(scope: Any, receive: Any, send: Any) -> None:
        async def ending_late(message: Any) -> None:
            if not message.get("body", b"x"):
                await settling.wait()
            await send(message)

        await counting(scope, receive, ending_late)

    shop.app._app = handler  # type: ignore[assignment]
    monkeypatch.setattr(shop.chain, "settle", slowly)
    async with buying(library, shop, wallet, buffer=math.inf) as client:
        assert await text_of(client, chunks=5) == events(5)
    await agree(shop, wallet, WINDOW)
    [channel] = (await wallet.ledger.channels()).values()
    [record] = await shop.store.channels()
    assert channel.balance == record.state.balance == 2 * WINDOW


async def test_rules_about_the_past_see_one_payment_and_not_its_windows(
    shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()
    rules = (
        Rule("deny", "it is dearer than before", price_rise_percent=10),
        Rule("allow", "the first payment", first_payment=True),
        Rule("deny", "one payment is enough"),
    )
    wallet.buyer.policy = SpendPolicy(Amount(100_000, USDC), rules)
    async with buying(library, shop, wallet) as client:
        assert await text_of(client, chunks=30) == events(30)
    await agree(shop, wallet, 600)


async def test_a_seller_that_sends_nothing_for_its_windows_gets_no_third(
    shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()

    async def greedy(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        meter = current_meter()
        assert meter is not None
        payment = await shop.store.payment(meter.payment_id)
        assert payment is not None
        assert payment.channel_id is not None
        channel = parse_hex(payment.channel_id)
        head = {"type": "http.response.start", "status": 200}
        await send({**head, "headers": [(b"content-type", b"text/event-stream")]})
        for covered in range(WINDOW, 1_000, WINDOW):
            need = NeedVoucher(meter.payment_id, channel, covered, covered + WINDOW).to_event()
            await send({"type": "http.response.body", "body": need, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    shop.app._app = greedy  # type: ignore[assignment]
    async with (
        buying(library, shop, wallet) as client,
        client.stream("POST", "/paid/x", json=STREAM) as answer,
    ):
        with suppress(PaymentError):
            await answer.aread()
    assert (await wallet.budget()).used <= 3 * WINDOW
    [record] = await shop.store.channels()
    assert record.state.signed <= 3 * WINDOW
