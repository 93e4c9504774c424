"""Asking a person before a payment: questions are rows, so they outlive the process that asked.

A question is about a payee, a URL and an amount under one budget. Asked again while it is open, it
is the same question. An approval serves one payment; the answer may come from another process.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal, Protocol

from headwater_payments.address import Address
from headwater_payments.errors import InvalidInputError
from headwater_wallet.books import Books, in_books, selecting
from headwater_wallet.database import Database
from headwater_wallet.records import APPROVALS, ApprovalRecord


@dataclass(frozen=True, slots=True)
class Approval:
    """A question to a person and its answer; `amount` in atomic units, times in Unix seconds."""

    id: str
    state: Literal["pending", "approved", "denied", "used"]
    budget: str
    payee: str
    url: str
    amount: int
    reason: str
    answer: str
    payment_id: str | None
    asked_at: int
    decided_at: int | None


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's answer, with their reason."""

    approved: bool
    reason: str = ""


class Approver(Protocol):
    """Puts a question to a person and waits for the answer.

    Cancelled or failing while it waits, it leaves the question open in the ledger, where another
    process may answer it.
    """

    async def __call__(self, approval: Approval) -> Decision:
        """The person's decision."""
        ...


class ApprovalBook:
    """The questions of one ledger; new ones are asked under one budget."""

    def __init__(self, database: Database, budget: str) -> None:
        self._database, self._budget = database, budget

    async def ask(
        self,
        identifier: str,
        payee: Address,
        url: str,
        amount: int,
        reason: str,
        at: int,
        *,
        apart_from: Collection[str] = (),
    ) -> Approval:
        """Put a question; the one that is open about the same payment, where there is one.

        Args:
            identifier: the id of a new question.
            payee: who is to be paid.
            url: for what.
            amount: atomic units.
            reason: why a person is asked.
            at: Unix seconds.
            apart_from: questions of other payments, which are being asked right now.
        """
        others = list(apart_from)

        def work(books: Books) -> Approval:
            query = (
                selecting(ApprovalRecord)
                .where(APPROVALS.state == "pending", APPROVALS.id.not_in(others))
                .where(APPROVALS.budget == self._budget, APPROVALS.url == url)
                .where(APPROVALS.payee == payee, APPROVALS.amount == amount)
                .limit(1)
            )
            if (row := books.first(ApprovalRecord, query)) is not None:
                return _approval(row)
            row = ApprovalRecord(
                id=identifier,
                state="pending",
                budget=self._budget,
                payee=payee,
                url=url,
                amount=amount,
                reason=reason,
                asked_at=at,
            )
            books.add(row)
            return _approval(row)

        return await self._write(work)

    async def decide(self, identifier: str, decision: Decision, at: int) -> Approval:
        """Answer a question; the first answer stands.

        Raises:
            InvalidInputError: there is no such question, or it was answered otherwise.
        """
        wanted = "approved" if decision.approved else "denied"

        def work(books: Books) -> Approval:
            row = books.get(ApprovalRecord, identifier)
            if row is None:
                raise InvalidInputError(f"There is no approval {identifier!r} in this ledger.")
            if row.state == "pending":
                row.state, row.answer, row.decided_at = wanted, decision.reason, at
            elif row.state != wanted:
                raise InvalidInputError(f"The approval {identifier} is {row.state} already.")
            return _approval(row)

        return await self._write(work)

    async def all(self, state: str | None = None) -> list[Approval]:
        """Every question of the ledger, under any budget, oldest first."""

        def work(books: Books) -> list[Approval]:
            query = selecting(ApprovalRecord).order_by(APPROVALS.asked_at, APPROVALS.id)
            if state is not None:
                query = query.where(APPROVALS.state == state)
            return [_approval(row) for row in books.found(ApprovalRecord, query)]

        return await self._database.read(in_books(work))

    async def _write(self, work: Callable[[Books], Approval]) -> Approval:
        return await self._database.write(in_books(work))


def _approval(row: ApprovalRecord) -> Approval:
    return Approval(**{name: getattr(row, name) for name in Approval.__dataclass_fields__})
