"""The few words of ASGI that the seller's middleware speaks: read a request, answer in JSON."""

import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final

from headwater_payments.errors import HeadwaterError, InvalidInputError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

MAX_BODY_BYTES: Final = 4 * 1024 * 1024


class BodyTooLargeError(InvalidInputError):
    """A request's body is longer than the seller takes; nothing was done."""

    code = "body_too_large"
    http_status = 413


def header_in(scope: Scope, name: str) -> str | None:
    """A request's header; None where there is none."""
    wanted = name.lower().encode()
    return next((v.decode("latin-1") for k, v in scope["headers"] if k.lower() == wanted), None)


def url_of(scope: Scope) -> str:
    """Where a request says that it went, without its query; the host is the client's word."""
    host = header_in(scope, "host") or "localhost"
    return f"{scope.get('scheme', 'http')}://{host}{scope['path']}"


def asked_of(scope: Scope) -> tuple[str, str, bytes]:
    """What a request asks for: its method, path and raw query."""
    return scope["method"], scope["path"], scope.get("query_string", b"")


async def read_body(
    receive: Receive, most: int = MAX_BODY_BYTES, what: str = "A paid request's body"
) -> bytes:
    """The whole body of a request; of one that is too long, no more than that much is read.

    Args:
        receive: of the request.
        most: bytes that it may have.
        what: it is, for the error.

    Raises:
        BodyTooLargeError: it is too long.
        InvalidInputError: the client left before its end.
    """
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise InvalidInputError("The client left before its request was complete.")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > most:
            raise BodyTooLargeError(f"{what} has at most {most} bytes.", most=most)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives a body that was read already, and then what comes behind it."""
    delivered = False

    async def again() -> Message:
        nonlocal delivered
        if delivered:
            return await receive()
        delivered = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def send_problem(send: Send, error: HeadwaterError) -> None:
    """Answer with an error, as RFC 9457 has it."""
    await send_json(send, error.http_status, error.problem(), [], b"application/problem+json")


async def send_json(
    send: Send,
    status: int,
    body: object,
    headers: Headers,
    content_type: bytes = b"application/json",
) -> None:
    """Answer with JSON."""
    content = json.dumps(body).encode()
    head = [(b"content-type", content_type), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*head, *headers]})
    await send({"type": "http.response.body", "body": content})
