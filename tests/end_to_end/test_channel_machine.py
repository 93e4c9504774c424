"""Buyer, seller and chain in any order of what they can do: `claimed ≤ charged ≤ signed ≤ escrow`.

The machine pays (alone and at once), loses requests and answers, sends old signatures again,
starts the buyer anew, reconciles, claims, and withdraws, on a real chain; a list of what was served
is all that it compares with.
"""

import json
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import anyio
import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
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

from headwater_contracts.clients.batch_settlement import BatchSettlementClient
from headwater_marketplace.settlement import SettlementWorker
from headwater_payments.amount import Amount
from headwater_payments.errors import InvalidInputError
from headwater_payments.extensions import PAYMENT_IDENTIFIER
from headwater_payments.x402 import PAYMENT_SIGNATURE, PaymentPayload
from headwater_wallet.errors import (
    BudgetExceededError,
    PaymentUnknownError,
    PolicyRefusedError,
)
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.reconcile import reconcile
from headwater_wallet.transactions import TransactionSender
from headwater_wallet.wallet import Wallet, open_wallet
from headwater_wallet.withdrawals import TooEarlyError, Withdrawals
from support.chain_shop import ChainShop, open_chain_shop
from support.shop import PRICE, USDC

SEEN: Counter[str] = Counter()
BUDGET = 10 * PRICE
FUNDS = 60 * PRICE
LATER = 2**40
URL = "http://shop.test/paid/x"


@dataclass
class Line(httpx.AsyncBaseTransport):
    """The line between the two, which can be cut before a payment leaves or before its answer."""

    inner: httpx.AsyncBaseTransport
    cut: str = ""
    signatures: list[str] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        signature = request.headers.get(PAYMENT_SIGNATURE)
        if signature is None:
            return await self.inner.handle_async_request(request)
        if self.cut == "before":
            raise httpx.ConnectError("cut", request=request)
        self.signatures.append(signature)
        answer = await self.inner.handle_async_request(request)
        if self.cut == "after":
            await answer.aclose()
            raise httpx.ReadError("cut", request=request)
        return answer


@dataclass
class World:
    """A shop on a chain, for every run of the machine."""

    portal: BlockingPortal
    shop: ChainShop
    line: Line
    folder: Path
    ahead_s: int = 0

    @asynccontextmanager
    async def wallet(self, signer: LocalSigner) -> AsyncIterator[Wallet]:
        policy = simple_policy(Amount(BUDGET, USDC))
        path = self.folder / f"{signer.address}.db"
        now = lambda: int(time.time()) + self.ahead_s  # noqa: E731
        async with open_wallet(signer, policy, database=path, now=now) as wallet:
            yield wallet


class ChannelMachine(RuleBasedStateMachine):
    """One buyer of the shop."""

    world: ClassVar[World]

    @initialize()
    def begin(self) -> None:
        self.shop = self.world.shop
        self.signer = LocalSigner.random()
        self.served: list[int] = []
        self.unheard: list[int] = []
        self.withdrawn = 0
        self.withdrawing = False
        self.contract = BatchSettlementClient(
            self.shop.chain.reader, self.shop.deployment.batch_settlement
        )
        self.do(self.shop.fund, self.signer.address, FUNDS)
        self.do(self.shop.chain.fund, self.signer.address, 10**18)
        self.world.line.signatures.clear()
        self.open()

    def open(self) -> None:
        opened = self.world.wallet(self.signer)
        self.context = self.world.portal.wrap_async_context_manager(opened)
        self.wallet = self.context.__enter__()

    def teardown(self) -> None:
        if hasattr(self, "context"):
            self.context.__exit__(None, None, None)

    def do(self, function: Any, *arguments: Any, **named: Any) -> Any:
        async def run() -> Any:
            return await function(*arguments, **named)

        return self.world.portal.call(run)

    async def buy(self, charge: int) -> str:
        """What came of one call."""
        self.unheard.append(charge)
        try:
            async with self.wallet.client(transport=self.world.line) as client:
                answer = await client.post(URL, json={"charge": charge})
        except (BudgetExceededError, PolicyRefusedError) as refusal:
            self.unheard.remove(charge)
            return refusal.code
        except PaymentUnknownError:
            return "lost"
        except httpx.ConnectError:
            self.unheard.remove(charge)
            return "never left"
        assert answer.status_code == 200, answer.text
        self.unheard.remove(charge)
        self.served.append(charge)
        return "paid"

    async def buy_all(self, charges: list[int]) -> None:
        async def one(charge: int) -> None:
            SEEN[await self.buy(charge)] += 1

        async with anyio.create_task_group() as group:
            for charge in charges:
                group.start_soon(one, charge)

    charges = st.sampled_from([250, 1, PRICE])

    @rule(charge=charges)
    def pay(self, charge: int) -> None:
        self.do(self.buy_all, [charge])

    @rule(charges=st.lists(charges, min_size=2, max_size=3))
    def pay_at_once(self, charges: list[int]) -> None:
        self.do(self.buy_all, charges)

    @rule(charge=charges, cut=st.sampled_from(["before", "after"]))
    def lose(self, charge: int, cut: str) -> None:
        self.world.line.cut = cut
        self.do(self.buy_all, [charge])
        self.world.line.cut = ""

    @precondition(lambda self: self.unheard)
    @rule()
    def resolve(self) -> None:
        """What the seller says of lost payments is what it served."""

        async def ask() -> list[Any]:
            async with httpx.AsyncClient(transport=self.world.line) as client:
                return await reconcile(self.wallet.ledger, client, reserved_before=LATER)

        assert self.do(ask) == []
        self.served += self.unheard
        self.unheard.clear()
        assert self.do(self.wallet.budget).charged == sum(self.served)
        SEEN["reconciled"] += 1

    @precondition(lambda self: self.world.line.signatures)
    @rule(data=st.data(), charge=charges)
    def replay(self, data: st.DataObject, charge: int) -> None:
        """A signature buys one thing once, whoever sends it again, and under whatever id."""
        old = data.draw(st.sampled_from(self.world.line.signatures))
        payload = PaymentPayload.from_header(old)
        extensions = json.loads(json.dumps(payload.extensions))
        extensions[PAYMENT_IDENTIFIER]["info"]["id"] = (
            f"pay_{data.draw(st.integers(0, 2**64)):032x}"
        )
        signature = payload.model_copy(update={"extensions": extensions}).to_header()

        async def send() -> int:
            async with httpx.AsyncClient(transport=self.world.line.inner) as client:
                headers = {PAYMENT_SIGNATURE: signature}
                answer = await client.post(URL, json={"charge": charge, "x": 1}, headers=headers)
                return answer.status_code

        assert self.do(send) in (402, 409, 422)
        SEEN["refused replay"] += 1

    @rule()
    def restart(self) -> None:
        self.teardown()
        self.open()

    @rule()
    def claim(self) -> None:
        worker = SettlementWorker(self.shop.store, self.shop.sender, self.shop.deployment)
        claimed = self.do(worker.claim_all)
        SEEN["claimed" if claimed is not None else "nothing to claim"] += 1

    def withdrawals(self) -> Withdrawals:
        sender = TransactionSender(self.shop.chain.reader, self.signer)
        return Withdrawals(self.wallet.ledger.database, sender, self.contract)

    @rule()
    def start_withdrawal(self) -> None:
        for escrow in self.do(self.withdrawals().escrows):
            try:
                self.do(self.withdrawals().start, escrow)
                SEEN["withdrawal started"] += 1
                self.withdrawing = True
            except InvalidInputError:
                SEEN["refused withdrawal"] += 1

    @precondition(lambda self: self.withdrawing)
    @rule(wait=st.sampled_from([0, 901]))
    def finish_withdrawal(self, wait: int) -> None:
        self.do(self.shop.chain.advance_time, wait)
        self.world.ahead_s += wait
        for escrow in self.do(self.withdrawals().escrows):
            try:
                self.withdrawn += self.do(self.withdrawals().finish, escrow)
                SEEN["withdrawn"] += 1
                self.withdrawing = False
            except TooEarlyError:
                SEEN["refused early"] += 1

    @invariant()
    def the_four_figures_are_in_order(self) -> None:
        if not hasattr(self, "wallet"):
            return
        budget = self.do(self.wallet.budget)
        assert budget.charged <= budget.used <= BUDGET
        charged = deposited = 0
        for identifier, mine in self.do(self.wallet.ledger.channels).items():
            chain = self.do(self.contract.channel, identifier)
            record = self.do(self.shop.store.channel, identifier)
            if record is None:
                continue
            escrow = chain.balance + self.withdrawn
            seller = record.state
            assert chain.total_claimed <= seller.charged <= seller.signed <= mine.signed
            assert seller.signed <= escrow
            assert chain.total_claimed <= chain.balance
            charged += seller.charged
            deposited += escrow
        # Served is what was answered, and some of what no answer came to.
        assert sum(self.served) <= charged <= sum(self.served) + sum(self.unheard)
        held = self.do(self.shop.token.balance, self.signer.address)
        assert held + deposited - self.withdrawn <= FUNDS


def test_claimed_charged_signed_and_escrow_stay_in_order(tmp_path: Path) -> None:
    SEEN.clear()
    with start_blocking_portal() as portal, tempfile.TemporaryDirectory() as folder:
        opened = open_chain_shop(tmp_path, schemes=("batch-settlement",))
        with portal.wrap_async_context_manager(opened) as shop:
            line = Line(httpx.ASGITransport(shop.app))  # type: ignore[arg-type]
            ChannelMachine.world = World(portal, shop, line, Path(folder))
            run_state_machine_as_test(
                ChannelMachine,
                settings=settings(
                    max_examples=18, stateful_step_count=20, deadline=None, derandomize=True
                ),
            )
    accepted = {
        "paid": 70,
        "lost": 5,
        "never left": 4,
        "reconciled": 2,
        "claimed": 5,
        "withdrawal started": 3,
        "withdrawn": 1,
    }
    refused = {
        "budget_exceeded": 4,
        "policy_refused": 4,
        "refused replay": 30,
        "refused withdrawal": 2,
        "refused early": 1,
        "nothing to claim": 10,
    }
    needed = accepted | refused
    thin = {name: SEEN[name] for name, least in needed.items() if SEEN[name] < least}
    assert not thin, f"the machine idled: {thin} of {SEEN}"
