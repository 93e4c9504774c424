"""The spend ledger's answers to a policy, read inside the caller's transaction."""

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from headwater_payments.address import Address
from headwater_wallet.policy_history import Answer, Failures, Signed
from headwater_wallet.tables import ApprovalRow, CircuitRow, SignedRow


class LedgerHistory:
    """The past of one budget.

    Args:
        session: reads happen here.
        budget: whose past.
        using: the payment that is being reserved; an approval that it relies on is spent by it.
            None looks without spending.
        going_on: that payment has signed parts of itself before, which are not its own past.
    """

    def __init__(
        self, session: Session, budget: str, using: str | None = None, *, going_on: bool = False
    ) -> None:
        self._session, self._budget, self._using = session, budget, using
        self._earlier = (
            col(SignedRow.payment_id) != using if going_on else col(SignedRow.id).is_not(None)
        )

    def signed_after(self, moment: int, payee: Address | None = None) -> Signed:
        """What was signed after a Unix second, to one payee or to all."""
        query = (
            select(
                func.coalesce(func.sum(col(SignedRow.signed)), 0),
                func.count(func.distinct(col(SignedRow.payment_id))),
            )
            .where(col(SignedRow.budget) == self._budget)
            .where(col(SignedRow.signed_at) > moment)
        )
        if payee is not None:
            query = query.where(col(SignedRow.payee) == payee)
        atomic, payments = self._session.execute(query).one()
        return Signed(int(atomic), int(payments))

    def has_signed_for(self, payee: Address) -> bool:
        """Whether this payee was ever to be paid."""
        query = (
            select(col(SignedRow.id))
            .where(col(SignedRow.payee) == payee, col(SignedRow.budget) == self._budget)
            .where(self._earlier)
            .limit(1)
        )
        return self._session.scalar(query) is not None

    def last_price(self, url: str) -> int | None:
        """Atomic units that the last payment at this URL was to cost at most."""
        query = (
            select(col(SignedRow.price))
            .where(col(SignedRow.url) == url, col(SignedRow.budget) == self._budget)
            .where(self._earlier)
            .order_by(col(SignedRow.id).desc())
            .limit(1)
        )
        return self._session.scalar(query)

    def failures(self, origin: str) -> Failures:
        """Failures in a row at an origin."""
        row = self._session.get(CircuitRow, origin)
        return Failures(0, 0) if row is None else Failures(row.failures, row.last_failure_at)

    def answer(self, payee: Address, url: str, atomic: int, *, after: int) -> Answer | None:
        """What a person said, after a Unix second, about this very payment; None while unsaid.

        An approval serves one payment: reserving it marks it used, in the same transaction. Signed
        anew under its id, because the seller corrected it, the payment is still approved.
        """
        mine = col(ApprovalRow.payment_id) == self._using
        query = (
            select(ApprovalRow)
            .where(col(ApprovalRow.budget) == self._budget, col(ApprovalRow.url) == url)
            .where(col(ApprovalRow.payee) == payee, col(ApprovalRow.amount) == atomic)
            .where(col(ApprovalRow.state).in_(("approved", "denied")) | mine)
            .where(col(ApprovalRow.decided_at) > after)
            .order_by(
                case((mine, 0), else_=1), col(ApprovalRow.decided_at).desc(), col(ApprovalRow.state)
            )
            .limit(1)
        )
        row = self._session.scalar(query)
        if row is None:
            return None
        if row.state == "denied":
            return Answer("denied", row.answer)
        if self._using is not None:
            row.state, row.payment_id = "used", self._using
        return Answer("approved", row.answer)
