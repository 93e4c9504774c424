"""Single transfers under way: written down before they are sent, gone with their outcome."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, insert, select, update

from headwater_marketplace.seller.tables import TransferRow
from headwater_payments.x402 import PaymentPayload, PaymentRequirements

_transfers: Table = TransferRow.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class TransferUnderWay:
    """A transfer without an outcome.

    Attributes:
        payment_id: what it pays for.
        payload: what the payer signed.
        terms: what it was accepted under.
        receipt: the metering receipt to sign once it has settled, as JSON; None for a stream.
        transaction: the transaction that carries it, once a facilitator has named one.
    """

    payment_id: str
    payload: PaymentPayload
    terms: PaymentRequirements
    receipt: str | None
    transaction: str | None


def write_down(connection: Connection, transfer: TransferUnderWay) -> None:
    """Keep a transfer in the caller's transaction; an earlier try under its id is replaced."""
    strike_out(connection, transfer.payment_id)
    connection.execute(
        insert(_transfers).values(
            payment_id=transfer.payment_id,
            header=transfer.payload.to_header(),
            terms=json.dumps(transfer.terms.to_json()),
            receipt=transfer.receipt,
            transaction=transfer.transaction,
        )
    )


def name_transaction(connection: Connection, payment_id: str, transaction: str) -> None:
    """Note which transaction carries it."""
    connection.execute(
        update(_transfers)
        .where(_transfers.c.payment_id == payment_id)
        .values(transaction=transaction)
    )


def strike_out(connection: Connection, payment_id: str) -> None:
    """Its outcome is in the books."""
    connection.execute(_transfers.delete().where(_transfers.c.payment_id == payment_id))


def under_way(connection: Connection) -> list[TransferUnderWay]:
    """Every transfer without an outcome."""
    return [_as_transfer(row) for row in connection.execute(select(_transfers))]


def _as_transfer(row: "Row[Any]") -> TransferUnderWay:
    return TransferUnderWay(
        payment_id=row.payment_id,
        payload=PaymentPayload.from_header(row.header),
        terms=PaymentRequirements.from_json(json.loads(row.terms)),
        receipt=row.receipt,
        transaction=row.transaction,
    )
