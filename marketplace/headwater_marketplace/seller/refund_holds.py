"""What is held of a channel's escrow while a signed refund may still be made of it.

A refund that the seller has signed can be made until the channel's refund nonce on chain has risen,
however long that takes and whoever has got hold of it. So what is held for one ends when the chain
shows that, when it was surely not made, or never: time alone doesn't end it. A payer whose refund
was not heard of asks again, which signs the same nonce, so that one of the two can be made.
"""

from sqlalchemy import Connection

from headwater_marketplace.seller.charging import release_payment
from headwater_marketplace.seller.records import REFUND, UNREAD, ChannelRecord, Payment
from headwater_marketplace.seller.rows import (
    ALL_PAYMENTS,
    PAYMENTS,
    as_payment,
    channel_of,
    write_channel,
)
from headwater_payments.hexadecimal import to_hex


def holds_of(connection: Connection, identifier: bytes) -> list[Payment]:
    """What is held for refunds of a channel."""
    query = ALL_PAYMENTS.where(
        PAYMENTS.c.channel_id == to_hex(identifier),
        PAYMENTS.c.scheme == REFUND,
        PAYMENTS.c.state == "reserved",
    )
    return [as_payment(row) for row in connection.execute(query)]


def end_holds(connection: Connection, record: ChannelRecord) -> ChannelRecord:
    """Free what is held for refunds of a channel; gives the channel as it is then."""
    for held in holds_of(connection, record.identifier):
        release_payment(connection, held.payment_id, free_nonce=False)
    after = channel_of(connection, record.identifier)
    assert after is not None
    return after


def end_refund(connection: Connection, payment_id: str, identifier: bytes, nonce: int) -> None:
    """A refund was made with a nonce: what was held for it is free of it.

    Until a reading of the chain shows that nonce risen, nothing is sold on the channel.
    """
    release_payment(connection, payment_id, free_nonce=False)
    record = channel_of(connection, identifier)
    assert record is not None
    if record.refund_nonce <= nonce:
        made = {"refund_nonce": nonce + 1, "synced_at": UNREAD}
        write_channel(connection, identifier, made)
