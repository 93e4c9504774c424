"""Watching a paid stream as it passes: its receipt is recorded, its requests for vouchers answered.

Chunks are handed on at once. The seller's payment events are taken out on the way, so that the
reader sees the stream that it asked for. A stream that is not of server-sent events carries none:
while it stalls the seller is asked whether it waits for a voucher, and at the end for the receipt.
"""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import anyio

from headwater_payments.errors import HeadwaterError, InvalidInputError, UnavailableError
from headwater_payments.extensions import RECEIPT_EVENT
from headwater_payments.json_text import read_json
from headwater_payments.server_sent import EventFilter, ServerEvent
from headwater_payments.windows import NEED_VOUCHER_EVENT
from headwater_payments.x402 import PAYMENT_SIGNATURE, JsonObject, SettlementResponse
from headwater_wallet.errors import (
    PaymentRefusedError,
    SellerMisbehavedError,
    StreamCutShortError,
)
from headwater_wallet.purchase import Purchase

SHOW_PAYMENT_EVENTS: Final = "headwater_payment_events"
"""A request's extension by which the application asks to see the seller's payment events too."""

STALL_S: Final = 0.5
"""A stream without events that brings nothing for so long may be waiting for a voucher."""

MAX_UNDELIVERED: Final = 2
"""Vouchers given while nothing of the stream comes; a piece may cost more than one window."""

MAX_REPLY_BYTES: Final = 65_536
_SENDS: Final = 2
_OK, _SERVER_ERROR = 200, 500


@dataclass(frozen=True, slots=True)
class Reply:
    """What a seller answered beside a stream; `body` is empty where it was no JSON object."""

    status: int
    body: JsonObject


Beside = Callable[[str, str, dict[str, str]], Awaitable[Reply]]
"""Sends a small request beside the stream, by method, URL and headers.

Raises `UnavailableError` where no answer came.
"""


class StreamWatch:
    """One paid stream on its way to its reader.

    Args:
        purchase: the payment side of the request.
        beside: sends requests beside the stream.
        content_type: of the stream, as its head says.
        encoded: whether its bytes are compressed, so that no event can be seen in them.
        show_events: hand the seller's payment events on as well.
        stall: returns when the stream has brought nothing for long enough to ask why.
    """

    def __init__(
        self,
        purchase: Purchase,
        beside: Beside,
        *,
        content_type: str,
        encoded: bool = False,
        show_events: bool = False,
        stall: Callable[[], Awaitable[None]] = lambda: anyio.sleep(STALL_S),
    ) -> None:
        readable = content_type.startswith("text/event-stream") and not encoded
        self._events = EventFilter([RECEIPT_EVENT, NEED_VOUCHER_EVENT]) if readable else None
        self._purchase, self._beside = purchase, beside
        self._show_events, self._stall = show_events, stall
        self._receipt: tuple[SettlementResponse, str | None] | None = None
        self._refused: HeadwaterError | None = None
        self._last_voucher = ""
        self._undelivered = 0

    async def through(self, stream: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """The stream's chunks, less the seller's payment events.

        Raises:
            SellerMisbehavedError: what the seller asks or charges breaks the terms.
            StreamCutShortError: the seller stopped for want of a voucher; what came is paid for.
        """
        chunks = aiter(stream)
        while (chunk := await self._next(chunks)) is not None:
            for part in [chunk] if self._events is None else self._events.feed(chunk):
                async for shown in self._shown(part):
                    yield shown
        for part in [] if self._events is None else self._events.finish():
            async for shown in self._shown(part):
                yield shown
        if self._events is None and self._purchase.in_windows:
            await self._look_up()
        await self.ended()
        self._refuse_short()

    async def ended(self) -> None:
        """The stream is over: settle what it was charged, or leave it to be reconciled.

        Raises:
            SellerMisbehavedError: the charge breaks the terms.
        """
        try:
            if self._receipt is not None and self._purchase.awaits_receipt:
                await self._purchase.settled(*self._receipt)
        finally:
            await self._purchase.ended()

    async def _shown(self, part: bytes | ServerEvent) -> AsyncIterator[bytes]:
        if isinstance(part, bytes):
            if part.strip():
                self._undelivered = 0
            yield part
            return
        if self._show_events:
            yield part.raw
        body = _json(part.data)
        if part.name == RECEIPT_EVENT:
            self._receipt = read_receipt(body)
        else:
            await self._answer(body)

    async def _next(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        if self._events is not None or not self._purchase.in_windows:
            return await anext(chunks, None)
        failure: list[HeadwaterError] = []

        async def ask_while_it_stalls(scope: anyio.CancelScope) -> None:
            try:
                while self._refused is None:
                    await self._stall()
                    await self._ask()
            except HeadwaterError as exc:
                failure.append(exc)
                scope.cancel()

        chunk = None
        async with anyio.create_task_group() as group:
            group.start_soon(ask_while_it_stalls, group.cancel_scope)
            chunk = await anext(chunks, None)
            group.cancel_scope.cancel()
        if failure:
            raise failure[0]
        return chunk

    async def _ask(self) -> None:
        try:
            reply = await self._beside("GET", self._purchase.beside_url, {})
        except UnavailableError:
            return
        if (wanted := reply.body.get("needVoucher")) is not None:
            await self._answer(wanted)

    async def _answer(self, wanted: object) -> None:
        """Send the voucher that the seller asks for, or say that none will come."""
        if self._refused is not None:
            return
        try:
            self._refuse_undelivered()
            header = await self._purchase.extend(wanted)
        except SellerMisbehavedError:
            raise
        except HeadwaterError as exc:
            self._refused = exc
        else:
            self._undelivered += header != self._last_voucher
            self._last_voucher = header
            self._refused = await self._deliver(header)
        if self._refused is not None:
            await self._decline()

    def _refuse_undelivered(self) -> None:
        if self._undelivered >= MAX_UNDELIVERED:
            raise PaymentRefusedError(
                f"The seller asks for more after {MAX_UNDELIVERED} vouchers for which nothing came."
            )

    async def _deliver(self, header: str) -> HeadwaterError | None:
        """Send a voucher, twice where no answer comes; what stood in its way, where it did."""
        problem: HeadwaterError | None = None
        try:
            for _ in range(_SENDS):
                try:
                    reply = await self._beside(
                        "POST", self._purchase.beside_url, {PAYMENT_SIGNATURE: header}
                    )
                except UnavailableError as exc:
                    problem = exc
                    continue
                if reply.status == _OK:
                    await self._purchase.extended(reply.body)
                    return None
                if isinstance(details := reply.body.get("details"), dict):
                    await self._purchase.extended(details)
                said = str(reply.body.get("detail") or f"status {reply.status}")
                problem = PaymentRefusedError(f"The seller refused a voucher: {said}")
                if reply.status < _SERVER_ERROR:
                    break
        finally:
            self._purchase.extension_over()
        return problem

    async def _decline(self) -> None:
        """Spare the seller the wait; it stops either way."""
        try:
            await self._beside("DELETE", self._purchase.beside_url, {})
        except UnavailableError:
            return

    async def _look_up(self) -> None:
        try:
            reply = await self._beside("GET", self._purchase.beside_url, {})
        except UnavailableError:
            return
        self._receipt = read_receipt(reply.body)

    def _refuse_short(self) -> None:
        if self._receipt is None or not (self._receipt[0].extra or {}).get("stopped"):
            return
        why = "no further voucher came" if self._refused is None else self._refused.message
        intent = self._purchase.intent
        charged = None if intent is None else intent.charge
        raise StreamCutShortError(
            f"The stream ended before its end: {why} What came of it is paid for.",
            charged=str(charged),
            reason="" if self._refused is None else self._refused.code,
        ) from self._refused


def read_receipt(body: object) -> tuple[SettlementResponse, str | None] | None:
    """The settlement and the signed receipt that a stream ends with; None where it is neither."""
    if not isinstance(body, dict) or not isinstance(body.get("settlement"), dict):
        return None
    try:
        settlement = SettlementResponse.from_json(body["settlement"])
    except InvalidInputError:
        return None
    receipt = body.get("receipt")
    return settlement, receipt if isinstance(receipt, str) else None


def reply_of(status: int, content: bytes) -> Reply:
    """What came back from a request beside a stream."""
    body = _json(content[:MAX_REPLY_BYTES])
    return Reply(status, body if isinstance(body, dict) else {})


def _json(data: bytes) -> object:
    try:
        return read_json(data)
    except InvalidInputError:
        return None
