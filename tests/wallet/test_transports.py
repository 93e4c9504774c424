"""Paying over httpx and httpx2: retries, redirects, lost answers, sellers that lie."""

import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from headwater_payments.amount import Amount
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.x402 import (
    PAYMENT_REQUIRED,
    PAYMENT_RESPONSE,
    PAYMENT_SIGNATURE,
    PaymentRequired,
    SettlementResponse,
)
from headwater_wallet.demands import MAX_DEMAND_BYTES
from headwater_wallet.errors import (
    PaymentRefusedError,
    PaymentUnderWayError,
    PaymentUnknownError,
    PolicyRefusedError,
    SellerMisbehavedError,
)
from headwater_wallet.policy import Rule, SpendPolicy
from headwater_wallet.reconcile import reconcile
from headwater_wallet.stream_watch import SHOW_PAYMENT_EVENTS
from headwater_wallet.wallet import Wallet, open_wallet
from support.clients import LIBRARIES, Library, Next
from support.shop import PAYEE, PRICE, USDC, Shop, open_shop

pytestmark = pytest.mark.anyio


@pytest.fixture(params=list(LIBRARIES))
def library(request: pytest.FixtureRequest) -> Library:
    return Library(request.param)


async def states(wallet: Wallet) -> list[str]:
    return [intent.state for intent in await wallet.ledger.intents()]


async def settle_all(shop: Shop, wallet: Wallet) -> list[Any]:
    async with shop.plain_client() as asking:
        return await reconcile(wallet.ledger, asking)


def sequential(hook: Any = None) -> Any:
    """Hides the concurrent extension from the wallet, as the official seller would."""

    async def through(request: Any, following: Next) -> Any:
        answer = await (hook or _straight)(request, following)
        header = answer.headers.get(PAYMENT_REQUIRED)
        if header is not None:
            required = PaymentRequired.from_header(header)
            kept = {k: v for k, v in (required.extensions or {}).items() if "concurrent" not in k}
            plain = required.model_copy(update={"extensions": kept})
            answer.headers[PAYMENT_REQUIRED] = plain.to_header()
        return answer

    return through


async def _straight(request: Any, following: Next) -> Any:
    return await following(request)


async def test_a_call_is_paid_and_charged(shop: Shop, library: Library) -> None:
    wallet = await shop.wallet()
    async with library.client(wallet, library.wire(shop.app)) as client:
        answer = await client.post("/paid/x", json={"charge": 250})
    assert answer.json() == {"ok": True}
    assert (await wallet.budget()).charged == 250


async def test_a_stream_that_is_left_early_ends_unknown_and_is_reconciled(
    shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()
    async with library.client(wallet, library.wire(shop.app)) as client:
        await client.post("/paid/x", json={"charge": 1})
        async with client.stream("POST", "/paid/x", json={"chunks": 3, "charge": 5}) as answer:
            assert answer.status_code == 200
    assert await states(wallet) == ["settled", "unknown"]
    assert await settle_all(shop, wallet) == []
    assert (await wallet.budget()).charged == 6


async def test_a_connect_error_gives_everything_back(shop: Shop, library: Library) -> None:
    wallet = await shop.wallet()
    down = False

    async def hook(request: Any, following: Next) -> Any:
        if down:
            raise library.http.ConnectError("refused", request=request)
        return await following(request)

    async with library.client(wallet, library.wire(shop.app, hook)) as client:
        await client.post("/paid/x", json={"charge": 100})
        before = await wallet.budget()
        down = True
        with pytest.raises(library.http.ConnectError):
            await client.post("/paid/x", json={"charge": 100})
        assert await wallet.budget() == before
        assert await states(wallet) == ["settled", "released"]


async def test_a_connection_that_breaks_and_is_then_refused_gives_nothing_back(
    shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()
    failing: list[Callable[..., Exception]] = []

    async def hook(request: Any, following: Next) -> Any:
        if failing and failing[0] is library.http.ConnectError:
            raise failing.pop(0)("refused", request=request)
        answer = await following(request)
        if failing:
            raise failing.pop(0)("cut", request=request)
        return answer

    async with library.client(wallet, library.wire(shop.app, hook)) as client:
        await client.post("/paid/x", json={"charge": 1_000})
        failing += [library.http.ReadError, library.http.ConnectError]
        with pytest.raises(PaymentUnknownError):
            await client.post("/paid/x", json={"charge": 1_000})
    [record] = await shop.store.channels()
    assert record.state.signed == (await wallet.budget()).used == 2_000
    assert await states(wallet) == ["settled", "unknown"]
    assert await settle_all(shop, wallet) == []
    assert (await wallet.budget()).charged == 2_000


async def test_a_connect_error_on_a_retry_gives_nothing_back(shop: Shop, library: Library) -> None:
    wallet = await shop.wallet()
    failing: list[Callable[..., Exception]] = []

    async def hook(request: Any, following: Next) -> Any:
        answer = await following(request)
        if PAYMENT_SIGNATURE in request.headers and failing:
            raise failing.pop(0)("gone", request=request)
        return answer

    headers = {"Idempotency-Key": "order-1"}
    async with library.client(wallet, library.wire(shop.app, hook)) as client:
        await client.post("/paid/x", json={"charge": 0})
        failing += [library.http.ReadTimeout, library.http.ConnectError]
        with pytest.raises(PaymentUnknownError):
            await client.post("/paid/x", json={"charge": 30}, headers=headers)
        used = (await wallet.budget()).used
        with pytest.raises(PaymentUnknownError):
            await client.post("/paid/x", json={"charge": 30}, headers=headers)
        assert (await wallet.budget()).used == used
        assert await states(wallet) == ["settled", "unknown"]
        await client.post("/paid/x", json={"charge": 30}, headers=headers)
    assert (await wallet.budget()).charged == 30
    assert len(shop.served) == 2


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_an_error_after_the_charge_is_retried_without_a_second_payment(
    shop: Shop, library: Library, status: int
) -> None:
    """A gateway answers 5xx after the seller has charged; the SDK retries under its key (H1)."""
    wallet = await shop.wallet()
    broken = [True]
    signatures: set[str] = set()

    async def hook(request: Any, following: Next) -> Any:
        answer = await following(request)
        if PAYMENT_SIGNATURE in request.headers:
            signatures.add(request.headers[PAYMENT_SIGNATURE])
            if broken:
                broken.clear()
                return library.text(status)
        return answer

    headers = {"Idempotency-Key": "order-1"}
    async with library.client(wallet, library.wire(shop.app, hook)) as client:
        lost = await client.post("/paid/x", json={"charge": 40}, headers=headers)
        assert lost.status_code == status
        found = await client.post("/paid/x", json={"charge": 40}, headers=headers)
        assert found.json() == {"ok": True}
    assert len(signatures) == len(shop.served) == 1
    assert shop.chain.deposits == 1
    assert await states(wallet) == ["settled"]
    [record] = await shop.store.channels()
    assert record.state.charged == (await wallet.budget()).charged == 40


async def test_a_key_in_use_is_refused_and_the_first_payment_goes_on(
    shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()
    served, let_go = anyio.Event(), anyio.Event()

    async def hook(request: Any, following: Next) -> Any:
        answer = await following(request)
        if request.headers.get("x-slow"):
            served.set()
            await let_go.wait()
        return answer

    async with library.client(wallet, library.wire(shop.app, hook)) as client:
        await client.post("/paid/x", json={"charge": 0})
        headers = {"Idempotency-Key": "twice"}

        async def first() -> None:
            slow = {**headers, "x-slow": "1"}
            await client.post("/paid/x", json={"chunks": 2, "charge": 9}, headers=slow)

        async with anyio.create_task_group() as group:
            group.start_soon(first)
            await served.wait()
            with pytest.raises(PaymentUnderWayError):
                await client.post("/paid/x", json={"chunks": 2}, headers=headers)
            let_go.set()
    assert await states(wallet) == ["settled", "settled"]
    [channel] = (await wallet.ledger.channels()).values()
    assert (channel.charged, channel.reserved) == (9, 0)


async def test_a_lost_answer_is_unknown_and_is_paid_once_by_the_sellers_word(
    shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()
    lose = False

    async def hook(request: Any, following: Next) -> Any:
        answer = await following(request)
        if lose:
            raise library.http.ReadTimeout("lost", request=request)
        return answer

    async with library.client(wallet, library.wire(shop.app, hook)) as client:
        await client.post("/paid/x", json={"charge": 5})
        lose = True
        with pytest.raises(PaymentUnknownError) as caught:
            await client.post("/paid/x", json={"charge": 6})
    assert caught.value.details["payment_id"] == (await wallet.ledger.intents())[1].payment_id
    assert await settle_all(shop, wallet) == []
    assert await settle_all(shop, wallet) == []
    assert (await wallet.budget()).charged == 11


async def test_a_payment_the_seller_never_saw_is_released(shop: Shop, library: Library) -> None:
    wallet = await shop.wallet()
    lose = False

    async def hook(request: Any, following: Next) -> Any:
        if lose:
            raise library.http.WriteTimeout("lost", request=request)
        return await following(request)

    async with library.client(wallet, library.wire(shop.app, hook)) as client:
        await client.post("/paid/x", json={"charge": 5})
        lose = True
        with pytest.raises(PaymentUnknownError):
            await client.post("/paid/x", json={"charge": 6})
        assert await settle_all(shop, wallet) == []
        assert await states(wallet) == ["settled", "released"]
        lose = False
        await client.post("/paid/x", json={"charge": 7})
    assert (await wallet.budget()).charged == 12


async def test_a_redirect_carries_no_signature_to_another_origin(
    shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()
    seen: list[tuple[str, bool]] = []

    async def hook(request: Any, following: Next) -> Any:
        seen.append((request.url.host, PAYMENT_SIGNATURE in request.headers))
        if request.url.host == "evil.test":
            return library.text(200, body="thanks")
        if PAYMENT_SIGNATURE in request.headers:
            return library.text(307, {"location": "http://evil.test/paid/x"})
        return await following(request)

    wire = library.wire(shop.app, hook)
    async with library.client(wallet, wire, follow_redirects=True) as client:
        await client.post("/paid/x", json={})
    assert seen == [("shop.test", False), ("shop.test", True), ("evil.test", False)]


async def test_a_redirect_to_a_seller_outside_the_policy_is_not_paid(
    tmp_path: Path, shop: Shop, library: Library
) -> None:
    trusted = frozenset({"http://shop.test"})
    policy = SpendPolicy(Amount(10_000, USDC), (Rule("allow", "ours", origins=trusted),))
    signer = (await shop.wallet()).buyer.signer

    async def hook(request: Any, following: Next) -> Any:
        if request.url.host == "shop.test":
            return library.text(307, {"location": "http://shop.test@evil.test/paid/x"})
        return await following(request)

    wire = library.wire(shop.app, hook)
    async with (
        open_wallet(signer, policy, database=tmp_path / "r.db") as wallet,
        library.client(wallet, wire, follow_redirects=True) as client,
    ):
        with pytest.raises(PolicyRefusedError):
            await client.post("/paid/x", json={})
        assert await states(wallet) == []


async def test_credentials_and_queries_in_a_url_stay_out_of_the_ledger(
    tmp_path: Path, shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()
    async with library.client(wallet, library.wire(shop.app)) as client:
        await client.post("http://ann:hunter2@shop.test/paid/x?token=hunter3", json={})
    [intent] = await wallet.ledger.intents()
    assert intent.url == "http://shop.test/paid/x"


async def test_changed_terms_are_checked_against_the_policy_again(
    shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()
    small = (Rule("allow", "small", most=5_000),)
    wallet.buyer.policy = SpendPolicy(Amount(100_000, USDC), small, Amount(20_000, USDC))
    async with library.client(wallet, library.wire(shop.app)) as client:
        await client.post("/paid/x", json={"charge": 10})
        shop.app._offers = tuple(replace(o, price=Amount(9_000, USDC)) for o in shop.app._offers)
        used = (await wallet.budget()).used
        with pytest.raises(PolicyRefusedError):
            await client.post("/paid/x", json={})
        # A voucher at the old price had left, so its headroom counts; nothing more was signed.
        assert (await wallet.budget()).used - used <= PRICE
        wallet.buyer.policy = SpendPolicy(
            Amount(100_000, USDC), (Rule("allow", "any"),), Amount(20_000, USDC)
        )
        dear = await client.post("/paid/x", json={"charge": 8_000})
        assert dear.status_code == 200
    assert (await wallet.budget()).charged == 8_010


Forge = Callable[[dict[str, Any]], dict[str, Any]]


def _state(**changed: Any) -> Forge:
    return lambda extra: {**extra, "channelState": {**extra["channelState"], **changed}}


LIES: dict[str, Forge] = {
    "a charge above the cap": lambda e: {**e, "chargedAmount": str(PRICE + 1)},
    "a negative charge": lambda e: {**e, "chargedAmount": "-1"},
    "a charge in words": lambda e: {**e, "chargedAmount": "much"},
    "a charge that is a number": lambda e: {**e, "chargedAmount": 10.5},
    "a total above everything signed": _state(chargedCumulativeAmount=str(10**9)),
    "a total in words": _state(chargedCumulativeAmount="all"),
    "another channel": _state(channelId="0x" + "ab" * 32),
    "a channel id that is a number": _state(channelId=7),
    "a balance in words": _state(balance="plenty"),
}


@pytest.mark.parametrize("lie", list(LIES))
async def test_a_seller_that_lies_about_a_charge_is_blocked(
    shop: Shop, library: Library, lie: str
) -> None:
    wallet = await shop.wallet()

    async def hook(request: Any, following: Next) -> Any:
        answer = await following(request)
        header = answer.headers.get(PAYMENT_RESPONSE)
        if header is not None:
            settled = SettlementResponse.from_header(header)
            forged = settled.model_copy(update={"extra": LIES[lie](settled.extra or {})})
            answer.headers[PAYMENT_RESPONSE] = forged.to_header()
        return answer

    await caught_and_blocked(shop, library, wallet, hook)


async def caught_and_blocked(shop: Shop, library: Library, wallet: Wallet, hook: Any) -> None:
    async with library.client(wallet, library.wire(shop.app, hook)) as client:
        with pytest.raises(SellerMisbehavedError):
            await client.post("/paid/x", json={"charge": 10})
        with pytest.raises(SellerMisbehavedError, match="blocked"):
            await client.post("/paid/x", json={"charge": 10})
    assert len(shop.served) == 1
    assert await states(wallet) == ["unknown"]


def _receipt(**changed: str) -> Callable[[str], str]:
    return lambda header: json.dumps({**json.loads(header), **changed})


FALSE_RECEIPTS: dict[str, Callable[[str], str]] = {
    "not JSON": lambda _: "}{",
    "not an object": lambda _: "[1]",
    "nested without end": lambda _: "[" * 9_000,
    "empty": lambda _: "{}",
    "another charge": _receipt(charge="9"),
    "another payment": _receipt(paymentId="0x" + "00" * 32),
    "another payee": _receipt(payee="0x" + "44" * 20),
    "a short signature": _receipt(signature="0x1234"),
    "a flipped signature": _receipt(signature="0x" + "11" * 64 + "1b"),
}


@pytest.mark.parametrize("kind", list(FALSE_RECEIPTS))
async def test_a_seller_whose_receipt_does_not_hold_is_blocked(
    shop: Shop, library: Library, kind: str
) -> None:
    wallet = await shop.wallet()

    async def hook(request: Any, following: Next) -> Any:
        answer = await following(request)
        header = answer.headers.get("payment-receipt")
        if header is not None:
            answer.headers["payment-receipt"] = FALSE_RECEIPTS[kind](header)
        return answer

    await caught_and_blocked(shop, library, wallet, hook)


async def test_a_settlement_that_cannot_be_read_is_misbehaviour(
    shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()

    async def hook(request: Any, following: Next) -> Any:
        answer = await following(request)
        if PAYMENT_RESPONSE in answer.headers:
            answer.headers[PAYMENT_RESPONSE] = "%%%"
        return answer

    await caught_and_blocked(shop, library, wallet, hook)


@pytest.mark.parametrize("header", ["%%%", "e30=", "bm90IGpzb24="])
async def test_terms_that_cannot_be_read_are_an_error_and_no_payment(
    shop: Shop, library: Library, header: str
) -> None:
    wallet = await shop.wallet()

    async def hook(request: Any, following: Next) -> Any:
        return library.text(402, {PAYMENT_REQUIRED: header})

    async with library.client(wallet, library.wire(shop.app, hook)) as client:
        with pytest.raises(HeadwaterError):
            await client.post("/paid/x", json={})
    assert await states(wallet) == []


async def test_a_402_without_version_2_terms_is_handed_on(shop: Shop, library: Library) -> None:
    wallet = await shop.wallet()

    async def hook(request: Any, following: Next) -> Any:
        return library.text(402, body='{"x402Version": 1}')

    async with library.client(wallet, library.wire(shop.app, hook)) as client:
        answer = await client.post("/paid/x", json={})
        assert (answer.status_code, answer.json()) == (402, {"x402Version": 1})


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_a_demand_without_end_is_read_no_further_than_a_bound(
    shop: Shop, library: Library, encoding: str
) -> None:
    wallet, given, closed = await shop.wallet(), [0], [False]
    piece = gzip.compress(bytes(2**20)) if encoding == "gzip" else b" " * 1_024

    class Endless(library.http.AsyncByteStream):  # type: ignore[misc, name-defined]
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                given[0] += len(piece)
                yield piece

        async def aclose(self) -> None:
            closed[0] = True

    async def hook(request: Any, following: Next) -> Any:
        head = {"content-encoding": encoding, "content-type": "application/json"}
        return library.http.Response(402, headers=head, stream=Endless())

    async with library.client(wallet, library.wire(shop.app, hook)) as client:
        with pytest.raises(InvalidInputError, match=r"more than \d+ bytes"):
            await client.post("/paid/x", json={})
    assert (given[0] <= MAX_DEMAND_BYTES + len(piece), closed[0]) == (True, True)
    assert await states(wallet) == []


async def test_a_seller_that_keeps_asking_is_paid_at_most_once_more(
    shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()
    asked = 0

    async def hook(request: Any, following: Next) -> Any:
        nonlocal asked
        asked += 1
        plain = library.http.Request("POST", request.url)
        answer = await following(plain)
        required = PaymentRequired.from_header(answer.headers[PAYMENT_REQUIRED])
        dearer = [t.model_copy(update={"amount": str(asked * 100)}) for t in required.accepts]
        answer.headers[PAYMENT_REQUIRED] = required.model_copy(
            update={"accepts": dearer}
        ).to_header()
        return answer

    async with library.client(wallet, library.wire(shop.app, hook)) as client:
        with pytest.raises(PaymentRefusedError, match="asks for another payment"):
            await client.post("/paid/x", json={})
    assert asked == 2
    assert await states(wallet) == ["released"]


async def test_without_the_extension_requests_wait_their_turn(shop: Shop, library: Library) -> None:
    wallet = await shop.wallet()
    wallet.buyer.lanes = 1
    under_way = most = 0

    async def hook(request: Any, following: Next) -> Any:
        nonlocal under_way, most
        paid = PAYMENT_SIGNATURE in request.headers
        under_way += paid
        most = max(most, under_way)
        try:
            await anyio.lowlevel.checkpoint()
            return await following(request)
        finally:
            under_way -= paid

    wire = library.wire(shop.app, sequential(hook))
    async with library.client(wallet, wire) as client, anyio.create_task_group() as group:
        for charge in range(0, 1_000, 100):
            group.start_soon(lambda c: client.post("/paid/x", json={"charge": c}), charge)
    assert most == 1
    assert (await wallet.budget()).charged == sum(range(0, 1_000, 100))
    assert shop.chain.deposits == 1


async def test_one_who_gives_up_waiting_does_not_let_two_through(
    shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()
    wallet.buyer.lanes = 1
    arrived, let_go = anyio.Event(), anyio.Event()

    async def hook(request: Any, following: Next) -> Any:
        if PAYMENT_SIGNATURE in request.headers and not arrived.is_set():
            arrived.set()
            await let_go.wait()
        return await following(request)

    async with library.client(wallet, library.wire(shop.app, sequential(hook))) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: client.post("/paid/x", json={"charge": 1}))
            await arrived.wait()
            async with anyio.create_task_group() as impatient:
                impatient.start_soon(lambda: client.post("/paid/x", json={"charge": 2}))
                await anyio.wait_all_tasks_blocked()
                impatient.cancel_scope.cancel()
            [gate] = wallet.buyer.gates.values()
            assert gate.value == 0
            let_go.set()
        assert gate.value == 1
    assert (await wallet.budget()).charged == 1


@pytest.mark.parametrize("mode", ["concurrent", "sequential"])
async def test_a_wallet_that_lost_its_ledger_takes_up_its_channel_again(
    tmp_path: Path, shop: Shop, library: Library, mode: str
) -> None:
    old = await shop.wallet()
    hook = sequential() if mode == "sequential" else _straight
    async with library.client(old, library.wire(shop.app, hook)) as client:
        for charge in (1_000, 300):
            await client.post("/paid/x", json={"charge": charge})
    policy = old.policy
    async with (
        open_wallet(old.buyer.signer, policy, database=tmp_path / "new.db") as wallet,
        library.client(wallet, library.wire(shop.app, hook)) as client,
    ):
        for charge in (200, 900):
            answer = await client.post("/paid/x", json={"charge": charge})
            assert answer.status_code == 200
        [channel] = (await wallet.ledger.channels()).values()
        [record] = await shop.store.channels()
        assert channel.charged == record.state.charged == 2_400
        assert channel.balance == record.state.balance
        assert (await wallet.budget()).charged == 1_100
    # The new ledger cannot know of the escrow before it is told: one deposit more, never two.
    assert shop.chain.deposits == 2


async def test_a_seller_cannot_prove_a_total_with_a_voucher_of_anothers(
    shop: Shop, library: Library
) -> None:
    wallet, other = await shop.wallet(), await shop.wallet()
    async with library.client(other, library.wire(shop.app)) as client:
        await client.post("/paid/x", json={})
    [stolen] = await shop.store.channels()

    async def hook(request: Any, following: Next) -> Any:
        if PAYMENT_SIGNATURE not in request.headers:
            return await following(request)
        answer = await following(library.http.Request("POST", request.url))
        required = PaymentRequired.from_header(answer.headers[PAYMENT_REQUIRED])
        proof = {
            "channelState": {"chargedCumulativeAmount": "900", "balance": "1000"},
            "voucherState": {
                "signedMaxClaimable": "1000",
                "signature": "0x" + (stolen.signature or b"").hex(),
            },
        }
        accepts = [t.model_copy(update={"extra": {**t.extra, **proof}}) for t in required.accepts]
        update = {"accepts": accepts, "error": "x_cumulative_amount_mismatch"}
        answer.headers[PAYMENT_REQUIRED] = required.model_copy(update=update).to_header()
        return answer

    async with library.client(wallet, library.wire(shop.app, hook)) as client:
        with pytest.raises(SellerMisbehavedError, match="never signed"):
            await client.post("/paid/x", json={})
        with pytest.raises(SellerMisbehavedError, match="blocked"):
            await client.post("/paid/x", json={})


@pytest.mark.parametrize("shown", [{}, {SHOW_PAYMENT_EVENTS: True}], ids=["plain", "shown"])
async def test_an_event_stream_comes_chunk_by_chunk_through_a_real_server(
    library: Library, tmp_path: Path, shown: dict[str, bool]
) -> None:
    from headwater_marketplace.serving import bind, serve

    read, more = 0, anyio.Event()

    async def paced(scope: Any, receive: Any, send: Any) -> None:
        nonlocal more
        await receive()
        head = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        for number in range(5):
            event = f"data: {number}\n\n".encode()
            await send({"type": "http.response.body", "body": event, "more_body": True})
            # The next chunk is made only once the reader has this one: a buffer would hang.
            await more.wait()
            more = anyio.Event()
        await send({"type": "http.response.body", "body": b""})

    async with open_shop(tmp_path) as shop:
        shop.app._app = paced
        wallet = await shop.wallet()
        with anyio.fail_after(20):
            async with (
                serve(shop.app, bind()) as url,
                library.client(wallet, base_url=url) as client,
                client.stream("POST", "/paid/x", json={}, extensions=shown) as answer,
            ):
                chunks = []
                async for chunk in answer.aiter_raw():
                    chunks.append(chunk)
                    read += 1
                    more.set()
        assert chunks[:5] == [f"data: {n}\n\n".encode() for n in range(5)]
        assert (await wallet.budget()).charged == PRICE
        receipt = b"".join(chunks[5:]).decode().replace("\\", "").lower()
        assert (PAYEE.lower() in receipt) if shown else not receipt


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_a_wallet_pays_on_trio(tmp_path: Path, library: Library) -> None:
    async with open_shop(tmp_path) as shop:
        wallet = await shop.wallet()
        wire = library.wire(shop.app)
        async with library.client(wallet, wire) as client, anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(lambda: client.post("/paid/x", json={"charge": 3}))
        assert (await wallet.budget()).charged == 15


@pytest.mark.parametrize("body", [{"crash": True}, {"charge": 300}])
async def test_a_deposit_whose_answer_was_lost_is_found_again_and_not_placed_twice(
    shop: Shop, body: dict[str, Any]
) -> None:
    wallet = await shop.wallet(funds=2 * PRICE, budget=2 * PRICE)
    inner = httpx.ASGITransport(shop.app, raise_app_exceptions=False)  # type: ignore[arg-type]

    class Losing(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await inner.handle_async_request(request)
            if answer.status_code == 200:
                raise httpx.ReadTimeout("lost", request=request)
            return answer

    async with wallet.client(transport=Losing(), base_url="http://shop.test") as client:
        with suppress(PaymentUnknownError):
            await client.post("/paid/x", json=body)
    assert shop.chain.deposits == 1
    assert await settle_all(shop, wallet) == []
    [channel] = (await wallet.ledger.channels()).values()
    assert channel.balance == PRICE
    async with shop.client(wallet) as client:
        answer = await client.post("/paid/x", json={"charge": 100})
        assert answer.status_code == 200


async def test_reconcile_leaves_a_seller_that_is_down_for_later(
    shop: Shop, library: Library
) -> None:
    wallet = await shop.wallet()

    async def hook(request: Any, following: Next) -> Any:
        answer = await following(request)
        if PAYMENT_SIGNATURE in request.headers:
            raise library.http.ReadError("cut", request=request)
        return answer

    async with library.client(wallet, library.wire(shop.app, hook)) as client:
        with pytest.raises(PaymentUnknownError):
            await client.post("/paid/x", json={"charge": 6})

    answers = iter(
        [
            httpx.ConnectError("down"),
            httpx.Response(200, text="<html>"),
            httpx.Response(200, json=[1]),
            httpx.Response(200, json={"state": "charged", "chargedAmount": "lots"}),
            httpx.Response(200, json={"state": "charged", "chargedAmount": str(PRICE + 1)}),
            httpx.Response(404, json={}),
            httpx.Response(200, json={"state": "reserved"}),
        ]
    )

    def lying(_request: httpx.Request) -> httpx.Response:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with httpx.AsyncClient(transport=httpx.MockTransport(lying)) as asking:
        for _ in range(7):
            [left] = await reconcile(wallet.ledger, asking)
            assert left.state == "unknown"
    assert await settle_all(shop, wallet) == []
    assert (await wallet.budget()).charged == 6


async def test_a_reservation_whose_process_died_is_given_back(shop: Shop) -> None:
    from support.paying import channel_terms, new_payment

    wallet = await shop.wallet()
    await wallet.ledger.reserve(new_payment(1, 500), channel_terms())
    async with shop.plain_client() as asking:
        await reconcile(wallet.ledger, asking, reserved_before=1_000)
        assert await states(wallet) == ["reserved"]
        await reconcile(wallet.ledger, asking, reserved_before=1_001)
    assert await states(wallet) == ["released"]
    assert (await wallet.budget()).used == 0
