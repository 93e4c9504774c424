"""Charging for routes of any ASGI application: verify, reserve, run once, charge what was used.

A request without payment is answered with 402 and the terms. With one, its most is reserved before
the handler runs, the handler's bytes pass through untouched, and what it used is charged at the
end. A handler that fails or redirects (a status of 300 or more) costs nothing; a client that leaves
a stream pays for what was metered.
"""

import json
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final

import anyio

from headwater_marketplace.facilitator import ChannelReader, Facilitator
from headwater_marketplace.seller.admission import Admission, Gate
from headwater_marketplace.seller.channel_json import channel_state, voucher_state
from headwater_marketplace.seller.kept_answers import replay
from headwater_marketplace.seller.offers import Offer, bind_meter
from headwater_marketplace.seller.payment_checks import PaymentRejectedError
from headwater_marketplace.seller.payment_desk import PaymentDesk
from headwater_marketplace.seller.records import PaymentBodyError, PaymentConflictError
from headwater_marketplace.seller.repeats import PaidRequest, answered_before
from headwater_marketplace.seller.served import ServedRequest
from headwater_marketplace.seller.store import SellerStore
from headwater_marketplace.seller.windows import PATIENCE_S, StreamCover, StreamCovers
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.extensions import LOOKUP_PATH
from headwater_payments.signing import Signer
from headwater_payments.windows import asks_for_stream
from headwater_payments.x402 import (
    PAYMENT_REQUIRED,
    PAYMENT_SIGNATURE,
    PaymentRequired,
    ResourceInfo,
)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES: Final = 4 * 1024 * 1024


class PaymentMiddleware:
    """Wraps an ASGI application so that the routes of `offers` must be paid for.

    Args:
        app: the application.
        offers: what is for sale, tried in order; other routes pass through unpaid.
        store: the seller's books.
        signer: signs receipts; its account authorizes claims.
        facilitator: puts deposits and transfers on chain.
        chain: reads channels.
        now: Unix time in seconds.
        patience: returns when a stream has waited long enough for a voucher.
    """

    def __init__(
        self,
        app: App,
        *,
        offers: Sequence[Offer],
        store: SellerStore,
        signer: Signer,
        facilitator: Facilitator,
        chain: ChannelReader,
        now: Callable[[], int] = lambda: int(time.time()),
        patience: Callable[[], Awaitable[None]] = lambda: anyio.sleep(PATIENCE_S),
    ) -> None:
        self._app, self._offers, self._store, self._signer = app, tuple(offers), store, signer
        self._facilitator, self._now = facilitator, now
        self._gate = Gate(store, signer.address, facilitator, chain, now)
        self._covers, self._patience = StreamCovers(), patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (the ASGI interface)."""
        if scope["type"] == "websocket" and any(o.covers(scope["path"]) for o in self._offers):
            # There is no paying for a socket, and a paid path is not to be had by another door.
            return await send({"type": "websocket.close", "code": 1008})
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        path = scope["path"]
        if path.startswith(LOOKUP_PATH):
            return await self._beside(scope, path[len(LOOKUP_PATH) :], send)
        offer = next((o for o in self._offers if o.matches(scope["method"], path)), None)
        if offer is None:
            return await self._app(scope, receive, send)
        header = _header(scope, PAYMENT_SIGNATURE)
        if header is None:
            return await self._ask(scope, offer, send, error=None)
        await self._paid(scope, receive, send, offer, header)

    async def _paid(
        self, scope: Scope, receive: Receive, send: Send, offer: Offer, header: str
    ) -> None:
        try:
            body = await _read_body(receive)
            query = scope.get("query_string", b"")
            request = PaidRequest(scope["method"], scope["path"], query, header, body)
            wants_stream = asks_for_stream(_header(scope, "accept") or "", body)
            admission = await self._gate.admit(offer, request, wants_stream=wants_stream)
        except PaymentRejectedError as exc:
            return await self._ask(scope, offer, send, error=exc)
        except PaymentConflictError as exc:
            try:
                known = await answered_before(self._store, request)
            except PaymentBodyError as other:
                return await _problem(send, other)
            return await (_problem(send, exc) if known is None else replay(known, send))
        except HeadwaterError as exc:
            return await _problem(send, exc)
        cover = self._cover(admission)
        served = ServedRequest(
            admission,
            body,
            send,
            cover=cover,
            store=self._store,
            signer=self._signer,
            facilitator=self._facilitator,
            now=self._now,
        )
        inner = dict(scope)
        bind_meter(inner, admission.meter)
        with self._covers.serving(cover):
            await served.run(lambda: self._app(inner, _replayed(body, receive), served.send))

    def _cover(self, admission: Admission) -> StreamCover | None:
        offer, channel = admission.offer, admission.channel
        if admission.covered is None or offer.window is None or channel is None:
            return None
        return StreamCover(
            admission.payment_id,
            channel.identifier,
            covered=admission.covered,
            window=offer.window.atomic,
            price=offer.price.atomic,
            store=self._store,
            patience=self._patience,
        )

    async def _ask(
        self, scope: Scope, offer: Offer, send: Send, *, error: PaymentRejectedError | None
    ) -> None:
        try:
            accepts = list(await self._gate.terms.of(offer))
        except HeadwaterError as exc:
            return await _problem(send, exc)
        if error is not None and error.channel is not None:
            corrective = {
                "channelState": channel_state(error.channel, error.channel.state.charged),
                "voucherState": voucher_state(error.channel),
            }
            known = {key: value for key, value in corrective.items() if value is not None}
            accepts = [
                terms.model_copy(update={"extra": {**terms.extra, **known}})
                if terms.scheme == "batch-settlement"
                else terms
                for terms in accepts
            ]
        required = PaymentRequired(
            error=None if error is None else error.reason,
            resource=ResourceInfo(url=_url(scope), description=offer.description or None),
            accepts=accepts,
            extensions=offer.extensions(),
        )
        message = "Payment is required." if error is None else error.message
        body = {"detail": message, **required.to_json()}
        headers = [
            (PAYMENT_REQUIRED.encode(), required.to_header().encode()),
            (b"cache-control", b"no-store"),
            (b"access-control-expose-headers", b"PAYMENT-REQUIRED, PAYMENT-RESPONSE"),
        ]
        await _json(send, 402, body, headers)

    async def _beside(self, scope: Scope, payment_id: str, send: Send) -> None:
        desk = PaymentDesk(self._gate, self._store, self._offers, self._covers)
        header = _header(scope, PAYMENT_SIGNATURE)
        try:
            status, body = await desk.answer(scope["method"], payment_id, header)
        except HeadwaterError as exc:
            return await _problem(send, exc)
        await _json(send, status, body, [(b"cache-control", b"no-store")])


async def _read_body(receive: Receive) -> bytes:
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise InvalidInputError("The client left before its request was complete.")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise InvalidInputError(f"A paid request's body has at most {MAX_BODY_BYTES} bytes.")
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _replayed(body: bytes, receive: Receive) -> Receive:
    delivered = False

    async def again() -> Message:
        nonlocal delivered
        if delivered:
            return await receive()
        delivered = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _header(scope: Scope, name: str) -> str | None:
    wanted = name.lower().encode()
    return next((v.decode("latin-1") for k, v in scope["headers"] if k.lower() == wanted), None)


def _url(scope: Scope) -> str:
    host = _header(scope, "host") or "localhost"
    return f"{scope.get('scheme', 'http')}://{host}{scope['path']}"


async def _problem(send: Send, error: HeadwaterError) -> None:
    await _json(send, error.http_status, error.problem(), [], b"application/problem+json")


async def _json(
    send: Send,
    status: int,
    body: object,
    headers: list[tuple[bytes, bytes]],
    content_type: bytes = b"application/json",
) -> None:
    content = json.dumps(body).encode()
    head = [(b"content-type", content_type), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": head + headers})
    await send({"type": "http.response.body", "body": content})
