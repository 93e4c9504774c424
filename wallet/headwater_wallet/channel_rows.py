"""The wallet's channels as rows, inside the caller's transaction."""

import json
from dataclasses import asdict

from sqlalchemy.orm import Session

from headwater_payments.batch_payload import config_to_json
from headwater_payments.channels import BuyerChannel
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import to_hex
from headwater_wallet.channel_book import WITHDRAWING
from headwater_wallet.errors import PolicyRefusedError, SellerMisbehavedError
from headwater_wallet.spend_records import ChannelTerms
from headwater_wallet.tables import ChannelRow


def open_channel(session: Session, terms: ChannelTerms) -> ChannelRow:
    """The row of a channel that may be signed on, made where there is none.

    Raises:
        PolicyRefusedError: its escrow is being withdrawn.
        SellerMisbehavedError: it is blocked.
    """
    identifier = to_hex(terms.identifier)
    row = session.get(ChannelRow, identifier, with_for_update=True)
    if row is None:
        row = ChannelRow(
            channel_id=identifier,
            chain_id=terms.chain_id,
            receiver=terms.config.receiver,
            config=json.dumps(config_to_json(terms.config)),
        )
        session.add(row)
        session.flush()
    return unblocked(row)


def unblocked(row: ChannelRow) -> ChannelRow:
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


def channel_row(session: Session, channel_id: str) -> ChannelRow:
    """The row of a channel, locked until the transaction ends.

    Raises:
        InvalidInputError: there is none.
    """
    row = session.get(ChannelRow, channel_id, with_for_update=True)
    if row is None:
        raise InvalidInputError(f"There is no channel {channel_id} in this ledger.")
    return row


def channel_of(row: ChannelRow) -> BuyerChannel:
    """The accounting of a channel's row."""
    return BuyerChannel(row.balance, row.charged, row.reserved, row.signed)


def store_channel(row: ChannelRow, channel: BuyerChannel) -> None:
    """Write the accounting into its row."""
    for name, value in asdict(channel).items():
        setattr(row, name, value)
