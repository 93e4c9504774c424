"""What is sold is paid for by whatever path a framework lets a request reach it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from headwater_marketplace.seller import Offer, PaymentMiddleware
from headwater_payments.amount import Amount
from support.shop import PAYEE, PRICE, USDC, Shop

pytestmark = pytest.mark.anyio
SECRET = "what is sold"


async def sold(_request: Any) -> PlainTextResponse:
    return PlainTextResponse(SECRET)


async def talked(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(SECRET)
    await socket.close()


def starlette_app() -> Starlette:
    return Starlette(
        routes=[Route("/chat", sold, methods=["POST"]), WebSocketRoute("/chat", talked)]
    )


def fastapi_app(root_path: str) -> FastAPI:
    app = FastAPI()
    app.root_path = root_path
    app.post("/chat", response_class=PlainTextResponse)(lambda: SECRET)
    return app


def behind_a_prefix(guard: Callable[[Any], Any]) -> Any:
    return guard(starlette_app())


def mounted(guard: Callable[[Any], Any]) -> Any:
    return Starlette(routes=[Mount("/api", guard(starlette_app()))])


def with_a_root_of_its_own(guard: Callable[[Any], Any]) -> Any:
    return guard(fastapi_app("/api"))


def wrapped_twice(guard: Callable[[Any], Any]) -> Any:
    return guard(CORSMiddleware(fastapi_app("/api"), allow_origins=["*"]))


@pytest.fixture
def guard(shop: Shop) -> Callable[[Any], Any]:
    """Sells `/chat` and the premium files of an application, with the shop's books."""
    price = Amount(PRICE, USDC)
    offers = [
        Offer("/chat", price, PAYEE),
        Offer("/files/premium/.*", price, PAYEE, method="GET"),
    ]

    def sell(app: Any) -> PaymentMiddleware:
        return PaymentMiddleware(
            app,
            offers=offers,
            store=shop.store,
            signer=shop.signer,
            facilitator=shop.chain,
            chain=shop.chain,
        )

    return sell


@pytest.mark.parametrize("build", [behind_a_prefix, mounted, with_a_root_of_its_own, wrapped_twice])
async def test_a_path_below_a_root_is_paid_and_served_once(
    shop: Shop, guard: Callable[[Any], Any], build: Callable[[Callable[[Any], Any]], Any]
) -> None:
    root = "/api" if build is behind_a_prefix else ""
    transport = httpx.ASGITransport(build(guard), root_path=root)
    wallet = await shop.wallet()
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as plain:
        asked = await plain.post("/api/chat")
        assert (asked.status_code, SECRET in asked.text) == (402, False)
    async with wallet.client(transport=transport, base_url="http://shop.test") as http:
        for _ in range(2):
            answer = await http.post("/api/chat")
            assert (answer.status_code, answer.text.strip('"')) == (200, SECRET)
    budget = await wallet.ledger.budget()
    assert budget.charged == 2 * PRICE


async def test_a_payment_is_good_for_one_answer_whatever_root_it_is_sent_to(
    shop: Shop, guard: Callable[[Any], Any]
) -> None:
    app = guard(fastapi_app("/api"))
    wallet, seen = await shop.wallet(), list[httpx.Request]()

    class Noting(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            seen.append(request)
            return await super().handle_async_request(request)

    async with wallet.client(transport=Noting(app), base_url="http://shop.test") as http:
        first = await http.post("/chat")
    signed = seen[-1].headers["payment-signature"]
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as plain:
        again = await plain.post("/api/chat", headers={"payment-signature": signed})
    assert again.headers["payment-response"] == first.headers["payment-response"]
    assert (await wallet.ledger.budget()).charged == PRICE


async def test_a_path_that_only_ends_like_a_sold_one_stays_free(
    guard: Callable[[Any], Any],
) -> None:
    app = Starlette(routes=[Route("/apiary/chat", sold, methods=["POST"])])
    transport = httpx.ASGITransport(guard(app), root_path="/api")
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as http:
        assert (await http.post("/apiary/chat")).text == SECRET


async def test_what_stands_beside_sales_is_found_below_a_root(
    shop: Shop, guard: Callable[[Any], Any]
) -> None:
    transport = httpx.ASGITransport(guard(starlette_app()), root_path="/api")
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as http:
        answer = await http.get("/api/.well-known/headwater/payments/unheard")
    assert (answer.status_code, answer.json()) == (404, {"state": "unknown"})


@pytest.mark.parametrize("build", [mounted, with_a_root_of_its_own])
async def test_no_socket_opens_below_a_root_where_something_is_sold(
    guard: Callable[[Any], Any], build: Callable[[Callable[[Any], Any]], Any]
) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/api/chat", "root_path": "", "headers": []}
    await build(guard)({**scope, "query_string": b"", "subprotocols": []}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


async def asked(app: Any, method: str, path: str, root: str = "") -> tuple[int, bytes]:
    """The answer to a request for exactly this path, which clients would tidy up."""
    sent: list[Any] = []
    said = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if not said:
            await anyio.sleep_forever()
        return said.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "root_path": root, "headers": []}
    await app({**scope, "query_string": b"", "http_version": "1.1"}, receive, send)
    return sent[0]["status"], b"".join(m.get("body", b"") for m in sent[1:])


@pytest.mark.parametrize("path", ["/chat", "/chat\n", "//chat", "/chat/", "/./chat", "/x/../chat"])
@pytest.mark.parametrize("build", [lambda guard: guard(fastapi_app("")), behind_a_prefix])
async def test_no_spelling_of_a_sold_path_is_free(
    guard: Callable[[Any], Any], build: Callable[[Callable[[Any], Any]], Any], path: str
) -> None:
    for root in ("", "/api"):
        status, body = await asked(build(guard), "POST", root + path, root)
        assert (status, SECRET.encode() in body) == (402, False)


@pytest.mark.parametrize(
    "path", ["premium/a.txt", "x/../premium/a.txt", "/premium/a.txt", "./premium//a.txt"]
)
async def test_no_spelling_of_a_sold_files_path_is_free(
    guard: Callable[[Any], Any], tmp_path: Path, path: str
) -> None:
    (tmp_path / "premium").mkdir()
    (tmp_path / "premium" / "a.txt").write_text(SECRET)
    (tmp_path / "b.txt").write_text("free")
    files = Starlette(routes=[Mount("/files", StaticFiles(directory=tmp_path))])
    assert await asked(files, "GET", f"/files/{path}") == (200, SECRET.encode())
    status, body = await asked(guard(files), "GET", f"/files/{path}")
    assert (status, SECRET.encode() in body) == (402, False)
    assert await asked(guard(files), "GET", "/files/b.txt") == (200, b"free")
