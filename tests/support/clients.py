"""Paying clients over httpx and over httpx2, with a hook between wallet and seller."""

from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

import httpx
import httpx2

from headwater_wallet import transport_httpx, transport_httpx2
from headwater_wallet.wallet import Wallet

Next = Callable[[Any], Awaitable[Any]]
Hook = Callable[[Any, Next], Awaitable[Any]]

LIBRARIES: dict[str, tuple[ModuleType, ModuleType]] = {
    "httpx": (httpx, transport_httpx),
    "httpx2": (httpx2, transport_httpx2),
}


async def _plain(request: Any, following: Next) -> Any:
    return await following(request)


class Library:
    """One HTTP library and our transport for it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.http, self._ours = LIBRARIES[name]

    def wire(self, app: Any, hook: Hook = _plain) -> Any:
        """A transport into an ASGI application, through `hook`."""
        http = self.http

        class Hooked(http.AsyncBaseTransport):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                self.inner = http.ASGITransport(app)

            async def handle_async_request(self, request: Any) -> Any:
                return await hook(request, self.inner.handle_async_request)

        return Hooked()

    def client(self, wallet: Wallet, inner: Any = None, **options: Any) -> Any:
        """A paying client; `inner` is a transport of `wire`, or None for the network."""
        transport = self._ours.PayingTransport(wallet.buyer, inner)
        options.setdefault("base_url", "http://shop.test")
        return self.http.AsyncClient(transport=transport, **options)

    def text(self, status: int, headers: dict[str, str] | None = None, body: str = "") -> Any:
        """A response made by hand."""
        return self.http.Response(status, headers=headers or {}, text=body)
