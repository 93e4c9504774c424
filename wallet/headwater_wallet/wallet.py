"""The wallet: an account, a policy with a budget, and HTTP clients that pay under them."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx

from headwater_contracts.clients.batch_settlement import BatchSettlementClient
from headwater_contracts.reader import ChainReader
from headwater_payments.address import Address
from headwater_payments.amount import Amount
from headwater_payments.channels import BATCH_SETTLEMENT
from headwater_payments.errors import InvalidInputError
from headwater_payments.signing import Signer
from headwater_wallet.approvals import Approver
from headwater_wallet.buyer import Buyer, secret_of
from headwater_wallet.claims import CONFIRMATIONS
from headwater_wallet.lanes import DEFAULT_LANES
from headwater_wallet.migrations import open_ledger
from headwater_wallet.policy import SpendPolicy
from headwater_wallet.reconcile import reconcile
from headwater_wallet.refunds import request_refund
from headwater_wallet.reputation import ReputationSource
from headwater_wallet.signing_in import ask_as_payer
from headwater_wallet.spend_ledger import SpendLedger
from headwater_wallet.spend_records import BudgetState, Intent
from headwater_wallet.statements import KeptStatement
from headwater_wallet.transfer_ends import TransferEnds
from headwater_wallet.transport_httpx import PayingTransport

_NONE: Final[Mapping[str, str]] = {}
ABANDONED_AFTER_S = 120
"""Signing takes milliseconds: a reservation this old that was not sent has nobody behind it."""


class Wallet:
    """An agent's money: it pays what its policy allows and keeps a record of everything.

    Open one with `open_wallet`. Nothing about it shows a key.
    """

    def __init__(self, buyer: Buyer) -> None:
        self._buyer = buyer

    @property
    def address(self) -> Address:
        """The account that pays."""
        return self._buyer.signer.address

    @property
    def policy(self) -> SpendPolicy:
        """What may be paid."""
        return self._buyer.policy

    @property
    def buyer(self) -> Buyer:
        """The buying side, for transports of one's own."""
        return self._buyer

    @property
    def ledger(self) -> SpendLedger:
        """The record of payments."""
        return self._buyer.ledger

    def transport(self, inner: httpx.AsyncBaseTransport | None = None) -> PayingTransport:
        """A paying transport for an `httpx.AsyncClient` of one's own."""
        return PayingTransport(self._buyer, inner)

    def client(self, **options: Any) -> httpx.AsyncClient:
        """An `httpx.AsyncClient` that pays; options are httpx's own."""
        return httpx.AsyncClient(
            transport=self.transport(options.pop("transport", None)), **options
        )

    async def budget(self) -> BudgetState:
        """What is left to spend, what is signed away, what was charged."""
        return await self._buyer.ledger.budget()

    @asynccontextmanager
    async def task(self, name: str, most: Amount) -> AsyncIterator["Wallet"]:
        """This wallet for one task, all of whose payments together stay within `most`.

        They count against this wallet's budget and windows too, and its rules, approvals and
        channels are the task's. Opened again under its name, in this process or another, a task
        goes on where it was.

        Args:
            name: the task's own, among the budgets of the ledger.
            most: the cap; given anew it takes the place of the last one.

        Raises:
            InvalidInputError: another asset, or a budget of another kind has this name.
        """
        if most.asset != self.policy.budget.asset:
            raise InvalidInputError("A task's cap is in the asset of its wallet.")
        parent = self._buyer.ledger.budget_name
        ledger = SpendLedger(self._buyer.ledger.database, name, looks_back_on=parent)
        await ledger.set_limit(most)
        await ledger.spend_from(parent)
        # All else is shared: a channel that both pay through is held by one of them at a time.
        yield Wallet(replace(self._buyer, ledger=ledger))

    async def answered_before(
        self, method: str, url: str, *, content: bytes = b"", headers: Mapping[str, str] = _NONE
    ) -> httpx.Response:
        """What this account paid for at a seller, given again to a sign-in; nothing is paid.

        Raises:
            InvalidInputError: the signer cannot sign in, or the seller asks for none of its own.
            PaymentRefusedError: it has nothing of this account's to give again.
            UnavailableError: the seller does not answer.
        """
        network = self._buyer.policy.budget.asset.network
        async with httpx.AsyncClient(timeout=60) as http:
            request = http.build_request(method, url, content=content, headers=dict(headers))
            return await ask_as_payer(self._buyer.signer, http, request, network=network)

    async def refund(self, method: str, url: str, amount: Amount | None = None) -> Amount:
        """Have a seller give escrow back at once: all that is not charged, or `amount` of it.

        Returns:
            What came back.

        Raises:
            InvalidInputError: there is no channel with this seller, or a payment on it is open.
            PaymentRefusedError: the seller refuses; `headwater wallet withdraw` takes escrow back
                without it, after a delay.
            UnavailableError: the seller does not answer: what became of it is not known.
        """
        async with httpx.AsyncClient(timeout=120) as http:
            back = await request_refund(
                self._buyer, http, method, url, None if amount is None else amount.atomic
            )
        return Amount(back, self._buyer.policy.budget.asset)

    async def reconcile(self) -> list[Intent]:
        """Resolve every payment without an outcome; returns those that still have none.

        Sellers are asked first. A wallet that reads the chain then counts every single transfer as
        the chain shows it, once no more of it can be taken: what an `upto` payment did not use
        comes back to the budget, and a transfer whose seller is gone is found, or runs out.

        Raises:
            UnavailableError: the chain does not answer; what was resolved stays so.
        """
        async with httpx.AsyncClient(timeout=10) as client:
            before = self._buyer.now() - ABANDONED_AFTER_S
            left = await reconcile(
                self._buyer.ledger, client, reserved_before=before, now=self._buyer.now
            )
        if self._buyer.transfer_ends is None:
            return left
        ended = {e.payment_id for e in await self._buyer.transfer_ends.settle(self._buyer.ledger)}
        return [intent for intent in left if intent.payment_id not in ended]

    async def statements(self, payment_id: str | None = None) -> list[KeptStatement]:
        """What sellers signed, oldest first: their offers and receipts, with what is wrong."""
        return await self._buyer.ledger.statements(payment_id)

    def __repr__(self) -> str:
        return f"Wallet({self.address}, budget {self.policy.budget})"


@asynccontextmanager
async def open_wallet(
    signer: Signer,
    policy: SpendPolicy,
    *,
    database: Path | str,
    budget: str = "default",
    parent: str | None = None,
    approver: Approver | None = None,
    lanes: int = DEFAULT_LANES,
    now: Callable[[], int] = lambda: int(time.time()),
    chain: ChainReader | None = None,
    confirmations: int = CONFIRMATIONS,
    reputations: ReputationSource | None = None,
) -> AsyncIterator[Wallet]:
    """Open a wallet over its spend ledger, creating the ledger where there is none.

    Args:
        signer: the account.
        policy: what it may pay; its budget becomes the limit of the named budget.
        database: a file, or an SQLAlchemy URL of a database shared with other processes.
        budget: the name of the budget; wallets that share it share the limit.
        parent: a budget of the same database that this one spends from: neither limit is exceeded.
        approver: asks a person where a rule wants one; without it such payments wait in the ledger.
        lanes: how many channels to keep, at most, with a seller that serves one request at a time
            on each; the policy's deposit limits what lies uncharged in all of them together.
        now: Unix time in seconds.
        chain: read where a seller and this ledger have both lost what they knew of a channel, and
            by `reconcile`, for how single transfers ended.
        confirmations: newest blocks of it that do not count yet.
        reputations: tells the reputations of payees, for rules that look at them.

    Raises:
        UnavailableError: the database cannot be opened.
        InvalidInputError: there is no such parent, or the budget has another or has spent already.
    """
    url = database if isinstance(database, str) else f"sqlite:///{database}"
    async with open_ledger(url) as store:
        ledger = SpendLedger(store, budget)
        await ledger.set_limit(policy.budget)
        if parent is not None:
            await ledger.spend_from(parent)
        secret = await secret_of(signer, policy.budget.asset.chain_id)
        buyer = Buyer(signer, policy, ledger, now, id_secret=secret, approver=approver, lanes=lanes)
        buyer.reputations = reputations
        if chain is not None:
            buyer.escrow = BatchSettlementClient(chain, BATCH_SETTLEMENT).channel
            buyer.transfer_ends = TransferEnds(chain, confirmations=confirmations)
        yield Wallet(buyer)
