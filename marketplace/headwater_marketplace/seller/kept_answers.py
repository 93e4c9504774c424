"""What is kept of an answer that was paid for, and how it is given again."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from headwater_marketplace.seller.records import Payment
from headwater_payments.extensions import PAYMENT_RECEIPT
from headwater_payments.metering import MeteringReceipt, receipt_to_json
from headwater_payments.x402 import PAYMENT_RESPONSE, SettlementResponse

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

MAX_KEPT_RESPONSE: Final = 262_144
MAX_KEPT_HEADERS: Final = 8_192
KEPT_HEADERS: Final = frozenset(
    (
        b"accept-ranges",
        b"access-control-allow-credentials",
        b"access-control-allow-origin",
        b"access-control-expose-headers",
        b"age",
        b"cache-control",
        b"content-disposition",
        b"content-encoding",
        b"content-language",
        b"content-location",
        b"content-range",
        b"content-security-policy",
        b"etag",
        b"expires",
        b"last-modified",
        b"link",
        b"location",
        b"vary",
        b"x-content-type-options",
    )
)
"""What is kept of an answer's headers beside its type: what tells how to read and to cache it."""


async def replay(payment: Payment, send: Send) -> None:
    """Give the answer of a payment that was charged before, without serving or charging again."""
    settlement = SettlementResponse.from_json(json.loads(payment.settlement or "{}"))
    body = payment.response or b""
    kept = json.loads(payment.response_headers or "[]")
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in kept]
    headers += [
        (b"content-type", (payment.response_type or "application/octet-stream").encode()),
        (b"content-length", str(len(body)).encode()),
        (PAYMENT_RESPONSE.encode(), settlement.to_header().encode()),
    ]
    if payment.receipt is not None:
        headers.append((PAYMENT_RECEIPT.encode(), payment.receipt.encode()))
    status = payment.response_status or 200
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def receipt_text(receipt: MeteringReceipt, signature: bytes) -> str:
    """A signed receipt in the form that is sent and kept."""
    return json.dumps(receipt_to_json(receipt, signature), separators=(",", ":"))


def kept_headers(start: Message) -> str | None:
    """Those of an answer's headers that a repetition of it needs, as JSON."""
    kept = [
        (name.lower().decode("latin-1"), value.decode("latin-1"))
        for name, value in start.get("headers", [])
        if name.lower() in KEPT_HEADERS
    ]
    return json.dumps(kept, separators=(",", ":")) if kept else None


def content_type(start: Message) -> str:
    """The content type of an answer's head."""
    return header_of(start, b"content-type")


def header_of(start: Message, name: bytes) -> str:
    """A header of an answer's head by its name in lower case; empty where there is none."""
    headers = start.get("headers", [])
    return next((v.decode("latin-1") for k, v in headers if k.lower() == name), "")
