"""How a reservation ends: charged or released, inside the caller's transaction."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from headwater_marketplace.seller import journal, transfers
from headwater_marketplace.seller.records import REFUND, UNREAD, Answer
from headwater_marketplace.seller.rows import (
    NONCES,
    channel_of,
    kept_of,
    payment_of,
    write_channel,
    write_payment,
)
from headwater_payments.hexadecimal import parse_hex
from headwater_payments.ledger import transfer


def charge_payment(
    connection: Connection,
    payment_id: str,
    charge: int,
    asset: str,
    seal: Callable[[int], Answer | None] | None,
) -> int:
    """Turn a reservation into a charge, once; see `SellerStore.charge`."""
    payment = payment_of(connection, payment_id)
    if payment is None or payment.state == "charged":
        return 0 if payment is None else payment.cumulative
    cumulative = charge
    source = f"payer:{payment.payer}"
    if payment.channel_id is None:
        transfers.strike_out(connection, payment_id)
    if payment.channel_id is not None:
        identifier = parse_hex(payment.channel_id)
        record = channel_of(connection, identifier)
        assert record is not None
        state = record.state
        if payment.state == "released":
            # The voucher is held already, so it adds nothing to what is signed.
            state = state.reserve(state.signed, payment.amount, concurrent=True)
        after = state.commit(payment.amount, charge)
        write_channel(
            connection, identifier, {"charged": after.charged, "reserved": after.reserved}
        )
        cumulative, source = after.charged, f"channel:{payment.channel_id}"
    answer = None if seal is None else seal(cumulative)
    kept = {} if answer is None else kept_of(answer)
    values = {"state": "charged", "charge": charge, "cumulative": cumulative, **kept}
    write_payment(connection, payment_id, values)
    destination = f"receivable:{payment.payee}"
    postings = transfer(source, destination, asset, charge)
    journal.append(connection, "charge", payment_id, postings)
    return cumulative


def release_payment(connection: Connection, payment_id: str, *, free_nonce: bool) -> None:
    """End a reservation without a charge."""
    payment = payment_of(connection, payment_id)
    if payment is None or payment.state != "reserved":
        return
    if payment.channel_id is not None:
        identifier = parse_hex(payment.channel_id)
        record = channel_of(connection, identifier)
        assert record is not None
        freed: dict[str, Any] = {"reserved": record.state.commit(payment.amount, 0).reserved}
        if payment.scheme == REFUND:
            freed["synced_at"] = UNREAD
        write_channel(connection, identifier, freed)
    else:
        transfers.strike_out(connection, payment_id)
        if free_nonce:
            connection.execute(NONCES.delete().where(NONCES.c.payment_id == payment_id))
    write_payment(connection, payment_id, {"state": "released"})
