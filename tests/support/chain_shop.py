"""A paid endpoint on a real local chain over real HTTP, for tests that need all of it."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.deployments import Deployment, deploy_development_contracts
from headwater_marketplace.chain_facilitator import ChainFacilitator
from headwater_marketplace.seller import Offer, PaymentMiddleware, SellerStore
from headwater_marketplace.seller.tables import SellerTable
from headwater_marketplace.serving import bind, serve
from headwater_payments.address import Address
from headwater_payments.amount import Amount
from headwater_wallet.database import Database
from headwater_wallet.keys import LocalSigner
from headwater_wallet.transactions import TransactionSender
from headwater_wallet.wallet import Wallet
from support.chains import CHAIN, start_chain
from support.shop import PAYEE, PRICE, USDC, application


@dataclass
class ChainShop:
    """A seller on chain; `url` is where it is served."""

    url: str
    chain: DevelopmentChain
    deployment: Deployment
    store: SellerStore
    sender: TransactionSender
    token: SettlementTokenClient
    app: PaymentMiddleware

    async def fund(self, account: Address, atomic: int) -> None:
        await self.chain.send(self.token.mint(account, atomic))


@dataclass
class ChainScene:
    """A seller on chain and a wallet that buys of it."""

    shop: ChainShop
    wallet: Wallet

    @property
    def url(self) -> str:
        return self.shop.url + "/paid/x"


@asynccontextmanager
async def open_chain_shop(
    directory: Path,
    *,
    now: Callable[[], int] = lambda: int(time.time()),
    signer: Any = None,
    on: str = CHAIN,
    **offer: Any,
) -> AsyncIterator[ChainShop]:
    async with await start_chain(on) as chain:
        deployment = await deploy_development_contracts(chain)
        operator = signer or LocalSigner.random()
        await chain.fund(operator.address, 10**20)
        sender = TransactionSender(chain.reader, operator)
        facilitator = ChainFacilitator(sender, deployment, now)
        token = SettlementTokenClient(chain.reader, deployment.settlement_token)
        url = f"sqlite:///{directory / 'shop.db'}"
        async with Database(url, SellerTable.metadata) as database:
            store = SellerStore(database)
            app = PaymentMiddleware(
                application,  # type: ignore[arg-type]
                offers=[Offer(r"/paid/.*", Amount(PRICE, USDC), PAYEE, **offer)],
                store=store,
                signer=operator,
                facilitator=facilitator,
                chain=facilitator,
                now=now,
            )
            async with serve(app, bind()) as served:
                yield ChainShop(served, chain, deployment, store, sender, token, app)
