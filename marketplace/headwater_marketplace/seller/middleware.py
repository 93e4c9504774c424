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
from headwater_marketplace.seller.mpp_wire import MppWire
from headwater_marketplace.seller.offers import Offer, bind_meter
from headwater_marketplace.seller.payer_desk import PayerDesk
from headwater_marketplace.seller.payment_checks import PaymentRejectedError, RefundAskedError
from headwater_marketplace.seller.payment_desk import PaymentDesk
from headwater_marketplace.seller.records import PaymentBodyError, PaymentConflictError
from headwater_marketplace.seller.refunds import RefundDesk
from headwater_marketplace.seller.repeats import PaidRequest, answered_before
from headwater_marketplace.seller.served import ServedRequest
from headwater_marketplace.seller.sign_ins import SignIns
from headwater_marketplace.seller.store import SellerStore
from headwater_marketplace.seller.windows import PATIENCE_S, StreamCover, StreamCovers
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.extensions import LOOKUP_PATH
from headwater_payments.mpp import AUTHORIZATION, WWW_AUTHENTICATE, is_payment_credential
from headwater_payments.offer_receipt import OFFER_RECEIPT, Issuer, issue_offers
from headwater_payments.sign_in import SIGN_IN_HEADER, SignInError
from headwater_payments.signing import Signer
from headwater_payments.windows import asks_for_stream
from headwater_payments.x402 import (
    PAYMENT_REQUIRED,
    PAYMENT_RESPONSE,
    PAYMENT_SIGNATURE,
    JsonObject,
    PaymentRequired,
    PaymentRequirements,
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
        origin: where buyers reach the application, as `https://api.example.com`; with it a payer
            may sign in to see what it paid and to be given an answer again.
        issuer: signs offers and receipts by x402's `offer-receipt`; it needs the origin too.
        mpp: takes payments by MPP's `Payment` scheme too, on routes that take `exact`.

    Raises:
        InvalidInputError: the origin is none, or an issuer has none to speak of.
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
        origin: str | None = None,
        issuer: Issuer | None = None,
        mpp: MppWire | None = None,
    ) -> None:
        self._mpp = mpp
        if issuer is not None and origin is None:
            raise InvalidInputError("Signed offers name URLs: say which origin they have.")
        self._issuer = issuer
        self._sign_ins = None if origin is None else SignIns(store, signer, origin, now)
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
        proof = _header(scope, SIGN_IN_HEADER)
        signs_in = self._sign_ins is not None and PayerDesk.serves(scope["method"], path)
        if path.startswith(LOOKUP_PATH) and signs_in:
            return await self._tell_payer(scope, proof, send)
        if path.startswith(LOOKUP_PATH):
            return await self._beside(scope, path[len(LOOKUP_PATH) :], send)
        offer = next((o for o in self._offers if o.matches(scope["method"], path)), None)
        if offer is None:
            return await self._app(scope, receive, send)
        header = _header(scope, PAYMENT_SIGNATURE)
        credential = _header(scope, AUTHORIZATION)
        if header is None and self._mpp is not None and is_payment_credential(credential):
            return await self._paid_by_mpp(scope, receive, send, offer, credential or "")
        if header is None and proof is not None and self._sign_ins is not None:
            return await self._signed_in(scope, receive, send, offer, proof)
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
        except RefundAskedError as exc:
            return await self._refund(scope, offer, exc, send)
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
            issuer=self._issuer,
            url=self._url(scope),
        )
        inner = dict(scope)
        bind_meter(inner, admission.meter)
        with self._covers.serving(cover):
            await served.run(lambda: self._app(inner, _replayed(body, receive), served.send))

    async def _refund(
        self, scope: Scope, offer: Offer, asked: RefundAskedError, send: Send
    ) -> None:
        gate = self._gate
        desk = RefundDesk(self._store, self._signer, gate.facilitator, gate.chain, self._now)
        try:
            outcome = await desk.refund(asked.payload, asked.terms, scope["path"])
        except PaymentRejectedError as exc:
            return await self._ask(scope, offer, send, error=exc)
        except HeadwaterError as exc:
            return await _problem(send, exc)
        header = (PAYMENT_RESPONSE.encode(), outcome.to_header().encode())
        await _json(send, 200, {"refunded": outcome.amount}, [header])

    async def _paid_by_mpp(
        self, scope: Scope, receive: Receive, send: Send, offer: Offer, credential: str
    ) -> None:
        assert self._mpp is not None
        try:
            accepts = await self._gate.terms.of(offer)
            header = self._mpp.translate(credential, offer, accepts, _asked(scope))
        except PaymentRejectedError as exc:
            return await self._ask(scope, offer, send, error=exc)
        except HeadwaterError as exc:
            return await _problem(send, exc)
        await self._paid(scope, receive, self._mpp.receipting(send), offer, header)

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
            resource=ResourceInfo(url=self._url(scope), description=offer.description or None),
            accepts=accepts,
            extensions=await self._extensions(scope, offer, accepts),
        )
        message = "Payment is required." if error is None else error.message
        body = {"detail": message, **required.to_json()}
        headers = [
            (PAYMENT_REQUIRED.encode(), required.to_header().encode()),
            (b"cache-control", b"no-store"),
            (b"access-control-expose-headers", b"PAYMENT-REQUIRED, PAYMENT-RESPONSE"),
        ]
        if self._mpp is not None:
            challenge = self._mpp.challenge(offer, accepts, _asked(scope))
            if challenge is not None:
                headers.append((WWW_AUTHENTICATE.encode(), challenge.encode()))
        await _json(send, 402, body, headers)

    async def _extensions(
        self, scope: Scope, offer: Offer, accepts: Sequence[PaymentRequirements]
    ) -> JsonObject:
        known = offer.extensions()
        if self._sign_ins is not None:
            networks = [offer.price.asset.network]
            known |= await self._sign_ins.extension(scope["path"], networks)
        if self._issuer is not None:
            url, now = self._url(scope), self._now()
            known[OFFER_RECEIPT] = await issue_offers(self._issuer, url, accepts, now)
        return known

    def _url(self, scope: Scope) -> str:
        return _url(scope) if self._sign_ins is None else self._sign_ins.url(scope["path"])

    async def _signed_in(
        self, scope: Scope, receive: Receive, send: Send, offer: Offer, proof: str
    ) -> None:
        """Give a payer that has signed in the answer that it paid for, or ask for a payment."""
        assert self._sign_ins is not None
        try:
            body = await _read_body(receive)
            query = scope.get("query_string", b"")
            payer = await self._sign_ins.payer(proof, scope["path"])
            request = PaidRequest(scope["method"], scope["path"], query, "", body)
            known = await self._sign_ins.answered(payer, request)
        except SignInError as exc:
            error = PaymentRejectedError(exc.message, str(exc.details["reason"]))
            return await self._ask(scope, offer, send, error=error)
        except HeadwaterError as exc:
            return await _problem(send, exc)
        if known is None:
            return await self._ask(scope, offer, send, error=None)
        await replay(known, send)

    async def _tell_payer(self, scope: Scope, proof: str | None, send: Send) -> None:
        assert self._sign_ins is not None
        path, desk = scope["path"], PayerDesk(self._sign_ins)
        try:
            if proof is None:
                raise SignInError("Sign in to see what you paid.", reason="sign_in_required")
            payer = await self._sign_ins.payer(proof, path)
            if path != LOOKUP_PATH and await desk.give_again(payer, path, send):
                return None
            status, told = 200, await desk.listed(payer)
            if path != LOOKUP_PATH:
                status, told = 404, {"state": "unknown"}
        except SignInError as exc:
            return await self._ask_to_sign_in(scope, exc, send)
        except HeadwaterError as exc:
            return await _problem(send, exc)
        await _json(send, status, told, [(b"cache-control", b"no-store")])

    async def _ask_to_sign_in(self, scope: Scope, error: SignInError, send: Send) -> None:
        """A 402 that nothing pays for: x402's way to ask who is there."""
        assert self._sign_ins is not None
        networks = sorted({offer.price.asset.network for offer in self._offers})
        required = PaymentRequired(
            error=str(error.details["reason"]),
            resource=ResourceInfo(url=self._url(scope)),
            accepts=[],
            extensions=await self._sign_ins.extension(scope["path"], networks),
        )
        headers = [
            (PAYMENT_REQUIRED.encode(), required.to_header().encode()),
            (b"cache-control", b"no-store"),
        ]
        await _json(send, 402, {"detail": error.message, **required.to_json()}, headers)

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


def _asked(scope: Scope) -> tuple[str, str, bytes]:
    return scope["method"], scope["path"], scope.get("query_string", b"")


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
