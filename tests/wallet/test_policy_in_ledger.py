"""Policies over a real ledger: windows, sub-budgets, the kill switch, the breaker, people."""

import multiprocessing
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from headwater_payments.address import Address
from headwater_payments.amount import Amount
from headwater_payments.errors import HeadwaterError, InvalidInputError, UnavailableError
from headwater_payments.pricing import TokenPrice
from headwater_wallet.approvals import Approval, Decision
from headwater_wallet.database import Database
from headwater_wallet.errors import (
    ApprovalDeniedError,
    ApprovalPendingError,
    BudgetExceededError,
    CircuitOpenError,
    PolicyRefusedError,
    WalletStoppedError,
    WindowExceededError,
)
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import (
    CircuitBreaker,
    PaymentRequest,
    Rule,
    SpendHistory,
    SpendPolicy,
    Window,
    simple_policy,
)
from headwater_wallet.reputation import ListedReputations
from headwater_wallet.spend_ledger import SpendLedger
from headwater_wallet.spend_records import Permit
from headwater_wallet.tables import WalletTable
from headwater_wallet.wallet import Wallet, open_wallet
from support.paying import URL, channel_terms, new_payment
from support.shop import PAYEE, PRICE, USDC, Shop

pytestmark = pytest.mark.anyio
ALLOW = Rule("allow", "anything")
ASK = Rule("ask", "it is above what needs nobody", above=PRICE - 1)


def policy(*rules: Rule, limit: int = 1_000_000, **more: Any) -> SpendPolicy:
    return SpendPolicy(Amount(limit, USDC), rules or (ALLOW,), **more)


def permit(checked: SpendPolicy, atomic: int, now: int = 1_000) -> Permit:
    request = PaymentRequest(Amount(atomic, USDC), PAYEE, "http://shop.test", URL)

    def decide(history: SpendHistory, newly_signed: int) -> None:
        checked.check(request, history, newly_signed=newly_signed, now=now)

    return decide


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[SpendLedger]:
    async with Database(database_url, WalletTable.metadata) as database:
        opened = SpendLedger(database, "b")
        await opened.set_limit(Amount(10_000, USDC))
        yield opened


async def shop_wallet(shop: Shop, checked: SpendPolicy, **more: Any) -> Wallet:
    signer = LocalSigner.random()
    shop.chain.wallets[signer.address] = 10_000_000
    more.setdefault("database", shop.directory / "policy.db")
    return await shop.stack.enter_async_context(open_wallet(signer, checked, **more))


async def test_a_window_counts_what_was_signed_not_what_was_charged(ledger: SpendLedger) -> None:
    hourly = permit(policy(windows=(Window(3_600, most=1_500),)), 1_000)
    await ledger.reserve(new_payment(1, 1_000), channel_terms(), None, hourly)
    await ledger.mark_sent("payment-1", "h")
    await ledger.settle("payment-1", 100, None, None)
    # The second voucher stands on the 900 that were signed and not charged.
    await ledger.reserve(new_payment(2, 600), channel_terms(), None, hourly)
    await ledger.reserve(new_payment(3, 700), channel_terms(), None, hourly)
    with pytest.raises(WindowExceededError, match="100 are left"):
        await ledger.reserve(new_payment(4, 200), channel_terms(), None, hourly)


async def test_a_payment_that_never_left_leaves_its_window(ledger: SpendLedger) -> None:
    hourly = permit(policy(windows=(Window(3_600, most=1_000),)), 1_000)
    for number in range(3):
        await ledger.reserve(new_payment(number, 1_000), None, None, hourly)
        await ledger.release(f"payment-{number}", never_sent=True)
    await ledger.reserve(new_payment(4, 1_000), None, None, hourly)
    await ledger.release("payment-4")
    with pytest.raises(WindowExceededError):
        await ledger.reserve(new_payment(5, 1), None, None, hourly)


async def test_an_id_that_is_paid_again_does_not_leave_the_window(ledger: SpendLedger) -> None:
    twice = permit(policy(windows=(Window(3_600, most=2_000),)), 1_000)
    for _ in range(2):
        await ledger.reserve(new_payment(1, 1_000), None, None, twice)
        await ledger.release("payment-1")
    with pytest.raises(WindowExceededError):
        await ledger.reserve(new_payment(1, 1), None, None, twice)
    assert (await ledger.budget()).used == 2_000


async def test_a_child_budget_uses_up_its_parent_and_never_more(ledger: SpendLedger) -> None:
    child = SpendLedger(ledger._database, "child")
    await child.set_limit(Amount(8_000, USDC))
    await child.spend_from("b")
    await child.reserve(new_payment(1, 6_000), None)
    assert (await ledger.budget()).used == (await child.budget()).used == 6_000
    with pytest.raises(BudgetExceededError, match="'child' has 2000"):
        await child.reserve(new_payment(2, 3_000), None)
    await ledger.reserve(new_payment(3, 3_000), None)
    assert (await child.budget()).left == 1_000
    with pytest.raises(BudgetExceededError, match="'b' has 1000"):
        await child.reserve(new_payment(4, 2_000), None)
    await child.release("payment-1", never_sent=True)
    assert (await ledger.budget()).used == 3_000


async def test_budgets_form_no_circle_and_hide_no_past(ledger: SpendLedger) -> None:
    child = SpendLedger(ledger._database, "child")
    await child.set_limit(Amount(8_000, USDC))
    for wrong in (ledger.spend_from("b"), child.spend_from("nobody")):
        with pytest.raises(InvalidInputError):
            await wrong
    await child.reserve(new_payment(1, 10), None)
    with pytest.raises(InvalidInputError, match="spent already"):
        await child.spend_from("b")
    await child.release("payment-1", never_sent=True)
    await child.spend_from("b")
    await child.spend_from("b")
    with pytest.raises(InvalidInputError, match="itself"):
        await ledger.spend_from("child")


async def test_a_stop_refuses_what_is_new_and_what_is_signed_but_still_here(
    ledger: SpendLedger,
) -> None:
    await ledger.reserve(new_payment(1, 1_000), channel_terms())
    await ledger.reserve(new_payment(2, 1_000), channel_terms())
    await ledger.mark_sent("payment-2", "h")
    await ledger.stop("the operator said so")
    for refused in (
        ledger.reserve(new_payment(3, 1), None),
        ledger.reserve(new_payment(2, 1_000), channel_terms()),
        ledger.mark_sent("payment-1", "h"),
    ):
        with pytest.raises(WalletStoppedError, match="the operator said so"):
            await refused
    # What has left is settled all the same.
    await ledger.settle("payment-2", 400, None, None)
    await ledger.resume()
    assert await ledger.stopped() is None
    await ledger.mark_sent("payment-1", "h")


async def test_a_stop_while_the_signer_signs_gives_the_money_back(shop: Shop) -> None:
    wallet = await shop_wallet(shop, policy())
    signer = wallet.buyer.signer

    class Slow:
        address = signer.address

        async def sign_typed_data(self, typed: Any) -> bytes:
            await wallet.ledger.stop("now")
            return await signer.sign_typed_data(typed)

    wallet.buyer.signer = Slow()
    async with shop.client(wallet) as client:
        with pytest.raises(WalletStoppedError):
            await client.post("/paid/x", json={})
    assert shop.served == []
    assert (await wallet.budget()).used == 0
    assert [intent.state for intent in await wallet.ledger.intents()] == ["released"]


async def test_a_seller_that_keeps_failing_is_left_alone_for_a_while(shop: Shop) -> None:
    clock = [1_000_000]
    breaker = CircuitBreaker(failures=2, pause_s=30)
    wallet = await shop_wallet(shop, policy(breaker=breaker), now=lambda: clock[0])
    broken = True

    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("down", request=request)

    down = httpx.MockTransport(answer)
    up = httpx.ASGITransport(shop.app)  # type: ignore[arg-type]

    class Wire(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return await (down if broken else up).handle_async_request(request)

    async with wallet.client(transport=Wire(), base_url="http://shop.test") as client:
        broken = False
        await client.post("/paid/x", json={"charge": 1})
        broken = True
        for _ in range(2):
            with pytest.raises(httpx.ConnectError):
                await client.post("/paid/x", json={})
        with pytest.raises(CircuitOpenError) as refusal:
            await client.post("/paid/x", json={})
        assert refusal.value.details["retry_after_s"] == 30
        clock[0] += 30
        with pytest.raises(httpx.ConnectError):
            await client.post("/paid/x", json={})
        with pytest.raises(CircuitOpenError):
            await client.post("/paid/x", json={})
        clock[0] += 30
        broken = False
        assert (await client.post("/paid/x", json={"charge": 1})).status_code == 200
        broken = True
        with pytest.raises(httpx.ConnectError):
            await client.post("/paid/x", json={})
        broken = False
        assert (await client.post("/paid/x", json={"charge": 1})).status_code == 200


async def test_a_person_decides_and_their_reason_reaches_the_caller(shop: Shop) -> None:
    asked: list[Approval] = []
    answers = [Decision(True), Decision(False, "too dear for a Sunday")]

    async def approver(approval: Approval) -> Decision:
        asked.append(approval)
        return answers[len(asked) - 1]

    wallet = await shop_wallet(shop, policy(ASK, ALLOW), approver=approver)
    async with shop.client(wallet) as client:
        assert (await client.post("/paid/x", json={"charge": 1})).status_code == 200
        with pytest.raises(ApprovalDeniedError, match="too dear for a Sunday"):
            await client.post("/paid/x", json={})
        # A person is not asked again and again.
        with pytest.raises(ApprovalDeniedError, match="too dear for a Sunday"):
            await client.post("/paid/x", json={})
    assert [each.amount for each in asked] == [PRICE, PRICE]
    states = {each.state for each in await wallet.ledger.approvals.all()}
    assert states == {"used", "denied"}
    assert (await wallet.budget()).used == PRICE


async def test_an_approval_outlives_the_process_that_asked(shop: Shop) -> None:
    database = shop.directory / "restart.db"
    signer = LocalSigner.random()
    shop.chain.wallets[signer.address] = 10_000_000
    checked = policy(ASK, ALLOW)
    async with open_wallet(signer, checked, database=database) as wallet:
        async with shop.client(wallet) as client:
            names = set()
            for _ in range(2):
                with pytest.raises(ApprovalPendingError) as pending:
                    await client.post("/paid/x", json={})
                names.add(pending.value.details["approval"])
        assert (await wallet.budget()).used == 0
    [name] = names
    async with Database(f"sqlite:///{database}", WalletTable.metadata) as elsewhere:
        book = SpendLedger(elsewhere, "another").approvals
        now = (await book.all())[0].asked_at
        await book.decide(str(name), Decision(True, "fine"), now)
        with pytest.raises(InvalidInputError, match="approved already"):
            await book.decide(str(name), Decision(False), now)
    async with open_wallet(signer, checked, database=database) as wallet:
        async with shop.client(wallet) as client:
            assert (await client.post("/paid/x", json={"charge": 1})).status_code == 200
            with pytest.raises(ApprovalPendingError):
                await client.post("/paid/x", json={})
        questions = await wallet.ledger.approvals.all()
        second, first = sorted(questions, key=lambda each: each.state)
        [intent] = await wallet.ledger.intents()
        assert (first.state, first.payment_id) == ("used", intent.payment_id)
        assert second.state == "pending"


async def test_an_approver_that_dies_leaves_the_question_open(shop: Shop) -> None:
    async def approver(approval: Approval) -> Decision:
        raise OSError("the line is dead")

    wallet = await shop_wallet(shop, policy(ASK), approver=approver)
    async with shop.client(wallet) as client:
        with pytest.raises(OSError, match="dead"):
            await client.post("/paid/x", json={})
    [open_question] = await wallet.ledger.approvals.all("pending")
    assert open_question.reason == ASK.reason
    assert (await wallet.budget()).used == 0


async def test_two_payments_at_once_are_two_questions(shop: Shop) -> None:
    together = anyio.Event()
    asked: list[str] = []

    async def approver(approval: Approval) -> Decision:
        asked.append(approval.id)
        if len(asked) == 2:
            together.set()
        await together.wait()
        return Decision(True)

    wallet = await shop_wallet(shop, policy(ASK), approver=approver)
    answers: list[int] = []

    async def buy(client: httpx.AsyncClient) -> None:
        answers.append((await client.post("/paid/x", json={"charge": 1})).status_code)

    with anyio.fail_after(20):
        async with shop.client(wallet) as client, anyio.create_task_group() as group:
            group.start_soon(buy, client)
            group.start_soon(buy, client)
    assert answers == [200, 200]
    assert len(set(asked)) == 2


async def test_a_first_payment_and_a_risen_price_are_seen(ledger: SpendLedger) -> None:
    rules = (
        Rule("deny", "a stranger gets small sums", first_payment=True, above=500),
        Rule("deny", "its price went up", price_rise_percent=10),
        ALLOW,
    )
    checked = policy(*rules)
    with pytest.raises(PolicyRefusedError, match="stranger"):
        await ledger.reserve(new_payment(1, 501), None, None, permit(checked, 501))
    await ledger.reserve(new_payment(2, 500), None, None, permit(checked, 500))
    await ledger.reserve(new_payment(3, 550), None, None, permit(checked, 550))
    with pytest.raises(PolicyRefusedError, match="went up"):
        await ledger.reserve(new_payment(4, 606), None, None, permit(checked, 606))


async def test_what_a_seller_states_of_its_tokens_price_is_judged_before_anything_is_signed(
    shop: Shop,
) -> None:
    cheap = Rule("allow", "cheap", most_per_thousand_input=2_000, most_per_thousand_output=8_000)
    wallet = await shop_wallet(shop, policy(cheap))
    [offer] = shop.app._offers
    async with shop.client(wallet) as client:
        with pytest.raises(PolicyRefusedError, match="No rule"):
            await client.post("/paid/x", json={})
        for price, paid in ((TokenPrice(2_000, 8_001), False), (TokenPrice(2_000, 8_000), True)):
            shop.app._offers = (replace(offer, token_price=price),)
            if paid:
                assert (await client.post("/paid/x", json={"charge": 1})).status_code == 200
            else:
                with pytest.raises(PolicyRefusedError, match="No rule"):
                    await client.post("/paid/x", json={})
        assert len(await wallet.ledger.intents()) == 1
        # Known terms are judged as they were stated; a seller that changes them is asked anew.
        verdict = await wallet.buyer.would_pay(
            Amount(1, USDC), PAYEE, "http://shop.test/paid/x", TokenPrice(9_000, 1)
        )
        assert verdict.code == "policy_refused"


async def test_a_token_that_became_dearer_is_noticed_at_the_same_ceiling_after_a_restart(
    shop: Shop,
) -> None:
    dearer = Rule("deny", "its tokens became dearer", token_price_rise_percent=10)
    [offer] = shop.app._offers
    signer = LocalSigner.random()
    shop.chain.wallets[signer.address] = 10_000_000
    prices: list[tuple[TokenPrice | None, bool]] = [
        (TokenPrice(2_000, 8_000), True),
        (TokenPrice(2_200, 8_800), True),
        (TokenPrice(2_421, 9_000), False),
        (TokenPrice(2_000, 9_681), False),
        (TokenPrice(2_200, 8_800, per_request=1), False),
        (None, False),
        (TokenPrice(2_420, 9_680), True),
    ]
    for price, paid in prices:
        shop.app._offers = (replace(offer, token_price=price),)
        # The seller's terms are not in memory any more; the payments are in the ledger.
        async with (
            open_wallet(
                signer, policy(dearer, ALLOW), database=shop.directory / "unit.db"
            ) as wallet,
            shop.client(wallet) as client,
        ):
            if paid:
                assert (await client.post("/paid/x", json={"charge": 1})).status_code == 200
            else:
                with pytest.raises(PolicyRefusedError, match="dearer"):
                    await client.post("/paid/x", json={})


async def test_a_payment_that_is_still_being_signed_does_not_hide_what_tokens_cost_before(
    shop: Shop,
) -> None:
    dearer = Rule("deny", "its tokens became dearer", token_price_rise_percent=10)
    [offer] = shop.app._offers
    shop.app._offers = (replace(offer, token_price=TokenPrice(1, 1)),)
    wallet = await shop_wallet(shop, policy(dearer, ALLOW))
    async with shop.client(wallet) as client:
        assert (await client.post("/paid/x", json={"charge": 1})).status_code == 200
        [paid] = await wallet.ledger.intents()
        unsigned = replace(new_payment(7, 10, "exact"), url=paid.url)
        await wallet.ledger.reserve(unsigned, None)
        shop.app._offers = (replace(offer, token_price=TokenPrice(2, 2)),)
        wallet.buyer.known_terms.clear()
        with pytest.raises(PolicyRefusedError, match="dearer"):
            await client.post("/paid/x", json={})


async def test_a_least_reputation_is_looked_up_where_a_rule_wants_it_and_only_there(
    shop: Shop,
) -> None:
    asked: list[tuple[str, str]] = []

    class Registry:
        async def reputation(self, payee: Address, origin: str) -> int | None:
            asked.append((payee, origin))
            if len(asked) == 3:
                raise UnavailableError("The registry is away.")
            return (None, 59, 0, 60)[len(asked) - 1]

    known = Rule("allow", "known", least_reputation=60)
    wallet = await shop_wallet(shop, policy(known), reputations=Registry())
    async with shop.client(wallet) as client:
        for _ in range(2):
            with pytest.raises(PolicyRefusedError):
                await client.post("/paid/x", json={})
        with pytest.raises(UnavailableError, match="registry"):
            await client.post("/paid/x", json={})
        assert await wallet.ledger.intents() == [], "nothing was reserved or signed"
        assert (await client.post("/paid/x", json={"charge": 1})).status_code == 200
    assert asked == [(PAYEE, "http://shop.test")] * 4
    other = await shop_wallet(shop, policy(), reputations=Registry(), budget="other")
    async with shop.client(other) as client:
        assert (await client.post("/paid/x", json={"charge": 1})).status_code == 200
    assert len(asked) == 4
    with pytest.raises(InvalidInputError, match="between 0 and 100"):
        ListedReputations({PAYEE: 101})
    listed = ListedReputations({PAYEE.upper().replace("X", "x", 1): 70})
    assert await listed.reputation(PAYEE, "http://shop.test") == 70
    assert await listed.reputation(Address("0x" + "77" * 20), "") is None


async def test_the_payments_of_a_task_stay_within_its_cap_and_count_for_its_wallet(
    shop: Shop,
) -> None:
    windows = (Window(3_600, most=3 * PRICE),)
    wallet = await shop_wallet(shop, policy(limit=20 * PRICE, windows=windows))
    paid = [0, 0]

    async def work(number: int, name: str, most: int) -> None:
        async with wallet.task(name, Amount(most, USDC)) as task, shop.client(task) as client:
            try:
                while True:
                    await client.post("/paid/x", json={})
                    paid[number] += 1
            except PolicyRefusedError as refusal:
                codes.add(refusal.code)

    codes: set[str] = set()
    async with anyio.create_task_group() as group:
        group.start_soon(work, 0, "task-a", PRICE)
        group.start_soon(work, 1, "task-b", PRICE)
    assert paid == [1, 1]
    assert codes == {"budget_exceeded"}
    # Opened again, it goes on where it was; and all tasks together keep to the wallet's window.
    await work(0, "task-a", PRICE)
    await work(1, "task-b", 10 * PRICE)
    assert (paid, codes) == ([1, 2], {"budget_exceeded", "window_exceeded"})
    assert (await wallet.budget()).charged == 3 * PRICE
    with pytest.raises(InvalidInputError, match="asset"):
        async with wallet.task("t", Amount(1, replace(USDC, chain_id=1))):
            pass


async def test_a_person_who_approves_a_tasks_payment_answers_its_wallets_question(
    shop: Shop,
) -> None:
    wallet = await shop_wallet(shop, policy(ASK, ALLOW))
    async with (
        wallet.task("t", Amount(5 * PRICE, USDC)) as task,
        shop.client(task) as client,
    ):
        with pytest.raises(ApprovalPendingError) as pending:
            await client.post("/paid/x", json={})
        name = str(pending.value.details["approval"])
        assert [each.id for each in await wallet.ledger.approvals.all("pending")] == [name]
        now = (await wallet.ledger.approvals.all())[0].asked_at
        await wallet.ledger.approvals.decide(name, Decision(True), now)
        assert (await client.post("/paid/x", json={"charge": 1})).status_code == 200


async def test_deposits_follow_the_rate_of_spending_within_the_policy(shop: Shop) -> None:
    clock = [1_000_000]
    limit = Amount(60 * PRICE, USDC)
    paced = policy(limit=1_000 * PRICE, deposit=limit, deposit_ahead_s=3_600)
    wallet = await shop_wallet(shop, paced, now=lambda: clock[0])
    placed: list[int] = []

    async def buy(calls: int, each_s: int) -> None:
        async with shop.client(wallet) as client:
            for _ in range(calls):
                clock[0] += each_s
                before = sum(i.deposit for i in await wallet.ledger.intents())
                assert (await client.post("/paid/x", json={})).status_code == 200
                after = sum(i.deposit for i in await wallet.ledger.intents())
                if after > before:
                    placed.append((after - before) // PRICE)

    await buy(112, 1)
    # Ten requests to begin with, then what was signed in the last hour, and never above the cap.
    assert placed == [10, 10, 20, 40, 60]
    # Slowly bought, an hour takes no more than ten requests again.
    await buy(28, 3_000)
    assert placed == [10, 10, 20, 40, 60]
    await buy(12, 3_000)
    assert placed == [10, 10, 20, 40, 60, 10, 10]
    assert shop.chain.deposits == len(placed)


async def test_a_dry_run_says_what_would_happen_and_leaves_no_trace(shop: Shop) -> None:
    strict = policy(
        Rule("deny", "it is dear", above=5_000), ASK, ALLOW, limit=3_000, windows=(Window(60, 900),)
    )
    wallet = await shop_wallet(shop, strict)

    async def asks(atomic: int) -> tuple[str, int | None, str | None]:
        verdict = await wallet.buyer.would_pay(Amount(atomic, USDC), PAYEE, URL)
        return verdict.outcome, verdict.rule, verdict.code

    assert await asks(6_000) == ("deny", 1, "policy_refused")
    assert await asks(1_000) == ("deny", 2, "window_exceeded")
    assert await asks(900) == ("allow", 3, None)
    await wallet.ledger.stop("closed")
    assert await asks(1) == ("deny", None, "wallet_stopped")
    assert await wallet.ledger.intents() == []
    assert await wallet.ledger.approvals.all() == []


def _spend(url: str, process: int, queue: Any) -> None:
    """One process of four: pays under a child budget until window or parent say no."""
    checked = policy(windows=(Window(3_600, most=2_500),))
    signed = 0

    async def pay(ledger: SpendLedger, number: int) -> None:
        nonlocal signed
        name = f"{process}-{number}"
        try:
            await ledger.reserve(new_payment(name, 100), None, None, permit(checked, 100))
            signed += 100
        except PolicyRefusedError:
            return

    async def run() -> None:
        async with Database(url, WalletTable.metadata) as database:
            ledger = SpendLedger(database, f"child-{process % 2}")
            async with anyio.create_task_group() as group:
                for number in range(30):
                    group.start_soon(pay, ledger, number)

    try:
        anyio.run(run)
    except HeadwaterError as exc:
        queue.put(exc.message)
        raise
    queue.put(signed)


@pytest.mark.parametrize(("parent", "expected"), [(4_000, 4_000), (9_000, 5_000)])
async def test_four_processes_keep_to_windows_and_to_the_parent(
    tmp_path: Path, parent: int, expected: int
) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    async with Database(url, WalletTable.metadata) as database:
        await SpendLedger(database, "parent").set_limit(Amount(parent, USDC))
        for number in (0, 1):
            child = SpendLedger(database, f"child-{number}")
            await child.set_limit(Amount(9_000, USDC))
            await child.spend_from("parent")
    reports = await anyio.to_thread.run_sync(_in_four_processes, url)
    # Two children of 2,500 an hour each: the parent is the bound in one case, they in the other.
    assert sum(reports) == expected
    async with Database(url, WalletTable.metadata) as database:
        assert (await SpendLedger(database, "parent").budget()).used == expected


def _in_four_processes(url: str) -> list[int]:
    spawn = multiprocessing.get_context("spawn")
    queue = spawn.Queue()
    workers = [spawn.Process(target=_spend, args=(url, number, queue)) for number in range(4)]
    for worker in workers:
        worker.start()
    reports = [queue.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 4, reports
    return reports


async def test_a_simple_policy_still_pays(shop: Shop) -> None:
    wallet = await shop_wallet(shop, simple_policy(Amount(5_000, USDC)))
    async with shop.client(wallet) as client:
        assert (await client.post("/paid/x", json={"charge": 7})).status_code == 200
    assert (await wallet.budget()).charged == 7
