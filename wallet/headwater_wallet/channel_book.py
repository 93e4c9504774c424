"""A wallet's channels as its ledger knows them, and the mark of those whose escrow is leaving."""

import json
from dataclasses import dataclass

from sqlalchemy import func, select

from headwater_payments.batch_payload import parse_config
from headwater_payments.errors import InvalidInputError
from headwater_payments.structs import ChannelConfig
from headwater_wallet.books import Books, selecting
from headwater_wallet.channel_rows import WITHDRAWING, channel_row
from headwater_wallet.records import INTENTS, ChannelRecord
from headwater_wallet.spend_records import OPEN_STATES


@dataclass(frozen=True, slots=True)
class KnownChannel:
    """One channel; amounts in atomic units.

    Attributes:
        identifier: the channel's id.
        chain_id: where it is.
        config: what makes it.
        charged: what the seller has charged, as far as this wallet has seen.
        open_payments: payments without an outcome.
        last_used_at: Unix seconds of the newest payment; 0 where there is none.
        blocked: why nothing is signed on it, if so.
    """

    identifier: bytes
    chain_id: int
    config: ChannelConfig
    charged: int
    open_payments: int
    last_used_at: int
    blocked: str | None


def known_channels(books: Books) -> list[KnownChannel]:
    """Every channel of the ledger."""
    return [_known(books, row) for row in books.found(ChannelRecord, selecting(ChannelRecord))]


def begin_withdrawal(books: Books, channel_id: str) -> None:
    """Sign nothing more on a channel, so that its escrow may leave; again, it changes nothing.

    Raises:
        InvalidInputError: no such channel, or a payment on it has no outcome yet.
    """
    row = channel_row(books, channel_id)
    if (count := _known(books, row).open_payments) > 0:
        raise InvalidInputError(
            f"{count} payments on the channel {channel_id} have no outcome yet; reconcile them.",
            channel=channel_id,
        )
    # A seller that broke its terms stays blocked for that, whatever becomes of the escrow.
    row.blocked = row.blocked or WITHDRAWING


def end_withdrawal(books: Books, channel_id: str, balance: int | None) -> None:
    """The withdrawal is over, and the channel may be used again.

    Args:
        books: in a write.
        channel_id: which channel.
        balance: what the chain holds now; None where nothing was withdrawn.
    """
    row = channel_row(books, channel_id)
    if balance is not None:
        row.balance = balance
    if row.blocked == WITHDRAWING:
        row.blocked = None


def _known(books: Books, row: ChannelRecord) -> KnownChannel:
    mine = INTENTS.channel_id == row.channel_id
    unfinished = mine & INTENTS.state.in_(OPEN_STATES)
    count = books.value(select(func.count(INTENTS.payment_id)).where(unfinished))
    newest = books.value(select(func.max(INTENTS.created_at)).where(mine))
    return KnownChannel(
        identifier=bytes.fromhex(row.channel_id[2:]),
        chain_id=row.chain_id,
        config=parse_config(json.loads(row.config)),
        charged=row.charged,
        open_payments=count or 0,
        last_used_at=newest or 0,
        blocked=row.blocked,
    )
