"""Reading and writing single rows of the seller's books inside the caller's transaction."""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert, select, update

from headwater_marketplace.seller.records import Answer, ChannelRecord, NewRequest, Payment
from headwater_marketplace.seller.tables import NonceRow, PaymentRow, SellerChannelRow, WindowRow
from headwater_payments.batch_payload import SignedVoucher, parse_config
from headwater_payments.channels import SellerChannel
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.structs import ChannelConfig
from headwater_wallet.prepared import Prepared
from headwater_wallet.tables import MAX_STORED

CHANNELS: Table = SellerChannelRow.__table__  # type: ignore[attr-defined]
PAYMENTS: Table = PaymentRow.__table__  # type: ignore[attr-defined]
NONCES: Table = NonceRow.__table__  # type: ignore[attr-defined]
WINDOWS: Table = WindowRow.__table__  # type: ignore[attr-defined]

# Statements of the paid path, built once: building one anew costs more than running it.
ALL_PAYMENTS = select(*(PAYMENTS.c[name] for name in Payment.__dataclass_fields__))
ALL_CHANNELS = select(
    CHANNELS.c.channel_id,
    CHANNELS.c.config,
    CHANNELS.c.signature,
    CHANNELS.c.withdraw_requested_at,
    CHANNELS.c.refund_nonce,
    CHANNELS.c.synced_at,
    CHANNELS.c.concurrent,
    *(CHANNELS.c[name] for name in SellerChannel.__dataclass_fields__),
)
_OF_REQUEST = tuple(name for name in NewRequest.__dataclass_fields__ if name != "asset")
_PAYMENT = Prepared(ALL_PAYMENTS.where(PAYMENTS.c.payment_id == bindparam("payment")))
_INSERT_PAYMENT = Prepared(insert(PAYMENTS))
_UPDATE_PAYMENT = Prepared(update(PAYMENTS).where(PAYMENTS.c.payment_id == bindparam("payment")))
_CHANNEL = Prepared(ALL_CHANNELS.where(CHANNELS.c.channel_id == bindparam("channel")))
_UPDATE_CHANNEL = Prepared(update(CHANNELS).where(CHANNELS.c.channel_id == bindparam("channel")))
_WINDOW = select(WINDOWS.c.payment_id).where(
    WINDOWS.c.channel_id == bindparam("channel"),
    WINDOWS.c.max_claimable == bindparam("maximum"),
)
_WINDOW_OF = Prepared(_WINDOW)
_VOUCHER_SERVED = Prepared(
    select(PAYMENTS.c.payment_id)
    .where(
        PAYMENTS.c.channel_id == bindparam("channel"),
        PAYMENTS.c.max_claimable == bindparam("maximum"),
    )
    .union_all(_WINDOW)
    .limit(1)
)


def voucher_served(connection: Connection, voucher: SignedVoucher) -> bool:
    """Whether this voucher has admitted a request or covered a window."""
    return _first_payment(connection, _VOUCHER_SERVED, voucher) is not None


def window_of(connection: Connection, voucher: SignedVoucher) -> str | None:
    """The payment of which this voucher covered a further window."""
    return _first_payment(connection, _WINDOW_OF, voucher)


def _first_payment(connection: Connection, query: Prepared, voucher: SignedVoucher) -> str | None:
    if voucher.max_claimable > MAX_STORED:
        return None  # beyond any escrow, and beyond what a column can be compared with
    named = {"channel": to_hex(voucher.channel_id), "maximum": voucher.max_claimable}
    found = query.first(connection, named)
    return None if found is None else str(found[0])


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
    values = {name: getattr(request, name) for name in _OF_REQUEST}
    values |= {
        "owner": owner,
        "state": "reserved",
        "scheme": scheme,
        "channel_id": channel_id,
        "max_claimable": max_claimable,
        "charge": 0,
        "cumulative": 0,
    }
    _INSERT_PAYMENT.run(connection, values)


def payment_of(connection: Connection, payment_id: str) -> Payment | None:
    """A payment by its id."""
    row = _PAYMENT.first(connection, {"payment": payment_id})
    return None if row is None else as_payment(row)


def as_payment(row: Sequence[Any]) -> Payment:
    """A row of `ALL_PAYMENTS`."""
    return Payment(*row)


def channel_of(connection: Connection, identifier: bytes) -> ChannelRecord | None:
    """A channel by its id."""
    row = _CHANNEL.first(connection, {"channel": to_hex(identifier)})
    return None if row is None else as_channel(row)


def as_channel(row: Sequence[Any]) -> ChannelRecord:
    """A row of `ALL_CHANNELS`."""
    identifier, config, signature, withdrawing, refund_nonce, synced_at, concurrent, *state = row
    return ChannelRecord(
        identifier=parse_hex(identifier),
        config=_parsed_config(config),
        state=SellerChannel(*state),
        signature=None if signature is None else parse_hex(signature),
        withdraw_requested_at=withdrawing,
        refund_nonce=refund_nonce,
        synced_at=synced_at,
        concurrent=concurrent,
    )


@lru_cache(maxsize=1024)
def _parsed_config(text: str) -> ChannelConfig:
    return parse_config(json.loads(text))


def write_channel(connection: Connection, identifier: bytes, values: dict[str, Any]) -> None:
    """Change columns of a channel."""
    _UPDATE_CHANNEL.run(connection, {"channel": to_hex(identifier), **values})


def write_payment(connection: Connection, payment_id: str, values: dict[str, Any]) -> None:
    """Change columns of a payment."""
    _UPDATE_PAYMENT.run(connection, {"payment": payment_id, **values})


def keep_answer(connection: Connection, payment_id: str, answer: Answer) -> None:
    """Keep what a payment's request was answered with."""
    write_payment(connection, payment_id, kept_of(answer))


def kept_of(answer: Answer) -> dict[str, Any]:
    """The columns of an answer."""
    return {name: getattr(answer, name) for name in Answer.__dataclass_fields__}
