"""One seller in a process of its own: the same FastAPI application behind either middleware.

    python benchmarks/seller_process.py headwater|x402 FACILITATOR CHAIN FOLDER

Prints its address once it serves, and serves until its standard input is closed.
"""

import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import httpx
from anyio.to_thread import run_sync
from fastapi import FastAPI
from x402 import x402ResourceServer
from x402.http import FacilitatorConfig, HTTPFacilitatorClient
from x402.http.middleware.fastapi import payment_middleware
from x402.mechanisms.evm.batch_settlement.server import BatchSettlementEvmScheme

from headwater_contracts.deployments import DEVELOPMENT
from headwater_contracts.reader import ChainReader
from headwater_marketplace.chain_facilitator import ChainFacilitator
from headwater_marketplace.migrations import open_database
from headwater_marketplace.remote_facilitator import RemoteFacilitator
from headwater_marketplace.seller import Offer, PaymentMiddleware, SellerStore
from headwater_marketplace.serving import bind, serve
from headwater_payments.address import parse_address
from headwater_payments.amount import Asset
from headwater_wallet.keys import LocalSigner
from headwater_wallet.transactions import TransactionSender

PAYEE = parse_address("0x" + "33" * 20)
PRICE = 1_000
NETWORK = f"eip155:{DEVELOPMENT.chain_id}"


def application() -> FastAPI:
    """What is sold: a JSON answer; `/free` gives the same for nothing."""
    app = FastAPI()

    @app.post("/paid")
    @app.post("/free")
    async def answer() -> dict[str, bool]:
        return {"ok": True}

    return app


def sold_by_x402(facilitator: str) -> FastAPI:
    """The application behind the official middleware, which keeps its channels in memory."""
    server = x402ResourceServer(HTTPFacilitatorClient(FacilitatorConfig(facilitator)))
    server.register(NETWORK, BatchSettlementEvmScheme(PAYEE))
    terms = {"scheme": "batch-settlement", "network": NETWORK, "payTo": PAYEE, "price": "$0.001"}
    app = application()
    app.middleware("http")(payment_middleware({"POST /paid": {"accepts": terms}}, server))
    return app


async def sold_by_headwater(
    stack: AsyncExitStack, facilitator: str, chain: str, folder: Path
) -> PaymentMiddleware:
    """The application behind our middleware, with its books in SQLite, every commit synced."""
    reader = await stack.enter_async_context(ChainReader.connect(chain, DEVELOPMENT.chain_id))
    database = await stack.enter_async_context(open_database(f"sqlite:///{folder / 'seller.db'}"))
    http = await stack.enter_async_context(httpx.AsyncClient(timeout=60))
    signer = LocalSigner.random()
    channels = ChainFacilitator(TransactionSender(reader, signer), DEVELOPMENT, lambda: 0)
    asset = Asset(DEVELOPMENT.chain_id, DEVELOPMENT.settlement_token, "USDC", 6, "USDC", "2")
    return PaymentMiddleware(
        application(),
        offers=[Offer("/paid", asset.amount("0.001"), PAYEE)],
        store=SellerStore(database),
        signer=signer,
        facilitator=RemoteFacilitator(facilitator, http),
        chain=channels,
    )


async def main(side: str, facilitator: str, chain: str, folder: Path) -> None:
    """Serve one side until standard input ends."""
    async with AsyncExitStack() as stack:
        app: Any = (
            sold_by_x402(facilitator)
            if side == "x402"
            else await sold_by_headwater(stack, facilitator, chain, folder)
        )
        print(await stack.enter_async_context(serve(app, bind())), flush=True)
        await run_sync(sys.stdin.read, abandon_on_cancel=True)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))
