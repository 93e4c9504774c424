"""Our wallet pays a seller of x402 version 1; the `x402` package reads, checks and settles it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from interop.peers import PRICE, World
from x402 import x402FacilitatorSync
from x402.http.utils import decode_payment_signature_header, encode_payment_response_header
from x402.mechanisms.evm.exact.register import register_exact_evm_facilitator
from x402.mechanisms.evm.signers import FacilitatorWeb3Signer
from x402.schemas.v1 import PaymentPayloadV1, PaymentRequiredV1, PaymentRequirementsV1

from headwater_marketplace.serving import bind, serve
from headwater_payments.amount import Amount
from headwater_payments.errors import InvalidInputError
from headwater_payments.x402_v1 import MAX_BODY_BYTES, NETWORKS, read_terms_v1
from headwater_wallet.errors import PaymentRefusedError, PolicyRefusedError
from headwater_wallet.policy import simple_policy
from headwater_wallet.wallet import open_wallet
from support.shop import PAYEE, USDC

pytestmark = pytest.mark.anyio


@dataclass
class Seller:
    """What version 1's middleware did, over the package's own models and facilitator."""

    official: x402FacilitatorSync
    terms: PaymentRequirementsV1
    payments: list[PaymentPayloadV1] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/paid")
        async def paid(request: Request) -> JSONResponse:
            header = request.headers.get("x-payment")
            if header is None:
                return self.ask("X-PAYMENT header is required")
            payment: Any = decode_payment_signature_header(header)
            assert isinstance(payment, PaymentPayloadV1)
            self.payments.append(payment)
            verify, settle = self.official.verify, self.official.settle
            verdict = await anyio.to_thread.run_sync(verify, payment, self.terms)
            if not verdict.is_valid:
                return self.ask(verdict.invalid_reason or "refused")
            outcome = await anyio.to_thread.run_sync(settle, payment, self.terms)
            if not outcome.success:
                return self.ask(outcome.error_reason or "refused")
            return JSONResponse(
                {"ok": True},
                headers={"X-PAYMENT-RESPONSE": encode_payment_response_header(outcome)},
            )

        return app

    def ask(self, error: str) -> JSONResponse:
        required = PaymentRequiredV1(error=error, accepts=[self.terms])
        return JSONResponse(required.model_dump(by_alias=True, exclude_none=True), 402)


@asynccontextmanager
async def seller_on(world: World, **changed: Any) -> AsyncIterator[tuple[Seller, str]]:
    operator = await world.payer()
    signer = FacilitatorWeb3Signer(operator.secret.hex(), world.chain.url)
    official = register_exact_evm_facilitator(x402FacilitatorSync(), signer, USDC.network)
    terms: dict[str, Any] = {
        "scheme": "exact",
        "network": "base-sepolia",
        "max_amount_required": str(PRICE),
        "resource": "http://shop.test/paid",
        "description": "",
        "mime_type": "application/json",
        "pay_to": PAYEE,
        "max_timeout_seconds": 60,
        "asset": USDC.address,
        "extra": {"name": USDC.name, "version": USDC.version},
    }
    seller = Seller(official, PaymentRequirementsV1(**(terms | changed)))
    async with serve(seller.app(), bind()) as url:
        yield seller, url


async def test_it_is_paid_once_asked_and_then_at_once(world: World, tmp_path: Path) -> None:
    payer = await world.payer(10 * PRICE, approved=False)
    before = await world.token.balance(PAYEE)
    policy = simple_policy(Amount(10 * PRICE, USDC))
    async with (
        seller_on(world) as (seller, url),
        open_wallet(payer.signer, policy, database=tmp_path / "w.db") as wallet,
        wallet.client(timeout=60) as http,
    ):
        for _ in range(2):
            answer = await http.post(url + "/paid")
            assert (answer.status_code, answer.json()) == (200, {"ok": True})
        assert [payment.network for payment in seller.payments] == ["base-sepolia"] * 2
        intents = await wallet.ledger.intents()
        assert [(i.state, i.scheme, i.charge) for i in intents] == [("settled", "exact", PRICE)] * 2
        assert (await wallet.budget()).charged == 2 * PRICE
    assert await world.token.balance(PAYEE) - before == 2 * PRICE


async def test_a_refusal_is_told_and_not_paid_again(world: World, tmp_path: Path) -> None:
    payer = await world.payer(PRICE - 1, approved=False)
    policy = simple_policy(Amount(10 * PRICE, USDC))
    async with (
        seller_on(world) as (seller, url),
        open_wallet(payer.signer, policy, database=tmp_path / "w.db") as wallet,
        wallet.client(timeout=60) as http,
    ):
        with pytest.raises(PaymentRefusedError) as refused:
            await http.post(url + "/paid")
        assert "insufficient" in str(refused.value.details["reason"])
        assert len(seller.payments) == 1
        assert (await wallet.budget()).charged == 0


async def test_another_network_is_not_paid(world: World, tmp_path: Path) -> None:
    payer = await world.payer(10 * PRICE, approved=False)
    policy = simple_policy(Amount(10 * PRICE, USDC))
    for network in ("base", "solana", "made-up"):
        async with (
            seller_on(world, network=network) as (seller, url),
            open_wallet(payer.signer, policy, database=tmp_path / f"{network}.db") as wallet,
            wallet.client(timeout=60) as http,
        ):
            with pytest.raises(PolicyRefusedError):
                await http.post(url + "/paid")
            assert seller.payments == []


async def test_a_402_of_something_else_is_handed_on(world: World, tmp_path: Path) -> None:
    app = FastAPI()

    @app.post("/paid")
    async def paid() -> JSONResponse:
        return JSONResponse({"please": "pay"}, 402)

    payer = await world.payer(PRICE, approved=False)
    policy = simple_policy(Amount(PRICE, USDC))
    async with (
        serve(app, bind()) as url,
        open_wallet(payer.signer, policy, database=tmp_path / "w.db") as wallet,
        wallet.client(timeout=60) as http,
    ):
        answer = await http.post(url + "/paid")
        assert (answer.status_code, answer.json()) == (402, {"please": "pay"})
        assert await wallet.ledger.intents() == []


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", None),
        (b"[1]", None),
        (b'{"x402Version":2,"accepts":[]}', None),
        (b'{"x402Version":1,"accepts":[]}' + b" " * MAX_BODY_BYTES, None),
        (b'{"x402Version":1,"accepts":7}', None),
        (b'{"x402Version":1,"accepts":[{"scheme":"exact"}]}', "malformed"),
    ],
)
async def test_other_bodies_are_no_terms(body: bytes, what: str | None) -> None:
    if what is None:
        assert read_terms_v1(body) is None
        return
    with pytest.raises(InvalidInputError, match=what):
        read_terms_v1(body)


async def test_the_names_are_the_packages() -> None:
    from x402.mechanisms.evm.v1.constants import V1_NETWORK_CHAIN_IDS

    assert {name: V1_NETWORK_CHAIN_IDS[name] for name in NETWORKS} == NETWORKS
