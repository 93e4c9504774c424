"""Two requests with one `Idempotency-Key` at once: the second leaves the first's payment alone."""

import gc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from headwater_marketplace.seller import current_meter
from headwater_payments.amount import Amount
from headwater_payments.x402 import PAYMENT_SIGNATURE
from headwater_wallet.errors import PaymentUnderWayError, PaymentUnknownError
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.wallet import Wallet, open_wallet
from support.clients import Library, Next
from support.paying import channel_terms, new_payment
from support.shop import USDC, Shop, open_shop
from support.streaming import streaming_transport

pytestmark = pytest.mark.anyio
KEY = {"Idempotency-Key": "k"}
ASKED = {"stream": True}
Twin = Callable[[Wallet, Any], Awaitable[None]]


async def states(wallet: Wallet) -> list[str]:
    return [intent.state for intent in await wallet.ledger.intents()]


def held_back(gate: anyio.Event) -> Any:
    """Twenty events of 20 units; all but the first come once the gate is open."""

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        meter = current_meter()
        assert meter is not None
        head = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        for number in range(20):
            if number == 1:
                await gate.wait()
            meter.set_charge((number + 1) * 20)
            event = b"data: %d\n\n" % number
            await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app


async def through_all_windows(shop: Shop, wallet: Wallet, twin: Twin) -> None:
    """Read a stream to its end while a twin of its request comes and goes."""
    gate, library = anyio.Event(), Library("httpx")
    shop.app._app = held_back(gate)  # type: ignore[assignment]
    async with anyio.create_task_group() as group:
        wire = streaming_transport(library.http, shop.app, group)
        async with (
            library.client(wallet, wire) as client,
            client.stream("POST", "/paid/x", json=ASKED, headers=KEY) as answer,
        ):
            await twin(wallet, wire)
            assert await states(wallet) == ["sent"]
            gate.set()
            assert (await answer.aread()).count(b"data") == 20
        group.cancel_scope.cancel()
    [intent] = await wallet.ledger.intents()
    assert (intent.state, intent.charge) == ("settled", 400)


async def test_a_twin_of_a_running_request_is_refused_and_sends_nothing(tmp_path: Path) -> None:
    async def twin(wallet: Wallet, wire: Any) -> None:
        async with Library("httpx").client(wallet, wire) as client:
            for _ in range(2):
                with pytest.raises(PaymentUnderWayError):
                    await client.post("/paid/x", json=ASKED, headers=KEY)

    async with open_shop(tmp_path, window=Amount(100, USDC)) as shop:
        await through_all_windows(shop, await shop.wallet(), twin)
    assert PaymentUnderWayError.http_status == 409


@pytest.mark.parametrize("outcome", ["conflict", "too many", "broken", "unavailable"])
async def test_a_twin_in_another_process_does_not_stop_the_stream(
    tmp_path: Path, outcome: str
) -> None:
    library, signer, path = Library("httpx"), LocalSigner.random(), tmp_path / "w.db"
    status = {"too many": 429, "unavailable": 503}

    async def twin(_wallet: Wallet, wire: Any) -> None:
        async def hook(request: Any, _following: Next) -> Any:
            paid = PAYMENT_SIGNATURE in request.headers
            if paid and outcome == "broken":
                raise library.http.ReadTimeout("lost", request=request)
            if paid and outcome in status:
                return library.text(status[outcome])
            return await wire.handle_async_request(request)

        async with (
            open_wallet(signer, simple_policy(Amount(10_000, USDC)), database=path) as other,
            library.client(other, library.wire(None, hook)) as client,
        ):
            if outcome == "broken":
                with pytest.raises(PaymentUnknownError):
                    await client.post("/paid/x", json=ASKED, headers=KEY)
            else:
                answer = await client.post("/paid/x", json=ASKED, headers=KEY)
                assert answer.status_code == status.get(outcome, 409)

    async with (
        open_shop(tmp_path, window=Amount(100, USDC)) as shop,
        open_wallet(signer, simple_policy(Amount(10_000, USDC)), database=path) as wallet,
    ):
        shop.chain.wallets[signer.address] = 10**7
        await through_all_windows(shop, wallet, twin)


async def test_a_stream_goes_on_after_another_gave_its_payment_up(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        ledger = (await shop.wallet()).ledger
        intent = await ledger.reserve(new_payment(1, 100), channel_terms())
        await ledger.mark_sent(intent.payment_id, "h")
        await ledger.mark_unknown(intent.payment_id)
        more = await ledger.extend(intent.payment_id, 200, 900, 0, lambda _h, _n: None, 1_000)
        assert more.amount == 200


async def test_a_key_can_be_used_again_once_its_request_failed(shop: Shop) -> None:
    library, wallet = Library("httpx"), await shop.wallet()
    cut = [True]

    async def hook(request: Any, following: Next) -> Any:
        answer = await following(request)
        if PAYMENT_SIGNATURE in request.headers and cut:
            cut.clear()
            raise library.http.ReadTimeout("lost", request=request)
        return answer

    async with library.client(wallet, library.wire(shop.app, hook)) as client:
        with pytest.raises(PaymentUnknownError):
            await client.post("/paid/x", json={"charge": 7}, headers=KEY)
        answer = await client.post("/paid/x", json={"charge": 7}, headers=KEY)
        assert answer.json() == {"ok": True}


async def test_a_key_can_be_used_again_once_its_request_was_dropped(shop: Shop) -> None:
    wallet = await shop.wallet()
    url, key = "http://shop.test/paid/x", {"Idempotency-Key": "d"}

    async def write_alone() -> None:
        # The writer's thread knows the jobs of its last batch until the next one comes.
        await wallet.ledger.stop("for a moment")
        await wallet.ledger.resume()

    async with shop.client(wallet) as client:
        await client.post("/paid/x")
    await write_alone()
    dropped = wallet.buyer.purchase("POST", url, key)
    await dropped.first_headers()
    again = wallet.buyer.purchase("POST", url, key)
    with pytest.raises(PaymentUnderWayError):
        await again.first_headers()
    del dropped
    await write_alone()
    gc.collect()
    assert await again.first_headers()
