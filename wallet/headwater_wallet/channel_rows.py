"""The wallet's channels as rows, inside the caller's transaction."""

import json
from dataclasses import asdict
from typing import Final

from headwater_payments.batch_payload import config_to_json
from headwater_payments.channels import BuyerChannel
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import to_hex
from headwater_wallet.books import Books
from headwater_wallet.errors import PolicyRefusedError, SellerMisbehavedError
from headwater_wallet.records import ChannelRecord
from headwater_wallet.spend_records import ChannelTerms

WITHDRAWING: Final = "its escrow is being withdrawn"
"""What stands in `blocked` of a channel while its escrow is on its way back."""


def open_channel(books: Books, terms: ChannelTerms) -> ChannelRecord:
    """The row of a channel that may be signed on, made where there is none.

    Raises:
        PolicyRefusedError: its escrow is being withdrawn.
        SellerMisbehavedError: it is blocked.
    """
    identifier = to_hex(terms.identifier)
    row = books.get(ChannelRecord, identifier)
    if row is None:
        row = ChannelRecord(
            channel_id=identifier,
            chain_id=terms.chain_id,
            receiver=terms.config.receiver,
            config=json.dumps(config_to_json(terms.config)),
        )
        books.add(row)
        books.flush()
    return unblocked(row)


def unblocked(row: ChannelRecord) -> ChannelRecord:
    """The row, unless nothing may be signed on its channel; raises as `open_channel` does."""
    if row.blocked == WITHDRAWING:
        raise PolicyRefusedError(
            f"Nothing is signed on the channel to {row.receiver}: {WITHDRAWING}.",
            channel=row.channel_id,
        )
    if row.blocked is not None:
        raise SellerMisbehavedError(
            f"The channel to {row.receiver} is blocked: {row.blocked}.", channel=row.channel_id
        )
    return row


def channel_row(books: Books, channel_id: str) -> ChannelRecord:
    """The row of a channel.

    Raises:
        InvalidInputError: there is none.
    """
    row = books.get(ChannelRecord, channel_id)
    if row is None:
        raise InvalidInputError(f"There is no channel {channel_id} in this ledger.")
    return row


def channel_of(row: ChannelRecord) -> BuyerChannel:
    """The accounting of a channel's row."""
    return BuyerChannel(row.balance, row.charged, row.reserved, row.signed)


def store_channel(row: ChannelRecord, channel: BuyerChannel) -> None:
    """Write the accounting into its row."""
    for name, value in asdict(channel).items():
        setattr(row, name, value)
