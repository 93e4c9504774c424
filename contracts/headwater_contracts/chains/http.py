"""A loopback HTTP server for JSON-RPC in a thread of its own, which serves one request at a time.

The thread is what makes a chain safe to use from any thread and event loop, and lets synchronous
clients on the caller's own loop wait for answers without stopping the server that gives them.
"""

import asyncio
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future

from headwater_contracts.chains.bodies import parse_body
from headwater_payments.errors import UnavailableError

MAX_BODY_BYTES = 16 * 1024 * 1024
_LENGTH_DIGITS = 12
_START_TIMEOUT_S = 10


class LoopbackServer:
    """Serves `answer` over HTTP on 127.0.0.1 until `close`.

    Args:
        answer: decoded JSON in, JSON-ready answer out; called in the server's thread only.
        malformed: the answer to a body that is not JSON.
        port: where to listen; 0 takes any free one.
    """

    def __init__(
        self, answer: Callable[[object], object], malformed: object, *, port: int = 0
    ) -> None:
        self._answer = answer
        self._malformed = malformed
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self._ready: Future[int] = Future()
        self._thread = threading.Thread(target=self._run, name="headwater-chain", daemon=True)

    def start(self) -> int:
        """Start serving; gives the port.

        Raises:
            UnavailableError: the port is taken, or not for this user.
        """
        self._thread.start()
        try:
            return self._ready.result(_START_TIMEOUT_S)
        except OSError as exc:
            self._thread.join()
            raise port_taken(self._port) from exc

    def close(self) -> None:
        """Stop serving and wait for the thread to end; a second call does nothing."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        try:
            server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        except OSError as exc:
            self._ready.set_exception(exc)
            return
        self._ready.set_result(server.sockets[0].getsockname()[1])
        await self._stop.wait()
        server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        except asyncio.CancelledError:
            # The server ends, and with it this task; asyncio's streams before Python 3.12 print a
            # traceback for one that ends cancelled.
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; gives whether the connection stays open."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        length = headers.get("content-length", "")
        if not head[0].startswith("POST "):
            return await _respond(writer, 405, b"")
        if not (length.isascii() and length.isdigit()):
            return await _respond(writer, 411, b"")
        if len(length) > _LENGTH_DIGITS or int(length) > MAX_BODY_BYTES:
            return await _respond(writer, 413, b"")
        body = await reader.readexactly(int(length))
        try:
            request = parse_body(body)
        except (ValueError, RecursionError):
            reply = self._malformed
        else:
            reply = self._answer(request)
        await _respond(writer, 200, json.dumps(reply).encode())
        return headers.get("connection", "").lower() != "close"


def port_taken(port: int) -> UnavailableError:
    """The error for a port that cannot be listened on."""
    return UnavailableError(
        f"Port {port} cannot be used: stop what listens there, or choose another.", port=port
    )


_REASONS = {
    200: "OK",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Content Too Large",
}


async def _respond(writer: asyncio.StreamWriter, status: int, body: bytes) -> bool:
    """Write a response; gives False, for a refused request ends its connection."""
    closing = "" if status == 200 else "Connection: close\r\n"
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n{closing}\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()
    return False
