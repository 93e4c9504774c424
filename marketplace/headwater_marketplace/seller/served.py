"""Serving an admitted request: pass the handler's bytes on, then charge what it used."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import anyio

from headwater_marketplace.facilitator import Facilitator
from headwater_marketplace.seller.admission import Admission
from headwater_marketplace.seller.asgi import Headers
from headwater_marketplace.seller.channel_json import channel_state
from headwater_marketplace.seller.kept_answers import (
    MAX_KEPT_HEADERS,
    MAX_KEPT_RESPONSE,
    Message,
    Send,
    content_type,
    header_of,
    kept_headers,
    receipt_text,
)
from headwater_marketplace.seller.records import Answer
from headwater_marketplace.seller.store import SellerStore
from headwater_marketplace.seller.trailers import Trailers
from headwater_marketplace.seller.transfers import TransferUnderWay
from headwater_marketplace.seller.windows import StreamCover
from headwater_payments.errors import HeadwaterError
from headwater_payments.extensions import PAYMENT_RECEIPT, receipt_event
from headwater_payments.metering import MeteringReceipt
from headwater_payments.offer_receipt import OFFER_RECEIPT, Issuer, issue_receipt
from headwater_payments.permit2_payload import UPTO
from headwater_payments.server_sent import EventBoundaries
from headwater_payments.signing import ImmediateSigner, Signer
from headwater_payments.x402 import (
    PAYMENT_RESPONSE,
    JsonObject,
    PaymentRequirements,
    SettlementResponse,
    chain_id_of,
)

PENDING: Final = "settlement_pending"


class SettlementFailedError(HeadwaterError):
    """The transfer did not settle after the handler had run; nothing is delivered or charged."""

    code = "settlement_failed"
    http_status = 402


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
    ) -> None:
        self._issuer, self._url = issuer, url
        self._proof: JsonObject | None = None
        self._admission, self._store = admission, store
        self._raw_send, self._cover = send, cover
        self._boundaries = EventBoundaries()
        self._signer, self._facilitator, self._now = signer, facilitator, now
        self._request_hash = hashlib.sha256(body).digest()
        self._response_hash = hashlib.sha256()
        self._start: Message = {}
        self._trailers = Trailers() if trailers else None
        self._streaming = self._finished = False
        self._withheld = self._client_gone = self._in_doubt = False
        self._transaction = admission.transaction

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
            if self._cover is None or not (self._cover.stopped and self._finished):
                raise
            # What a handler makes of a stream that was stopped is not a failure.
        finally:
            try:
                if not self._finished:
                    with anyio.CancelScope(shield=True):
                        # A client that is gone pays for what was metered, like one that closed the
                        # stream; whatever the handler made of its absence is not a failure.
                        await self._cut_short(failed=failed and not self._client_gone)
            finally:
                # The id of a payment that was released may be in use again.
                if self._store.live.get(self._admission.payment_id) is self:
                    del self._store.live[self._admission.payment_id]

    async def send(self, message: Message) -> None:
        """Take one ASGI message from the handler."""
        if message["type"] == "http.response.start":
            self._start = message
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
        if self._start.get("status", 500) >= 300:
            # A failure is not what was bought, and nor is the way to some other place.
            return await self._pass_failure(chunk, more=more)
        self._response_hash.update(chunk)
        if not self._streaming and not more:
            return await self._complete(chunk)
        if not self._streaming and not await self._open_stream():
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
            await self._settle_used()
        except SettlementFailedError as exc:
            # It was delivered, and nobody pays for it: the stream ends without a receipt.
            await self._unsettled(exc)
            return await self._send_last(chunk, [])
        settlement, receipt = await self._charge(kept=None)
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
            await self._settle_transfer(body)
        except SettlementFailedError as exc:
            return await self._withhold(exc)
        settlement, receipt = await self._charge(kept=body)
        headers = _told_in_headers(settlement, receipt)
        await self._send({**self._start, "headers": [*self._start["headers"], *headers]})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def _open_stream(self) -> bool:
        """Send the head; False where the transfer did not settle and 402 was answered instead."""
        try:
            if not self._pays_what_was_used:
                await self._settle_transfer(None)
        except SettlementFailedError as exc:
            await self._withhold(exc)
            return False
        self._streaming = True
        reserved: JsonObject = {"reserved": str(self._most)}
        if (channel := self._admission.channel) is not None:
            reserved["channelState"] = channel_state(channel, channel.state.charged)
        header = (PAYMENT_RESPONSE.encode(), self._settlement(reserved).to_header().encode())
        start = {**self._start, "headers": [*self._start["headers"], header]}
        await self._send(start if self._trailers is None else self._trailers.announced(start))
        return True

    async def _pass_failure(self, chunk: bytes, *, more: bool) -> None:
        if not self._finished:
            await self._release()
            extra: JsonObject = {"chargedAmount": "0"}
            if (channel := self._admission.channel) is not None:
                extra["channelState"] = channel_state(channel, channel.state.charged)
            header = (PAYMENT_RESPONSE.encode(), self._settlement(extra).to_header().encode())
            await self._send({**self._start, "headers": [*self._start["headers"], header]})
        await self._send({"type": "http.response.body", "body": chunk, "more_body": more})

    async def _settle_transfer(self, body: bytes | None) -> None:
        """Settle a single transfer; what it pays for is kept first, so that a crash loses neither.

        Raises:
            SettlementFailedError: it did not settle, or is not confirmed yet.
        """
        if self._admission.channel is not None:
            return
        payment_id = self._admission.payment_id
        await self._store.begin_transfer(*self._transfer(body))
        self._in_doubt = True
        outcome = await self._facilitator.settle(self._admission.payload, self._terms_due)
        if outcome.error_reason == PENDING:
            outcome = await self._facilitator.settle(self._admission.payload, self._terms_due)
        if outcome.error_reason == PENDING:
            # The transfer may still be mined: nothing is released, and its nonce stays taken.
            self._finished = True
            await self._store.transfer_sent(payment_id, outcome.transaction)
            raise SettlementFailedError(
                "The transfer was sent and is not confirmed yet; do not pay again.",
                reason=PENDING,
                transaction=outcome.transaction,
            )
        self._in_doubt = False
        if not outcome.success:
            raise SettlementFailedError(
                outcome.error_message or "The transfer did not settle.",
                reason=outcome.error_reason or "unexpected_settle_error",
            )
        self._transaction = outcome.transaction

    async def _settle_used(self) -> None:
        """Settle what a stream used, at its end, where its payment is for that and not the price.

        Raises:
            SettlementFailedError: it did not settle, or is not confirmed yet.
        """
        if self._pays_what_was_used and not self._transaction:
            with anyio.CancelScope(shield=True):
                await self._settle_transfer(None)

    def _transfer(self, body: bytes | None) -> tuple[TransferUnderWay, Answer]:
        admission, charge, evidence = self._admission, self._due, self._evidence()
        unsigned = None
        if body is not None:
            receipt = self._receipt(charge, charge, evidence)
            unsigned = receipt_text(receipt, bytes(65))
        transfer = TransferUnderWay(
            admission.payment_id, admission.payload, self._terms_due, unsigned, None
        )
        return transfer, self._answer(charge, charge, evidence, body, None)

    async def _withhold(self, error: SettlementFailedError) -> None:
        self._withheld = True
        pending = await self._unsettled(error)
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

    async def _unsettled(self, error: SettlementFailedError) -> bool:
        """End a request whose transfer did not settle; whether it may still be mined."""
        pending = error.details.get("reason") == PENDING
        if not pending:
            await self._release()
        return pending

    async def _charge(self, *, kept: bytes | None) -> tuple[SettlementResponse, str | None]:
        with anyio.CancelScope(shield=True):
            await self._prove()
            outcome = await self._commit(kept)
        return outcome

    @property
    def _due(self) -> int:
        """What is charged now: what was metered, or the whole of a transfer that moves whole."""
        meter, cover = self._admission.meter, self._cover
        if cover is not None:
            return cover.delivered if self._streaming else min(meter.due, cover.covered)
        metered = self._admission.channel is not None or self._pays_what_was_used
        return meter.due if metered else meter.cap

    @property
    def _pays_what_was_used(self) -> bool:
        """Whether this is paid by one transfer of what was used, once that is known."""
        return self._admission.terms.scheme == UPTO

    @property
    def _terms_due(self) -> PaymentRequirements:
        """What a transfer is settled under: its price, or what was used of it."""
        terms = self._admission.terms
        if not self._pays_what_was_used:
            return terms
        return terms.model_copy(update={"amount": str(self._due)})

    async def _prove(self) -> None:
        """Sign that the payer was served; where signing fails, it is served without."""
        if self._issuer is None:
            return
        with suppress(HeadwaterError):
            self._proof = await issue_receipt(
                self._issuer,
                self._url,
                self._admission.meter.payer,
                self._admission.terms.network,
                self._now(),
            )

    async def _commit(self, kept: bytes | None) -> tuple[SettlementResponse, str | None]:
        admission, charge, evidence = self._admission, self._due, self._evidence()
        sealed: Answer | None = None

        def seal(cumulative: int) -> Answer:
            nonlocal sealed
            if isinstance(self._signer, ImmediateSigner):
                typed = self._receipt(charge, cumulative, evidence)
                signature = self._signer.sign_now(typed.to_sign(self._chain_id))
                sealed = self._answer(charge, cumulative, evidence, kept, (typed, signature))
                return sealed
            # Its receipt is signed once the charge is certain; until then the answer is kept.
            return self._answer(charge, cumulative, evidence, kept, None)

        cumulative = await self._store.charge(
            admission.payment_id, charge, admission.terms.asset, seal
        )
        self._finished = True
        settlement = self._settlement(self._charged_extra(charge, cumulative))
        if sealed is not None:
            return settlement, sealed.receipt
        signed = None
        # From here the buyer has paid: it gets its answer even where signing or keeping fails.
        with suppress(HeadwaterError):
            receipt = self._receipt(charge, cumulative, evidence)
            signature = await self._signer.sign_typed_data(receipt.to_sign(self._chain_id))
            signed = (receipt, signature)
        answer = self._answer(charge, cumulative, evidence, kept, signed)
        with suppress(HeadwaterError):
            await self._store.keep(admission.payment_id, answer)
        return settlement, answer.receipt

    def _answer(
        self,
        charge: int,
        cumulative: int,
        evidence: str | None,
        body: bytes | None,
        signed: tuple[MeteringReceipt, bytes] | None,
    ) -> Answer:
        """What to keep of this request, so that a buyer that asks again gets the same."""
        headers = kept_headers(self._start)
        fits = len(headers or "") <= MAX_KEPT_HEADERS
        small = body if body is not None and fits and len(body) <= MAX_KEPT_RESPONSE else None
        settlement = self._settlement(self._charged_extra(charge, cumulative))
        return Answer(
            settlement=json.dumps(settlement.to_json()),
            receipt=None if signed is None else receipt_text(*signed),
            evidence=evidence,
            response_status=self._start.get("status"),
            response_type=content_type(self._start),
            response_headers=headers if fits else None,
            response=small,
        )

    def _charged_extra(self, charge: int, cumulative: int) -> JsonObject:
        extra: JsonObject = {"chargedAmount": str(charge)}
        if self._admission.channel is not None:
            extra["channelState"] = channel_state(self._admission.channel, cumulative)
        if self._cover is not None and self._cover.stopped:
            extra["stopped"] = True
        return extra

    async def _cut_short(self, *, failed: bool) -> None:
        """End a request that did not come to its end; money that has moved stays charged."""
        if self._in_doubt:
            # Nobody said whether the transfer was made; the housekeeper finds out.
            self._finished = True
            return
        on_channel = self._admission.channel is not None
        moved = bool(self._transaction) and not on_channel
        # A handler that does not meter sells at its price: what was begun is due.
        delivered = (on_channel or self._pays_what_was_used) and self._streaming
        if delivered and not failed:
            try:
                await self._settle_used()
            except SettlementFailedError as exc:
                await self._unsettled(exc)
                return
        if moved or (delivered and not failed):
            await self._commit(None)
        else:
            await self._release()

    async def _release(self) -> None:
        await self._store.release(self._admission.payment_id, free_nonce=not self._transaction)
        self._finished = True

    def _receipt(self, charge: int, cumulative: int, evidence: str | None) -> MeteringReceipt:
        admission = self._admission
        return MeteringReceipt(
            payment_id=hashlib.sha256(admission.payment_id.encode()).digest(),
            channel_id=admission.channel.identifier if admission.channel else bytes(32),
            payee=admission.offer.pay_to,
            request_hash=self._request_hash,
            response_hash=self._response_hash.digest(),
            cap=self._most,
            charge=charge,
            cumulative=cumulative,
            asset_version=admission.offer.asset_version,
            attribution=hashlib.sha256(evidence.encode()).digest() if evidence else bytes(32),
            issued_at=self._now(),
        )

    @property
    def _most(self) -> int:
        """What may be charged as things stand: all of the price, or what vouchers cover of it."""
        return self._admission.meter.cap if self._cover is None else self._cover.covered

    @property
    def _carries_events(self) -> bool:
        """Whether events of ours can be put into the stream and be read there."""
        encoded = header_of(self._start, b"content-encoding") not in ("", "identity")
        return content_type(self._start).startswith("text/event-stream") and not encoded

    @property
    def _chain_id(self) -> int:
        return chain_id_of(self._admission.terms.network)

    def _evidence(self) -> str | None:
        gather = self._admission.meter.evidence
        if gather is None:
            return None
        return json.dumps(gather(), separators=(",", ":"), sort_keys=True)

    def _settlement(self, extra: JsonObject) -> SettlementResponse:
        on_channel = self._admission.channel is not None
        return SettlementResponse(
            success=True,
            payer=self._admission.meter.payer,
            transaction=self._transaction,
            network=self._admission.terms.network,
            amount="" if on_channel else self._terms_due.amount,
            extensions=None if self._proof is None else {OFFER_RECEIPT: self._proof},
            extra=extra,
        )

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
