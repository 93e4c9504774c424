"""The claim scheduler against the contracts: in time, once, and again after it was killed."""

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from headwater_contracts.clients.batch_settlement import BatchSettlementClient
from headwater_marketplace.chain_facilitator import ChainFacilitator
from headwater_marketplace.claim_keys import retire_claim_key
from headwater_marketplace.claim_scheduler import LEASE_S, ClaimPolicy, ClaimScheduler
from headwater_marketplace.seller.store import SellerStore
from headwater_marketplace.serving import bind, serve
from headwater_marketplace.settlement import Claimed
from headwater_payments.amount import Amount
from headwater_payments.errors import InvalidInputError, UnavailableError
from headwater_wallet.errors import PaymentRefusedError, TransactionPendingError
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.transactions import SignedTransaction, TransactionSender
from headwater_wallet.wallet import Wallet, open_wallet
from support.chain_shop import ChainShop, open_chain_shop
from support.shop import PAYEE, PRICE, USDC

pytestmark = pytest.mark.anyio

NEVER = ClaimPolicy(amount_atomic=10**9, age_s=10**9)


@dataclass
class Clock:
    """Unix seconds that pass when told to; sleeping is noted and waits for `wake`."""

    now: int = field(default_factory=lambda: int(time.time()))
    slept: list[float] = field(default_factory=list)
    at_sleep: Callable[[], None] = lambda: None

    def __call__(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += int(seconds)
        self.at_sleep()
        await anyio.lowlevel.checkpoint()


def scheduler_of(
    shop: ChainShop, clock: Clock, policy: ClaimPolicy = NEVER, **options: Any
) -> ClaimScheduler:
    sender = options.pop("sender", shop.sender)
    chain = options.pop("chain", None) or ChainFacilitator(sender, shop.deployment, clock)
    store = options.pop("store", shop.store)
    return ClaimScheduler(
        store, sender, shop.deployment, chain, policy, now=clock, sleep=clock.sleep, **options
    )


@dataclass
class Payer:
    """A wallet with money for gas, so that it can withdraw."""

    wallet: Wallet
    signer: LocalSigner
    shop: ChainShop

    async def pay(self, *charges: int) -> None:
        async with self.wallet.client(timeout=60) as client:
            for charge in charges:
                answer = await client.post(self.shop.url + "/paid/x", json={"charge": charge})
                assert answer.status_code == 200, answer.text

    @property
    def contract(self) -> BatchSettlementClient:
        return BatchSettlementClient(self.shop.chain.reader, self.shop.deployment.batch_settlement)

    async def record(self) -> Any:
        mine = [
            r for r in await self.shop.store.channels() if r.config.payer == self.wallet.address
        ]
        [found] = mine
        return found

    async def withdraw(self) -> None:
        config = (await self.record()).config
        state = await self.contract.channel((await self.record()).identifier)
        sender = TransactionSender(self.shop.chain.reader, self.signer)
        await sender.send(self.contract.initiate_withdraw(config, state.unclaimed))

    async def take_out(self) -> None:
        sender = TransactionSender(self.shop.chain.reader, self.signer)
        await sender.send(self.contract.finalize_withdraw((await self.record()).config))


async def payer_of(shop: ChainShop, stack: Any, directory: Path) -> Payer:
    signer = LocalSigner.random()
    await shop.fund(signer.address, 20 * PRICE)
    await shop.chain.fund(signer.address, 10**18)
    policy = simple_policy(Amount(10 * PRICE, USDC))
    opened = open_wallet(signer, policy, database=directory / f"{signer.address}.db")
    return Payer(await stack.enter_async_context(opened), signer, shop)


class Shop:
    """A chain shop and payers, closed together."""

    def __init__(self, directory: Path) -> None:
        self._directory, self._stack = directory, AsyncExitStack()

    async def __aenter__(self) -> "Shop":
        opened = open_chain_shop(self._directory, schemes=("batch-settlement",))
        self.shop = await self._stack.enter_async_context(opened)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    async def payer(self) -> Payer:
        return await payer_of(self.shop, self._stack, self._directory)


async def test_a_withdrawal_that_begins_is_answered_by_a_claim_before_it_ends(
    tmp_path: Path,
) -> None:
    async with Shop(tmp_path) as scene:
        shop, clock = scene.shop, Clock()
        payer = await scene.payer()
        await payer.pay(700, 50)
        scheduler = scheduler_of(shop, clock)
        assert await scheduler.look() is None

        await payer.withdraw()
        claimed = await scheduler.look()
        assert claimed is not None
        assert claimed.total == 750
        assert scheduler.statistics.withdrawals_seen == 1
        assert await shop.token.balance(PAYEE) == 750

        # The gate has heard of it: nothing more is served on what is about to go.
        with pytest.raises(PaymentRefusedError, match="withdrawal_pending"):
            await payer.pay(10)
        await shop.chain.advance_time(901)
        await payer.take_out()
        assert await shop.token.balance(PAYEE) == 750
        assert await shop.token.balance(payer.wallet.address) == 20 * PRICE - 750
        assert await scheduler.look() is None


async def test_without_a_claim_in_time_the_charge_is_lost_and_reported_once(
    tmp_path: Path,
) -> None:
    """The loss that the scheduler is there to prevent; afterwards it leaves the channel alone."""
    async with Shop(tmp_path) as scene:
        clock = Clock()
        payer = await scene.payer()
        await payer.pay(700)
        await payer.withdraw()
        await scene.shop.chain.advance_time(901)
        await payer.take_out()
        scheduler = scheduler_of(scene.shop, clock, ClaimPolicy(amount_atomic=1))
        assert await scheduler.look() is None
        clock.now += 10**6
        sent = scene.shop.sender.sent
        assert await scheduler.look() is None
        assert scene.shop.sender.sent == sent


async def test_a_charge_that_arrives_after_the_withdrawal_began_is_claimed_too(
    tmp_path: Path,
) -> None:
    async with Shop(tmp_path) as scene:
        shop, clock = scene.shop, Clock()
        payer = await scene.payer()
        await payer.pay(100)
        scheduler = scheduler_of(shop, clock)
        await scheduler.look()
        await payer.withdraw()
        # Another worker's gate has not heard of it yet, and serves.
        await payer.pay(60)
        assert (await scheduler.look() or _nothing()).total == 160
        assert await shop.token.balance(PAYEE) == 160


async def test_channels_are_claimed_by_amount_and_by_age_in_one_transaction(
    tmp_path: Path,
) -> None:
    async with Shop(tmp_path) as scene:
        shop, clock = scene.shop, Clock()
        poor, rich, other = await scene.payer(), await scene.payer(), await scene.payer()
        await poor.pay(10)
        policy = ClaimPolicy(amount_atomic=500, age_s=3_600)
        scheduler = scheduler_of(shop, clock, policy)
        assert await scheduler.look() is None
        await rich.pay(500)
        await other.pay(300, 300)
        sent = shop.sender.sent
        claimed = await scheduler.look()
        assert claimed is not None
        assert (claimed.channels, claimed.total) == (2, 1_100)
        assert shop.sender.sent == sent + 1
        clock.now += 3_590
        assert await scheduler.look() is None
        clock.now += 20
        assert (await scheduler.look() or _nothing()).total == 10
        assert await scheduler.look() is None


async def test_a_withdrawal_that_began_while_nobody_looked_is_found_at_the_start(
    tmp_path: Path,
) -> None:
    async with Shop(tmp_path) as scene:
        payer = await scene.payer()
        await payer.pay(250)
        await payer.withdraw()
        await scene.shop.chain.mine(100)
        scheduler = scheduler_of(scene.shop, Clock())
        assert (await scheduler.look() or _nothing()).total == 250


class Killed(BaseException):
    """The process ends here: no handler of ordinary errors sees it."""


class Dying(TransactionSender):
    """Ends at a chosen moment of a transaction."""

    moment = ""

    async def _broadcast(self, raw: bytes, purpose: str) -> str:
        if self.moment == "before the broadcast":
            raise Killed
        found = await super()._broadcast(raw, purpose)
        if self.moment == "after the broadcast":
            raise Killed
        return found


@pytest.mark.parametrize("moment", ["before the broadcast", "after the broadcast"])
async def test_a_scheduler_killed_in_the_middle_of_a_claim_claims_once_when_restarted(
    tmp_path: Path, moment: str
) -> None:
    async with Shop(tmp_path) as scene:
        shop, clock = scene.shop, Clock()
        payer = await scene.payer()
        await payer.pay(400)
        await payer.withdraw()
        dying = Dying(shop.chain.reader, shop.sender._signer)
        dying.moment = moment
        with pytest.raises(Killed):
            await scheduler_of(shop, clock, sender=dying).look()

        before = await shop.chain.reader.nonce(shop.sender.address)
        restarted = scheduler_of(shop, clock, store=SellerStore(shop.store.database))
        # The lease of the one that was killed still runs; nobody else claims under it.
        assert await restarted.look() is None
        clock.now += LEASE_S
        await restarted.look()
        assert await shop.token.balance(PAYEE) == 400
        sent = await shop.chain.reader.nonce(shop.sender.address) - before
        assert sent == (1 if moment == "before the broadcast" else 0)
        assert (await payer.record()).state.claimed == 400
        assert await restarted.look() is None
        assert await shop.chain.reader.nonce(shop.sender.address) - before == sent


class Slow(TransactionSender):
    """A chain that takes a transaction and does not mine it for now."""

    held: list[bytes]

    async def _broadcast(self, raw: bytes, purpose: str) -> str:
        self.held.append(raw)
        return "0x" + "00" * 32

    async def outcome(self, *versions: SignedTransaction, **options: Any) -> None:
        return None


async def test_no_second_claim_is_sent_while_the_first_is_not_mined(tmp_path: Path) -> None:
    async with Shop(tmp_path) as scene:
        shop, clock = scene.shop, Clock()
        payer = await scene.payer()
        await payer.pay(400)
        slow = Slow(shop.chain.reader, shop.sender._signer, receipt_timeout_s=0)
        slow.held = []
        scheduler = scheduler_of(shop, clock, ClaimPolicy(amount_atomic=1), sender=slow)
        for _ in range(3):
            with pytest.raises(TransactionPendingError):
                await scheduler.look()
        assert len(slow.held) == 1
        # The one that was written down is broadcast by whoever comes next, and books itself.
        clock.now += LEASE_S
        await scheduler_of(shop, clock, ClaimPolicy(amount_atomic=1)).look()
        assert await shop.token.balance(PAYEE) == 400
        assert (await payer.record()).state.claimed == 400


async def test_two_schedulers_over_the_same_books_take_turns(tmp_path: Path) -> None:
    async with Shop(tmp_path) as scene:
        clock = Clock()
        payer = await scene.payer()
        await payer.pay(400)
        policy = ClaimPolicy(amount_atomic=1)
        first, second = (scheduler_of(scene.shop, clock, policy) for _ in range(2))
        assert (await first.look() or _nothing()).total == 400
        await payer.pay(30)
        assert await second.look() is None
        assert (await first.look() or _nothing()).total == 30


class Outage:
    """A channel reader whose node is down for a number of calls."""

    def __init__(self, inner: ChainFacilitator, calls: int) -> None:
        self.inner, self.left = inner, calls

    async def channel(self, identifier: bytes) -> Any:
        if self.left:
            self.left -= 1
            raise UnavailableError("The node does not answer.")
        return await self.inner.channel(identifier)


async def test_an_outage_is_waited_out_with_growing_pauses_and_then_claimed(
    tmp_path: Path,
) -> None:
    async with Shop(tmp_path) as scene:
        shop, clock = scene.shop, Clock()
        payer = await scene.payer()
        await payer.pay(400)
        policy = ClaimPolicy(amount_atomic=1, look_every_s=5, retry_after_s=2, retry_at_most_s=9)
        chain = Outage(ChainFacilitator(shop.sender, shop.deployment, clock), 5)
        scheduler = scheduler_of(shop, clock, policy, chain=chain)
        with anyio.CancelScope() as scope:
            clock.at_sleep = lambda: scope.cancel() if clock.slept[-1] == 5 else None
            await scheduler.run()
        assert clock.slept == [2, 4, 8, 9, 9, 5]
        assert scheduler.statistics.failures_in_a_row == 0
        assert scheduler.statistics.claimed == 400
        assert "does not answer" in (scheduler.statistics.last_failure or "")
        # Having left in good order, it holds up nobody.
        await payer.pay(1)
        assert (await scheduler_of(shop, clock, policy).look() or _nothing()).total == 1


async def test_a_scheduler_runs_beside_the_server_and_ends_with_it(tmp_path: Path) -> None:
    async with Shop(tmp_path) as scene:
        clock, looked = Clock(), anyio.Event()
        payer = await scene.payer()
        await payer.pay(400)
        scheduler = scheduler_of(scene.shop, clock, ClaimPolicy(amount_atomic=1))
        clock.at_sleep = looked.set
        async with serve(scene.shop.app, bind(), beside=[scheduler.run]):
            with anyio.fail_after(30):
                await looked.wait()
        assert await scene.shop.token.balance(PAYEE) == 400


@pytest.mark.parametrize(
    "wrong",
    [{"look_every_s": 301}, {"retry_at_most_s": 900}, {"amount_atomic": 0}, {"retry_after_s": 0}],
)
def test_a_policy_that_could_miss_a_withdrawal_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        ClaimPolicy(**wrong)


async def test_a_claim_key_retires_once_its_channels_are_claimed_and_refunded(
    tmp_path: Path,
) -> None:
    async with Shop(tmp_path) as scene:
        shop, clock = scene.shop, Clock()
        payer = await scene.payer()
        await payer.pay(400)
        escrow = (await payer.contract.channel((await payer.record()).identifier)).balance
        old, new = shop.sender, LocalSigner.random()
        await shop.chain.fund(new.address, 10**18)
        newer = TransactionSender(shop.chain.reader, new)
        rekey(shop, new)

        retired = await retire_claim_key(shop.store, old, shop.deployment, clock)
        assert retired.claimed is not None
        assert (retired.claimed.total, retired.refunded, retired.left) == (400, escrow - 400, [])
        assert await shop.token.balance(payer.wallet.address) == 20 * PRICE - 400
        again = await retire_claim_key(shop.store, old, shop.deployment, clock)
        assert (again.claimed, again.refunded, again.left) == (None, 0, [])

        # The buyer goes on under the new key, which claims for itself.
        async with payer.wallet.client(timeout=60) as client:
            answer = await client.post(shop.url + "/paid/x", json={"charge": 30})
            assert answer.status_code == 200
        claimed = await scheduler_of(shop, clock, ClaimPolicy(amount_atomic=1), sender=newer).look()
        assert (claimed or _nothing()).total == 30


def rekey(shop: ChainShop, signer: LocalSigner) -> None:
    shop.app._signer = signer
    shop.app._gate = replace(shop.app._gate, authorizer=signer.address)


def _nothing() -> Any:
    return Claimed()
