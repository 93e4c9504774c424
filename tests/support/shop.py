"""A shop: a paid application over a fake chain, and wallets that buy from it in process."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from headwater_marketplace.seller import Offer, PaymentMiddleware, SellerStore, current_meter
from headwater_marketplace.seller.sign_ins import SignIns
from headwater_marketplace.seller.tables import SellerTable
from headwater_payments.address import Address
from headwater_payments.amount import Amount, Asset
from headwater_payments.offer_receipt import Issuer
from headwater_wallet.database import Database
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.wallet import Wallet, open_wallet
from support.fake_chain import FakeChain

USDC = Asset(84532, Address("0x036CbD53842c5426634e7929541eC2318f3dCF7e"), "USDC", 6, "USDC", "2")
PRICE = 1_000
PAYEE = Address("0x" + "33" * 20)


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Echoes JSON; `charge` sets the meter, `fail` fails, `chunks` streams events, each of which
    costs `step` more."""
    message = await receive()
    asked = json.loads(message["body"] or b"{}")
    meter = current_meter()
    if meter is not None and "charge" in asked:
        meter.set_charge(asked["charge"])
    if asked.get("crash"):
        raise ValueError("the handler broke")
    chunks = asked.get("chunks")
    kind = b"text/event-stream" if chunks else b"application/json"
    head = [(b"content-type", kind)]
    status = 503 if asked.get("fail") else 200
    await send({"type": "http.response.start", "status": status, "headers": head})
    for number in range(chunks or 0):
        if meter is not None and "step" in asked:
            meter.set_charge((number + 1) * asked["step"])
        event = f"data: {number}\n\n".encode()
        await send({"type": "http.response.body", "body": event, "more_body": True})
        if asked.get("break_after") == number:
            raise ValueError("the stream broke")
    await send({"type": "http.response.body", "body": b"" if chunks else b'{"ok":true}'})


@dataclass
class Shop:
    """One seller and the means to open wallets that know it."""

    chain: FakeChain
    store: SellerStore
    signer: LocalSigner
    app: PaymentMiddleware
    directory: Path
    stack: AsyncExitStack
    served: list[str]

    async def wallet(
        self,
        budget: int = 1_000_000,
        funds: int = 10_000_000,
        name: str = "w",
        signer: LocalSigner | None = None,
    ) -> Wallet:
        signer = signer or LocalSigner.random()
        self.chain.wallets[signer.address] = funds
        policy = simple_policy(Amount(budget, USDC))
        path = self.directory / f"{name}-{signer.address}.db"
        return await self.stack.enter_async_context(open_wallet(signer, policy, database=path))

    def speaks_for(self, origin: str, issuer: Issuer | None = None) -> None:
        """Let payers sign in at an origin, and sign offers and receipts."""
        asking = self.app._asking
        asking.sign_ins = SignIns(self.store, self.signer, origin, self.app._now)
        asking.issuer = issuer

    def client(self, wallet: Wallet, **options: Any) -> httpx.AsyncClient:
        inner = httpx.ASGITransport(self.app)  # type: ignore[arg-type]
        return wallet.client(transport=inner, base_url="http://shop.test", **options)

    def plain_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),  # type: ignore[arg-type]
            base_url="http://shop.test",
        )


ShopMaker = Callable[..., Awaitable[Shop]]


@asynccontextmanager
async def open_shop(directory: Path, **offer: Any) -> AsyncIterator[Shop]:
    async with AsyncExitStack() as stack:
        database = Database(f"sqlite:///{directory / 'shop.db'}", SellerTable.metadata)
        await stack.enter_async_context(database)
        chain, store, signer = FakeChain(), SellerStore(database), LocalSigner.random()
        served: list[str] = []

        async def counted(scope: Any, receive: Any, send: Any) -> None:
            served.append(scope["path"])
            await application(scope, receive, send)

        offers = [Offer(r"/paid/.*", Amount(PRICE, USDC), PAYEE, **offer)]
        app = PaymentMiddleware(
            counted, offers=offers, store=store, signer=signer, facilitator=chain, chain=chain
        )
        yield Shop(chain, store, signer, app, directory, stack, served)
