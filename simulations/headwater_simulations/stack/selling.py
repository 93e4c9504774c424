"""Every sale of a step once more: HTTP requests that wallets pay for and a gateway meters."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import httpx

from headwater_payments.amount import Amount
from headwater_payments.errors import needing
from headwater_payments.pricing import TokenPrice
from headwater_simulations.economy.trace import Sale
from headwater_simulations.errors import SimulationError
from headwater_simulations.stack.drawn import MODEL, DrawnBackend, prompt_of
from headwater_simulations.stack.ground import Ground
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.wallet import Wallet, open_wallet

with needing("A replay on chain", "chain", "marketplace"):
    from headwater_marketplace.catalogue import Catalogue
    from headwater_marketplace.chain_facilitator import ChainFacilitator
    from headwater_marketplace.gateway import MeteredModel, gateway
    from headwater_marketplace.migrations import open_database
    from headwater_marketplace.seller import Offer, PaymentMiddleware, SellerStore
    from headwater_marketplace.serving import bind, serve

PATH = "/v1/chat/completions"
_AT_ONCE = 8


@dataclass(slots=True)
class Market:
    """Services that sell over loopback, and the wallets that buy.

    Attributes:
        ground: where they are paid.
        store: the services' books.
        catalogue: what is listed in the marketplace.
        funds: what each wallet was given, by account, atomic units.
    """

    ground: Ground
    store: SellerStore
    catalogue: Catalogue
    backend: DrawnBackend
    facilitator: ChainFacilitator
    directory: Path
    stack: AsyncExitStack
    funds: dict[str, int] = field(default_factory=dict)
    stalls: dict[tuple[int, int, int], str] = field(default_factory=dict)
    paying: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    async def fund(self, signer: LocalSigner, atomic: int) -> Wallet:
        """Open a wallet for an account, with money that is all its budget."""
        account = signer.address
        await self.ground.mint(account, atomic)
        self.funds[account] = atomic
        budget = Amount(atomic, self.ground.asset)
        database = self.directory / f"{account}.db"
        opened = open_wallet(
            signer, simple_policy(budget), database=database, now=self.ground.clock
        )
        wallet = await self.stack.enter_async_context(opened)
        client = wallet.client(timeout=120)
        self.paying[account] = await self.stack.enter_async_context(client)
        return wallet

    async def sell(self, sales: Iterable[Sale]) -> None:
        """Have every buyer buy what it bought, several at a time.

        Raises:
            SimulationError: a seller refused.
        """
        limiter = anyio.CapacityLimiter(_AT_ONCE)
        at = [(sale, await self.stall(sale)) for sale in sales]
        async with anyio.create_task_group() as group:
            for sale, url in at:
                group.start_soon(self._buy, sale, url, limiter)

    async def _buy(self, sale: Sale, url: str, limiter: anyio.CapacityLimiter) -> None:
        accounts = self.ground.accounts
        signer = (accounts.contributors if sale.washing else accounts.buyers)[sale.buyer]
        asked = {"model": MODEL, "messages": [{"role": "user", "content": prompt_of(sale)}]}
        async with limiter:
            answer = await self.paying[signer.address].post(url + PATH, json=asked)
        if answer.status_code != 200:
            raise SimulationError(
                f"Sale {sale.number} was refused with status {answer.status_code}.",
                sale=sale.number,
            )

    async def stall(self, sale: Sale) -> str:
        """Where a service sells at this price; it opens anew when price or vault have changed."""
        place = (sale.service, sale.vault, sale.price)
        if place not in self.stalls:
            asset = (await self.ground.vault(sale)).asset
            model = MeteredModel(self.backend, TokenPrice(0, 0, per_request=sale.price))
            offer = Offer(
                PATH,
                Amount(model.ceiling, self.ground.asset),
                asset.vault,
                asset_version=asset.version_word,
                token_price=model.price,
            )
            app = PaymentMiddleware(
                gateway(model),
                offers=[offer],
                store=self.store,
                signer=self.ground.accounts.operator,
                facilitator=self.facilitator,
                chain=self.facilitator,
                now=self.ground.clock,
            )
            self.stalls[place] = await self.stack.enter_async_context(serve(app, bind()))
        return self.stalls[place]


@asynccontextmanager
async def open_market(
    ground: Ground, drawn: Mapping[str, Sale], directory: Path
) -> AsyncIterator[Market]:
    """Open the services' books; stalls open when somebody buys there."""
    async with AsyncExitStack() as stack:
        opened = open_database(f"sqlite:///{directory / 'market.db'}")
        database = await stack.enter_async_context(opened)
        store = SellerStore(database)
        facilitator = ChainFacilitator(ground.operator, ground.deployment, ground.clock)
        backend = DrawnBackend(ground.corpus, drawn)
        yield Market(ground, store, Catalogue(database), backend, facilitator, directory, stack)
