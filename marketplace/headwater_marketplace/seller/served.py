"""Serving an admitted request: pass the handler's bytes on, then charge what it used."""

import json
from collections.abc import Awaitable, Callable

import anyio

from headwater_marketplace.facilitator import Facilitator
from headwater_marketplace.seller.admission import Admission
from headwater_marketplace.seller.asgi import Headers
from headwater_marketplace.seller.bill import Bill, SettlementFailedError
from headwater_marketplace.seller.channel_json import channel_state
from headwater_marketplace.seller.heads import sold_head
from headwater_marketplace.seller.kept_answers import (
    Message,
    Send,
    content_type,
    header_of,
)
from headwater_marketplace.seller.store import SellerStore
from headwater_marketplace.seller.trailers import Trailers
from headwater_marketplace.seller.windows import StreamCover
from headwater_payments.extensions import PAYMENT_RECEIPT, receipt_event
from headwater_payments.offer_receipt import Issuer
from headwater_payments.server_sent import EventBoundaries
from headwater_payments.signing import Signer
from headwater_payments.x402 import (
    PAYMENT_RESPONSE,
    JsonObject,
    SettlementResponse,
)


class ServedRequest:
    """One admitted request on its way through the handler."""

    def __init__(
        self,
        admission: Admission,
        body: bytes,
        send: Send,
        *,
        cover: StreamCover | None = None,
        store: SellerStore,
        signer: Signer,
        facilitator: Facilitator,
        now: Callable[[], int],
        issuer: Issuer | None = None,
        url: str = "",
        trailers: bool = False,
        crosses: bool = False,
    ) -> None:
        self._bill = Bill(
            admission,
            body,
            cover=cover,
            store=store,
            signer=signer,
            facilitator=facilitator,
            now=now,
            issuer=issuer,
            url=url,
        )
        self._admission, self._store = admission, store
        self._raw_send, self._cover = send, cover
        self._boundaries = EventBoundaries()
        self._trailers = Trailers() if trailers else None
        self._crosses = crosses
        self._withheld = self._client_gone = False

    async def run(self, handler: Callable[[], Awaitable[None]]) -> None:
        """Run the handler; whatever happens, the payment ends charged or released."""
        failed = True
        self._store.live[self._admission.payment_id] = self
        try:
            await handler()
            failed = False
        except anyio.get_cancelled_exc_class():
            failed = False
            raise
        except Exception:
            if self._cover is None or not (self._cover.stopped and self._bill.finished):
                raise
            # What a handler makes of a stream that was stopped is not a failure.
        finally:
            try:
                if not self._bill.finished:
                    with anyio.CancelScope(shield=True):
                        # A client that is gone pays for what was metered, like one that closed the
                        # stream; whatever the handler made of its absence is not a failure.
                        await self._bill.cut_short(failed=failed and not self._client_gone)
            finally:
                # The id of a payment that was released may be in use again.
                if self._store.live.get(self._admission.payment_id) is self:
                    del self._store.live[self._admission.payment_id]

    async def send(self, message: Message) -> None:
        """Take one ASGI message from the handler."""
        if message["type"] == "http.response.start":
            sold = message.get("status", 500) < 300
            self._bill.start = sold_head(message, crosses=self._crosses) if sold else message
        elif message["type"] == "http.response.body":
            await self._body(message.get("body", b""), more=message.get("more_body", False))
        elif message["type"] == "http.response.trailers" and self._trailers is not None:
            await self._send(self._trailers.joined(message))
        else:
            await self._send(message)

    async def _send(self, message: Message) -> None:
        try:
            await self._raw_send(message)
        except OSError:
            self._client_gone = True
            raise

    async def _body(self, chunk: bytes, *, more: bool) -> None:
        if self._withheld:
            return None
        if self._bill.start.get("status", 500) >= 300:
            # A failure is not what was bought, and nor is the way to some other place.
            return await self._pass_failure(chunk, more=more)
        self._bill.response_hash.update(chunk)
        if not self._bill.streaming and not more:
            return await self._complete(chunk)
        if not self._bill.streaming and not await self._open_stream():
            return None
        if self._cover is not None and not await self._covered(self._cover):
            return await self._stop(self._cover)
        if more:
            return await self._send_chunk(chunk)
        await self._end(chunk)

    async def _send_chunk(self, chunk: bytes) -> None:
        behind = self._boundaries.passed(chunk) if self._carries_events else None
        passing = chunk if self._cover is None else self._asking(self._cover, chunk, behind)
        await self._send({"type": "http.response.body", "body": passing, "more_body": True})
        if self._cover is not None:
            self._cover.delivered = self._admission.meter.due

    async def _end(self, chunk: bytes) -> None:
        if self._cover is not None and not self._cover.stopped:
            self._cover.delivered = self._admission.meter.due
        try:
            await self._bill.settle_used()
        except SettlementFailedError as exc:
            # It was delivered, and nobody pays for it: the stream ends without a receipt.
            await self._bill.unsettled(exc)
            return await self._send_last(chunk, [])
        settlement, receipt = await self._bill.charge(kept=None)
        tail = chunk + self._receipt_event(settlement, receipt, after=chunk)
        await self._send_last(tail, _told_in_headers(settlement, receipt))

    async def _send_last(self, chunk: bytes, told: Headers) -> None:
        await self._send({"type": "http.response.body", "body": chunk, "more_body": False})
        if self._trailers is not None and (message := self._trailers.ended(told)) is not None:
            await self._send(message)

    async def _covered(self, cover: StreamCover) -> bool:
        """Wait until what is due for the next chunk is covered; whether it is."""
        while (due := self._admission.meter.due) > cover.covered:
            cover.ask_if_low(due)
            if self._carries_events and self._boundaries.between_events and (e := cover.event()):
                await self._send({"type": "http.response.body", "body": e, "more_body": True})
            if not await cover.more():
                return False
        return True

    def _asking(self, cover: StreamCover, chunk: bytes, behind: int | None) -> bytes:
        """The chunk, with a request for a voucher `behind` the last event that ends in it."""
        cover.ask_if_low(self._admission.meter.due)
        return chunk if behind is None else chunk[:behind] + cover.event() + chunk[behind:]

    async def _stop(self, cover: StreamCover) -> None:
        """End a stream that nobody covers further: what was sent is charged, and nothing more.

        Raises:
            OSError: so that the handler stops, as it does for a client that is gone.
        """
        if not cover.stopped:
            cover.stopped = True
            await self._end(b"")
        raise OSError("The stream was stopped: no further voucher came.")

    async def _complete(self, body: bytes) -> None:
        try:
            await self._bill.settle_transfer(body)
        except SettlementFailedError as exc:
            return await self._withhold(exc)
        settlement, receipt = await self._bill.charge(kept=body)
        headers = _told_in_headers(settlement, receipt)
        await self._send({**self._bill.start, "headers": [*self._bill.start["headers"], *headers]})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def _open_stream(self) -> bool:
        """Send the head; False where the transfer did not settle and 402 was answered instead."""
        if not self._admission.synced:
            payment_id, status = self._admission.payment_id, self._bill.start["status"]
            await self._store.begin_answer(payment_id, status)
        try:
            if not self._bill.pays_what_was_used:
                await self._bill.settle_transfer(None)
        except SettlementFailedError as exc:
            await self._withhold(exc)
            return False
        self._bill.streaming = True
        reserved: JsonObject = {"reserved": str(self._bill.most)}
        if (channel := self._admission.channel) is not None:
            reserved["channelState"] = channel_state(channel, channel.state.charged)
        header = (PAYMENT_RESPONSE.encode(), self._bill.settlement(reserved).to_header().encode())
        start = {**self._bill.start, "headers": [*self._bill.start["headers"], header]}
        await self._send(start if self._trailers is None else self._trailers.announced(start))
        return True

    async def _pass_failure(self, chunk: bytes, *, more: bool) -> None:
        if not self._bill.finished:
            await self._bill.release()
            extra: JsonObject = {"chargedAmount": "0"}
            if (channel := self._admission.channel) is not None:
                extra["channelState"] = channel_state(channel, channel.state.charged)
            header = (PAYMENT_RESPONSE.encode(), self._bill.settlement(extra).to_header().encode())
            await self._send(
                {**self._bill.start, "headers": [*self._bill.start["headers"], header]}
            )
        await self._send({"type": "http.response.body", "body": chunk, "more_body": more})

    async def _withhold(self, error: SettlementFailedError) -> None:
        self._withheld = True
        pending = await self._bill.unsettled(error)
        body = json.dumps(error.problem()).encode()
        head = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
        ]
        failure = SettlementResponse(
            success=False,
            error_reason=str(error.details.get("reason")),
            network=self._admission.terms.network,
        )
        if not pending:
            head.append((PAYMENT_RESPONSE.encode(), failure.to_header().encode()))
        status = 503 if pending else 402
        await self._send({"type": "http.response.start", "status": status, "headers": head})
        await self._send({"type": "http.response.body", "body": body})

    @property
    def _carries_events(self) -> bool:
        """Whether events of ours can be put into the stream and be read there."""
        start = self._bill.start
        encoded = header_of(start, b"content-encoding") not in ("", "identity")
        measured = header_of(start, b"content-length") != ""
        events = content_type(start).startswith("text/event-stream")
        return events and not encoded and not measured

    def _receipt_event(
        self, settlement: SettlementResponse, receipt: str | None, *, after: bytes
    ) -> bytes:
        if not self._carries_events:
            return b""
        self._boundaries.passed(after)
        between = b"" if self._boundaries.between_events else b"\n\n"
        return between + receipt_event(settlement, receipt)


def _told_in_headers(settlement: SettlementResponse, receipt: str | None) -> Headers:
    told = [(PAYMENT_RESPONSE.encode(), settlement.to_header().encode())]
    return told if receipt is None else [*told, (PAYMENT_RECEIPT.encode(), receipt.encode())]
