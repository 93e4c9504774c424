"""What a sold answer's head says beside what its handler says, and what its handler may not do.

A cache that others share must not give away what one has paid for, and a page of another origin has
to be let read what its call cost.

Source: RFC 9111, sections 3 and 5.2.2.7; the Fetch standard's `Access-Control-Expose-Headers`;
ASGI's extensions `http.response.pathsend` and `http.response.zerocopysend`.
"""

from typing import Any, Final

from headwater_marketplace.seller.asgi import Scope, header_in
from headwater_marketplace.seller.kept_answers import Message, header_of
from headwater_payments.extensions import PAYMENT_RECEIPT
from headwater_payments.x402 import PAYMENT_RESPONSE

_PRIVATE: Final = (b"cache-control", b"private")
_EXPOSED: Final = (
    b"access-control-expose-headers",
    f"{PAYMENT_RESPONSE}, {PAYMENT_RECEIPT}".encode(),
)
_AROUND_THE_BODY: Final = ("http.response.pathsend", "http.response.zerocopysend")


def crosses_origins(scope: Scope) -> bool:
    """Whether a page of another origin may be asking."""
    return header_in(scope, "origin") is not None


def sold_head(start: Message, *, crosses: bool) -> Message:
    """The head of an answer that is sold: for its payer alone, unless the handler says otherwise.

    Args:
        start: as the handler gives it.
        crosses: whether a page of another origin may be asking.
    """
    added = [] if header_of(start, _PRIVATE[0]) else [_PRIVATE]
    if crosses:
        added.append(_EXPOSED)
    return {**start, "headers": [*start.get("headers", []), *added]}


def without_ways_around(scope: Scope) -> dict[str, Any]:
    """A handler's scope in which it can't have the server send what it does not show."""
    inner, extensions = dict(scope), scope.get("extensions")
    if extensions and any(name in extensions for name in _AROUND_THE_BODY):
        kept = {k: v for k, v in extensions.items() if k not in _AROUND_THE_BODY}
        inner["extensions"] = kept
    return inner
