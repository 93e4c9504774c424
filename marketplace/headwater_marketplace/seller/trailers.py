"""Fields behind the body of a stream: what it was charged, for clients and servers that have them.

Only what is on its way says at its end what it cost; a trailer says so in any kind of stream, also
in one that carries no events.

Source: RFC 9110, section 6.5; ASGI's extension `http.response.trailers`.
"""

from typing import Any, Final

from headwater_marketplace.seller.asgi import Headers, Message, Scope, header_in
from headwater_payments.extensions import PAYMENT_RECEIPT
from headwater_payments.x402 import PAYMENT_RESPONSE

EXTENSION: Final = "http.response.trailers"
_NAMES: Final = f"{PAYMENT_RESPONSE}, {PAYMENT_RECEIPT}".lower().encode()


def takes_trailers(scope: Scope) -> bool:
    """Whether the server can send fields behind the body, and the client reads them."""
    asked = (header_in(scope, "te") or "").lower().split(",")
    return EXTENSION in (scope.get("extensions") or {}) and "trailers" in map(str.strip, asked)


class Trailers:
    """The trailers of one answer, beside those that its handler may send itself."""

    def __init__(self) -> None:
        self._handlers_own = False
        self._told: Headers = ()

    def announced(self, start: Message) -> Message:
        """The head of the answer, which says that fields follow its body."""
        self._handlers_own = bool(start.get("trailers", False))
        told = (b"trailer", _NAMES)
        return {**start, "headers": [*start["headers"], told], "trailers": True}

    def ended(self, told: Headers) -> Message | None:
        """The message behind the body; None where the handler sends one, to be `joined`."""
        self._told = told
        return None if self._handlers_own else _message(told)

    def joined(self, message: Message) -> Message:
        """The handler's trailers, with ours in the last of them."""
        if message.get("more_trailers", False):
            return message
        return {**message, "headers": [*message.get("headers", []), *self._told]}


def _message(headers: Headers) -> dict[str, Any]:
    return {"type": EXTENSION, "headers": list(headers), "more_trailers": False}
