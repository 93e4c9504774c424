"""A wallet buys from the middleware, in process: what is charged, refused, replayed, streamed."""

import gzip
import json
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from sqlalchemy import update
from starlette.responses import FileResponse

from headwater_marketplace.seller.kept_answers import MAX_KEPT_HEADERS
from headwater_marketplace.seller.tables import PaymentRow
from headwater_payments.ledger import balances, check_journal
from headwater_payments.x402 import PAYMENT_SIGNATURE, PaymentPayload, PaymentRequired
from headwater_wallet.errors import (
    BudgetExceededError,
    PaymentRefusedError,
    PaymentUnknownError,
    SellerMisbehavedError,
)
from headwater_wallet.reconcile import reconcile
from support.shop import PRICE, USDC, Shop, open_shop

pytestmark = pytest.mark.anyio


async def test_a_request_without_payment_is_told_the_terms(shop: Shop) -> None:
    async with shop.plain_client() as client:
        answer = await client.post("/paid/x")
    terms = PaymentRequired.from_header(answer.headers["payment-required"])
    assert answer.status_code == 402
    assert [t.scheme for t in terms.accepts] == ["batch-settlement", "exact"]
    assert answer.headers["cache-control"] == "no-store"
    assert shop.served == []


async def test_other_routes_pass_through_unpaid(shop: Shop) -> None:
    async with shop.plain_client() as client:
        assert (await client.post("/free", json={})).json() == {"ok": True}


async def test_a_call_is_charged_what_it_used_and_the_channel_is_opened_once(shop: Shop) -> None:
    wallet = await shop.wallet()
    async with shop.client(wallet) as client:
        for charge in (400, 0, 1_000):
            answer = await client.post("/paid/x", json={"charge": charge})
            assert answer.json() == {"ok": True}
    budget = await wallet.budget()
    assert budget.charged == 1_400
    assert shop.chain.deposits == 1
    [record] = await shop.store.channels()
    assert record.state.charged == 1_400
    assert record.state.charged <= record.state.signed <= record.state.balance


async def test_after_the_first_call_a_payment_takes_one_round_trip(shop: Shop) -> None:
    wallet = await shop.wallet()
    trips: list[int] = []

    class Counting(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await super().handle_async_request(request)
            trips.append(answer.status_code)
            return answer

    transport = Counting(shop.app)  # type: ignore[arg-type]
    async with wallet.client(transport=transport, base_url="http://shop.test") as client:
        for _ in range(3):
            await client.post("/paid/x", json={})
    assert trips == [402, 200, 200, 200]


async def test_many_requests_share_one_channel_at_once(shop: Shop) -> None:
    wallet = await shop.wallet()
    async with shop.client(wallet) as client, anyio.create_task_group() as group:

        async def call(charge: int) -> None:
            assert (await client.post("/paid/x", json={"charge": charge})).status_code == 200

        for charge in range(0, 1_000, 50):
            group.start_soon(call, charge)
    [record] = await shop.store.channels()
    assert record.state.charged == sum(range(0, 1_000, 50))
    assert record.state.reserved == 0
    assert shop.chain.deposits == 1


async def test_a_call_beyond_the_budget_is_refused_before_anything_is_signed(shop: Shop) -> None:
    wallet = await shop.wallet(budget=2_500)
    async with shop.client(wallet) as client:
        await client.post("/paid/x", json={})
        await client.post("/paid/x", json={})
        with pytest.raises(BudgetExceededError) as caught:
            await client.post("/paid/x", json={})
    assert caught.value.code == "budget_exceeded"
    assert len(shop.served) == 2
    assert (await wallet.budget()).used == 2_000
    assert all(intent.state == "settled" for intent in await wallet.ledger.intents())


async def test_headroom_that_a_seller_left_counts_until_it_is_reused(shop: Shop) -> None:
    wallet = await shop.wallet(budget=1_500)
    async with shop.client(wallet) as client:
        await client.post("/paid/x", json={"charge": 500})
        assert (await wallet.budget()).used == 1_000
        await client.post("/paid/x", json={"charge": 500})
        assert (await wallet.budget()).used == 1_500


async def test_a_replayed_voucher_is_refused(shop: Shop) -> None:
    wallet = await shop.wallet()
    seen: list[str] = []

    class Spying(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if PAYMENT_SIGNATURE in request.headers:
                seen.append(request.headers[PAYMENT_SIGNATURE])
            return await super().handle_async_request(request)

    transport = Spying(shop.app)  # type: ignore[arg-type]
    async with wallet.client(transport=transport, base_url="http://shop.test") as client:
        for _ in range(2):
            await client.post("/paid/x", json={"charge": 10})
    payload = PaymentPayload.from_header(seen[-1])
    extensions = dict(payload.extensions or {})
    extensions["payment-identifier"] = {"info": {"id": "another-payment-id"}}
    stolen = payload.model_copy(update={"extensions": extensions}).to_header()
    async with shop.plain_client() as thief:
        answer = await thief.post("/paid/x", headers={PAYMENT_SIGNATURE: stolen})
    assert answer.status_code == 402
    assert PaymentRequired.from_header(answer.headers["payment-required"]).error == (
        "voucher_replayed"
    )
    assert len(shop.served) == 2


async def test_the_same_payment_sent_again_gets_the_same_answer_and_no_second_charge(
    shop: Shop,
) -> None:
    wallet = await shop.wallet()
    async with shop.client(wallet) as client:
        for _ in range(3):
            headers = {"Idempotency-Key": "order-1"}
            answer = await client.post("/paid/x", json={"charge": 7}, headers=headers)
            assert answer.json() == {"ok": True}
    assert len(shop.served) == 1
    assert (await wallet.budget()).charged == 7


async def test_a_handler_that_fails_costs_nothing_and_the_retry_pays_once(shop: Shop) -> None:
    wallet = await shop.wallet()
    headers = {"Idempotency-Key": "order-2"}
    async with shop.client(wallet) as client:
        broken = await client.post("/paid/x", json={"fail": True}, headers=headers)
        assert broken.status_code == 503
        assert (await wallet.budget()).charged == 0
        await client.post("/paid/x", json={"charge": 9}, headers=headers)
    assert (await wallet.budget()).charged == 9
    [record] = await shop.store.channels()
    assert (record.state.charged, record.state.reserved) == (9, 0)


async def test_a_stream_passes_untouched_and_ends_with_its_charge(shop: Shop) -> None:
    wallet = await shop.wallet()
    async with shop.client(wallet) as client:
        asked = {"chunks": 5, "charge": 123}
        async with client.stream("POST", "/paid/x", json=asked) as answer:
            text = (await answer.aread()).decode()
    assert text.startswith("".join(f"data: {n}\n\n" for n in range(5)))
    assert (await wallet.budget()).charged == 123
    [intent] = await wallet.ledger.intents()
    assert intent.state == "settled"
    assert intent.receipt is not None


async def test_a_stream_that_breaks_is_not_charged(shop: Shop) -> None:
    wallet = await shop.wallet()
    async with shop.client(wallet) as client:
        with pytest.raises(ValueError, match="stream broke"):
            await client.post("/paid/x", json={"chunks": 5, "charge": 9, "break_after": 2})
    [record] = await shop.store.channels()
    assert (record.state.charged, record.state.reserved) == (0, 0)


async def test_a_payment_without_an_answer_is_unknown_until_the_seller_is_asked(
    shop: Shop,
) -> None:
    wallet = await shop.wallet()

    class Lossy(httpx.ASGITransport):
        lose = False

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await super().handle_async_request(request)
            if self.lose:
                raise httpx.ReadTimeout("the answer is lost")
            return answer

    transport = Lossy(shop.app)  # type: ignore[arg-type]
    async with wallet.client(transport=transport, base_url="http://shop.test") as client:
        await client.post("/paid/x", json={"charge": 5})
        transport.lose = True
        with pytest.raises(PaymentUnknownError):
            await client.post("/paid/x", json={"charge": 6})
    assert [i.state for i in await wallet.ledger.intents()] == ["settled", "unknown"]
    async with shop.plain_client() as asking:
        assert await reconcile(wallet.ledger, asking) == []
    assert (await wallet.budget()).charged == 11


async def test_a_connection_that_breaks_is_tried_again_with_the_same_payment(shop: Shop) -> None:
    wallet = await shop.wallet()

    class Breaking(httpx.ASGITransport):
        broken = 0

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if PAYMENT_SIGNATURE in request.headers and self.broken < 2:
                self.broken += 1
                if self.broken == 1:
                    raise httpx.ReadError("closed before it was read")
                await super().handle_async_request(request)
                raise httpx.RemoteProtocolError("closed after it was served")
            return await super().handle_async_request(request)

    transport = Breaking(shop.app)  # type: ignore[arg-type]
    async with wallet.client(transport=transport, base_url="http://shop.test") as client:
        with pytest.raises(PaymentUnknownError):
            await client.post("/paid/x", json={"charge": 5}, headers={"Idempotency-Key": "a-1"})
        answer = await client.post(
            "/paid/x", json={"charge": 5}, headers={"Idempotency-Key": "a-1"}
        )
    assert answer.json() == {"ok": True}
    assert len(shop.served) == 1
    assert (await wallet.budget()).charged == 5


@pytest.mark.parametrize("schemes", [("batch-settlement",), ("exact",)])
async def test_another_body_under_the_same_key_is_a_conflict_and_no_second_payment(
    tmp_path: Path, schemes: tuple[str, ...]
) -> None:
    async with open_shop(tmp_path, schemes=schemes) as shop:
        wallet = await shop.wallet()
        headers = {"Idempotency-Key": "order-1"}
        async with shop.client(wallet) as client:
            await client.post("/paid/x", json={"charge": 7}, headers=headers)
            before = await wallet.budget()
            other = await client.post("/paid/x", json={"charge": 8}, headers=headers)
            again = await client.post("/paid/x", json={"charge": 7}, headers=headers)
        assert other.status_code == 409
        assert other.json()["code"] == "payment_body_conflict"
        assert again.json() == {"ok": True}
        assert len(shop.served) == 1
        assert await wallet.budget() == before
        assert len(await shop.store.payments("charged")) == 1


async def test_another_query_path_or_method_under_the_same_payment_is_a_conflict(
    tmp_path: Path,
) -> None:
    async with open_shop(tmp_path, method="GET") as shop:
        wallet = await shop.wallet()
        headers = {"Idempotency-Key": "order-1"}
        async with shop.client(wallet) as client:
            await client.get("/paid/x?city=paris", headers=headers)
            before = await wallet.budget()
            other = await client.get("/paid/x?city=tokyo", headers=headers)
            again = await client.get("/paid/x?city=paris", headers=headers)
        assert (other.status_code, other.json()["code"]) == (409, "payment_body_conflict")
        assert again.json() == {"ok": True}
        [intent] = await wallet.ledger.intents()
        sent = {PAYMENT_SIGNATURE: intent.header or ""}
        async with shop.plain_client() as plain:
            for method, url in (("GET", "/paid/y?city=paris"), ("HEAD", "/paid/x?city=paris")):
                assert (await plain.request(method, url, headers=sent)).status_code == 409
            replayed = await plain.get("/paid/x?city=paris", headers=sent)
            assert replayed.json() == {"ok": True}
        assert len(shop.served) == 1
        assert await wallet.budget() == before
        assert len(await shop.store.payments("charged")) == 1


async def test_a_conflict_after_a_lost_answer_leaves_the_payment_to_be_reconciled(
    shop: Shop,
) -> None:
    wallet = await shop.wallet()

    class Losing(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await super().handle_async_request(request)
            if PAYMENT_SIGNATURE in request.headers and b'"lost"' in request.content:
                raise httpx.RemoteProtocolError("closed after it was served")
            return answer

    transport = Losing(shop.app)  # type: ignore[arg-type]
    headers = {"Idempotency-Key": "a-1"}
    async with wallet.client(transport=transport, base_url="http://shop.test") as client:
        with pytest.raises(PaymentUnknownError):
            await client.post("/paid/x", json={"charge": 5, "lost": 1}, headers=headers)
        other = await client.post("/paid/x", json={"charge": 6}, headers=headers)
    assert other.json()["code"] == "payment_body_conflict"
    async with shop.plain_client() as client:
        assert await reconcile(wallet.ledger, client) == []
    assert (await wallet.budget()).charged == 5
    assert len(shop.served) == 1


@pytest.mark.parametrize("kept", [1, 2])
async def test_books_that_did_not_keep_all_of_a_request_still_answer_a_payment_again(
    shop: Shop, kept: int
) -> None:
    wallet = await shop.wallet()
    headers = {"Idempotency-Key": "order-1"}
    async with shop.client(wallet) as client:
        await client.post("/paid/x", json={"charge": 7}, headers=headers)
        [payment] = await shop.store.payments("charged")
        earlier = update(PaymentRow).values(
            fingerprint=":".join(payment.fingerprint.split(":")[:kept])
        )
        await shop.store._database.write(lambda connection: connection.execute(earlier))
        answer = await client.post("/paid/x", json={"charge": 7}, headers=headers)
    assert answer.json() == {"ok": True}
    assert len(shop.served) == 1


async def test_a_seller_that_charges_above_the_cap_is_caught_and_blocked(shop: Shop) -> None:
    wallet = await shop.wallet()

    class Greedy(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await super().handle_async_request(request)
            header = answer.headers.get("payment-response")
            if header is not None:
                from headwater_payments.x402 import SettlementResponse

                settled = SettlementResponse.from_header(header)
                extra = {**(settled.extra or {}), "chargedAmount": str(PRICE + 1)}
                forged = settled.model_copy(update={"extra": extra})
                answer.headers["payment-response"] = forged.to_header()
            return answer

    transport = Greedy(shop.app)  # type: ignore[arg-type]
    async with wallet.client(transport=transport, base_url="http://shop.test") as client:
        with pytest.raises(SellerMisbehavedError, match="at most 1000"):
            await client.post("/paid/x", json={})
        with pytest.raises(SellerMisbehavedError, match="blocked"):
            await client.post("/paid/x", json={})
    assert len(shop.served) == 1


async def test_an_empty_account_cannot_open_a_channel(shop: Shop) -> None:
    wallet = await shop.wallet(funds=10)
    async with shop.client(wallet) as client:
        with pytest.raises(PaymentRefusedError):
            await client.post("/paid/x", json={})
    assert shop.served == []


async def test_exact_payment_settles_on_chain_and_its_nonce_buys_once(tmp_path: Path) -> None:
    async with open_shop(tmp_path, schemes=("exact",)) as shop:
        wallet = await shop.wallet()
        async with shop.client(wallet) as client:
            await client.post("/paid/x", json={})
        [intent] = await wallet.ledger.intents()
        assert intent.charge == PRICE
        assert sum(shop.chain.paid.values()) == PRICE
        answers: list[int] = []

        async def again() -> None:
            async with shop.plain_client() as client:
                assert intent.header is not None
                payload = PaymentPayload.from_header(intent.header)
                fresh = payload.model_copy(update={"extensions": None}).to_header()
                headers = {PAYMENT_SIGNATURE: fresh}
                answers.append((await client.post("/paid/x", headers=headers)).status_code)

        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(again)
        assert answers == [402] * 10
        assert len(shop.served) == 1


async def test_the_sellers_journal_balances_with_what_was_charged(shop: Shop) -> None:
    wallet = await shop.wallet()
    async with shop.client(wallet) as client:
        for charge in (10, 20, 30):
            await client.post("/paid/x", json={"charge": charge})
    entries = await shop.store.journal()
    check_journal(entries)
    received = sum(
        amount for (name, _), amount in balances(entries).items() if name.startswith("receivable:")
    )
    assert received == 60
    assert sum(balances(entries).values()) == 0


@pytest.mark.parametrize("header", ["%%%", "e30=", "bm9wZQ=="])
async def test_a_malformed_payment_gets_a_problem_document(shop: Shop, header: str) -> None:
    async with shop.plain_client() as client:
        answer = await client.post("/paid/x", headers={PAYMENT_SIGNATURE: header})
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_input"
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_wallet_that_holds_another_asset_refuses(tmp_path: Path) -> None:
    from dataclasses import replace

    from headwater_payments.amount import Amount
    from headwater_wallet.errors import PolicyRefusedError
    from headwater_wallet.keys import LocalSigner
    from headwater_wallet.policy import simple_policy
    from headwater_wallet.wallet import open_wallet

    async with open_shop(tmp_path) as shop:
        other = replace(USDC, chain_id=8453)
        policy = simple_policy(Amount(10_000, other))
        signer = LocalSigner.random()
        async with (
            open_wallet(signer, policy, database=tmp_path / "o.db") as wallet,
            shop.client(wallet) as client,
        ):
            with pytest.raises(PolicyRefusedError, match="eip155:8453"):
                await client.post("/paid/x", json={})


def answering(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


@pytest.mark.parametrize("schemes", [("batch-settlement",), ("exact",)])
async def test_an_answer_given_again_keeps_the_headers_that_it_is_read_by(
    tmp_path: Path, schemes: tuple[str, ...]
) -> None:
    body = gzip.compress(b'{"ok":true}')
    kept = {
        "content-type": "application/json",
        "content-encoding": "gzip",
        "content-language": "cy",
        "etag": '"v1"',
        "cache-control": "private",
        "vary": "Accept",
        "content-location": "/paid/x/caf\xe9",
    }
    headers = [(k.title().encode(), v.encode("latin-1")) for k, v in kept.items()]
    headers += [(b"set-cookie", b"a=b"), (b"x-request-id", b"7"), (b"transfer-encoding", b"x")]
    async with open_shop(tmp_path, schemes=schemes) as shop:
        shop.app._app = answering(200, headers, body)
        wallet = await shop.wallet()
        async with shop.client(wallet) as client:
            for _ in range(2):
                answer = await client.post("/paid/x", json={}, headers={"Idempotency-Key": "k"})
                assert answer.json() == {"ok": True}
                assert kept.items() <= dict(answer.headers).items()
        assert not {"set-cookie", "x-request-id", "transfer-encoding"} & set(answer.headers)


async def test_what_is_sold_is_for_no_shared_cache_unless_the_handler_says_so(shop: Shop) -> None:
    wallet = await shop.wallet()
    async with shop.client(wallet) as client:
        for own, said in (([], "private"), ([(b"Cache-Control", b"max-age=9")], "max-age=9")):
            shop.app._app = answering(200, own, b"bought")
            assert (await client.post("/paid/x", json={})).headers["cache-control"] == said
            events = [*own, (b"content-type", b"text/event-stream")]
            shop.app._app = answering(200, events, b"data: 1\n\n")
            assert (await client.post("/paid/x", json={})).headers["cache-control"] == said
        shop.app._app = answering(404, [], b"")
        assert "cache-control" not in (await client.post("/paid/x", json={})).headers


async def test_a_stream_of_stated_length_gets_no_event_of_ours(shop: Shop) -> None:
    sent = [b"data: 1\n\n", b"data: 2\n\n"]
    head = [(b"content-type", b"text/event-stream"), (b"content-length", b"18")]

    async def stated(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": head})
        for number, event in enumerate(sent):
            await send({"type": "http.response.body", "body": event, "more_body": number == 0})

    shop.app._app = stated
    wallet = await shop.wallet()
    async with shop.client(wallet) as client:
        answer = await client.post("/paid/x", json={})
    assert answer.content == b"".join(sent)
    async with shop.plain_client() as asking:
        assert await reconcile(wallet.ledger, asking) == []
    assert (await wallet.budget()).charged == PRICE


async def test_a_body_beyond_what_the_seller_takes_costs_nothing(shop: Shop) -> None:
    wallet, body = await shop.wallet(), json.dumps({"text": "x" * 100}).encode()
    async with shop.client(wallet) as client:
        shop.app._most = len(body) - 1
        answer = await client.post("/paid/x", content=body)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        assert (await wallet.budget()).charged == 0
        shop.app._most = len(body)
        assert (await client.post("/paid/x", content=body)).status_code == 200
    assert (await wallet.budget()).charged == PRICE


async def test_a_page_of_another_origin_may_read_what_its_call_cost(shop: Shop) -> None:
    wallet = await shop.wallet()
    async with shop.client(wallet) as client:
        own = await client.post("/paid/x", json={})
        others = await client.post("/paid/x", json={}, headers={"Origin": "https://page.test"})
    exposed = "access-control-expose-headers"
    assert exposed not in own.headers
    assert others.headers[exposed] == "PAYMENT-RESPONSE, PAYMENT-RECEIPT"


async def test_a_file_is_sold_by_a_server_that_could_send_it_by_its_path(
    shop: Shop, tmp_path: Path
) -> None:
    (tmp_path / "sold.txt").write_text("bought")
    files = FileResponse(tmp_path / "sold.txt")
    wallet, seen = await shop.wallet(), list[Any]()

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        seen.append(sorted(scope["extensions"]))
        await files(scope, receive, send)

    async def able(scope: Any, receive: Any, send: Any) -> None:
        names = ("http.response.pathsend", "http.response.zerocopysend", "tls")
        await shop.app({**scope, "extensions": {name: {} for name in names}}, receive, send)

    shop.app._app = noting
    inner = httpx.ASGITransport(able)
    async with wallet.client(transport=inner, base_url="http://shop.test") as client:
        answer = await client.post("/paid/x", json={})
    assert (answer.status_code, answer.text, seen) == (200, "bought", [["tls"]])
    assert (await wallet.budget()).charged == PRICE


async def test_an_answer_whose_headers_are_too_long_is_not_kept(shop: Shop) -> None:
    """Its body without them would be read wrongly."""
    shop.app._app = answering(200, [(b"link", b"x" * MAX_KEPT_HEADERS)], b"bought")
    wallet = await shop.wallet()
    async with shop.client(wallet) as client:
        first, again = [
            await client.post("/paid/x", json={}, headers={"Idempotency-Key": "k"})
            for _ in range(2)
        ]
    assert (first.status_code, first.content, again.status_code) == (200, b"bought", 409)


@pytest.mark.parametrize("schemes", [("batch-settlement",), ("exact",)])
@pytest.mark.parametrize("status", [304, 307])
async def test_a_redirect_is_not_what_was_bought_and_costs_nothing(
    tmp_path: Path, status: int, schemes: tuple[str, ...]
) -> None:
    async with open_shop(tmp_path, schemes=schemes) as shop:
        sells = shop.app._app
        shop.app._app = answering(status, [(b"location", b"/paid/x/")], b"")
        wallet = await shop.wallet()
        async with shop.client(wallet) as client:
            answer = await client.post("/paid/x", json={})
            assert (answer.status_code, answer.headers["location"]) == (status, "/paid/x/")
            assert [p.charge for p in await shop.store.payments("released")] == [0]
            assert (await wallet.budget()).charged == 0
            assert shop.chain.paid == {}
            shop.app._app = sells
            assert (await client.post("/paid/x", json={})).status_code == 200
        assert (await wallet.budget()).charged == PRICE
        assert len(await shop.store.payments("charged")) == 1
