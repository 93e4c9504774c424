"""Paying over `httpx`: a transport that any `httpx.AsyncClient` can be given."""

from collections.abc import AsyncIterator

import httpx

from headwater_wallet.buyer import Buyer
from headwater_wallet.exchange import ReceiptWatch, exchange


class PayingTransport(httpx.AsyncBaseTransport):
    """Pays for what answers 402, under the wallet's policy, and streams everything else through.

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
        purchase = self._buyer.purchase(request.method, str(request.url), request.headers)

        async def send(extra: dict[str, str]) -> httpx.Response:
            headers = httpx.Headers(request.headers)
            headers.update(extra)
            return await self._inner.handle_async_request(
                httpx.Request(
                    request.method,
                    request.url,
                    headers=headers,
                    content=body,
                    extensions=request.extensions,
                )
            )

        response = await exchange(
            purchase,
            send,
            never_left=(httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout),
            broken=(httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError),
            transport_errors=(httpx.TransportError,),
        )
        if purchase.awaits_receipt and isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _Watched(response.stream, ReceiptWatch(purchase))
        return response

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


class _Watched(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, watch: ReceiptWatch) -> None:
        self._stream, self._watch = stream, watch

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._watch.passed(chunk)
            yield chunk
        await self._watch.ended()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            await self._watch.ended()
