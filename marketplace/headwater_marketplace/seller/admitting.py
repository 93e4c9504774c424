"""What admits a request into the books: a voucher, a further window, or a transfer's nonce."""

from typing import Any

from sqlalchemy import Connection, insert, select

from headwater_marketplace.seller.records import (
    UNREAD,
    ChannelRecord,
    ChannelUnreadError,
    NewRequest,
    PaymentConflictError,
)
from headwater_marketplace.seller.rows import (
    NONCES,
    PAYMENTS,
    WINDOWS,
    channel_of,
    insert_payment,
    payment_of,
    voucher_served,
    window_of,
    write_channel,
    write_payment,
)
from headwater_payments.batch_payload import SignedVoucher
from headwater_payments.channels import VoucherReplayedError
from headwater_payments.hexadecimal import to_hex
from headwater_payments.windows import next_cover


def admit_voucher(
    connection: Connection,
    request: NewRequest,
    voucher: SignedVoucher,
    owner: str,
    *,
    concurrent: bool,
) -> ChannelRecord:
    """Reserve what a request may cost on its channel; gives the channel as it was before.

    Raises:
        PaymentConflictError: the payment id is in use.
        VoucherReplayedError: the voucher has served already.
        ChannelUnreadError: read the channel from the chain first.
        ChannelError: the voucher does not fit the channel's accounting.
    """
    _claim_id(connection, request)
    record = channel_of(connection, voucher.channel_id)
    if record is None:
        raise VoucherReplayedError("The channel is unknown.")
    if record.concurrent and not concurrent:
        # The payer does not sign which mode a voucher is for: a thief could strip the mark
        # off one that has served, and pass for a sequential payer that tries again.
        raise VoucherReplayedError(
            "This channel's vouchers rise; one that does not say so is not accepted."
        )
    if concurrent and voucher_served(connection, voucher):
        raise VoucherReplayedError(
            "This voucher has served already; each request needs one of its own.",
            max_claimable=str(voucher.max_claimable),
        )
    _require_read(record)
    after = record.state.reserve(voucher.max_claimable, request.amount, concurrent=concurrent)
    values: dict[str, Any] = {
        "reserved": after.reserved,
        "signed": after.signed,
        "concurrent": concurrent,
    }
    if after.signed == voucher.max_claimable:
        values["signature"] = to_hex(voucher.signature)
    write_channel(connection, voucher.channel_id, values)
    insert_payment(
        connection,
        request,
        owner=owner,
        scheme="batch-settlement",
        channel_id=to_hex(voucher.channel_id),
        max_claimable=voucher.max_claimable,
    )
    return record


def admit_window(
    connection: Connection, payment_id: str, voucher: SignedVoucher, *, window: int, price: int
) -> tuple[int, ChannelRecord]:
    """Cover one more window of a request under way; see `SellerStore.extend`."""
    payment = payment_of(connection, payment_id)
    record = channel_of(connection, voucher.channel_id)
    if payment is None or payment.channel_id != to_hex(voucher.channel_id) or not record:
        raise PaymentConflictError("This voucher is for another payment.")
    if window_of(connection, voucher) == payment_id:
        return payment.amount, record
    covered = next_cover(payment.amount, window, price)
    if payment.state != "reserved" or covered <= payment.amount:
        raise PaymentConflictError("This payment wants no further voucher.")
    if voucher_served(connection, voucher):
        raise VoucherReplayedError("This voucher has served already.")
    _require_read(record)
    after = record.state.reserve(voucher.max_claimable, covered - payment.amount, concurrent=True)
    values: dict[str, Any] = {"reserved": after.reserved, "signed": after.signed}
    if after.signed == voucher.max_claimable:
        values["signature"] = to_hex(voucher.signature)
    write_channel(connection, voucher.channel_id, values)
    connection.execute(
        insert(WINDOWS).values(
            channel_id=payment.channel_id,
            max_claimable=voucher.max_claimable,
            payment_id=payment_id,
        )
    )
    write_payment(connection, payment_id, {"amount": covered})
    return covered, record


def admit_transfer(
    connection: Connection,
    request: NewRequest,
    owner: str,
    authorization: tuple[str, str, bytes],
    scheme: str = "exact",
) -> None:
    """Take a transfer's nonce, which buys one thing once.

    Args:
        connection: the transaction.
        request: what it is to pay for.
        owner: the store that admits it.
        authorization: the contract that keeps the nonce, the payer and the nonce.
        scheme: x402's name of the way to pay.

    Raises:
        PaymentConflictError: the payment id is in use.
        VoucherReplayedError: the authorization has served already, or is being served.
    """
    book, payer, nonce = authorization
    _claim_id(connection, request)
    key = {"asset": book.lower(), "payer": payer.lower(), "nonce": to_hex(nonce)}
    taken = connection.execute(
        select(NONCES.c.payment_id).where(*(NONCES.c[k] == v for k, v in key.items()))
    ).first()
    if taken is not None:
        raise VoucherReplayedError("This authorization has served already.")
    connection.execute(insert(NONCES).values(**key, payment_id=request.payment_id))
    insert_payment(
        connection,
        request,
        owner=owner,
        scheme=scheme,
        channel_id=None,
        max_claimable=0,
    )


def _require_read(record: ChannelRecord) -> None:
    if record.synced_at == UNREAD:
        raise ChannelUnreadError("A refund was under way: the channel is to be read first.")


def _claim_id(connection: Connection, request: NewRequest) -> None:
    known = payment_of(connection, request.payment_id)
    if known is None:
        return
    if known.state != "released":
        raise PaymentConflictError(
            f"The payment id {request.payment_id} is in use; a new request needs a new id.",
            payment_id=request.payment_id,
        )
    connection.execute(PAYMENTS.delete().where(PAYMENTS.c.payment_id == request.payment_id))
