"""How much of a stream is covered by vouchers, and waiting for the next one.

A stream sends nothing that is not covered. It asks for a further voucher while a quarter of a
window is left, so that generation rarely waits, and waits for it only so long.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import anyio

from headwater_marketplace.seller.store import SellerStore
from headwater_payments.errors import HeadwaterError
from headwater_payments.windows import NeedVoucher, is_low, next_cover

PATIENCE_S: Final = 30
"""How long a stream waits for a voucher before it stops."""

LOOK_AGAIN_S: Final = 0.25
"""A voucher may have reached another worker of the same books: how often to look there."""


class StreamCover:
    """The cover of one streamed answer; atomic units throughout.

    `covered` is what vouchers cover, `delivered` what was due for the chunks that were sent.
    """

    def __init__(
        self,
        payment_id: str,
        channel_id: bytes,
        *,
        covered: int,
        window: int,
        price: int,
        store: SellerStore,
        patience: Callable[[], Awaitable[None]],
    ) -> None:
        self.payment_id, self.channel_id = payment_id, channel_id
        self.covered, self.window, self.price = covered, window, price
        self.delivered = 0
        self.stopped = self._declined = self._announced = False
        self._wanted: int | None = None
        self._store, self._patience = store, patience
        self._changed = anyio.Event()

    @property
    def need(self) -> NeedVoucher | None:
        """What the buyer is asked for; None where nothing is wanted."""
        if self._wanted is None:
            return None
        return NeedVoucher(self.payment_id, self.channel_id, self.covered, self._wanted)

    def event(self) -> bytes:
        """The event that asks for a voucher, once for each; empty where there is nothing to ask."""
        need = self.need
        if need is None or self._announced:
            return b""
        self._announced = True
        return need.to_event()

    def ask_if_low(self, due: int) -> None:
        """Want a further voucher if little would be left once `due` is charged."""
        more = self.covered < self.price
        if self._wanted is None and more and is_low(self.covered, due, self.window):
            self._wanted = next_cover(self.covered, self.window, self.price)
            self._announced = False

    def extended(self, covered: int) -> None:
        """A voucher came: so much is covered now."""
        if covered <= self.covered:
            return
        self.covered, self._wanted = covered, None
        self._ring()

    def decline(self) -> None:
        """The buyer says that no voucher will come."""
        self._declined = True
        self._ring()

    async def more(self) -> bool:
        """Wait for more cover.

        Returns:
            Whether it came: False where the buyer declined, or patience is at its end.
        """
        before = self.covered
        if not self._declined:
            async with anyio.create_task_group() as group:
                group.start_soon(self._give_up, group.cancel_scope)
                group.start_soon(self._look_again)
                await self._changed.wait()
                group.cancel_scope.cancel()
        return self.covered > before

    async def _give_up(self, scope: anyio.CancelScope) -> None:
        await self._patience()
        scope.cancel()

    async def _look_again(self) -> None:
        while True:
            await anyio.sleep(LOOK_AGAIN_S)
            try:
                payment = await self._store.payment(self.payment_id)
            except HeadwaterError:
                continue
            if payment is not None:
                self.extended(payment.amount)

    def _ring(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


class StreamCovers:
    """The streams that this process is serving a window at a time, by payment id."""

    def __init__(self) -> None:
        self._open: dict[str, StreamCover] = {}

    def find(self, payment_id: str) -> StreamCover | None:
        """A stream under way; None where it is over, or another process serves it."""
        return self._open.get(payment_id)

    @contextmanager
    def serving(self, cover: StreamCover | None) -> Iterator[None]:
        """Have `cover` found while its stream is under way."""
        if cover is None:
            yield
            return
        self._open[cover.payment_id] = cover
        try:
            yield
        finally:
            del self._open[cover.payment_id]
