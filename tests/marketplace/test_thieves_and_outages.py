"""What thieves, liars and outages try: nobody pays twice, nobody is served for nothing."""

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from headwater_contracts.clients.batch_settlement import BatchSettlementClient
from headwater_marketplace.seller import Offer
from headwater_marketplace.settlement import SettlementWorker
from headwater_payments.amount import Amount
from headwater_payments.batch_payload import (
    BatchPayload,
    Deposit,
    SignedVoucher,
    deposit_to_sign,
    token_domain,
)
from headwater_payments.channels import channel_id, voucher_to_sign
from headwater_payments.structs import ChannelConfig
from headwater_payments.x402 import (
    PAYMENT_REQUIRED,
    PAYMENT_SIGNATURE,
    PaymentPayload,
    PaymentRequired,
    PaymentRequirements,
    SettlementResponse,
)
from headwater_wallet.errors import PaymentRefusedError, PaymentUnknownError
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.reconcile import reconcile
from headwater_wallet.transactions import TransactionSender
from headwater_wallet.wallet import open_wallet
from support.chain_shop import open_chain_shop
from support.shop import PAYEE, PRICE, USDC, Shop, open_shop

pytestmark = pytest.mark.anyio


class Spy(httpx.ASGITransport):
    """Passes requests on and keeps the payments that go by."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop.app)  # type: ignore[arg-type]
        self.seen: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if PAYMENT_SIGNATURE in request.headers:
            self.seen.append(request.headers[PAYMENT_SIGNATURE])
        return await super().handle_async_request(request)


async def test_a_payer_that_withdrew_does_not_hold_up_the_others(tmp_path: Path) -> None:
    async with open_chain_shop(tmp_path) as shop:
        signers = [LocalSigner.random() for _ in range(3)]
        for number, signer in enumerate(signers):
            await shop.fund(signer.address, 20 * PRICE)
            await shop.chain.fund(signer.address, 10**18)
            policy = simple_policy(Amount(10 * PRICE, USDC))
            path = tmp_path / f"{number}.db"
            async with (
                open_wallet(signer, policy, database=path) as wallet,
                wallet.client(timeout=60) as http,
            ):
                await http.post(shop.url + "/paid/x", json={"charge": 500})
        runaway = next(
            r for r in await shop.store.channels() if r.config.payer == signers[1].address
        )
        contract = BatchSettlementClient(shop.chain.reader, shop.deployment.batch_settlement)
        sender = TransactionSender(shop.chain.reader, signers[1])
        await sender.send(contract.initiate_withdraw(runaway.config, runaway.state.balance))
        await shop.chain.advance_time(runaway.config.withdraw_delay + 1)
        await sender.send(contract.finalize_withdraw(runaway.config))

        claimed = await SettlementWorker(shop.store, shop.sender, shop.deployment).claim_all()
        assert claimed is not None
        assert claimed.by_receiver == {PAYEE: 1_000}
        assert claimed.uncollectable == {runaway.identifier: 500}
        assert await shop.token.balance(PAYEE) == 1_000


async def test_a_voucher_stripped_of_its_mark_is_not_a_new_one(shop: Shop) -> None:
    wallet, spy = await shop.wallet(), Spy(shop)
    async with wallet.client(transport=spy, base_url="http://shop.test") as client:
        assert (await client.post("/paid/x", json={"fail": True})).status_code == 503
    stolen = PaymentPayload.from_header(spy.seen[-1])
    for extensions in (None, {}, {"concurrent-vouchers": {"info": {}}}):
        header = stolen.model_copy(update={"extensions": extensions}).to_header()
        async with shop.plain_client() as thief:
            answer = await thief.post("/paid/x", json={}, headers={PAYMENT_SIGNATURE: header})
        assert answer.status_code == 402
    assert len(shop.served) == 1


async def test_a_stream_at_a_fixed_price_is_paid_by_who_leaves_before_its_end(shop: Shop) -> None:
    async def leave(message: Any) -> None:
        if message["type"] == "http.response.body":
            raise OSError("the client is gone")

    wallet = await shop.wallet()
    async with shop.client(wallet) as client:
        await client.post("/paid/x", json={"charge": 0})
        purchase = wallet.buyer.purchase("POST", "http://shop.test/paid/x", {})
        extra = await purchase.first_headers()
    body = b'{"chunks": 3}'
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/paid/x",
        "headers": [(k.lower().encode(), v.encode()) for k, v in extra.items()],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    with pytest.raises(OSError, match="gone"):
        await shop.app(scope, receive, leave)
    payment = await shop.store.payment(purchase.payment_id)
    assert payment is not None
    assert (payment.state, payment.charge) == ("charged", PRICE)


@pytest.mark.parametrize("path", ["/paid/x%0Ay", "/paid/%0D%0A", "/paid/x%E2%80%A8y"])
async def test_a_line_end_in_a_path_opens_no_back_door(shop: Shop, path: str) -> None:
    async with shop.plain_client() as client:
        assert (await client.post(path, json={})).status_code == 402
    assert shop.served == []


async def test_a_paid_path_is_not_to_be_had_by_a_socket(shop: Shop) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    await shop.app({"type": "websocket", "path": "/paid/x", "headers": []}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]
    assert shop.served == []


async def test_a_head_request_to_what_is_sold_by_get_is_asked_to_pay(tmp_path: Path) -> None:
    async with open_shop(tmp_path, method="GET") as shop, shop.plain_client() as client:
        assert (await client.head("/paid/x")).status_code == 402
    assert shop.served == []


async def test_no_second_transfer_is_signed_for_a_request_that_was_refused(
    tmp_path: Path,
) -> None:
    async with open_shop(tmp_path, schemes=("exact",)) as shop:
        wallet = await shop.wallet()
        signed: list[str] = []

        class Liar(Spy):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                answer = await super().handle_async_request(request)
                signed[:] = self.seen
                if PAYMENT_SIGNATURE not in request.headers:
                    return answer
                terms = PaymentRequirements.from_json(
                    PaymentPayload.from_header(self.seen[-1]).accepted.to_json()
                )
                body = PaymentRequired(error="voucher_replayed", accepts=[terms])
                return httpx.Response(402, headers={PAYMENT_REQUIRED: body.to_header()})

        headers = {"Idempotency-Key": "order-9"}
        async with wallet.client(transport=Liar(shop), base_url="http://shop.test") as client:
            for _ in range(3):
                with pytest.raises(PaymentRefusedError):
                    await client.post("/paid/x", json={}, headers=headers)
        assert len(set(signed)) == 1
        assert (await wallet.budget()).used == PRICE


async def test_a_transfer_that_is_not_confirmed_in_time_is_never_made_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_shop(tmp_path, schemes=("exact",)) as shop:
        wallet = await shop.wallet()
        settle = shop.chain.settle

        async def slow(payload: PaymentPayload, terms: PaymentRequirements) -> SettlementResponse:
            if not shop.chain.paid:
                await settle(payload, terms)
            return SettlementResponse(
                success=False,
                error_reason="settlement_pending",
                transaction="0x01",
                network=terms.network,
            )

        monkeypatch.setattr(shop.chain, "settle", slow)
        headers = {"Idempotency-Key": "order-7"}
        async with shop.client(wallet) as client:
            answer = await client.post("/paid/x", json={}, headers=headers)
            assert answer.status_code == 503
            assert answer.json()["details"]["reason"] == "settlement_pending"
            again = await client.post("/paid/x", json={}, headers=headers)
            assert again.status_code == 409
        [intent] = await wallet.ledger.intents()
        assert intent.state == "unknown"
        assert (await wallet.budget()).used == PRICE
        assert shop.chain.paid == {PAYEE: PRICE}
        assert len(shop.served) == 1


@pytest.mark.parametrize(("deposit", "voucher"), [(1, PRICE), (PRICE - 1, PRICE), (PRICE, 1)])
async def test_deposits_that_cannot_pay_for_the_request_cost_the_seller_no_gas(
    shop: Shop, deposit: int, voucher: int
) -> None:
    signer = LocalSigner.random()
    shop.chain.wallets[signer.address] = 10 * PRICE
    terms = Offer(r"/paid/.*", Amount(PRICE, USDC), PAYEE).requirements(shop.signer.address)[0]
    config = ChannelConfig(
        signer.address, signer.address, PAYEE, shop.signer.address, USDC.address, 900, b"\x07" * 32
    )
    identifier = channel_id(config, USDC.chain_id)
    domain = token_domain(terms.extra, USDC.address, USDC.chain_id)
    until = int(time.time()) + 60
    authorization = deposit_to_sign(
        config, identifier, domain, amount=deposit, valid_after=0, valid_before=until, salt=1
    )
    signed = SignedVoucher(
        identifier, voucher, signer.sign_now(voucher_to_sign(identifier, voucher, USDC.chain_id))
    )
    payload = BatchPayload(
        config, signed, Deposit(deposit, 0, until, 1, signer.sign_now(authorization))
    )
    header = PaymentPayload(accepted=terms, payload=payload.to_json()).to_header()
    async with shop.plain_client() as client:
        answer = await client.post("/paid/x", json={}, headers={PAYMENT_SIGNATURE: header})
    assert answer.status_code == 402
    assert shop.chain.deposits == 0


async def test_two_wallets_may_use_the_same_key(shop: Shop) -> None:
    first, second = await shop.wallet(name="a"), await shop.wallet(name="b")
    ids = []
    for wallet in (first, second):
        async with shop.client(wallet) as client:
            headers = {"Idempotency-Key": "order-1"}
            answer = await client.post("/paid/x", json={"charge": 10}, headers=headers)
            assert answer.json() == {"ok": True}
        ids.append((await wallet.ledger.intents())[0].payment_id)
    assert len(set(ids)) == 2
    assert len(shop.served) == 2


async def test_a_lying_seller_does_not_stop_the_reconciliation_of_others(shop: Shop) -> None:
    wallet = await shop.wallet()

    class Lossy(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await super().handle_async_request(request)
            if PAYMENT_SIGNATURE in request.headers:
                raise httpx.ReadTimeout("lost")
            return answer

    async with wallet.client(
        transport=Lossy(shop.app),  # type: ignore[arg-type]
        base_url="http://shop.test",
    ) as client:
        for charge in (5, 6):
            with pytest.raises(PaymentUnknownError):
                await client.post("/paid/x", json={"charge": charge})
    lied_about = (await wallet.ledger.intents("unknown"))[0].payment_id

    def answer(request: httpx.Request) -> httpx.Response:
        if lied_about in str(request.url):
            lie = {"state": "charged", "chargedAmount": "1", "receipt": {"a": 1}}
            return httpx.Response(200, json=lie)
        return httpx.Response(200, json={"state": "charged", "chargedAmount": "6"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as asking:
        left = await reconcile(wallet.ledger, asking)
    assert [intent.payment_id for intent in left] == [lied_about]
    assert (await wallet.budget()).charged == 6
