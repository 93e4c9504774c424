"""The channel that a request pays through, held for as long as no other may sign on it.

A seller that serves one request per channel at a time gets a lane for each, and a lane is held
until its answer has come. Rising vouchers of many requests share one channel, which is held only
while it is not known whether a deposit has reached it.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import anyio

from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import to_hex
from headwater_wallet.lanes import LanePool, lanes_for
from headwater_wallet.spend_records import ChannelTerms, Intent
from headwater_wallet.terms import Terms

if TYPE_CHECKING:
    from headwater_wallet.buyer import Buyer


class ChannelHold:
    """One request's hold on a channel, or on none. Opening it twice is opening it once.

    Attributes:
        identifier: the channel; None for a single transfer, and before `enter`.
        lane: which of the seller's lanes it is, and of which pool; None where it is no lane.
    """

    def __init__(self, buyer: "Buyer") -> None:
        self._buyer = buyer
        self.identifier: bytes | None = None
        self.lane: tuple[LanePool, int] | None = None
        self._gate: anyio.Semaphore | None = None
        self._busy: set[int] = set()
        self._width = 1
        """How many lanes a request of this price may use."""

    async def enter(self, terms: Terms) -> ChannelTerms | None:
        """The channel to pay through, held by this request: of several lanes, a free one."""
        limit = self._buyer.policy.deposit_limit
        channel = self.named(terms, limit)
        if channel is None:
            return None
        try:
            if not channel.concurrent:
                channel = await self._lane_of(terms, channel, limit)
            self.identifier = channel.identifier
            await self.close(channel)
        except BaseException:
            self.open()
            raise
        return channel

    async def enter_again(self, channel: ChannelTerms, lane: tuple[LanePool, int] | None) -> None:
        """Hold the channel once more that was held before."""
        if lane is not None:
            pool, number = lane
            await pool.take(set(range(pool.size)) - {number})
            self.lane = lane
        await self.close(channel)

    def try_another_lane(self) -> bool:
        """Give up a lane that cannot be used now; whether there is another."""
        lane = self.lane
        self.open()
        if lane is None:
            return False
        self._busy.add(lane[1])
        return len(self._busy) < self._width

    def channel_of(
        self, intent: Intent, terms: Terms, channel: ChannelTerms | None
    ) -> ChannelTerms | None:
        """The channel of a payment that may have been begun before, on another lane.

        Raises:
            InvalidInputError: it is none of the lanes that this wallet keeps.
        """
        if channel is None or intent.channel_id in (None, to_hex(channel.identifier)):
            return channel
        for number in range(self._buyer.lanes):
            known = self.named(terms, channel.deposit_limit, number)
            if known is not None and to_hex(known.identifier) == intent.channel_id:
                self.identifier = known.identifier
                return known
        raise InvalidInputError(f"The payment {intent.payment_id} is on a lane of its own.")

    def named(self, terms: Terms, deposit_limit: int, lane: int = 0) -> ChannelTerms | None:
        """The channel of this wallet that terms name; None for a single transfer."""
        buyer = self._buyer
        channel = terms.channel(
            buyer.signer.address, deposit_limit, lane, authorizer=buyer.authorizer
        )
        ahead = buyer.policy.deposit_ahead_s
        if channel is None or ahead is None:
            return channel
        return replace(channel, deposit_ahead_s=ahead)

    async def close(self, channel: ChannelTerms) -> None:
        """Wait until nobody else holds the channel, and hold it; no wait where this one does."""
        if self._gate is None:
            gate = self._buyer.gates.setdefault(channel.identifier, anyio.Semaphore(1))
            await gate.acquire()
            self._gate = gate

    def open(self) -> None:
        """Let others use the channel and the lane."""
        if self._gate is not None:
            self._gate.release()
            self._gate = None
        if self.lane is not None:
            pool, number = self.lane
            self.lane = None
            pool.give_back(number)

    async def _lane_of(self, terms: Terms, first: ChannelTerms, limit: int) -> ChannelTerms:
        buyer = self._buyer
        price = terms.price(buyer.policy.budget.asset).atomic
        pool = buyer.lane_pools.setdefault(first.identifier, LanePool(buyer.lanes))
        self._width = lanes_for(pool.size, price, limit)
        number = await pool.take(self._busy | set(range(self._width, pool.size)))
        self.lane = (pool, number)
        channel = self.named(terms, max(1, limit // self._width), number)
        assert channel is not None
        return replace(channel, seller_limit=limit)
