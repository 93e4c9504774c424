"""The life of a channel between all peers: corrected, started cold, refunded and withdrawn."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio.to_thread
import httpx
import pytest
from contracts.conftest import require_program
from eth_account import Account
from interop.peers import PEERS, PRICE, Payer, World, open_world, settlement_of
from sqlalchemy import Connection, text
from x402 import x402Client
from x402.http import FacilitatorConfig, HTTPFacilitatorClient
from x402.http.clients.httpx import x402HttpxClient
from x402.mechanisms.evm.batch_settlement.client import BatchSettlementEvmScheme
from x402.mechanisms.evm.signers import EthAccountSignerWithRPC

from headwater_contracts.chains.anvil import AnvilChain
from headwater_contracts.clients.batch_settlement import BatchSettlementClient
from headwater_contracts.deployments import DEVELOPMENT
from headwater_marketplace.settlement import SettlementWorker
from headwater_payments.amount import Amount
from headwater_wallet.policy import simple_policy
from headwater_wallet.transactions import TransactionSender
from headwater_wallet.wallet import Wallet, open_wallet
from headwater_wallet.withdrawals import Withdrawals
from support.shop import PAYEE, USDC

pytestmark = pytest.mark.anyio
PAIRS = [(server, facilitator) for server in PEERS for facilitator in PEERS]


class Buyer:
    """Either client over one payer, whose memory of its channel can be lost."""

    def __init__(self, world: World, peer: str, payer: Payer, folder: Path) -> None:
        self.world, self.peer, self.payer, self.folder = world, peer, payer, folder
        self.lives = 0

    def forget(self) -> None:
        self.lives += 1

    @asynccontextmanager
    async def _wallet(self) -> AsyncIterator[Wallet]:
        policy = simple_policy(Amount(100 * PRICE, USDC))
        database = self.folder / f"wallet-{self.lives}.db"
        async with open_wallet(
            self.payer.signer, policy, database=database, lanes=1, chain=self.world.chain.reader
        ) as wallet:
            yield wallet

    def _scheme(self) -> BatchSettlementEvmScheme:
        kept = self.__dict__.setdefault("schemes", {})
        if self.lives not in kept:
            account = Account.from_key(self.payer.secret)
            signer = EthAccountSignerWithRPC(account, self.world.chain.url)
            kept[self.lives] = BatchSettlementEvmScheme(signer)
        return kept[self.lives]  # type: ignore[no-any-return]

    async def pay(self, url: str, charge: int) -> httpx.Response:
        if self.peer == "ours":
            async with self._wallet() as wallet, wallet.client(timeout=60) as http:
                return await http.post(url, json={"charge": charge})
        client = x402Client()
        client.register(USDC.network, self._scheme())
        async with x402HttpxClient(client, timeout=60) as official:
            return await official.post(url, json={"charge": charge})

    async def refund(self, url: str) -> int:
        if self.peer == "ours":
            async with self._wallet() as wallet:
                return (await wallet.refund("POST", url)).atomic
        from x402.mechanisms.evm.batch_settlement.client.refund import (
            RefundOptions,
            _RefundResponse,
        )

        def fetch(asked: str, headers: dict[str, str]) -> _RefundResponse:
            answer = httpx.post(asked, headers=headers, timeout=60)
            return _RefundResponse(answer.status_code, dict(answer.headers))

        refund = self._scheme().refund
        outcome = await anyio.to_thread.run_sync(refund, url, RefundOptions(fetch=fetch))
        return int(outcome.amount or "0")

    async def channel(self) -> tuple[int, int]:
        """Balance and total claimed, as the chain has them."""
        settlement = BatchSettlementClient(self.world.chain.reader, DEVELOPMENT.batch_settlement)
        created = await settlement.events(0)
        mine = [
            event.channel_id
            for event in created
            if getattr(getattr(event, "config", None), "payer", None) == self.payer.address
        ]
        state = await settlement.channel(mine[0])
        return state.balance, state.total_claimed


@asynccontextmanager
async def buyer(world: World, peer: str) -> AsyncIterator[Buyer]:
    with tempfile.TemporaryDirectory() as folder:
        yield Buyer(world, peer, await world.payer(approved=False), Path(folder))


async def claim_all(world: World, server: str, facilitator: str) -> None:
    if server == "ours":
        sender = TransactionSender(world.chain.reader, world.seller)
        await SettlementWorker(world.stores[facilitator], sender, DEVELOPMENT).claim_all()
        return
    client = HTTPFacilitatorClient(FacilitatorConfig(world.facilitators[facilitator]))
    await world.schemes[facilitator].create_channel_manager(client, USDC.network).claim_and_settle()


@pytest.mark.parametrize(("server", "facilitator"), PAIRS)
@pytest.mark.parametrize("client", PEERS)
async def test_a_buyer_that_lost_its_memory_is_corrected_and_pays_on(
    world: World, client: str, server: str, facilitator: str
) -> None:
    await correct(world, client, server, facilitator)


async def correct(world: World, client: str, server: str, facilitator: str) -> None:
    url = f"{world.shops[server, facilitator]}/batch"
    async with buyer(world, client) as buying:
        for charge in (PRICE, 300):
            assert (await buying.pay(url, charge)).status_code == 200
        buying.forget()
        answer = await buying.pay(url, 200)
        assert answer.status_code == 200, answer.text
        state = (settlement_of(answer).extra or {})["channelState"]
        assert state["chargedCumulativeAmount"] == str(PRICE + 300 + 200)


@pytest.mark.parametrize(("server", "facilitator"), PAIRS)
@pytest.mark.parametrize("client", PEERS)
async def test_charges_are_claimed_and_the_rest_is_refunded(
    world: World, client: str, server: str, facilitator: str
) -> None:
    await refund(world, client, server, facilitator)


async def refund(world: World, client: str, server: str, facilitator: str) -> None:
    url = f"{world.shops[server, facilitator]}/batch"
    async with buyer(world, client) as buying:
        for charge in (PRICE, 300):
            assert (await buying.pay(url, charge)).status_code == 200
        funds = await world.token.balance(buying.payer.address)
        before = await world.token.balance(PAYEE)
        balance, _ = await buying.channel()
        returned = await buying.refund(url)
        assert returned == balance - PRICE - 300
        assert await world.token.balance(buying.payer.address) == funds + returned
        assert await buying.channel() == (PRICE + 300, PRICE + 300)
        again = await buying.pay(url, 100)
        assert again.status_code == 200, again.text
        await claim_all(world, server, facilitator)
        assert await world.token.balance(PAYEE) - before >= PRICE + 300 + 100
        _, claimed = await buying.channel()
        assert claimed == PRICE + 300 + 100


@pytest.mark.parametrize(("server", "facilitator"), PAIRS)
@pytest.mark.parametrize("client", PEERS)
async def test_a_seller_that_lost_its_books_starts_at_what_was_claimed(
    world: World, client: str, server: str, facilitator: str
) -> None:
    await start_cold(world, client, server, facilitator)


async def start_cold(world: World, client: str, server: str, facilitator: str) -> None:
    url = f"{world.shops[server, facilitator]}/batch"
    async with buyer(world, client) as buying:
        for charge in (PRICE, 300):
            answer = await buying.pay(url, charge)
            assert answer.status_code == 200
        await claim_all(world, server, facilitator)
        identifier = (settlement_of(answer).extra or {})["channelState"]["channelId"]
        await lose_books(world, server, facilitator, identifier)
        answer = await buying.pay(url, 200)
        assert answer.status_code == 200, answer.text
        state = (settlement_of(answer).extra or {})["channelState"]
        assert state["chargedCumulativeAmount"] == str(PRICE + 300 + 200)
        buying.forget()
        await lose_books(world, server, facilitator, identifier)
        again = await buying.pay(url, 100)
        assert again.status_code == 200, again.text
        state = (settlement_of(again).extra or {})["channelState"]
        assert state["chargedCumulativeAmount"] == str(PRICE + 300 + 100)


async def lose_books(world: World, server: str, facilitator: str, identifier: str) -> None:
    """Both sides start cold: all that is known of the channel is on chain."""
    if server == "official":
        world.schemes[facilitator].get_storage().update_channel(identifier, lambda _: None)
        return
    store = world.stores[facilitator]

    def lose(connection: Connection) -> None:
        for table in ("seller_channel", "seller_payment"):
            gone = text(f"DELETE FROM {table} WHERE channel_id = :channel")
            connection.execute(gone, {"channel": identifier})

    await store.database.write(lose)
    store._synced.clear()


@pytest.mark.parametrize("server", PEERS)
async def test_escrow_is_withdrawn_without_the_seller(server: str) -> None:
    """The package's client has no withdrawal; ours leaves either seller, which claims in time."""
    # On a chain of its own: its clock is put forward, and what others sign would have expired.
    async with open_world(pairs=((server, "ours"),)) as world:
        await withdraw(world, server)


async def withdraw(world: World, server: str) -> None:
    url = f"{world.shops[server, 'ours']}/batch"
    async with buyer(world, "ours") as buying:
        assert (await buying.pay(url, 300)).status_code == 200
        await world.chain.fund(buying.payer.address, 10**18)
        funds = await world.token.balance(buying.payer.address)
        balance, _ = await buying.channel()
        sender = TransactionSender(world.chain.reader, buying.payer.signer)
        contract = BatchSettlementClient(world.chain.reader, DEVELOPMENT.batch_settlement)
        async with buying._wallet() as wallet:
            withdrawals = Withdrawals(wallet.ledger.database, sender, contract)
            [escrow] = await withdrawals.escrows()
            await withdrawals.start(escrow)
            await claim_all(world, server, "ours")
            await world.chain.advance_time(901)
            [escrow] = await withdrawals.escrows()
            assert escrow.stage == "ready"
            await withdrawals.finish(escrow)
        assert await buying.channel() == (300, 300)
        assert await world.token.balance(buying.payer.address) == funds + balance - 300


async def test_a_channels_whole_life_holds_on_anvil() -> None:
    require_program("anvil")
    async with open_world(AnvilChain.start) as world:
        for client in PEERS:
            for server, facilitator in PAIRS:
                await correct(world, client, server, facilitator)
                await refund(world, client, server, facilitator)
                await start_cold(world, client, server, facilitator)
        # Last, since it puts the chain's clock forward.
        await withdraw(world, "ours")
