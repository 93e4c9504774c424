"""Gas and deposits of paid calls: what channels cost on chain, all transactions counted.

    python benchmarks/gas.py [--calls 1000] [--json result.json]

A wallet of ours buys `--calls` inferences one after the other of a seller of ours, which then
claims and settles; the official SDK's client does the same at the SDK's seller, over our
facilitator. Ten buyers with as many calls each are claimed together; their vouchers are signed by a
load generator. What is counted is the whole of every transaction that anybody sent: intrinsic gas,
deposits, claims, settlements. No time is measured, so the figures are the same on any machine.
"""

import argparse
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import httpx
from anyio.from_thread import start_blocking_portal
from eth_account import Account
from seller_process import NETWORK, PAYEE, application
from vouchers import Lane
from x402 import x402Client, x402ResourceServer
from x402.http import FacilitatorConfig, HTTPFacilitatorClient
from x402.http.clients.httpx import x402HttpxClient
from x402.http.middleware.fastapi import payment_middleware
from x402.mechanisms.evm.batch_settlement.client import BatchSettlementEvmScheme as ClientScheme
from x402.mechanisms.evm.batch_settlement.server import BatchSettlementEvmScheme as ServerScheme
from x402.mechanisms.evm.signers import EthAccountSignerWithRPC

from headwater_contracts.chains.local import LocalChain
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.deployments import DEVELOPMENT, deploy_development_contracts
from headwater_contracts.reader import ChainReader
from headwater_marketplace.chain_facilitator import ChainFacilitator
from headwater_marketplace.facilitator_api import facilitator_api
from headwater_marketplace.migrations import open_database
from headwater_marketplace.seller import Offer, PaymentMiddleware, SellerStore
from headwater_marketplace.serving import bind, serve
from headwater_marketplace.settlement import SettlementWorker
from headwater_payments.address import parse_address
from headwater_payments.amount import Amount, Asset
from headwater_payments.x402 import PAYMENT_SIGNATURE
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import SpendPolicy, simple_policy
from headwater_wallet.transactions import TransactionSender
from headwater_wallet.wallet import open_wallet
from payments import machine

PRICE = 100
"""Atomic units a call: a hundredth of a cent."""
BUYERS = 10
USDC = Asset(
    DEVELOPMENT.chain_id, parse_address(DEVELOPMENT.settlement_token), "USDC", 6, "USDC", "2"
)


@dataclass(frozen=True, slots=True)
class Spent:
    """What calls cost on chain; gas of whole transactions.

    Attributes:
        calls: paid and answered.
        deposits: transactions that placed escrow.
        deposit_gas: of those together.
        claims: transactions that claimed and settled.
        claim_gas: of those together.
    """

    calls: int
    deposits: int
    deposit_gas: int
    claims: int
    claim_gas: int

    @property
    def per_call(self) -> float:
        """Gas a call, everything counted."""
        return (self.deposit_gas + self.claim_gas) / self.calls


class Seller:
    """Ours on a chain of its own, with a facilitator whose transactions are counted."""

    def __init__(
        self, chain: LocalChain, store: SellerStore, sender: TransactionSender, app: object
    ) -> None:
        self.chain, self.store, self.sender = chain, store, sender
        self.transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        self.token = SettlementTokenClient(chain.reader, DEVELOPMENT.settlement_token)

    async def claimed(self, calls: int) -> Spent:
        """Claim everything, and give what all of it has cost."""
        deposits, deposit_gas = self.sender.sent, self.sender.gas_used
        worker = SettlementWorker(self.store, self.sender, DEVELOPMENT)
        claimed = await worker.claim_all()
        assert claimed is not None
        assert claimed.total == calls * PRICE, "every call was paid and claimed"
        assert await self.token.balance(PAYEE) == calls * PRICE, "and settled"
        return Spent(
            calls,
            deposits,
            deposit_gas,
            self.sender.sent - deposits,
            self.sender.gas_used - deposit_gas,
        )


@asynccontextmanager
async def open_seller() -> AsyncIterator[Seller]:
    """A chain, its contracts, and a seller in this process."""
    async with AsyncExitStack() as stack:
        chain = await stack.enter_async_context(await LocalChain.start())
        await deploy_development_contracts(chain)
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="headwater-gas-")))
        database = await stack.enter_async_context(open_database(f"sqlite:///{folder / 's.db'}"))
        operator = LocalSigner.random()
        await chain.fund(operator.address, 10**20)
        sender = TransactionSender(chain.reader, operator)
        facilitator = ChainFacilitator(sender, DEVELOPMENT, lambda: int(time.time()))
        store = SellerStore(database)
        app = PaymentMiddleware(
            application(),
            offers=[Offer("/paid", USDC.amount("0.0001"), PAYEE)],
            store=store,
            signer=operator,
            facilitator=facilitator,
            chain=facilitator,
        )
        yield Seller(chain, store, sender, app)


async def one_buyer(calls: int) -> Spent:
    """A wallet of ours, as an application uses it."""
    async with open_seller() as seller, AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="headwater-gas-")))
        payer = LocalSigner.random()
        budget = Amount(2 * calls * PRICE, USDC)
        await seller.chain.send(seller.token.mint(payer.address, budget.atomic))
        rules = simple_policy(budget).rules
        policy = SpendPolicy(budget, rules, deposit=budget)
        wallet = await stack.enter_async_context(
            open_wallet(payer, policy, database=folder / "w.db")
        )
        http = await stack.enter_async_context(
            wallet.client(transport=seller.transport, base_url="http://seller.test", timeout=60)
        )
        for _ in range(calls):
            answer = await http.post("/paid", json={})
            assert answer.status_code == 200, answer.text
        return await seller.claimed(calls)


async def many_buyers(buyers: int, calls: int) -> Spent:
    """Buyers with a channel each, claimed in one transaction."""
    async with (
        open_seller() as seller,
        httpx.AsyncClient(
            transport=seller.transport, base_url="http://seller.test", timeout=60
        ) as http,
    ):
        for _ in range(buyers):
            signer, escrow = LocalSigner.random(), calls * PRICE
            await seller.chain.send(seller.token.mint(signer.address, escrow))
            lane = await Lane.open(http, "/paid", signer, 0, 1)
            headers = [await lane.deposit(escrow)]
            headers += [header async for header in lane.vouchers(calls - 1)]
            for header in headers:
                answer = await http.post("/paid", json={}, headers={PAYMENT_SIGNATURE: header})
                assert answer.status_code == 200, answer.text
        return await seller.claimed(buyers * calls)


async def official(calls: int) -> Spent:
    """The SDK's client and seller, over our facilitator; its client deposits as its seller says."""
    async with AsyncExitStack() as stack:
        chain = await stack.enter_async_context(await LocalChain.start())
        await deploy_development_contracts(chain)
        operator = LocalSigner.random()
        await chain.fund(operator.address, 10**20)
        senders: list[TransactionSender] = []
        # The SDK's seller asks its facilitator with blocking calls when it starts.
        portal = stack.enter_context(start_blocking_portal())
        url = stack.enter_context(
            portal.wrap_async_context_manager(_facilitator(chain.url, operator, senders))
        )
        facilitator = HTTPFacilitatorClient(FacilitatorConfig(url))
        server, scheme = x402ResourceServer(facilitator), ServerScheme(PAYEE)
        server.register(NETWORK, scheme)
        terms = {
            "scheme": "batch-settlement",
            "network": NETWORK,
            "payTo": PAYEE,
            "price": "$0.0001",
        }
        app = application()
        app.middleware("http")(payment_middleware({"POST /paid": {"accepts": terms}}, server))
        seller = await stack.enter_async_context(serve(app, bind()))
        account = Account.from_key(secrets.token_bytes(32))
        token = SettlementTokenClient(chain.reader, DEVELOPMENT.settlement_token)
        await chain.send(token.mint(parse_address(account.address), 10 * calls * PRICE))
        client = x402Client()
        client.register(NETWORK, ClientScheme(EthAccountSignerWithRPC(account, chain.url)))
        async with x402HttpxClient(client, base_url=seller, timeout=60) as http:
            for _ in range(calls):
                answer = await http.post("/paid", json={})
                assert answer.status_code == 200, answer.text
        [sender] = senders
        deposits, deposit_gas = sender.sent, sender.gas_used
        await scheme.create_channel_manager(facilitator, NETWORK).claim_and_settle()
        assert await token.balance(PAYEE) == calls * PRICE
        return Spent(
            calls, deposits, deposit_gas, sender.sent - deposits, sender.gas_used - deposit_gas
        )


@asynccontextmanager
async def _facilitator(
    chain_url: str, operator: LocalSigner, senders: list[TransactionSender]
) -> AsyncIterator[str]:
    async with ChainReader.connect(chain_url, DEVELOPMENT.chain_id) as reader:
        sender = TransactionSender(reader, operator)
        senders.append(sender)
        ours = ChainFacilitator(sender, DEVELOPMENT, lambda: int(time.time()), authorizer=operator)
        async with serve(facilitator_api(ours), bind()) as url:
            yield url


async def main(calls: int) -> dict[str, object]:
    """Measure, print the table, and give the figures behind it."""
    one, theirs = await one_buyer(calls), await official(calls)
    ten = await many_buyers(BUYERS, calls)
    print(report(one, ten, theirs))
    figures = {"one buyer": one, "ten buyers": ten, "x402 SDK, one buyer": theirs}
    return {"machine": machine(), "spent": {name: asdict(each) for name, each in figures.items()}}


def report(one: Spent, ten: Spent, theirs: Spent) -> str:
    """The table, and what a further voucher and a further channel cost."""
    lines = [
        "| | calls | deposits for 1,000 calls | transactions | gas a call | of that, deposits |",
        "|---|---|---|---|---|---|",
    ]
    for name, spent in (
        ("one buyer", one),
        (f"{BUYERS} buyers, claimed together", ten),
        ("x402 SDK, one buyer", theirs),
    ):
        rate = 1_000 * spent.deposits / spent.calls
        share = spent.deposit_gas / spent.calls
        lines.append(
            f"| {name} | {spent.calls:,} | {rate:.1f} | {spent.deposits + spent.claims} "
            f"| {spent.per_call:.0f} | {share:.0f} |"
        )
    channel = (ten.claim_gas - one.claim_gas) // (BUYERS - 1)
    told = (
        f"A further voucher on an open channel: {one.claim_gas / one.calls:.0f} gas, its part of "
        f"one claim of {one.calls:,}, and nothing by itself. A further channel in a claim: "
        f"{channel:,} gas. {machine()}."
    )
    return "\n".join([*lines, "", told])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--calls", type=int, default=1_000)
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    measured = anyio.run(main, options.calls)
    if options.json is not None:
        options.json.write_text(json.dumps(measured, indent=1) + "\n", "utf-8")
