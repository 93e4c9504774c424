"""Reading and writing single rows of the seller's books inside the caller's transaction."""

import json
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, insert, select, update

from headwater_marketplace.seller.records import Answer, ChannelRecord, NewRequest, Payment
from headwater_marketplace.seller.tables import NonceRow, PaymentRow, SellerChannelRow, WindowRow
from headwater_payments.batch_payload import SignedVoucher, parse_config
from headwater_payments.channels import SellerChannel
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.structs import ChannelConfig
from headwater_wallet.tables import MAX_STORED

CHANNELS: Table = SellerChannelRow.__table__  # type: ignore[attr-defined]
PAYMENTS: Table = PaymentRow.__table__  # type: ignore[attr-defined]
NONCES: Table = NonceRow.__table__  # type: ignore[attr-defined]
WINDOWS: Table = WindowRow.__table__  # type: ignore[attr-defined]

# Statements of the paid path, built once: building one anew costs more than running it.
ALL_PAYMENTS = select(*(PAYMENTS.c[name] for name in Payment.__dataclass_fields__))
_PAYMENT = ALL_PAYMENTS.where(PAYMENTS.c.payment_id == bindparam("payment"))
_PAYMENT_LOCKED = _PAYMENT.with_for_update()
_INSERT_PAYMENT = insert(PAYMENTS)
_UPDATE_PAYMENT = update(PAYMENTS).where(PAYMENTS.c.payment_id == bindparam("payment"))
_CHANNEL = select(CHANNELS).where(CHANNELS.c.channel_id == bindparam("channel"))
_CHANNEL_LOCKED = _CHANNEL.with_for_update()
_UPDATE_CHANNEL = update(CHANNELS).where(CHANNELS.c.channel_id == bindparam("channel"))
_VOUCHER_SERVED = (
    select(PAYMENTS.c.payment_id)
    .where(
        PAYMENTS.c.channel_id == bindparam("channel"),
        PAYMENTS.c.max_claimable == bindparam("maximum"),
    )
    .limit(1)
)
_WINDOW_OF = select(WINDOWS.c.payment_id).where(
    WINDOWS.c.channel_id == bindparam("channel"),
    WINDOWS.c.max_claimable == bindparam("maximum"),
)


def voucher_served(connection: Connection, voucher: SignedVoucher) -> bool:
    """Whether this voucher has admitted a request or covered a window."""
    if voucher.max_claimable > MAX_STORED:
        return False  # beyond any escrow, and beyond what a column can be compared with
    if window_of(connection, voucher) is not None:
        return True
    named = {"channel": to_hex(voucher.channel_id), "maximum": voucher.max_claimable}
    return connection.execute(_VOUCHER_SERVED, named).first() is not None


def window_of(connection: Connection, voucher: SignedVoucher) -> str | None:
    """The payment of which this voucher covered a further window."""
    if voucher.max_claimable > MAX_STORED:
        return None
    named = {"channel": to_hex(voucher.channel_id), "maximum": voucher.max_claimable}
    found = connection.execute(_WINDOW_OF, named).first()
    return None if found is None else str(found.payment_id)


def insert_payment(
    connection: Connection,
    request: NewRequest,
    *,
    owner: str,
    scheme: str,
    channel_id: str | None,
    max_claimable: int,
) -> None:
    """Write down a request that is admitted."""
    values = asdict(request)
    del values["asset"]
    values |= {
        "owner": owner,
        "state": "reserved",
        "scheme": scheme,
        "channel_id": channel_id,
        "max_claimable": max_claimable,
        "charge": 0,
        "cumulative": 0,
    }
    connection.execute(_INSERT_PAYMENT, values)


def payment_of(connection: Connection, payment_id: str, *, lock: bool = False) -> Payment | None:
    """A payment by its id; locked, no other process changes it before the transaction ends."""
    query = _PAYMENT_LOCKED if lock else _PAYMENT
    row = connection.execute(query, {"payment": payment_id}).first()
    return None if row is None else as_payment(row)


def as_payment(row: Row[Any]) -> Payment:
    """A row of `ALL_PAYMENTS`."""
    return Payment(*tuple(row))


def channel_of(
    connection: Connection, identifier: bytes, *, lock: bool = False
) -> ChannelRecord | None:
    """A channel by its id; locked as `payment_of` locks."""
    query = _CHANNEL_LOCKED if lock else _CHANNEL
    row = connection.execute(query, {"channel": to_hex(identifier)}).first()
    return None if row is None else as_channel(row)


def as_channel(row: Row[Any]) -> ChannelRecord:
    """A row of all the columns of `CHANNELS`."""
    return ChannelRecord(
        identifier=parse_hex(row.channel_id),
        config=_parsed_config(row.config),
        state=SellerChannel(row.balance, row.claimed, row.charged, row.reserved, row.signed),
        signature=None if row.signature is None else parse_hex(row.signature),
        withdraw_requested_at=row.withdraw_requested_at,
        refund_nonce=row.refund_nonce,
        synced_at=row.synced_at,
        concurrent=row.concurrent,
    )


@lru_cache(maxsize=1024)
def _parsed_config(text: str) -> ChannelConfig:
    return parse_config(json.loads(text))


def write_channel(connection: Connection, identifier: bytes, values: dict[str, Any]) -> None:
    """Change columns of a channel."""
    connection.execute(_UPDATE_CHANNEL, {"channel": to_hex(identifier), **values})


def write_payment(connection: Connection, payment_id: str, values: dict[str, Any]) -> None:
    """Change columns of a payment."""
    connection.execute(_UPDATE_PAYMENT, {"payment": payment_id, **values})


def keep_answer(connection: Connection, payment_id: str, answer: Answer) -> None:
    """Keep what a payment's request was answered with."""
    write_payment(connection, payment_id, asdict(answer))
