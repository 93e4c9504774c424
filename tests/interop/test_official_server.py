"""The `x402` package's own FastAPI middleware over our facilitator; both clients pay it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from eth_account import Account
from fastapi import FastAPI
from x402 import x402Client, x402ResourceServer
from x402.http import FacilitatorConfig, HTTPFacilitatorClient
from x402.http.clients.httpx import x402HttpxClient
from x402.http.middleware.fastapi import payment_middleware
from x402.mechanisms.evm.batch_settlement.client import (
    BatchSettlementEvmScheme as ClientBatchScheme,
)
from x402.mechanisms.evm.batch_settlement.server import (
    BatchSettlementEvmScheme as ServerBatchScheme,
)
from x402.mechanisms.evm.exact import ExactEvmServerScheme
from x402.mechanisms.evm.exact.register import register_exact_evm_client
from x402.mechanisms.evm.signers import EthAccountSigner, EthAccountSignerWithRPC

from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.deployments import DEVELOPMENT, deploy_development_contracts
from headwater_contracts.reader import ChainReader
from headwater_marketplace.chain_facilitator import ChainFacilitator
from headwater_marketplace.facilitator_api import facilitator_api
from headwater_marketplace.remote_facilitator import RemoteFacilitator
from headwater_marketplace.serving import bind, serve
from headwater_payments.address import Address, parse_address
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.transactions import TransactionSender
from headwater_wallet.wallet import open_wallet
from support.chains import start_chain
from support.shop import PAYEE, USDC

pytestmark = pytest.mark.anyio
NETWORK = "eip155:84532"
PRICE = 1_000


@dataclass
class OfficialShop:
    url: str
    facilitator_url: str
    chain_url: str
    token: SettlementTokenClient
    server: x402ResourceServer
    scheme: ServerBatchScheme
    chain: DevelopmentChain

    async def fund(self, account: Address) -> None:
        await self.chain.send(self.token.mint(account, 1_000 * PRICE))


@asynccontextmanager
async def our_facilitator(chain_url: str, operator: LocalSigner) -> AsyncIterator[str]:
    async with ChainReader.connect(chain_url, DEVELOPMENT.chain_id) as reader:
        sender = TransactionSender(reader, operator)
        ours = ChainFacilitator(sender, DEVELOPMENT, lambda: int(time.time()), authorizer=operator)
        async with serve(facilitator_api(ours), bind()) as url:
            yield url


@asynccontextmanager
async def open_official_shop(scheme: str) -> AsyncIterator[OfficialShop]:
    async with await start_chain() as chain:
        deployment = await deploy_development_contracts(chain)
        operator = LocalSigner.random()
        await chain.fund(operator.address, 10**20)
        # The middleware asks its facilitator with blocking calls when it starts, so the facilitator
        # has an event loop of its own.
        with (
            start_blocking_portal() as portal,
            portal.wrap_async_context_manager(our_facilitator(chain.url, operator)) as facilitator,
        ):
            server = x402ResourceServer(HTTPFacilitatorClient(FacilitatorConfig(facilitator)))
            batch = ServerBatchScheme(PAYEE)
            chosen = batch if scheme == "batch-settlement" else ExactEvmServerScheme()
            server.register(NETWORK, chosen)
            app = FastAPI()

            @app.post("/paid")
            async def paid() -> dict[str, bool]:
                return {"ok": True}

            terms = {"scheme": scheme, "network": NETWORK, "payTo": PAYEE, "price": "$0.001"}
            app.middleware("http")(payment_middleware({"POST /paid": {"accepts": terms}}, server))
            token = SettlementTokenClient(chain.reader, deployment.settlement_token)
            async with serve(app, bind()) as url:
                yield OfficialShop(url, facilitator, chain.url, token, server, batch, chain)


async def test_our_wallet_pays_it_by_exact(tmp_path: Path) -> None:
    async with open_official_shop("exact") as shop:
        signer = LocalSigner.random()
        await shop.fund(signer.address)
        policy = simple_policy(USDC.amount(1))
        async with (
            open_wallet(signer, policy, database=tmp_path / "w.db") as wallet,
            wallet.client(timeout=60) as http,
        ):
            for _ in range(2):
                answer = await http.post(shop.url + "/paid")
                assert answer.json() == {"ok": True}
            assert (await wallet.budget()).charged == 2 * PRICE
        assert await shop.token.balance(PAYEE) == 2 * PRICE


async def test_our_wallet_pays_it_by_channel_one_request_after_the_other(tmp_path: Path) -> None:
    async with open_official_shop("batch-settlement") as shop:
        signer = LocalSigner.random()
        await shop.fund(signer.address)
        policy = simple_policy(USDC.amount(1))
        async with (
            open_wallet(signer, policy, database=tmp_path / "w.db") as wallet,
            wallet.client(timeout=60) as http,
        ):
            for _ in range(5):
                answer = await http.post(shop.url + "/paid")
                assert answer.json() == {"ok": True}
            assert (await wallet.budget()).charged == 5 * PRICE
            [channel] = (await wallet.ledger.channels()).values()
            assert channel.charged == channel.signed == 5 * PRICE
        client = HTTPFacilitatorClient(FacilitatorConfig(shop.facilitator_url))
        await shop.scheme.create_channel_manager(client, NETWORK).claim_and_settle()
        assert await shop.token.balance(PAYEE) == 5 * PRICE


async def test_ten_calls_at_once_use_lanes_up_to_the_limit_and_wait_for_them_beyond(
    tmp_path: Path,
) -> None:
    async with open_official_shop("batch-settlement") as shop:
        signer = LocalSigner.random()
        await shop.fund(signer.address)
        policy = simple_policy(USDC.amount("0.2"), per_payment=USDC.amount("0.001"))
        answers: list[int] = []
        paid_requests: list[str] = []

        async with open_wallet(signer, policy, database=tmp_path / "w.db", lanes=3) as wallet:
            inner = Noting(paid_requests)
            async with wallet.client(timeout=60, transport=inner) as http:

                async def call() -> None:
                    answer = await http.post(shop.url + "/paid")
                    assert answer.json() == {"ok": True}
                    answers.append(answer.status_code)

                for _ in range(2):
                    async with anyio.create_task_group() as group:
                        for _ in range(10):
                            group.start_soon(call)
            budget = await wallet.budget()
            channels = await wallet.ledger.channels()
        assert answers == [200] * 20
        assert len(paid_requests) == 20, "no voucher was corrected"
        assert budget.charged == budget.used == 20 * PRICE
        assert len(channels) == 3
        assert sum(c.charged for c in channels.values()) == 20 * PRICE
        # Escrow placed at a time, all lanes together, is the policy's deposit: a fifth.
        assert all(c.balance <= policy.deposit_limit // 3 + PRICE for c in channels.values())


class Noting(httpx.AsyncHTTPTransport):
    """Notes the requests that carry a payment."""

    def __init__(self, paid: list[str]) -> None:
        super().__init__()
        self._paid = paid

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if "payment-signature" in request.headers:
            self._paid.append(str(request.url))
        return await super().handle_async_request(request)


async def test_the_official_client_and_server_work_over_our_facilitator() -> None:
    for scheme in ("exact", "batch-settlement"):
        async with open_official_shop(scheme) as shop:
            account = Account.create()
            await shop.fund(parse_address(account.address))
            client = x402Client()
            if scheme == "exact":
                register_exact_evm_client(client, EthAccountSigner(account))
            else:
                signer = EthAccountSignerWithRPC(account, shop.chain_url)
                client.register(NETWORK, ClientBatchScheme(signer))
            async with x402HttpxClient(client, timeout=60) as http:
                for _ in range(3):
                    answer = await http.post(shop.url + "/paid")
                    assert answer.status_code == 200, answer.text


async def test_a_remote_facilitator_says_what_the_local_one_says() -> None:
    async with open_official_shop("exact") as shop, httpx.AsyncClient() as http:
        remote = RemoteFacilitator(shop.facilitator_url, http)
        kinds = {(kind.scheme, kind.network) for kind in (await remote.supported()).kinds}
        schemes = ("exact", "batch-settlement", "upto")
        assert kinds == {(scheme, NETWORK) for scheme in schemes}
        answer = await http.post(shop.facilitator_url + "/verify", content=b"{")
        assert answer.status_code == 400
        assert answer.json()["code"] == "invalid_input"
