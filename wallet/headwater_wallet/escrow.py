"""How much escrow to place with a payment, counting what lies with its seller already.

A wallet may keep several lanes with one seller: channels that differ by their salt. What it has
placed in any of them is out of its hands until it is charged or withdrawn, so all of them count
against one limit.
"""

import json
from collections.abc import Sequence

from sqlalchemy import func, select

from headwater_wallet.books import Books, selecting
from headwater_wallet.records import CHANNELS, INTENTS, BudgetRecord, ChannelRecord
from headwater_wallet.spend_records import OPEN_STATES


def deposit_for(
    books: Books,
    channel: ChannelRecord,
    missing: int,
    budgets: Sequence[BudgetRecord],
    *,
    at_a_time: int,
    limit: int | None,
) -> int:
    """Escrow to place in a channel: nothing while it suffices, else as much as is allowed.

    What a payment is missing is placed whatever the limits say, and then nothing beside it.

    Args:
        books: in a write.
        channel: which channel, as it was before the payment.
        missing: atomic units without which the payment's voucher is not covered.
        budgets: what pays; nothing is placed ahead beyond what they have left.
        at_a_time: atomic units to place at most.
        limit: atomic units that may lie uncharged with the seller, in all lanes together; None for
            a channel that several requests share, which has no lanes beside it.
    """
    if not missing:
        return 0
    allowed = min(at_a_time, *(each.limit - each.used for each in budgets))
    if limit is not None:
        idle = max(0, channel.balance - channel.charged - channel.reserved)
        allowed = min(allowed, limit - idle - _uncharged_beside(books, channel))
    return max(missing, allowed)


def _uncharged_beside(books: Books, channel: ChannelRecord) -> int:
    """Atomic units in, or on their way to, the other lanes with the same seller."""
    query = (
        selecting(ChannelRecord)
        .where(CHANNELS.receiver == channel.receiver, CHANNELS.chain_id == channel.chain_id)
        .where(CHANNELS.channel_id != channel.channel_id)
    )
    terms = _but_for_the_lane(channel)
    return sum(
        max(0, row.balance + _on_its_way(books, row) - row.charged)
        for row in books.found(ChannelRecord, query)
        if _but_for_the_lane(row) == terms
    )


def _on_its_way(books: Books, channel: ChannelRecord) -> int:
    # A deposit covers its voucher: where the balance does too, it has arrived.
    query = (
        select(func.coalesce(func.sum(INTENTS.deposit), 0))
        .where(INTENTS.channel_id == channel.channel_id, INTENTS.state.in_(OPEN_STATES))
        .where(INTENTS.max_claimable > channel.balance)
    )
    return int(books.value(query) or 0)


def _but_for_the_lane(channel: ChannelRecord) -> dict[str, object]:
    return {k: v for k, v in json.loads(channel.config).items() if k != "salt"}
