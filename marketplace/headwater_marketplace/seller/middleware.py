"""Charging for routes of any ASGI application: verify, reserve, run once, charge what was used.

A request without payment is answered with 402 and the terms. With one, its most is reserved before
the handler runs, the handler's bytes pass through untouched, and what it used is charged at the
end. A handler that fails or redirects (a status of 300 or more) costs nothing; a client that leaves
a stream pays for what was metered.
"""

import time
from collections.abc import Awaitable, Callable, Sequence

import anyio

from headwater_marketplace.facilitator import ChannelReader, Facilitator
from headwater_marketplace.seller.admission import Admission, Gate
from headwater_marketplace.seller.asgi import (
    MAX_BODY_BYTES,
    App,
    Message,
    Receive,
    Scope,
    Send,
    asked_of,
    header_in,
    read_body,
    replayed,
    send_json,
    send_problem,
)
from headwater_marketplace.seller.asking import Asking
from headwater_marketplace.seller.heads import crosses_origins, without_ways_around
from headwater_marketplace.seller.kept_answers import replay
from headwater_marketplace.seller.mpp_wire import MppWire
from headwater_marketplace.seller.offers import Offer, bind_meter
from headwater_marketplace.seller.payer_desk import PayerDesk
from headwater_marketplace.seller.payment_checks import PaymentRejectedError, RefundAskedError
from headwater_marketplace.seller.payment_desk import PaymentDesk
from headwater_marketplace.seller.records import PaymentBodyError, PaymentConflictError
from headwater_marketplace.seller.refunds import RefundDesk
from headwater_marketplace.seller.repeats import PaidRequest, answered_before
from headwater_marketplace.seller.routed import Sale, paths_of, roots_of, sale_of
from headwater_marketplace.seller.served import ServedRequest
from headwater_marketplace.seller.sign_ins import SignIns
from headwater_marketplace.seller.store import SellerStore
from headwater_marketplace.seller.trailers import takes_trailers
from headwater_marketplace.seller.windows import PATIENCE_S, StreamCover, StreamCovers
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.extensions import LOOKUP_PATH
from headwater_payments.mpp import AUTHORIZATION, is_payment_credential
from headwater_payments.offer_receipt import Issuer
from headwater_payments.sign_in import SIGN_IN_HEADER, SignInError
from headwater_payments.signing import Signer
from headwater_payments.windows import asks_for_stream
from headwater_payments.x402 import PAYMENT_RESPONSE, PAYMENT_SIGNATURE

__all__ = ["App", "Message", "PaymentMiddleware", "Receive", "Scope", "Send"]


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
        max_body_bytes: that a paid request's body may have; it is held until the answer is charged,
            since its receipt and its repetition are bound to it.

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
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        if issuer is not None and origin is None:
            raise InvalidInputError("Signed offers name URLs: say which origin they have.")
        sign_ins = None if origin is None else SignIns(store, signer, origin, now)
        self._asking = Asking(now, sign_ins, issuer, mpp)
        self._app, self._offers, self._store, self._signer = app, tuple(offers), store, signer
        self._roots = roots_of(app)
        self._facilitator, self._now = facilitator, now
        self._gate = Gate(store, signer.address, facilitator, chain, now)
        self._covers, self._patience = StreamCovers(), patience
        self._most = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (the ASGI interface)."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        paths = paths_of(scope, self._roots)
        if scope["type"] == "websocket":
            if any(offer.covers(path) for offer in self._offers for path in paths):
                # There is no paying for a socket, and a paid path is not to be had by another door.
                return await send({"type": "websocket.close", "code": 1008})
            return await self._app(scope, receive, send)
        beside = next((path for path in paths if path.startswith(LOOKUP_PATH)), None)
        if beside is not None:
            return await self._beside_sales(scope, beside, send)
        sale = sale_of(self._offers, scope["method"], paths)
        if sale is None:
            return await self._app(scope, receive, send)
        header = header_in(scope, PAYMENT_SIGNATURE)
        if header is None:
            return await self._unpaid(scope, receive, send, sale)
        await self._paid(scope, receive, send, sale, header)

    async def _unpaid(self, scope: Scope, receive: Receive, send: Send, sale: Sale) -> None:
        """What carries no payment of x402's may carry one of MPP's, or say who is there."""
        credential, proof = header_in(scope, AUTHORIZATION), header_in(scope, SIGN_IN_HEADER)
        mpp, sign_ins = self._asking.mpp, self._asking.sign_ins
        if mpp is not None and credential is not None and is_payment_credential(credential):
            return await self._paid_by_mpp(scope, receive, send, sale, mpp, credential)
        if sign_ins is not None and proof is not None:
            return await self._signed_in(scope, receive, send, sale, sign_ins, proof)
        await self._ask(scope, sale.offer, send)

    async def _ask(
        self, scope: Scope, offer: Offer, send: Send, error: PaymentRejectedError | None = None
    ) -> None:
        await self._asking.payment(scope, offer, self._gate.terms, send, error)

    async def _paid(
        self, scope: Scope, receive: Receive, send: Send, sale: Sale, header: str
    ) -> None:
        offer = sale.offer
        try:
            body = await read_body(receive, self._most)
            query = scope.get("query_string", b"")
            request = PaidRequest(scope["method"], sale.path, query, header, body)
            wants_stream = asks_for_stream(header_in(scope, "accept") or "", body)
            admission = await self._gate.admit(offer, request, wants_stream=wants_stream)
        except RefundAskedError as exc:
            return await self._refund(scope, sale, exc, send)
        except PaymentRejectedError as exc:
            return await self._ask(scope, offer, send, exc)
        except PaymentConflictError as exc:
            try:
                known = await answered_before(self._store, request)
            except PaymentBodyError as other:
                return await send_problem(send, other)
            return await (send_problem(send, exc) if known is None else replay(known, send))
        except HeadwaterError as exc:
            return await send_problem(send, exc)
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
            issuer=self._asking.issuer,
            url=self._asking.url(scope),
            trailers=takes_trailers(scope),
            crosses=crosses_origins(scope),
        )
        inner = without_ways_around(scope)
        bind_meter(inner, admission.meter)
        with self._covers.serving(cover):
            await served.run(lambda: self._app(inner, replayed(body, receive), served.send))

    async def _refund(self, scope: Scope, sale: Sale, asked: RefundAskedError, send: Send) -> None:
        gate = self._gate
        desk = RefundDesk(self._store, self._signer, gate.facilitator, gate.chain, self._now)
        try:
            outcome = await desk.refund(asked.payload, asked.terms, sale.path)
        except PaymentRejectedError as exc:
            return await self._ask(scope, sale.offer, send, exc)
        except HeadwaterError as exc:
            return await send_problem(send, exc)
        header = (PAYMENT_RESPONSE.encode(), outcome.to_header().encode())
        await send_json(send, 200, {"refunded": outcome.amount}, [header])

    async def _paid_by_mpp(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        sale: Sale,
        mpp: MppWire,
        credential: str,
    ) -> None:
        try:
            accepts = await self._gate.terms.of(sale.offer)
            header = mpp.translate(credential, sale.offer, accepts, asked_of(scope))
        except PaymentRejectedError as exc:
            return await self._ask(scope, sale.offer, send, exc)
        except HeadwaterError as exc:
            return await send_problem(send, exc)
        await self._paid(scope, receive, mpp.receipting(send), sale, header)

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

    async def _signed_in(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        sale: Sale,
        sign_ins: SignIns,
        proof: str,
    ) -> None:
        """Give a payer that has signed in the answer that it paid for, or ask for a payment."""
        try:
            body = await read_body(receive, self._most)
            query = scope.get("query_string", b"")
            payer = await sign_ins.payer(proof, scope["path"])
            request = PaidRequest(scope["method"], sale.path, query, "", body)
            known = await sign_ins.answered(payer, request)
        except SignInError as exc:
            error = PaymentRejectedError(exc.message, str(exc.details["reason"]))
            return await self._ask(scope, sale.offer, send, error)
        except HeadwaterError as exc:
            return await send_problem(send, exc)
        if known is None:
            return await self._ask(scope, sale.offer, send)
        await replay(known, send)

    async def _beside_sales(self, scope: Scope, path: str, send: Send) -> None:
        """Serve what every seller has beside what it sells."""
        sign_ins = self._asking.sign_ins
        if sign_ins is not None and PayerDesk.serves(scope["method"], path):
            return await self._tell_payer(scope, path, sign_ins, send)
        await self._tell(scope, path[len(LOOKUP_PATH) :], send)

    async def _tell_payer(self, scope: Scope, path: str, sign_ins: SignIns, send: Send) -> None:
        desk = PayerDesk(sign_ins)
        proof = header_in(scope, SIGN_IN_HEADER)
        try:
            if proof is None:
                raise SignInError("Sign in to see what you paid.", reason="sign_in_required")
            payer = await sign_ins.payer(proof, scope["path"])
            if path != LOOKUP_PATH and await desk.give_again(payer, path, send):
                return None
            status, told = 200, await desk.listed(payer)
            if path != LOOKUP_PATH:
                status, told = 404, {"state": "unknown"}
        except SignInError as exc:
            networks = sorted({offer.price.asset.network for offer in self._offers})
            return await self._asking.identity(scope, sign_ins, networks, exc, send)
        except HeadwaterError as exc:
            return await send_problem(send, exc)
        await send_json(send, status, told, [(b"cache-control", b"no-store")])

    async def _tell(self, scope: Scope, payment_id: str, send: Send) -> None:
        desk = PaymentDesk(self._gate, self._store, self._offers, self._covers)
        header = header_in(scope, PAYMENT_SIGNATURE)
        try:
            status, body = await desk.answer(scope["method"], payment_id, header)
        except HeadwaterError as exc:
            return await send_problem(send, exc)
        await send_json(send, status, body, [(b"cache-control", b"no-store")])
