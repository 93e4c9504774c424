"""What the chain shows of a channel, taken into the books inside the caller's transaction."""

import json
from typing import Any

from sqlalchemy import Connection, insert

from headwater_marketplace.facilitator import ChainChannel
from headwater_marketplace.seller.records import ChannelRecord
from headwater_marketplace.seller.refund_holds import end_holds
from headwater_marketplace.seller.rows import CHANNELS, channel_of, write_channel
from headwater_payments.batch_payload import config_to_json
from headwater_payments.hexadecimal import to_hex
from headwater_payments.structs import ChannelConfig
from headwater_wallet.tables import MAX_STORED


def record_chain(
    connection: Connection,
    identifier: bytes,
    config: ChannelConfig,
    chain: ChainChannel,
    now: int,
) -> ChannelRecord:
    """Record what the chain shows of a channel; unknown ones start at what is claimed.

    Of a balance beyond what the books can hold, that much is recorded: a seller that knows of less
    accepts less. A reading from before a refund that the books know of, as a node that lags gives
    it, leaves them as they are. One that shows the refund nonce risen ends what was held for a
    refund: whatever was signed with the nonce before can't be made any more.
    """
    balance, claimed = min(chain.balance, MAX_STORED), min(chain.claimed, MAX_STORED)
    known = channel_of(connection, identifier)
    values: dict[str, Any] = {
        "balance": balance,
        "claimed": claimed,
        "withdraw_requested_at": chain.withdraw_requested_at,
        "refund_nonce": chain.refund_nonce,
        "synced_at": now,
    }
    if known is None:
        values |= {
            "channel_id": to_hex(identifier),
            "config": json.dumps(config_to_json(config)),
            "receiver": config.receiver,
            "charged": claimed,
            "reserved": 0,
            "signed": claimed,
            "concurrent": False,
        }
        connection.execute(insert(CHANNELS).values(values))
    elif chain.refund_nonce < known.refund_nonce:
        return known
    else:
        if chain.refund_nonce > known.refund_nonce:
            known = end_holds(connection, known)
        # A claim of ours may have been mined since the chain was read: it only ever rises.
        values["claimed"] = max(known.state.claimed, claimed)
        floor = max(known.state.charged, claimed)
        values["charged"] = floor
        if floor > known.state.signed:
            # These books are older than the claim: its voucher is not in them.
            values |= {"signed": floor, "signature": None}
        write_channel(connection, identifier, values)
    record = channel_of(connection, identifier)
    assert record is not None
    return record
