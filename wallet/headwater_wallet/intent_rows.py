"""The wallet's payments as rows, inside the caller's transaction."""

from collections.abc import Callable
from typing import TypeAlias

from sqlalchemy import Connection

from headwater_payments.batch_payload import SCHEME as BATCH
from headwater_payments.errors import InvalidInputError
from headwater_payments.transfers import outline, parse_transfer
from headwater_payments.x402 import PaymentPayload
from headwater_wallet import audit
from headwater_wallet.books import Books, in_books
from headwater_wallet.records import IntentRecord
from headwater_wallet.spend_records import Intent
from headwater_wallet.tables import MAX_STORED

Change: TypeAlias = Callable[[Books, IntentRecord], None]
"""What is done to a payment's row."""


def changed(payment_id: str, change: Change) -> Callable[[Connection], Intent]:
    """Work that changes one payment, logs what changed, and gives the payment as it is then.

    It raises InvalidInputError where there is no such payment.
    """

    def work(books: Books) -> Intent:
        row = books.get(IntentRecord, payment_id)
        if row is None:
            raise InvalidInputError(f"There is no payment {payment_id!r} in this ledger.")
        before = shown(row)
        change(books, row)
        if shown(row) != before:
            log_intent(books.connection, row)
        return intent_of(row)

    return in_books(work)


def shown(row: IntentRecord) -> tuple[object, ...]:
    """What of a payment may change after it was agreed."""
    return row.state, row.header, row.charge, row.receipt, row.budgeted


def log_intent(connection: Connection, row: IntentRecord) -> None:
    """Write a payment's state into the audit log, in the same transaction."""
    audit.append(connection, row.state, row.payment_id, audit.payment_body(row))


def set_columns(row: IntentRecord, **values: object) -> None:
    """Change columns of a payment's row."""
    for name, value in values.items():
        setattr(row, name, value)


def intent_of(row: IntentRecord) -> Intent:
    """The payment that a row holds."""
    return Intent(**{name: getattr(row, name) for name in Intent.__dataclass_fields__})


def still_good(row: IntentRecord, now: int) -> bool:
    """Whether a released payment is a signed transfer that its payee could still submit."""
    if row.scheme == BATCH or row.header is None:
        return False
    paid = PaymentPayload.from_header(row.header)
    return outline(parse_transfer(paid.payload), paid.accepted).valid_before > now


def refuse_unstorable(atomic: int) -> None:
    """Refuse an amount that no column holds.

    Raises:
        InvalidInputError: it is that large.
    """
    if atomic > MAX_STORED:
        raise InvalidInputError(f"The ledger holds amounts up to {MAX_STORED} atomic units.")
