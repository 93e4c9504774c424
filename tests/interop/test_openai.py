"""The OpenAI library over our transports: its own retries never pay twice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from headwater_marketplace.gateway import MeteredModel, gateway
from headwater_marketplace.seller import Offer, PaymentMiddleware, SellerStore
from headwater_models.echo import EchoBackend
from headwater_payments.amount import Amount
from headwater_payments.pricing import TokenPrice
from headwater_payments.x402 import PAYMENT_SIGNATURE
from headwater_wallet.database import Database
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.transport_httpx2 import PayingTransport
from headwater_wallet.wallet import Wallet, open_wallet
from support.fake_chain import FakeChain
from support.shop import PAYEE, USDC

pytestmark = pytest.mark.anyio
MODEL = MeteredModel(EchoBackend(), TokenPrice(2_000, 8_000, 5), 60, 40)
QUESTION: Any = [{"role": "user", "content": "Which river is the longest?"}]


@dataclass
class Desk:
    """A model for sale, and OpenAI's client whose answers are lost as `losing` says."""

    store: SellerStore
    wallet: Wallet
    client: openai.AsyncOpenAI
    losing: list[Any] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)

    async def charged(self) -> int:
        return sum(payment.charge for payment in await self.store.payments("charged"))


@asynccontextmanager
async def open_desk(directory: Path, retries: int = 2) -> AsyncIterator[Desk]:
    chain, signer, payer = FakeChain(), LocalSigner.random(), LocalSigner.random()
    chain.wallets[payer.address] = 10**7
    async with Database(f"sqlite:///{directory / 's.db'}", SellerStore.metadata) as database:
        app: Any = PaymentMiddleware(
            gateway(MODEL),
            offers=[Offer("/v1/chat/completions", Amount(MODEL.ceiling, USDC), PAYEE)],
            store=SellerStore(database),
            signer=signer,
            facilitator=chain,
            chain=chain,
        )
        inner = httpx2.ASGITransport(app)

        class Losing(httpx2.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
                answer = await inner.handle_async_request(request)
                if PAYMENT_SIGNATURE in request.headers:
                    desk.headers.append(request.headers[PAYMENT_SIGNATURE])
                    if desk.losing:
                        await answer.aread()
                        lost = desk.losing.pop(0)
                        if isinstance(lost, int):
                            return httpx2.Response(lost)
                        raise lost("lost", request=request)
                return answer

        policy = simple_policy(Amount(1_000_000, USDC))
        async with open_wallet(payer, policy, database=directory / "w.db") as wallet:
            http = httpx2.AsyncClient(transport=PayingTransport(wallet.buyer, Losing()))
            async with openai.AsyncOpenAI(
                base_url="http://model.test/v1",
                api_key="none",
                http_client=http,
                max_retries=retries,
            ) as client:
                desk = Desk(SellerStore(database), wallet, client)
                yield desk


async def ask(desk: Desk) -> str:
    answer = await desk.client.chat.completions.create(
        model="echo", messages=QUESTION, max_tokens=20
    )
    return answer.choices[0].message.content or ""


@pytest.mark.parametrize("lost", [503, 500, httpx2.ReadError])
async def test_the_librarys_own_retry_is_the_same_payment(tmp_path: Path, lost: Any) -> None:
    async with open_desk(tmp_path) as desk:
        assert await ask(desk)
        before = await desk.charged()
        # A connection that breaks is tried again by the transport itself, an error by the library.
        desk.losing += [lost, lost] if isinstance(lost, int) else [lost]
        assert await ask(desk)
        assert len(set(desk.headers[1:])) == 1, "one signature, sent again"
        assert len(await desk.store.payments("charged")) == 2
        assert (await desk.wallet.budget()).charged == await desk.charged() == 2 * before
        assert [i.state for i in await desk.wallet.ledger.intents()] == ["settled"] * 2


async def test_the_same_question_asked_again_is_another_payment(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        desk.losing.append(503)
        for _ in range(3):
            assert await ask(desk)
        assert len(await desk.store.payments("charged")) == 3
        assert await desk.wallet.reconcile() == []
        assert (await desk.wallet.budget()).charged == await desk.charged()


async def test_a_call_that_was_given_up_is_reconciled_and_not_paid_by_the_next(
    tmp_path: Path,
) -> None:
    async with open_desk(tmp_path, retries=0) as desk:
        desk.losing.append(503)
        with pytest.raises(openai.InternalServerError):
            await ask(desk)
        assert await ask(desk)
        assert len(await desk.store.payments("charged")) == 2
        states = sorted(i.state for i in await desk.wallet.ledger.intents())
        assert states == ["settled", "unknown"]
