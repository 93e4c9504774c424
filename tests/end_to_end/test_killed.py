"""SIGKILL at every durable commit of a payment, in real processes over HTTP and a real chain.

`test_faults.py` breaks the same calls at every await within one process; here the process is gone,
with everything that it held in memory, and another one has to go on with what was on disk.
"""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.deployments import deploy_development_contracts
from headwater_marketplace.seller import SellerStore
from headwater_marketplace.serving import bind, url_of
from headwater_payments.amount import Amount
from headwater_payments.errors import HeadwaterError
from headwater_payments.ledger import check_journal
from headwater_wallet.database import Database
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.reconcile import reconcile
from headwater_wallet.wallet import Wallet, open_wallet
from support.chain_shop import ChainShop, open_chain_shop
from support.chains import start_chain
from support.mortal import Mortal
from support.shop import PAYEE, PRICE, USDC

pytestmark = pytest.mark.anyio

FUNDS = 20 * PRICE
LATER = 2**40
LIFE_S = 4_000
"""Each life of the seller begins this many seconds later, and so takes the last for dead."""


@dataclass
class Market:
    """A chain, and a seller on it that lives again and again over the same database."""

    chain: DevelopmentChain
    token: SettlementTokenClient
    key: LocalSigner
    secret: str
    directory: Path
    scheme: str
    port: int
    lives: int = 0

    def sell(self, at: int, when: str) -> Mortal:
        self.lives += 1
        return Mortal(
            "seller",
            rpc=self.chain.url,
            database=str(self.directory / "seller.db"),
            key=self.secret,
            scheme=self.scheme,
            port=self.port,
            later_s=self.lives * LIFE_S,
            at=at,
            when=when,
        )

    @asynccontextmanager
    async def buyer(self) -> AsyncIterator[Wallet]:
        signer = LocalSigner.random()
        await self.chain.send(self.token.mint(signer.address, FUNDS))
        policy = simple_policy(Amount(10 * PRICE, USDC))
        path = self.directory / f"{signer.address}.db"
        async with open_wallet(signer, policy, database=path) as wallet:
            yield wallet


@asynccontextmanager
async def market(directory: Path, scheme: str) -> AsyncIterator[Market]:
    async with await start_chain() as chain:
        deployment = await deploy_development_contracts(chain)
        secret = "5e" * 32
        operator = LocalSigner(bytes.fromhex(secret))
        await chain.fund(operator.address, 10**20)
        with bind() as listener:
            port = int(url_of(listener).rsplit(":", 1)[1])
        token = SettlementTokenClient(chain.reader, deployment.settlement_token)
        yield Market(chain, token, operator, secret, directory, scheme, port)


async def attempt(wallet: Wallet, url: str) -> bool:
    """Whether a paid call came to its end; a seller that dies breaks it off."""
    async with wallet.client(timeout=60) as client:
        try:
            answer = await client.post(url + "/paid/x", json={"charge": 400})
        except (HeadwaterError, httpx.HTTPError):
            return False
        return answer.status_code == 200


@pytest.mark.parametrize(("scheme", "commits"), [("batch-settlement", 5), ("exact", 5)])
async def test_a_seller_killed_at_any_commit_loses_nothing_and_takes_nothing_twice(
    tmp_path: Path, scheme: str, commits: int
) -> None:
    price = 400 if scheme == "batch-settlement" else PRICE
    boundaries = [(at, when) for at in range(1, commits + 1) for when in ("before", "after")]
    async with market(tmp_path, scheme) as scene:
        seller = scene.sell(*boundaries[0])
        url = await seller.word()
        # Each next life ends at the next boundary; beyond the last commit there is none to die at.
        for at, when in [*boundaries[1:], (commits + 1, "before"), (0, "never")]:
            async with scene.buyer() as wallet:
                answered = await attempt(wallet, url)
                assert await seller.ended() == (-signal.SIGKILL if when != "never" else 0)
                seller = scene.sell(at, when)
                assert await seller.word() == url
                async with httpx.AsyncClient() as asking:
                    left = await reconcile(wallet.ledger, asking, reserved_before=LATER)
                assert left == []
                charged = await holds(scene, wallet, answered)
                assert charged in (0, price)
        assert await seller.ended() == 0


async def holds(scene: Market, wallet: Wallet, answered: bool) -> int:
    """What wallet, seller and chain say agrees; gives what this wallet was charged."""
    intents = await wallet.ledger.intents()
    assert {each.state for each in intents} <= {"settled", "released"}
    charged = (await wallet.budget()).charged
    assert charged or not answered, "an answered call is lost"
    await wallet.ledger.check_audit()
    url = f"sqlite:///{scene.directory / 'seller.db'}"
    async with Database(url, SellerStore.metadata) as database:
        store = SellerStore(database)
        assert await store.payments("reserved") == []
        assert await store.transfers() == []
        everything = await store.payments("charged")
        mine = [each for each in everything if each.payer == wallet.address]
        assert sum(each.charge for each in mine) == charged
        assert len(mine) == (1 if charged else 0)
        assert all(each.receipt for each in mine)
        check_journal(await store.journal())
        for record in await store.channels():
            assert record.state.reserved == 0
            assert record.state.charged <= record.state.signed <= record.state.balance
    held = await scene.token.balance(wallet.address)
    if scene.scheme == "exact":
        assert held == FUNDS - charged
        assert await scene.token.balance(PAYEE) == sum(each.charge for each in everything)
    else:
        escrow = sum(c.balance for c in (await wallet.ledger.channels()).values())
        on_chain = FUNDS - held
        assert on_chain in (escrow, 2 * PRICE), "a deposit was made twice"
    return charged


async def test_a_buyer_killed_at_any_commit_pays_for_what_it_was_served_and_no_more(
    tmp_path: Path,
) -> None:
    async with open_chain_shop(tmp_path, schemes=("batch-settlement",)) as shop:
        for when in ("before", "after"):
            at, finished = 0, False
            while not finished:
                at += 1
                secret = f"{at:063x}{len(when):x}"
                signer = LocalSigner(bytes.fromhex(secret))
                await shop.fund(signer.address, FUNDS)
                path = tmp_path / f"{at}-{when}.db"
                told = {"database": str(path), "key": secret, "url": shop.url}
                buyer = Mortal("buyer", at=at, when=when, **told)
                finished = await buyer.word() == "paid"
                assert await buyer.ended() == (0 if finished else -signal.SIGKILL)
                await goes_on(shop, signer, path)
            # Writes that nobody waits for may share a commit with the next one.
            assert at - 1 >= 5
        assert await shop.store.payments("reserved") == []


async def goes_on(shop: ChainShop, signer: LocalSigner, path: Path) -> None:
    """Another process takes the wallet's ledger up where it was left."""
    policy = simple_policy(Amount(10 * PRICE, USDC))
    async with open_wallet(signer, policy, database=path) as wallet:
        async with httpx.AsyncClient() as asking:
            assert await reconcile(wallet.ledger, asking, reserved_before=LATER) == []
        await wallet.ledger.check_audit()
        intents = await wallet.ledger.intents()
        assert {each.state for each in intents} <= {"settled", "released"}
        charged = await shop.store.payments("charged")
        served = [each for each in charged if each.payer == signer.address]
        budget = await wallet.budget()
        assert budget.charged == sum(each.charge for each in served) == 400 * len(served)
        assert budget.charged <= budget.used <= 10 * PRICE
        assert len(served) <= 2
        # The next call is served, and pays for itself alone.
        assert await attempt(wallet, shop.url)
        assert (await wallet.budget()).charged == budget.charged + 400
