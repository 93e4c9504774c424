"""The wallet's payments as rows, inside the caller's transaction."""

from collections.abc import Callable
from typing import TypeAlias

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from headwater_payments.batch_payload import SCHEME as BATCH
from headwater_payments.errors import InvalidInputError
from headwater_payments.transfers import outline, parse_transfer
from headwater_payments.x402 import PaymentPayload
from headwater_wallet import audit
from headwater_wallet.sessions import joined_session
from headwater_wallet.spend_records import Intent
from headwater_wallet.tables import MAX_STORED, IntentRow

Change: TypeAlias = Callable[[Session, IntentRow], None]
"""What is done to a payment's row."""


def changed(payment_id: str, change: Change) -> Callable[[Connection], Intent]:
    """Work that changes one payment, logs what changed, and gives the payment as it is then.

    It raises InvalidInputError where there is no such payment.
    """

    def work(connection: Connection) -> Intent:
        with joined_session(connection) as session:
            row = session.get(IntentRow, payment_id, with_for_update=True)
            if row is None:
                raise InvalidInputError(f"There is no payment {payment_id!r} in this ledger.")
            before = shown(row)
            change(session, row)
            if shown(row) != before:
                log_intent(connection, row)
            return intent_of(row)

    return work


def shown(row: IntentRow) -> tuple[object, ...]:
    """What of a payment may change after it was agreed."""
    return row.state, row.header, row.charge, row.receipt, row.budgeted


def log_intent(connection: Connection, row: IntentRow) -> None:
    """Write a payment's state into the audit log, in the same transaction."""
    audit.append(connection, row.state, row.payment_id, audit.payment_body(row))


def set_columns(row: IntentRow, **values: object) -> None:
    """Change columns of a payment's row."""
    for name, value in values.items():
        setattr(row, name, value)


def intent_of(row: IntentRow) -> Intent:
    """The payment that a row holds."""
    return Intent(**{name: getattr(row, name) for name in Intent.__dataclass_fields__})


def still_good(row: IntentRow, now: int) -> bool:
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
