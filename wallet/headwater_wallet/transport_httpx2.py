"""Paying over `httpx2`: a transport that any `httpx2.AsyncClient` can be given."""

from collections.abc import AsyncIterator

import httpx2

from headwater_wallet.buyer import Buyer
from headwater_wallet.exchange import ReceiptWatch, exchange


class PayingTransport(httpx2.AsyncBaseTransport):
    """Pays for what answers 402, under the wallet's policy, and streams everything else through.

    Args:
        buyer: the wallet's buying side.
        inner: the transport that talks to the network.
    """

    def __init__(self, buyer: Buyer, inner: httpx2.AsyncBaseTransport | None = None) -> None:
        self._buyer = buyer
        self._inner = inner or httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request, paying if need be.

        Raises:
            PolicyRefusedError: the wallet does not pay this; nothing was signed.
            PaymentRefusedError: the seller refused the payment.
            PaymentUnknownError: the payment left and no answer came.
            SellerMisbehavedError: the seller broke its terms.
        """
        body = await request.aread()
        purchase = self._buyer.purchase(request.method, str(request.url), request.headers)

        async def send(extra: dict[str, str]) -> httpx2.Response:
            headers = httpx2.Headers(request.headers)
            headers.update(extra)
            return await self._inner.handle_async_request(
                httpx2.Request(
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
            never_left=(httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout),
            broken=(httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError),
            transport_errors=(httpx2.TransportError,),
        )
        if purchase.awaits_receipt and isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _Watched(response.stream, ReceiptWatch(purchase))
        return response

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


class _Watched(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, watch: ReceiptWatch) -> None:
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
