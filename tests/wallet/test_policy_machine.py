"""Windows and sub-budgets against a list of payments that is summed anew at every step."""

import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from anyio.from_thread import start_blocking_portal
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from headwater_payments.address import Address
from headwater_payments.amount import Amount
from headwater_wallet.database import Database
from headwater_wallet.errors import BudgetExceededError, WalletStoppedError, WindowExceededError
from headwater_wallet.policy import PaymentRequest, Rule, SpendHistory, SpendPolicy, Window
from headwater_wallet.spend_ledger import SpendLedger
from headwater_wallet.tables import WalletTable
from support.paying import URL, new_payment
from support.shop import USDC

SEEN: Counter[str] = Counter()
LIMITS = {"parent": 5_000, "child": 3_500}
HOUR = 3_600
PAYEES = [Address("0x" + digits * 20) for digits in ("55", "66")]
POLICY = SpendPolicy(
    Amount(5_000, USDC),
    (Rule("allow", "anything"),),
    windows=(
        Window(HOUR, most=2_500),
        Window(24 * HOUR, payments=6),
        Window(HOUR, most=1_500, per_payee=True),
    ),
)


@dataclass
class Paid:
    budget: str
    payee: Address
    atomic: int
    at: int
    id: str


class PolicyMachine(RuleBasedStateMachine):
    """Single transfers under a parent and a child, over a clock that moves by hand."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._portal_context = start_blocking_portal()
        self._portal = self._portal_context.__enter__()
        self.database = Database(f"sqlite:///{self._folder.name}/m.db", WalletTable.metadata)
        self.ledgers = {name: SpendLedger(self.database, name) for name in LIMITS}
        self.paid: list[Paid] = []
        self.now, self.next, self.stopped = 1_000_000, 0, False

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
        for name, limit in LIMITS.items():
            self.call(self.ledgers[name].set_limit, Amount(limit, USDC))
        self.call(self.ledgers["child"].spend_from, "parent")

    def counted(self, budget: str) -> list[Paid]:
        return [paid for paid in self.paid if budget in ("parent", paid.budget)]

    def wanted(self, budget: str, payee: Address, atomic: int) -> str:
        """What the ledger has to say, from the list alone."""
        if self.stopped:
            return WalletStoppedError.code
        above = ("parent",) if budget == "parent" else ("child", "parent")
        for name in above:
            if sum(paid.atomic for paid in self.counted(name)) + atomic > LIMITS[name]:
                return BudgetExceededError.code
        hour = [paid for paid in self.counted(budget) if paid.at > self.now - HOUR]
        day = [paid for paid in self.counted(budget) if paid.at > self.now - 24 * HOUR]
        mine = [paid for paid in hour if paid.payee == payee]
        fits = (
            sum(paid.atomic for paid in hour) + atomic <= 2_500
            and len(day) + 1 <= 6
            and sum(paid.atomic for paid in mine) + atomic <= 1_500
        )
        return "paid" if fits else WindowExceededError.code

    @rule(
        budget=st.sampled_from(list(LIMITS)),
        payee=st.sampled_from(PAYEES),
        atomic=st.sampled_from([1, 400, 700, 1_000, 1_500]),
        after=st.sampled_from([HOUR - 1, 0, HOUR, 1_799, 24 * HOUR - 1]),
    )
    def pay(self, budget: str, payee: Address, atomic: int, after: int) -> None:
        self.next += 1
        self.now += after
        payment = new_payment(self.next, atomic, "exact")
        payment = replace(payment, payee=payee, created_at=self.now)
        request = PaymentRequest(payment.amount, payee, "http://shop.test", URL)

        def permit(history: SpendHistory, newly_signed: int) -> None:
            POLICY.check(request, history, newly_signed=newly_signed, now=self.now)

        wanted = self.wanted(budget, payee, atomic)
        try:
            self.call(self.ledgers[budget].reserve, payment, None, None, permit)
            said = "paid"
        except (BudgetExceededError, WindowExceededError, WalletStoppedError) as refusal:
            said = refusal.code
        assert said == wanted
        SEEN[said] += 1
        SEEN["just inside an hour"] += any(self.now - each.at == HOUR - 1 for each in self.paid)
        if said == "paid":
            self.paid.append(Paid(budget, payee, atomic, self.now, payment.payment_id))

    @precondition(lambda self: self.paid)
    @rule(data=st.data(), left=st.sampled_from([False, False, True]))
    def release(self, data: st.DataObject, left: bool) -> None:
        paid = data.draw(st.sampled_from(self.paid[-2:]))
        before = {i.payment_id: i.state for i in self.call(self.ledgers["parent"].intents)}
        self.call(self.ledgers["parent"].release, paid.id, never_sent=not left)
        if not left and before[paid.id] == "reserved":
            self.paid.remove(paid)
            SEEN["given back"] += 1

    @rule(on=st.sampled_from([True, False, False]))
    def stop(self, on: bool) -> None:
        ledger = self.ledgers["child"]
        self.call(ledger.stop, "for now") if on else self.call(ledger.resume)
        self.stopped = on

    @invariant()
    def the_books_agree(self) -> None:
        if self.next:
            for name, ledger in self.ledgers.items():
                used = self.call(ledger.budget).used
                assert used == sum(paid.atomic for paid in self.counted(name)) <= LIMITS[name]


def test_windows_and_sub_budgets_agree_with_a_list_of_payments() -> None:
    SEEN.clear()
    run_state_machine_as_test(
        PolicyMachine,
        settings=settings(max_examples=60, stateful_step_count=50, deadline=None, derandomize=True),
    )
    needed = {
        "paid": 100,
        WindowExceededError.code: 30,
        BudgetExceededError.code: 5,
        WalletStoppedError.code: 15,
        "given back": 10,
        "just inside an hour": 20,
    }
    assert {kind: SEEN[kind] for kind, least in needed.items() if SEEN[kind] < least} == {}
