"""Escrow that a seller left comes back; what it charged stays for it to claim."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from headwater_contracts.clients.batch_settlement import BatchSettlementClient
from headwater_marketplace.settlement import SettlementWorker
from headwater_payments.amount import Amount
from headwater_payments.errors import InvalidInputError, UnavailableError
from headwater_wallet.cli import app
from headwater_wallet.errors import PolicyRefusedError, TransactionPendingError
from headwater_wallet.keys import LocalSigner, SeedKeystore
from headwater_wallet.policy import simple_policy
from headwater_wallet.tables import IntentRow
from headwater_wallet.transactions import TransactionSender
from headwater_wallet.wallet import Wallet, open_wallet
from headwater_wallet.withdrawals import Escrow, TooEarlyError, Withdrawals
from support.chain_shop import ChainShop, open_chain_shop
from support.shop import PAYEE, PRICE, USDC

pytestmark = pytest.mark.anyio

FUNDS = 20 * PRICE
PASSWORD = "correct horse"


@dataclass
class Scene:
    shop: ChainShop
    wallet: Wallet
    withdrawals: Withdrawals
    directory: Path
    ahead: list[int]

    async def let_pass(self, seconds: int) -> None:
        """For the chain and for the wallet, whose deposits are signed for a time on chain."""
        await self.shop.chain.advance_time(seconds)
        self.ahead.append(seconds)

    async def pay(self, charge: int) -> int:
        async with self.wallet.client(timeout=60) as client:
            answer = await client.post(self.shop.url + "/paid/x", json={"charge": charge})
            return answer.status_code

    async def escrow(self, idle_s: int = 0) -> Escrow:
        [escrow] = await self.withdrawals.escrows(idle_s=idle_s)
        return escrow

    async def held(self) -> int:
        return await self.shop.token.balance(self.wallet.address)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A wallet that has a keystore and gas, and a shop that it has bought from once, for 300."""
    async with AsyncExitStack() as stack:
        opened = open_chain_shop(tmp_path, schemes=("batch-settlement",))
        shop = await stack.enter_async_context(opened)
        keystore, ahead = SeedKeystore.create(), list[int]()
        keystore.save(tmp_path / "key", PASSWORD)
        signer = keystore.signer(0)
        await shop.fund(signer.address, FUNDS)
        await shop.chain.fund(signer.address, 10**18)
        policy = simple_policy(Amount(10 * PRICE, USDC))
        wallet = await stack.enter_async_context(
            open_wallet(
                signer,
                policy,
                database=tmp_path / "w.db",
                now=lambda: int(time.time()) + sum(ahead),
            )
        )
        contract = BatchSettlementClient(shop.chain.reader, shop.deployment.batch_settlement)
        sender = TransactionSender(shop.chain.reader, signer)
        withdrawals = Withdrawals(wallet.ledger.database, sender, contract)
        found = Scene(shop, wallet, withdrawals, tmp_path, ahead)
        assert await found.pay(300) == 200
        yield found


async def test_idle_escrow_comes_back_after_the_delay_and_the_seller_keeps_its_charge(
    scene: Scene,
) -> None:
    before = await scene.held()
    assert (await scene.escrow(idle_s=3_600)).stage == "in use"
    escrow = await scene.escrow()
    assert (escrow.stage, escrow.free) == ("idle", FUNDS - before - 300)
    assert await scene.withdrawals.start(escrow)
    assert await scene.withdrawals.start(escrow) == ""
    assert (await scene.escrow()).stage == "withdrawing"
    with pytest.raises(TooEarlyError):
        await scene.withdrawals.finish(await scene.escrow())
    with pytest.raises(PolicyRefusedError, match="being withdrawn"):
        await scene.pay(10)

    await scene.let_pass(901)
    ready = await scene.escrow()
    assert ready.stage == "ready"
    assert await scene.withdrawals.finish(ready) == escrow.free
    assert await scene.held() == FUNDS - 300
    assert (await scene.escrow()).stage == "empty"
    # A seller that comes late has lost nothing, and the channel serves again with a new deposit.
    worker = SettlementWorker(scene.shop.store, scene.shop.sender, scene.shop.deployment)
    await worker.claim_all()
    assert await scene.shop.token.balance(PAYEE) == 300
    assert await scene.pay(50) == 200
    await worker.claim_all()
    assert await scene.shop.token.balance(PAYEE) == 350


async def test_a_claim_in_the_delay_takes_nothing_from_what_was_asked_back(scene: Scene) -> None:
    escrow = await scene.escrow()
    await scene.withdrawals.start(escrow)
    await SettlementWorker(scene.shop.store, scene.shop.sender, scene.shop.deployment).claim_all()
    await scene.let_pass(901)
    assert await scene.withdrawals.finish(await scene.escrow()) == escrow.free
    assert await scene.held() == FUNDS - 300


async def test_a_payment_without_an_outcome_keeps_its_escrow_where_it_is(scene: Scene) -> None:
    escrow = await scene.escrow()
    [intent] = await scene.wallet.ledger.intents()
    table = IntentRow.__table__  # type: ignore[attr-defined]
    await scene.wallet.ledger.database.write(
        lambda c: c.execute(update(table).values(state="unknown"))
    )
    assert (await scene.escrow()).stage == "in use"
    with pytest.raises(InvalidInputError, match="no outcome"):
        await scene.withdrawals.start(escrow)
    await scene.wallet.ledger.settle(intent.payment_id, 300, None, None)
    assert await scene.withdrawals.start(escrow)


class Cut(TransactionSender):
    """A connection that breaks before or after a transaction has left."""

    after = False

    async def _broadcast(self, raw: bytes, purpose: str) -> str:
        if self.after:
            await super()._broadcast(raw, purpose)
        raise UnavailableError("The node does not answer.")


@pytest.mark.parametrize("after", [False, True])
async def test_each_step_can_be_repeated_after_the_connection_broke(
    scene: Scene, after: bool
) -> None:
    withdrawals = scene.withdrawals
    whole = withdrawals._sender
    cut = Cut(whole.reader, whole._signer)
    cut.after = after
    escrow = await scene.escrow()
    withdrawals._sender = cut
    with pytest.raises(TransactionPendingError):
        await withdrawals.start(escrow)
    withdrawals._sender = whole
    with pytest.raises(PolicyRefusedError):
        await scene.pay(10)
    assert bool(await withdrawals.start(escrow)) is not after
    await scene.let_pass(901)
    ready = await scene.escrow()
    withdrawals._sender = cut
    with pytest.raises(TransactionPendingError):
        await withdrawals.finish(ready)
    withdrawals._sender = whole
    await withdrawals.finish(ready)
    assert await scene.held() == FUNDS - 300
    assert await scene.pay(10) == 200


async def test_the_command_asks_back_and_takes_out(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = scene.directory / "password"
    secret.write_text(PASSWORD)
    monkeypatch.setenv("HEADWATER_PASSWORD_FILE", str(secret))
    chain = ["--rpc", scene.shop.chain.url, "--chain-id", "84532"]

    def run(*more: str) -> list[str]:
        named = [str(scene.directory / "w.db"), str(scene.directory / "key")]
        result = CliRunner().invoke(app, ["withdraw", *named, *chain, *more])
        assert result.exit_code == 0, result.stderr
        assert PASSWORD not in result.output
        return result.stdout.splitlines()[1].split("\t")[2:]

    free = str((await scene.escrow()).free)
    listed = await anyio.to_thread.run_sync(run)
    assert listed == ["in use", free, "-", "-"]
    listed = await anyio.to_thread.run_sync(run, "--idle-days", "0", "--dry-run")
    assert listed == ["idle", free, "-", "ask back"]
    asked = await anyio.to_thread.run_sync(run, "--idle-days", "0")
    assert asked[-1] == "asked back"
    await scene.let_pass(901)
    assert (await anyio.to_thread.run_sync(run))[-1] == f"took out {free}"
    assert await scene.held() == FUNDS - 300


async def test_the_channels_of_other_accounts_are_left_alone(scene: Scene) -> None:
    other = TransactionSender(scene.shop.chain.reader, LocalSigner.random())
    contract = scene.withdrawals._contract
    stranger = Withdrawals(scene.wallet.ledger.database, other, contract)
    assert await stranger.escrows(idle_s=0) == []
