"""Clients, servers and facilitators, ours and the `x402` package's, in every combination.

A server sells one route for each way of paying. Facilitators and servers run beside each other on
one chain; the package's server asks its facilitator with blocking calls when it starts, so
facilitators have an event loop of their own.
"""

import json
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio.to_thread
import httpx
from anyio.from_thread import start_blocking_portal
from eth_account import Account
from fastapi import FastAPI, Request, Response
from x402 import x402Client, x402FacilitatorSync, x402ResourceServer
from x402.http import FacilitatorConfig, HTTPFacilitatorClient
from x402.http.clients.httpx import x402HttpxClient
from x402.http.middleware.fastapi import payment_middleware, set_settlement_overrides
from x402.mechanisms.evm.batch_settlement.authorizer_signer import LocalAuthorizerSigner
from x402.mechanisms.evm.batch_settlement.client import BatchSettlementEvmScheme as ClientBatch
from x402.mechanisms.evm.batch_settlement.facilitator import BatchSettlementEvmFacilitator
from x402.mechanisms.evm.batch_settlement.server import BatchSettlementEvmScheme as ServerBatch
from x402.mechanisms.evm.exact import ExactEvmServerScheme
from x402.mechanisms.evm.exact.register import (
    register_exact_evm_client,
    register_exact_evm_facilitator,
)
from x402.mechanisms.evm.signers import (
    EthAccountSigner,
    EthAccountSignerWithRPC,
    FacilitatorWeb3Signer,
)
from x402.mechanisms.evm.upto import (
    UptoEvmClientScheme,
    UptoEvmFacilitatorScheme,
    UptoEvmServerScheme,
)
from x402.schemas import PaymentPayload as OfficialPayload
from x402.schemas import PaymentRequirements as OfficialRequirements

from headwater_contracts.chains.anvil import AnvilChain
from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.chains.local import LocalChain
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.deployments import DEVELOPMENT, deploy_development_contracts
from headwater_contracts.reader import ChainReader
from headwater_marketplace.chain_facilitator import ChainFacilitator
from headwater_marketplace.facilitator_api import facilitator_api
from headwater_marketplace.remote_facilitator import RemoteFacilitator
from headwater_marketplace.seller import Offer, PaymentMiddleware, SellerStore
from headwater_marketplace.seller.tables import SellerTable
from headwater_marketplace.serving import bind, serve
from headwater_payments.address import Address
from headwater_payments.amount import Amount
from headwater_payments.permit2 import PERMIT2
from headwater_payments.x402 import SettlementResponse
from headwater_wallet.database import Database
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.transactions import TransactionSender
from headwater_wallet.wallet import open_wallet
from support.shop import PAYEE, USDC, application

NETWORK = USDC.network
PRICE = 1_000
WAYS: Mapping[str, tuple[str, str]] = {
    "exact": ("exact", "eip3009"),
    "exact-permit2": ("exact", "permit2"),
    "upto": ("upto", "permit2"),
    "batch": ("batch-settlement", "eip3009"),
    "batch-permit2": ("batch-settlement", "permit2"),
}
"""Route → scheme and method of transfer."""
PEERS = ("ours", "official")


@dataclass(frozen=True)
class Payer:
    """One account, as our wallet and as the package's client hold it."""

    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    @property
    def signer(self) -> LocalSigner:
        return LocalSigner(self.secret)

    @property
    def address(self) -> Address:
        return self.signer.address


@dataclass
class World:
    """Everybody, by name: `ours` and `official`."""

    chain: DevelopmentChain
    token: SettlementTokenClient
    seller: LocalSigner
    facilitators: dict[str, str]
    shops: dict[tuple[str, str], str] = field(default_factory=dict)
    stores: dict[str, SellerStore] = field(default_factory=dict)
    schemes: dict[str, ServerBatch] = field(default_factory=dict)

    async def payer(self, funds: int = 1_000 * PRICE, *, approved: bool = True) -> Payer:
        payer = Payer()
        await self.chain.send(self.token.mint(payer.address, funds))
        if approved:
            await self.chain.fund(payer.address, 10**18)
            sender = TransactionSender(self.chain.reader, payer.signer)
            await sender.send(self.token.approve(PERMIT2, 2**256 - 1))
        return payer

    @asynccontextmanager
    async def client(self, peer: str, payer: Payer) -> AsyncIterator[httpx.AsyncClient]:
        """A client that pays with a payer's money."""
        if peer == "ours":
            policy = simple_policy(Amount(1_000 * PRICE, USDC))
            with tempfile.TemporaryDirectory() as folder:
                database = Path(folder) / "wallet.db"
                async with (
                    open_wallet(payer.signer, policy, database=database, lanes=1) as wallet,
                    wallet.client(timeout=60) as http,
                ):
                    yield http
            return
        async with x402HttpxClient(official_client(payer, self.chain.url), timeout=60) as http:
            yield http


def official_client(payer: Payer, chain_url: str) -> x402Client:
    """The package's client with every scheme registered."""
    account = Account.from_key(payer.secret)
    client = register_exact_evm_client(x402Client(), EthAccountSigner(account), NETWORK)
    client.register(NETWORK, UptoEvmClientScheme(EthAccountSigner(account)))
    client.register(NETWORK, ClientBatch(EthAccountSignerWithRPC(account, chain_url)))
    return client


def settlement_of(answer: httpx.Response) -> SettlementResponse:
    return SettlementResponse.from_header(answer.headers["payment-response"])


@asynccontextmanager
async def open_world(
    start: Callable[[], Any] = LocalChain.start, pairs: tuple[tuple[str, str], ...] | None = None
) -> AsyncIterator[World]:
    """Start a chain, both facilitators, and servers: all of them, or those of `pairs`."""
    async with AsyncExitStack() as stack:
        chain: LocalChain | AnvilChain = await stack.enter_async_context(await start())
        deployment = await deploy_development_contracts(chain)
        keys = {peer: Payer() for peer in (*PEERS, "seller")}
        for key in keys.values():
            await chain.fund(key.address, 10**20)
        portal = stack.enter_context(start_blocking_portal())
        urls = {
            peer: stack.enter_context(
                portal.wrap_async_context_manager(opened(chain.url, keys[peer]))
            )
            for peer, opened in (("ours", _our_facilitator), ("official", _official_facilitator))
        }
        world = World(
            chain,
            SettlementTokenClient(chain.reader, deployment.settlement_token),
            keys["seller"].signer,
            urls,
        )
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=60))
        every = tuple((server, facilitator) for server in PEERS for facilitator in PEERS)
        for server, facilitator in pairs or every:
            if server == "ours":
                app = await stack.enter_async_context(_our_app(world, facilitator, http))
            else:
                app = _official_app(world, facilitator)
            url = await stack.enter_async_context(serve(app, bind()))
            world.shops[server, facilitator] = url
        yield world


@asynccontextmanager
async def _our_facilitator(chain_url: str, key: Payer) -> AsyncIterator[str]:
    async with ChainReader.connect(chain_url, DEVELOPMENT.chain_id) as reader:
        sender = TransactionSender(reader, key.signer)
        ours = ChainFacilitator(
            sender, DEVELOPMENT, lambda: int(time.time()), authorizer=key.signer
        )
        async with serve(facilitator_api(ours), bind()) as url:
            yield url


@asynccontextmanager
async def _official_facilitator(chain_url: str, key: Payer) -> AsyncIterator[str]:
    signer = FacilitatorWeb3Signer(key.secret.hex(), chain_url)
    official = x402FacilitatorSync()
    register_exact_evm_facilitator(official, signer, NETWORK)
    authorizer = LocalAuthorizerSigner(Account.from_key(key.secret))
    official.register([NETWORK], BatchSettlementEvmFacilitator(signer, authorizer))
    official.register([NETWORK], UptoEvmFacilitatorScheme(signer))
    app = FastAPI()

    async def asked(request: Request) -> tuple[OfficialPayload, OfficialRequirements]:
        body = await request.json()
        return (
            OfficialPayload.model_validate(body["paymentPayload"]),
            OfficialRequirements.model_validate(body["paymentRequirements"]),
        )

    @app.post("/verify")
    async def verify(request: Request) -> dict[str, Any]:
        verdict = await anyio.to_thread.run_sync(official.verify, *await asked(request))
        return verdict.model_dump(by_alias=True, exclude_none=True)

    @app.post("/settle")
    async def settle(request: Request) -> dict[str, Any]:
        outcome = await anyio.to_thread.run_sync(official.settle, *await asked(request))
        return outcome.model_dump(by_alias=True, exclude_none=True)

    @app.get("/supported")
    async def supported() -> dict[str, Any]:
        return official.get_supported().model_dump(by_alias=True, exclude_none=True)

    async with serve(app, bind()) as url:
        yield url


@asynccontextmanager
async def _our_app(world: World, facilitator: str, http: httpx.AsyncClient) -> AsyncIterator[Any]:
    offers = [
        Offer(f"/{route}", Amount(PRICE, USDC), PAYEE, schemes=(scheme,), transfer_method=method)
        for route, (scheme, method) in WAYS.items()
    ]
    with tempfile.TemporaryDirectory() as folder:
        async with Database(f"sqlite:///{folder}/shop.db", SellerTable.metadata) as database:
            store = world.stores[facilitator] = SellerStore(database)
            sender = TransactionSender(world.chain.reader, world.seller)
            yield PaymentMiddleware(
                application,  # type: ignore[arg-type]
                offers=offers,
                store=store,
                signer=world.seller,
                facilitator=RemoteFacilitator(world.facilitators[facilitator], http),
                chain=ChainFacilitator(sender, DEVELOPMENT, lambda: int(time.time())),
            )


def _official_app(world: World, facilitator: str) -> FastAPI:
    server = x402ResourceServer(
        HTTPFacilitatorClient(FacilitatorConfig(world.facilitators[facilitator]))
    )
    batch = world.schemes[facilitator] = ServerBatch(PAYEE)
    for scheme in (batch, ExactEvmServerScheme(), UptoEvmServerScheme()):
        server.register(NETWORK, scheme)
    app = FastAPI()
    routes = {}
    for route, (scheme_name, method) in WAYS.items():
        extra = {"name": USDC.name, "version": USDC.version}
        if method == "permit2":
            extra["assetTransferMethod"] = method
        price = {"amount": str(PRICE), "asset": USDC.address, "extra": extra}
        terms = {"scheme": scheme_name, "network": NETWORK, "payTo": PAYEE, "price": price}
        routes[f"POST /{route}"] = {"accepts": terms}

    @app.post("/{route}")
    async def paid(route: str, request: Request, response: Response) -> dict[str, bool]:
        asked = json.loads(await request.body() or b"{}")
        if "charge" in asked and WAYS[route][0] != "exact":
            set_settlement_overrides(response, {"amount": str(asked["charge"])})
        return {"ok": True}

    app.middleware("http")(payment_middleware(routes, server))
    return app
