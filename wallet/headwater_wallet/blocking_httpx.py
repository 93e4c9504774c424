"""Paying over `httpx` from code that blocks: a transport that any `httpx.Client` can be given."""

import math
from collections.abc import AsyncIterator, Iterator

import httpx
from anyio import CapacityLimiter, to_thread
from anyio.from_thread import BlockingPortal

from headwater_wallet.buyer import Buyer
from headwater_wallet.portals import iterated_in, run_in
from headwater_wallet.transport_httpx import PayingTransport


class BlockingPayingTransport(httpx.BaseTransport):
    """Pays for what answers 402, like `PayingTransport`, for threads that wait.

    Several threads may use it at once.

    Args:
        buyer: the wallet's buying side.
        portal: the event loop that the wallet was opened in.
        inner: the transport that talks to the network.
    """

    def __init__(
        self, buyer: Buyer, portal: BlockingPortal, inner: httpx.BaseTransport | None = None
    ) -> None:
        self._portal = portal
        self._paying = PayingTransport(buyer, None if inner is None else _Threaded(inner))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request, paying if need be.

        Raises:
            PolicyRefusedError: the wallet does not pay this; nothing was signed.
            PaymentRefusedError: the seller refused the payment.
            PaymentUnknownError: the payment left and no answer came.
            SellerMisbehavedError: the seller broke its terms.
        """
        asked = httpx.Request(
            request.method,
            request.url,
            headers=request.headers,
            content=request.read(),
            extensions=request.extensions,
        )
        answer = run_in(self._portal, self._paying.handle_async_request, asked)
        stream = answer.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        return httpx.Response(
            answer.status_code,
            headers=answer.headers,
            stream=_Waited(self._portal, stream),
            extensions={k: v for k, v in answer.extensions.items() if k != "network_stream"},
        )

    def close(self) -> None:
        """Close the inner transport."""
        run_in(self._portal, self._paying.aclose)


class _Waited(httpx.SyncByteStream):
    """A stream in the portal's loop, for a thread that waits for each chunk."""

    def __init__(self, portal: BlockingPortal, stream: httpx.AsyncByteStream) -> None:
        self._portal, self._stream = portal, stream

    def __iter__(self) -> Iterator[bytes]:
        return iterated_in(self._portal, self._stream)

    def close(self) -> None:
        run_in(self._portal, self._stream.aclose)


class _Threaded(httpx.AsyncBaseTransport):
    """A transport that blocks, each call of it in a thread of its own.

    A stream that waits for a voucher holds its thread until the voucher has left by another, so
    none may wait for a free thread. They are as few as the callers that wait, times two.
    """

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner, self._threads = inner, CapacityLimiter(math.inf)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await to_thread.run_sync(
            self._inner.handle_request, request, limiter=self._threads
        )
        stream = answer.stream
        assert isinstance(stream, httpx.SyncByteStream)
        return httpx.Response(
            answer.status_code,
            headers=answer.headers,
            stream=_InThreads(stream, self._threads),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        await to_thread.run_sync(self._inner.close, limiter=self._threads)


class _InThreads(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream, threads: CapacityLimiter) -> None:
        self._stream, self._threads = stream, threads

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = iter(self._stream)
        while (chunk := await self._next(chunks)) is not None:
            yield chunk

    async def _next(self, chunks: Iterator[bytes]) -> bytes | None:
        return await to_thread.run_sync(next, chunks, None, limiter=self._threads)

    async def aclose(self) -> None:
        await to_thread.run_sync(self._stream.close, limiter=self._threads)
