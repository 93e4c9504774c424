"""Paying over `httpx`: a transport that any `httpx.AsyncClient` can be given."""

from collections.abc import AsyncIterator

import httpx

from headwater_payments.errors import UnavailableError
from headwater_wallet.buyer import Buyer
from headwater_wallet.demands import Demand
from headwater_wallet.exchange import PAYMENT_REQUIRED_STATUS, exchange
from headwater_wallet.stream_watch import (
    MAX_REPLY_BYTES,
    SHOW_PAYMENT_EVENTS,
    Reply,
    StreamWatch,
    reply_of,
)


class PayingTransport(httpx.AsyncBaseTransport):
    """Pays for what answers 402, under the wallet's policy, and streams everything else through.

    A stream's payment events are taken out of it, unless the request's extensions ask for them with
    `headwater_payment_events`.

    Args:
        buyer: the wallet's buying side.
        inner: the transport that talks to the network.
    """

    def __init__(self, buyer: Buyer, inner: httpx.AsyncBaseTransport | None = None) -> None:
        self._buyer = buyer
        self._inner = inner or httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request, paying if need be.

        Raises:
            PolicyRefusedError: the wallet does not pay this; nothing was signed.
            PaymentRefusedError: the seller refused the payment.
            PaymentUnknownError: the payment left and no answer came.
            SellerMisbehavedError: the seller broke its terms.
        """
        body = await request.aread()
        purchase = self._buyer.purchase(request.method, str(request.url), request.headers, body)

        async def send(extra: dict[str, str]) -> httpx.Response:
            headers = httpx.Headers(request.headers)
            headers.update(extra)
            answer = await self._inner.handle_async_request(
                httpx.Request(
                    request.method,
                    request.url,
                    headers=headers,
                    content=body,
                    extensions=request.extensions,
                )
            )
            if answer.status_code == PAYMENT_REQUIRED_STATUS:
                stream = answer.stream
                assert isinstance(stream, httpx.AsyncByteStream)
                answer.stream = _Watched(stream, Demand(answer.headers))
            return answer

        response = await exchange(
            purchase,
            send,
            never_left=(httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout),
            broken=(httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError),
            transport_errors=(httpx.TransportError,),
        )
        if purchase.awaits_receipt and isinstance(response.stream, httpx.AsyncByteStream):
            watch = StreamWatch(
                purchase,
                lambda method, url, headers: self._beside(request, method, url, headers),
                content_type=response.headers.get("content-type", ""),
                encoded=response.headers.get("content-encoding", "identity") != "identity",
                show_events=bool(request.extensions.get(SHOW_PAYMENT_EVENTS)),
            )
            response.stream = _Watched(response.stream, watch)
        return response

    async def _beside(
        self, request: httpx.Request, method: str, url: str, headers: dict[str, str]
    ) -> Reply:
        """Send a small request while the answer to `request` streams, with its time-outs."""
        timeouts = {k: v for k, v in request.extensions.items() if k == "timeout"}
        asked = httpx.Request(method, url, headers=headers, extensions=timeouts)
        content = bytearray()
        try:
            response = await self._inner.handle_async_request(asked)
            try:
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > MAX_REPLY_BYTES:
                        break
            finally:
                await response.aclose()
        except (httpx.TransportError, httpx.DecodingError) as exc:
            raise UnavailableError(f"{url} did not answer: {type(exc).__name__}.") from exc
        return reply_of(response.status_code, bytes(content))

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


class _Watched(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, watch: StreamWatch | Demand) -> None:
        self._stream, self._watch = stream, watch

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._watch.through(self._stream)

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            await self._watch.ended()
