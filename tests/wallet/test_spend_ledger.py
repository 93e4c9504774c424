"""The spend ledger: nothing is signed beyond the budget, whatever happens in whatever order."""

import multiprocessing
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from headwater_contracts.reader import Block
from headwater_payments.amount import Amount
from headwater_payments.batch_payload import token_domain
from headwater_payments.channels import ChannelBusyError, ChargeAboveCapError
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.exact import sign_exact
from headwater_payments.x402 import PaymentPayload, PaymentRequirements
from headwater_wallet.database import Database
from headwater_wallet.errors import BudgetExceededError, PaymentError, SellerMisbehavedError
from headwater_wallet.keys import LocalSigner
from headwater_wallet.spend_ledger import SpendLedger
from headwater_wallet.spend_records import Intent
from headwater_wallet.tables import MAX_STORED, WalletTable
from headwater_wallet.transfer_ends import TransferEnds
from support.paying import channel_terms, new_payment
from support.shop import PAYEE, USDC

LIMIT = 10_000


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[SpendLedger]:
    async with Database(database_url, WalletTable.metadata) as database:
        opened = SpendLedger(database, "b")
        await opened.set_limit(Amount(LIMIT, USDC))
        yield opened


async def send(ledger: SpendLedger, payment: int, atomic: int, **channel: Any) -> Intent:
    intent = await ledger.reserve(new_payment(payment, atomic), channel_terms(**channel))
    await ledger.mark_sent(intent.payment_id, f"header-{payment}")
    return intent


@pytest.mark.anyio
async def test_settling_twice_is_settling_once(ledger: SpendLedger) -> None:
    intent = await send(ledger, 1, 1_000)
    first = await ledger.settle(intent.payment_id, 300, None, "receipt")
    again = await ledger.settle(intent.payment_id, 900, None, "another")
    assert (first.charge, again.charge, again.receipt) == (300, 300, "receipt")
    [channel] = (await ledger.channels()).values()
    assert (channel.charged, channel.reserved) == (300, 0)
    assert (await ledger.budget()).charged == 300


@pytest.mark.anyio
async def test_a_payment_that_never_left_gives_everything_back(ledger: SpendLedger) -> None:
    for scheme_channel in (channel_terms(), None):
        intent = await ledger.reserve(new_payment(1, 1_000), scheme_channel)
        assert (await ledger.budget()).used == 1_000
        await ledger.release(intent.payment_id, never_sent=True)
        assert (await ledger.budget()).used == 0
    [channel] = (await ledger.channels()).values()
    assert (channel.signed, channel.reserved) == (0, 0)


@pytest.mark.anyio
async def test_a_payment_that_left_gives_nothing_back(ledger: SpendLedger) -> None:
    intent = await send(ledger, 1, 1_000)
    await ledger.release(intent.payment_id)
    assert (await ledger.budget()).used == 1_000
    [channel] = (await ledger.channels()).values()
    assert (channel.signed, channel.reserved) == (1_000, 0)


@pytest.mark.anyio
async def test_a_charge_that_comes_after_the_release_is_booked_once(ledger: SpendLedger) -> None:
    intent = await send(ledger, 1, 1_000)
    await ledger.release(intent.payment_id)
    await ledger.settle(intent.payment_id, 400, None, None)
    [channel] = (await ledger.channels()).values()
    assert (channel.charged, channel.reserved, channel.signed) == (400, 0, 1_000)
    assert (await ledger.budget()).used == 1_000


@pytest.mark.anyio
@pytest.mark.parametrize("with_channel", [True, False])
async def test_a_charge_for_what_was_given_back_takes_it_again(
    ledger: SpendLedger, with_channel: bool
) -> None:
    terms = channel_terms() if with_channel else None
    intent = await ledger.reserve(new_payment(1, 1_000), terms)
    await ledger.release(intent.payment_id, never_sent=True)
    await ledger.settle(intent.payment_id, 1_000, None, None)
    budget = await ledger.budget()
    assert (budget.used, budget.charged) == (1_000, 1_000)


@pytest.mark.anyio
async def test_a_released_reservation_is_not_sent(ledger: SpendLedger) -> None:
    intent = await ledger.reserve(new_payment(1, 1_000), channel_terms())
    await ledger.release(intent.payment_id, never_sent=True)
    with pytest.raises(PaymentError, match="released"):
        await ledger.mark_sent(intent.payment_id, "header")


async def signed_at(now: int) -> str:
    """A transfer of 1,000 atomic units that was signed then, for a minute."""
    extra = {"name": "USDC", "version": "2"}
    terms = PaymentRequirements(
        scheme="exact",
        network=USDC.network,
        asset=USDC.address,
        amount="1000",
        pay_to=PAYEE,
        max_timeout_seconds=60,
        extra=extra,
    )
    domain = token_domain(extra, USDC.address, USDC.chain_id)
    nonce = now.to_bytes(32, "big")
    signed = await sign_exact(LocalSigner.random(), terms, domain, now=now, nonce=nonce)
    return PaymentPayload(accepted=terms, payload=signed.to_json()).to_header()


@pytest.mark.anyio
async def test_a_signature_made_while_the_chain_was_asked_for_the_last_one_stays_counted(
    ledger: SpendLedger,
) -> None:
    payment = new_payment(1, 1_000, "exact")
    await ledger.reserve(payment, None)
    await ledger.mark_sent(payment.payment_id, await signed_at(1_000))
    await ledger.release(payment.payment_id)
    live = await signed_at(2_100)

    class TriedAgainMeanwhile(TransferEnds):
        async def taken(self, paid: PaymentPayload, signed_at: int, last: Block) -> int | None:
            del paid, signed_at, last
            await ledger.reserve(replace(payment, created_at=2_100), None)
            await ledger.mark_sent(payment.payment_id, live)
            return 0

    async def newest(number: int = 100) -> Any:
        return SimpleNamespace(number=number, timestamp=2_000)

    async def height() -> int:
        return 100

    reader: Any = SimpleNamespace(
        expected_chain_id=USDC.chain_id, block=newest, block_number=height
    )
    assert await TriedAgainMeanwhile(reader).settle(ledger) == []
    [intent] = await ledger.intents()
    assert (intent.state, intent.header, intent.budgeted) == ("sent", live, 1_000)
    assert (await ledger.budget()).used >= 1_000


@pytest.mark.anyio
async def test_a_payment_known_by_its_id_is_returned_with_its_signature(
    ledger: SpendLedger,
) -> None:
    await send(ledger, 1, 1_000)
    again = await ledger.reserve(new_payment(1, 999), channel_terms())
    assert (again.header, again.amount, again.state) == ("header-1", 1_000, "sent")
    assert (await ledger.budget()).used == 1_000


@pytest.mark.anyio
async def test_a_sequential_channel_carries_one_payment_at_a_time(ledger: SpendLedger) -> None:
    await send(ledger, 1, 1_000, concurrent=False)
    with pytest.raises(ChannelBusyError):
        await send(ledger, 2, 1_000, concurrent=False)


@pytest.mark.anyio
@pytest.mark.parametrize("total", [0, 299, 301, 5_000])
async def test_a_sequential_total_must_follow_from_the_charges(
    ledger: SpendLedger, total: int
) -> None:
    intent = await send(ledger, 1, 1_000, concurrent=False)
    with pytest.raises(ChargeAboveCapError):
        await ledger.settle(intent.payment_id, 300, total, None)
    [open_intent] = await ledger.intents()
    assert open_intent.state == "sent"


@pytest.mark.anyio
async def test_a_total_beyond_everything_signed_is_refused(ledger: SpendLedger) -> None:
    intent = await send(ledger, 1, 1_000)
    with pytest.raises(ChargeAboveCapError, match="1001 exceeds the 1000"):
        await ledger.settle(intent.payment_id, 300, None, None, total_at_most_signed=1_001)


@pytest.mark.anyio
async def test_a_blocked_channel_signs_nothing_more(ledger: SpendLedger) -> None:
    await send(ledger, 1, 1_000)
    await ledger.block(channel_terms().identifier, "it lied\0")
    with pytest.raises(SellerMisbehavedError, match=r"it lied\\x00"):
        await send(ledger, 2, 1_000)
    await send(ledger, 3, 1_000, number=7)


@pytest.mark.anyio
async def test_a_lost_ledger_learns_what_its_own_signature_proves(ledger: SpendLedger) -> None:
    await send(ledger, 1, 1_000)
    identifier = channel_terms().identifier
    with pytest.raises(SellerMisbehavedError):
        await ledger.adopt(identifier, 6_000)
    await ledger.adopt(identifier, 6_000, signed=8_000)
    [channel] = (await ledger.channels()).values()
    assert (channel.charged, channel.signed) == (6_000, 8_000)


@pytest.mark.anyio
async def test_a_sellers_figure_beyond_64_bits_does_no_harm(ledger: SpendLedger) -> None:
    await send(ledger, 1, 1_000)
    await ledger.deposited(channel_terms().identifier, 2**127)
    [channel] = (await ledger.channels()).values()
    assert channel.balance == MAX_STORED
    with pytest.raises(InvalidInputError):
        await ledger.adopt(channel_terms().identifier, 5, signed=2**127)
    with pytest.raises(InvalidInputError):
        await ledger.set_limit(Amount(2**63, USDC))


@pytest.mark.anyio
async def test_budgets_over_one_database_are_apart(database_url: str) -> None:
    async with Database(database_url, WalletTable.metadata) as database:
        one, two = SpendLedger(database, "one"), SpendLedger(database, "two")
        await one.set_limit(Amount(1_000, USDC))
        await two.set_limit(Amount(1_000, USDC))
        await one.reserve(new_payment(1, 1_000), None)
        with pytest.raises(BudgetExceededError):
            await one.reserve(new_payment(2, 1), None)
        await two.reserve(new_payment(3, 1_000), None)
        # A release is credited to the budget that reserved, whoever asks for it.
        await two.release("payment-1", never_sent=True)
        assert ((await one.budget()).used, (await two.budget()).used) == (0, 1_000)


@pytest.mark.anyio
async def test_an_unknown_payment_or_budget_is_invalid_input(ledger: SpendLedger) -> None:
    for attempt in (
        ledger.settle("nobody", 1, None, None),
        ledger.release("nobody"),
        ledger.mark_sent("nobody", "h"),
        SpendLedger(ledger._database, "other").reserve(new_payment(1, 1), None),
    ):
        with pytest.raises(InvalidInputError):
            await attempt


SEEN: Counter[str] = Counter()


class LedgerMachine(RuleBasedStateMachine):
    """The ledger against a dictionary of payments from which every total is summed anew."""

    payments: Bundle[str] = Bundle("payments")
    limit = 4_000

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._portal_context = start_blocking_portal()
        self._portal = self._portal_context.__enter__()
        url = f"sqlite:///{self._folder.name}/machine.db"
        self.database = Database(url, WalletTable.metadata)
        self.ledger = SpendLedger(self.database, "b")
        self.known: dict[str, dict[str, Any]] = {}
        self.next = 0

    def teardown(self) -> None:
        self.database.close()
        self._portal_context.__exit__(None, None, None)
        self._folder.cleanup()

    def call(self, function: Any, *arguments: Any, **named: Any) -> Any:
        async def run() -> Any:
            return await function(*arguments, **named)

        return self._portal.call(run)

    @initialize()
    def open(self) -> None:
        self.call(self.ledger.set_limit, Amount(self.limit, USDC))

    @rule(
        target=payments,
        amount=st.integers(1, 3_000),
        channel=st.sampled_from(["exact", "a", "a", "b", "sequential"]),
        leaves=st.booleans(),
    )
    def reserve(self, amount: int, channel: str, leaves: bool) -> Any:
        self.next += 1
        terms = {
            "exact": None,
            "a": channel_terms(0),
            "b": channel_terms(1),
            "sequential": channel_terms(2, concurrent=False),
        }[channel]
        before = self.call(self.ledger.budget)
        try:
            intent = self.call(self.ledger.reserve, new_payment(self.next, amount), terms)
        except (BudgetExceededError, ChannelBusyError) as exc:
            SEEN[f"refused {type(exc).__name__}"] += 1
            assert self.call(self.ledger.budget) == before
            return multiple()
        SEEN["reserved"] += 1
        if leaves:
            self.call(self.ledger.mark_sent, intent.payment_id, "h")
        self.known[intent.payment_id] = {
            "channel": channel,
            "amount": amount,
            "max": intent.max_claimable,
            "left": leaves,
            "state": "sent" if leaves else "reserved",
            "charge": 0,
        }
        return intent.payment_id

    @rule(payment=payments, part=st.integers(0, 110), wrong=st.integers(0, 2))
    def settle(self, payment: str, part: int, wrong: int) -> None:
        known = self.known[payment]
        charge = known["amount"] * part // 100
        total = None
        if known["channel"] == "sequential":
            total = self.summed("sequential", "charge") + charge + (wrong if wrong == 1 else 0)
        legal = charge <= known["amount"] and not (wrong == 1 and total is not None)
        try:
            self.call(self.ledger.settle, payment, charge, total, None)
        except ChargeAboveCapError:
            assert not legal
            SEEN["refused charge"] += 1
            return
        if known["state"] == "settled":
            SEEN["settled again"] += 1
            return
        assert legal
        SEEN["settled"] += 1
        known.update(state="settled", charge=charge, left=True)

    @rule(payment=payments, above=st.integers(1, 3_000))
    def overcharge(self, payment: str, above: int) -> None:
        known = self.known[payment]
        if known["state"] == "settled":
            return
        with pytest.raises(ChargeAboveCapError):
            self.call(self.ledger.settle, payment, known["amount"] + above, None, None)
        SEEN["refused charge"] += 1

    @rule(payment=consumes(payments))
    def release(self, payment: str) -> None:
        known = self.known[payment]
        self.call(self.ledger.release, payment, never_sent=not known["left"])
        if known["state"] != "settled":
            SEEN["released sent" if known["left"] else "released unsent"] += 1
            known["state"] = "released"

    @rule(payment=payments)
    def lose(self, payment: str) -> None:
        self.call(self.ledger.mark_unknown, payment)
        if self.known[payment]["state"] in ("reserved", "sent"):
            SEEN["lost"] += 1
            self.known[payment].update(state="unknown", left=True)

    @rule(channel=st.integers(0, 1), short=st.integers(0, 3_000))
    def adopt(self, channel: int, short: int) -> None:
        """A seller states a total that our signature covers; more than that is refused."""
        identifier = channel_terms(channel).identifier
        view = self.call(self.ledger.channels).get(identifier)
        if view is not None:
            with pytest.raises(SellerMisbehavedError):
                self.call(self.ledger.adopt, identifier, view.signed + 1 + short)
            SEEN["refused total"] += 1

    def summed(self, channel: str, member: str, *states: str) -> int:
        return sum(
            p[member]
            for p in self.known.values()
            if p["channel"] == channel and (not states or p["state"] in states)
        )

    @invariant()
    def the_books_agree(self) -> None:
        budget = self.call(self.ledger.budget)
        if not self.known:
            return
        views = self.call(self.ledger.channels)
        names = {channel_terms(i).identifier: n for i, n in enumerate(("a", "b", "sequential"))}
        for identifier, view in views.items():
            name = names[identifier]
            assert view.charged == self.summed(name, "charge")
            assert view.reserved == self.summed(name, "amount", "reserved", "sent", "unknown")
            assert view.charged + view.reserved <= view.signed
            out = [p["max"] for p in self.known.values() if p["channel"] == name and p["left"]]
            assert view.signed >= max(out, default=0)
        exact = sum(
            p["amount"]
            for p in self.known.values()
            if p["channel"] == "exact" and (p["left"] or p["state"] == "reserved")
        )
        assert budget.used == sum(view.signed for view in views.values()) + exact
        assert budget.used <= self.limit
        assert budget.charged == sum(p["charge"] for p in self.known.values()) <= budget.used


def test_the_ledger_agrees_with_a_dictionary_of_payments() -> None:
    SEEN.clear()
    # The same runs every time, so that the counts below say something about this machine.
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(max_examples=40, stateful_step_count=30, deadline=None, derandomize=True),
    )
    needed = {
        "reserved": 60,
        "settled": 15,
        "settled again": 3,
        "refused BudgetExceededError": 5,
        "refused charge": 3,
        "refused total": 5,
        "released sent": 3,
        "released unsent": 3,
        "lost": 5,
    }
    thin = {name: SEEN[name] for name, least in needed.items() if SEEN[name] < least}
    assert not thin, f"the machine idled: {thin} of {SEEN}"


DOLLAR = 1_000_000
TASKS = 50


def _spend(url: str, worker: int, queue: Any) -> None:
    """One process of four: fifty tasks that pay from one budget at once, each until it is refused.

    Half of them pay by single transfers of different prices, half by vouchers of two channels.
    """
    paid: list[tuple[int | None, int]] = []
    refused: list[tuple[int, int]] = []

    async def pay(ledger: SpendLedger, number: int) -> None:
        channel = None if number % 2 else number // 2 % 2
        price = 1_000 + 970 * number
        for turn in range(4):
            payment = new_payment(f"{worker}-{number}-{turn}", price)
            terms = None if channel is None else channel_terms(channel, deposit_limit=DOLLAR)
            try:
                intent = await ledger.reserve(payment, terms)
            except BudgetExceededError as refusal:
                details = refusal.details
                return refused.append((int(str(details["needed"])), int(str(details["left"]))))
            paid.append((channel, intent.max_claimable or price))
            await ledger.mark_sent(intent.payment_id, "h")
            await ledger.settle(intent.payment_id, price, None, None)

    async def run() -> None:
        async with Database(url, WalletTable.metadata) as database:
            ledger = SpendLedger(database, "b")
            async with anyio.create_task_group() as group:
                for number in range(TASKS):
                    group.start_soon(pay, ledger, number)

    try:
        anyio.run(run)
    except HeadwaterError as exc:
        queue.put(exc.message)
        raise
    queue.put((paid, refused))


def test_fifty_tasks_in_four_processes_spend_one_dollar_and_no_more(database_url: str) -> None:
    async def open_budget() -> None:
        async with Database(database_url, WalletTable.metadata) as database:
            await SpendLedger(database, "b").set_limit(Amount(DOLLAR, USDC))

    anyio.run(open_budget)
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["headwater_wallet.spend_ledger"])
    queue = forks.Queue()
    workers = [forks.Process(target=_spend, args=(database_url, i, queue)) for i in range(4)]
    for worker in workers:
        worker.start()
    reports = [queue.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 4, reports
    paid = [payment for report in reports for payment in report[0]]
    refused = [refusal for report in reports for refusal in report[1]]
    # Every voucher is a new one, and transfers and both highest vouchers are all that was signed.
    vouchers = [payment for payment in paid if payment[0] is not None]
    assert len(set(vouchers)) == len(vouchers) > 20
    highest = [max(most for number, most in vouchers if number == channel) for channel in (0, 1)]
    signed = sum(price for number, price in paid if number is None) + sum(highest)
    assert signed <= DOLLAR
    # Nobody was refused what was left, as it was told then and as nothing was given back since.
    assert len(refused) > 100
    assert all(left < needed for needed, left in refused)
    assert min(needed for needed, _ in refused) > DOLLAR - signed

    async def books() -> None:
        async with Database(database_url, WalletTable.metadata) as database:
            ledger = SpendLedger(database, "b")
            budget = await ledger.budget()
            assert budget.used == budget.charged == signed
            await ledger.check_audit()

    anyio.run(books)
