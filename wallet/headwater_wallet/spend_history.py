"""The spend ledger's answers to a policy, read inside the caller's transaction."""

from typing import Final

from sqlalchemy import bindparam, case, func, select

from headwater_payments.address import Address
from headwater_payments.errors import InvalidInputError
from headwater_payments.pricing import TokenPrice
from headwater_payments.unit_price import stated_token_price
from headwater_payments.x402 import PaymentPayload
from headwater_wallet.books import Books, selecting
from headwater_wallet.policy_history import Answer, Failures, Signed
from headwater_wallet.prepared import Prepared
from headwater_wallet.records import APPROVALS, INTENTS, SIGNED, ApprovalRecord, CircuitRecord

_OF_BUDGET: Final = SIGNED.budget == bindparam("budget")
_EARLIER: Final = SIGNED.payment_id != bindparam("but_for")
_AFTER: Final = select(
    func.coalesce(func.sum(SIGNED.signed), 0), func.count(func.distinct(SIGNED.payment_id))
).where(_OF_BUDGET, SIGNED.signed_at > bindparam("moment"))
_SIGNED_AFTER: Final = Prepared(_AFTER)
_SIGNED_AFTER_FOR: Final = Prepared(_AFTER.where(SIGNED.payee == bindparam("payee")))
_FOR_PAYEE: Final = Prepared(
    select(SIGNED.id).where(SIGNED.payee == bindparam("payee"), _OF_BUDGET, _EARLIER).limit(1)
)
_LAST_PRICE: Final = Prepared(
    select(SIGNED.price)
    .where(SIGNED.url == bindparam("url"), _OF_BUDGET, _EARLIER)
    .order_by(SIGNED.id.desc())
    .limit(1)
)
_LAST_HEADER: Final = Prepared(
    select(INTENTS.header)
    .where(INTENTS.payment_id == SIGNED.payment_id, INTENTS.header.is_not(None))
    .where(SIGNED.url == bindparam("url"), _OF_BUDGET, _EARLIER)
    .order_by(SIGNED.id.desc())
    .limit(1)
)


class LedgerHistory:
    """The past of one budget.

    Args:
        books: reads happen here.
        budget: whose past.
        using: the payment that is being reserved; an approval that it relies on is spent by it.
            None looks without spending.
        going_on: that payment has signed parts of itself before, which are not its own past.
    """

    def __init__(
        self, books: Books, budget: str, using: str | None = None, *, going_on: bool = False
    ) -> None:
        self._books, self._budget, self._using = books, budget, using
        self._but_for = using if going_on else ""

    def signed_after(self, moment: int, payee: Address | None = None) -> Signed:
        """What was signed after a Unix second, to one payee or to all."""
        query = _SIGNED_AFTER if payee is None else _SIGNED_AFTER_FOR
        named = {} if payee is None else {"payee": payee}
        ((atomic, payments),) = self._books.rows(query, budget=self._budget, moment=moment, **named)
        return Signed(int(atomic), int(payments))

    def has_signed_for(self, payee: Address) -> bool:
        """Whether this payee was ever to be paid."""
        found = self._books.value(
            _FOR_PAYEE, payee=payee, budget=self._budget, but_for=self._but_for
        )
        return found is not None

    def last_price(self, url: str) -> int | None:
        """Atomic units that the last payment at this URL was to cost at most."""
        price: int | None = self._books.value(
            _LAST_PRICE, url=url, budget=self._budget, but_for=self._but_for
        )
        return price

    def last_token_price(self, url: str) -> TokenPrice | None:
        """What the seller stated of its tokens' price, when a payment here was last signed.

        It stands in the payment as it was signed, which says the seller's terms back to it; one
        that is still being signed says nothing yet.
        """
        header = self._books.value(
            _LAST_HEADER, url=url, budget=self._budget, but_for=self._but_for
        )
        if header is None:
            return None
        try:
            return stated_token_price(PaymentPayload.from_header(header).extensions)
        except InvalidInputError:
            return None

    def failures(self, origin: str) -> Failures:
        """Failures in a row at an origin."""
        row = self._books.get(CircuitRecord, origin)
        return Failures(0, 0) if row is None else Failures(row.failures, row.last_failure_at)

    def answer(self, payee: Address, url: str, atomic: int, *, after: int) -> Answer | None:
        """What a person said, after a Unix second, about this very payment; None while unsaid.

        An approval serves one payment: reserving it marks it used, in the same transaction. Signed
        anew under its id, because the seller corrected it, the payment is still approved.
        """
        mine = APPROVALS.payment_id == self._using
        query = (
            selecting(ApprovalRecord)
            .where(APPROVALS.budget == self._budget, APPROVALS.url == url)
            .where(APPROVALS.payee == payee, APPROVALS.amount == atomic)
            .where(APPROVALS.state.in_(("approved", "denied")) | mine)
            .where(APPROVALS.decided_at > after)
            .order_by(case((mine, 0), else_=1), APPROVALS.decided_at.desc(), APPROVALS.state)
            .limit(1)
        )
        row = self._books.first(ApprovalRecord, query)
        if row is None:
            return None
        if row.state == "denied":
            return Answer("denied", row.answer)
        if self._using is not None:
            row.state, row.payment_id = "used", self._using
        return Answer("approved", row.answer)
