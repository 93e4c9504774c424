"""What a stream was charged stands behind its body, where server and client have trailers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import h2.config
import h2.connection
import h2.events
import httpx
import hypercorn.asyncio
import pytest
from hypercorn.config import Config

from headwater_marketplace.serving import bind
from headwater_payments.json_text import read_json
from headwater_payments.metering import parse_receipt
from headwater_payments.x402 import SettlementResponse
from support.shop import Shop, open_shop

pytestmark = pytest.mark.anyio
ASKED = {"TE": "trailers"}


class OverHttp2(httpx.AsyncBaseTransport):
    """One request a connection, by HTTP/2; keeps the trailers, which httpx itself drops."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.trailers: dict[str, str] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        connection.initiate_connection()
        stream = connection.get_next_available_stream_id()
        head = [(":method", request.method), (":path", request.url.path)]
        head += [(":scheme", "http"), (":authority", "shop.test")]
        skipped = ("host", "connection", "transfer-encoding")
        head += [(k.lower(), v) for k, v in request.headers.items() if k.lower() not in skipped]
        connection.send_headers(stream, head)
        connection.send_data(stream, body, end_stream=True)
        status, headers, content = 0, [], b""
        self.trailers = None
        async with await anyio.connect_tcp("127.0.0.1", self._port) as tcp:
            await tcp.send(connection.data_to_send())
            ended = False
            while not ended:
                for event in connection.receive_data(await tcp.receive()):
                    if isinstance(event, h2.events.ResponseReceived):
                        fields = list(event.headers or [])
                        status = int(dict(fields)[":status"])
                        headers = [(k, v) for k, v in fields if not k.startswith(":")]
                    elif isinstance(event, h2.events.DataReceived):
                        content += event.data or b""
                    elif isinstance(event, h2.events.TrailersReceived):
                        self.trailers = dict(event.headers or [])
                    ended |= isinstance(event, h2.events.StreamEnded)
                if data := connection.data_to_send():
                    await tcp.send(data)
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(content))


@asynccontextmanager
async def served(shop: Shop) -> AsyncIterator[OverHttp2]:
    """The shop behind hypercorn."""
    listener = bind()
    port: int = listener.getsockname()[1]
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    stopped = anyio.Event()
    async with anyio.create_task_group() as group:

        async def run() -> None:
            await hypercorn.asyncio.serve(
                shop.app,  # type: ignore[arg-type]
                config,
                shutdown_trigger=stopped.wait,
                mode="asgi",
            )

        group.start_soon(run)
        try:
            yield OverHttp2(port)
        finally:
            stopped.set()


async def test_a_stream_ends_with_its_settlement_and_receipt_as_trailers(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop, served(shop) as http2:
        wallet = await shop.wallet()
        async with wallet.client(transport=http2, base_url="http://shop.test") as client:
            answer = await client.post("/paid/x", json={"chunks": 3, "step": 100}, headers=ASKED)
            assert answer.headers["trailer"] == "payment-response, payment-receipt"
            assert http2.trailers is not None
            settled = SettlementResponse.from_header(http2.trailers["payment-response"])
            assert (settled.extra or {})["chargedAmount"] == "300"
            told = read_json(http2.trailers["payment-receipt"])
            assert isinstance(told, dict)
            receipt, signature = parse_receipt(told)
            assert receipt.signed_by(signature, 84532) == shop.signer.address
            [intent] = await wallet.ledger.intents()
            assert intent.receipt is not None, "by the event, as ever"
            assert read_json(intent.receipt) == told
            plain = await client.post("/paid/x", json={"chunks": 3, "step": 100})
            assert (plain.status_code, http2.trailers) == (200, None)
            assert "trailer" not in plain.headers
            whole = await client.post("/paid/x", json={"charge": 7}, headers=ASKED)
            assert (whole.status_code, http2.trailers) == (200, None), "its headers say it"
            failed = await client.post("/paid/x", json={"fail": True}, headers=ASKED)
            assert failed.status_code == 503


Messages = list[dict[str, Any]]


async def asked(shop: Shop, wallet: Any, inner: Any, scope: dict[str, Any]) -> Messages:
    """What the seller sends for a paid request of a stream, message by message."""
    sent: Messages = []
    shop.app._app = inner

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        async def note(message: Any) -> None:
            sent.append(message)
            if message["type"] != "http.response.trailers":
                await send(message)

        await shop.app({**_scope, **scope}, receive, note)

    transport = httpx.ASGITransport(app)
    async with wallet.client(transport=transport, base_url="http://shop.test") as client:
        await client.post("/paid/x", json={}, headers=ASKED)
    last = max(i for i, m in enumerate(sent) if m["type"] == "http.response.start")
    return sent[last:]


def handler(*, own: bool) -> Any:
    async def stream(scope: Any, receive: Any, send: Any) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": []}
        await send({**start, "trailers": True} if own else start)
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.body", "body": b"b"})
        for more in (True, False) if own else ():
            headers = [(b"digest", b"first" if more else b"last")]
            message = {"type": "http.response.trailers", "headers": headers}
            await send({**message, "more_trailers": more})

    return stream


async def test_a_handlers_own_trailers_are_joined(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        wallet = await shop.wallet()
        able: dict[str, Any] = {"extensions": {"http.response.trailers": {}}}
        messages = await asked(shop, wallet, handler(own=True), able)
        kinds = [
            (m["type"].removeprefix("http.response."), m.get("more_trailers")) for m in messages
        ]
        assert kinds == [
            *(("start", None), ("body", None), ("body", None)),
            *(("trailers", True), ("trailers", False)),
        ]
        assert [name for name, _ in messages[-1]["headers"]] == [
            b"digest",
            b"PAYMENT-RESPONSE",
            b"PAYMENT-RECEIPT",
        ]
        alone = await asked(shop, wallet, handler(own=False), able)
        assert alone[0]["trailers"] is True
        assert [name for name, _ in alone[-1]["headers"]] == [
            b"PAYMENT-RESPONSE",
            b"PAYMENT-RECEIPT",
        ]


async def test_a_server_without_trailers_is_sent_none(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        wallet = await shop.wallet()
        for scope in ({}, {"extensions": {}}, {"extensions": None}):
            messages = await asked(shop, wallet, handler(own=False), scope)
            assert "trailers" not in messages[0]
            assert messages[-1]["type"] == "http.response.body"
