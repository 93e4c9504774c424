"""The marketplace and its two sellers, served over loopback: the model and the briefing desk."""

import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from headwater.demo.datanet import LICENCE, MODEL
from headwater.demo.lineage import Lineage
from headwater.demo.network import Network
from headwater.demo.parties import Parties
from headwater.demo.twin import RememberingBackend
from headwater_agents.briefing import Briefing, BriefingDesk, BriefingRequest
from headwater_agents.buyer import Buyer
from headwater_agents.selling import Service, service_app
from headwater_marketplace.api import marketplace_api
from headwater_marketplace.catalogue import Catalogue
from headwater_marketplace.chain_facilitator import ChainFacilitator
from headwater_marketplace.client import MarketplaceClient
from headwater_marketplace.gateway import MeteredModel, gateway
from headwater_marketplace.listings import Listing, TokenPrices
from headwater_marketplace.migrations import open_database
from headwater_marketplace.seller import (
    Offer,
    PaymentMiddleware,
    SellerStore,
    current_meter,
)
from headwater_marketplace.seller.middleware import App, Receive, Scope, Send
from headwater_marketplace.serving import bind, serve, url_of
from headwater_models.backend import InferenceBackend
from headwater_models.chat import ChatRequest
from headwater_payments.amount import Amount
from headwater_payments.pricing import TokenPrice
from headwater_wallet.policy import simple_policy
from headwater_wallet.transactions import TransactionSender
from headwater_wallet.wallet import Wallet, open_wallet

PRICE = TokenPrice(per_thousand_input=2_000, per_thousand_output=8_000)
BRIEFING_PRICE = 6_000
CHAT_PATH = "/v1/chat/completions"
QUERY = "python standard library documentation"


@dataclass(slots=True)
class InFlight:
    """Counts the paid requests that one payer has under way at one seller, which is one channel."""

    most: int = 0
    now: Counter[str] = field(default_factory=Counter)

    def counting(self, app: App) -> App:
        """The application, counted; goes inside the payment middleware."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            meter = current_meter()
            if meter is None:
                return await app(scope, receive, send)
            self.now[meter.payer] += 1
            self.most = max(self.most, self.now[meter.payer])
            try:
                await app(scope, receive, send)
            finally:
                self.now[meter.payer] -= 1

        return counted


@dataclass(frozen=True, slots=True)
class Market:
    """A running marketplace.

    `operator` is the platform's account: it submits deposits and authorizes claims and receipts.
    `asked` holds the request behind each of the model's answers, by its evidence's commitment.
    """

    url: str
    model_url: str
    briefing_url: str
    store: SellerStore
    operator: TransactionSender
    facilitator: ChainFacilitator
    briefing_wallet: Wallet
    model: MeteredModel
    in_flight: InFlight
    asked: dict[str, ChatRequest]


@asynccontextmanager
async def open_wallet_of(
    role: str, network: Network, parties: Parties, directory: Path, budget: int
) -> AsyncIterator[Wallet]:
    """An agent's wallet under its own budget, in atomic units."""
    policy = simple_policy(Amount(budget, network.asset))
    path = directory / f"{role.replace(' ', '-')}.db"
    async with open_wallet(parties.by_role[role], policy, database=path, budget=role) as wallet:
        yield wallet


@asynccontextmanager
async def open_market(
    network: Network,
    parties: Parties,
    lineage: Lineage,
    backend: InferenceBackend,
    directory: Path,
) -> AsyncIterator[Market]:
    """Serve catalogue, model and briefing desk; list both, signed by their providers."""
    async with AsyncExitStack() as stack:
        operator = network.sender(parties, "platform")
        facilitator = ChainFacilitator(operator, network.deployment, lambda: int(time.time()))
        database = await stack.enter_async_context(
            open_database(f"sqlite:///{directory / 'market.db'}")
        )
        store, catalogue = SellerStore(database), Catalogue(database)
        market_url = await stack.enter_async_context(serve(marketplace_api(catalogue), bind()))
        remembering = RememberingBackend(backend)
        model = MeteredModel(remembering, PRICE, max_input_tokens=600, max_output_tokens=192)

        def sold(app: App, offer: Offer) -> PaymentMiddleware:
            return PaymentMiddleware(
                app,
                offers=[offer],
                store=store,
                signer=parties.by_role["platform"],
                facilitator=facilitator,
                chain=facilitator,
            )

        model_offer = Offer(
            CHAT_PATH,
            Amount(model.ceiling, network.asset),
            lineage.model.vault,
            description="Answers about Python's standard library, quoting its documentation.",
            asset_version=lineage.model.version_word,
            token_price=model.price,
        )
        in_flight = InFlight()
        model_app = sold(in_flight.counting(gateway(model)), model_offer)
        model_url = await stack.enter_async_context(serve(model_app, bind()))
        wallet = await stack.enter_async_context(
            open_wallet_of("briefing agent", network, parties, directory, 1_000_000)
        )
        paying = await stack.enter_async_context(wallet.client(timeout=60))
        looking = await stack.enter_async_context(httpx.AsyncClient(timeout=60))
        client = MarketplaceClient(market_url, looking)
        desk = BriefingDesk(Buyer(paying, client), QUERY)
        service = desk.service(Amount(BRIEFING_PRICE, network.asset), lineage.briefing.vault)
        listener = bind()
        briefing_url = url_of(listener) + service.path
        briefing_app = sold(service_app([service]), service.offer)
        await stack.enter_async_context(serve(briefing_app, listener))
        market = Market(
            market_url,
            model_url,
            briefing_url,
            store,
            operator,
            facilitator,
            wallet,
            model,
            in_flight,
            remembering.asked,
        )
        await _register(market, client, network, parties, lineage, service)
        yield market


async def _register(
    market: Market,
    client: MarketplaceClient,
    network: Network,
    parties: Parties,
    lineage: Lineage,
    service: Service[BriefingRequest, Briefing],
) -> None:
    model = Listing(
        id=MODEL,
        name=MODEL,
        kind="model",
        description="Answers about the Python standard library, quoting its documentation.",
        base_url=f"{market.model_url}/v1",
        pay_to=lineage.model.vault,
        provider=parties.address("provider"),
        price=TokenPrices(
            per_thousand_input=PRICE.per_thousand_input,
            per_thousand_output=PRICE.per_thousand_output,
            ceiling=market.model.ceiling,
        ),
        asset_version=lineage.model.version_id,
        network=network.asset.network,
        asset=network.asset.address,
        licence=LICENCE,
    )
    briefing = Listing(
        id="python-briefing",
        name="briefing",
        kind="service",
        description="Briefs on a topic of the Python standard library documentation: several "
        "answers, merged, with their sources.",
        base_url=market.briefing_url,
        pay_to=lineage.briefing.vault,
        provider=parties.address("briefing agent"),
        price=TokenPrices(per_request=BRIEFING_PRICE, ceiling=BRIEFING_PRICE),
        asset_version=lineage.briefing.version_id,
        input_schema=service.input_schema,
        output_schema=service.output_schema,
        network=network.asset.network,
        asset=network.asset.address,
        licence=LICENCE,
    )
    await client.register(model, parties.by_role["provider"])
    await client.register(briefing, parties.by_role["briefing agent"])
