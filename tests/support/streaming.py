"""An in-process transport that streams: the reader has a chunk while the handler is at work.

httpx's own ASGI transport runs the application to its end before it gives an answer.
"""

from types import ModuleType
from typing import Any

import anyio
from anyio.abc import TaskGroup


def streaming_transport(http: ModuleType, app: Any, group: TaskGroup, *, buffer: float = 0) -> Any:
    """A transport of the library `http` into an ASGI application that runs in its `group`.

    `buffer` is how many chunks the application may be ahead of the reader.
    """

    class Body(http.AsyncByteStream):  # type: ignore[misc, name-defined]
        def __init__(self, call: "_Call") -> None:
            self._call = call

        async def __aiter__(self) -> Any:
            async for part in self._call.parts:
                yield part
            if not self._call.complete:
                raise http.RemoteProtocolError("the application broke off")

        async def aclose(self) -> None:
            self._call.leave()

    class Transport(http.AsyncBaseTransport):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.group = group
            self._calls: list[_Call] = []

        def hang_up(self) -> None:
            """Leave every call, as a client does that is gone."""
            for call in self._calls:
                call.leave()

        async def handle_async_request(self, request: Any) -> Any:
            call = _Call(request, await request.aread(), buffer)
            self._calls.append(call)
            self.group.start_soon(call.run, app)
            await call.started.wait()
            if call.head is None:
                raise http.ReadError("the application gave no answer", request=request)
            status, headers = call.head["status"], call.head["headers"]
            return http.Response(status, headers=headers, stream=Body(call))

    return Transport()


class _Call:
    """One request on its way through the application."""

    def __init__(self, request: Any, body: bytes, buffer: float) -> None:
        self.request, self.body = request, body
        self.started, self._left = anyio.Event(), anyio.Event()
        self._sending, self.parts = anyio.create_memory_object_stream[bytes](buffer)
        self.head: Any = None
        self.complete = self._delivered = False

    def leave(self) -> None:
        self._left.set()
        self.parts.close()

    async def run(self, app: Any) -> None:
        scope = {
            "type": "http",
            "method": self.request.method,
            "path": self.request.url.path,
            "headers": [(k.lower(), v) for k, v in self.request.headers.raw],
            "scheme": "http",
        }
        try:
            await app(scope, self._receive, self._send)
        except ConnectionResetError:
            self.complete = False
        except Exception:  # noqa: BLE001  a server logs it, and answers 500 or breaks off
            self.complete = self.head is None
            self.head = self.head or {"status": 500, "headers": []}
        finally:
            self._sending.close()
            self.started.set()

    async def _receive(self) -> Any:
        if self._delivered:
            await self._left.wait()
            return {"type": "http.disconnect"}
        self._delivered = True
        return {"type": "http.request", "body": self.body, "more_body": False}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.head = message
            return self.started.set()
        try:
            if part := message.get("body", b""):
                await self._sending.send(part)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as exc:
            raise OSError("the client is gone") from exc
        self.complete = not message.get("more_body", False)
        return None
