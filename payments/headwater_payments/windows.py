"""Voucher windows: a long stream is paid for a part at a time, while it runs.

The first voucher covers one window instead of the whole price. When little of it is left, the
seller asks for the next; the buyer answers beside the stream. So neither side ever stands to lose
more than a window: the seller sends nothing that is not covered, and the buyer signs for no more
than what comes next.

Source: the names of the events are MPP's; the extension is Headwater's own.
"""

import json
from dataclasses import dataclass
from typing import Final

from headwater_payments.amount import parse_atomic
from headwater_payments.errors import InvalidInputError
from headwater_payments.extensions import LOOKUP_PATH
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.json_text import read_json
from headwater_payments.x402 import JsonObject

VOUCHER_WINDOWS: Final = "voucher-windows"
"""The extension by which a seller takes a stream's price a window at a time."""

NEED_VOUCHER_EVENT: Final = "payment-need-voucher"
"""The server-sent event that asks for the next voucher."""

STREAM_TYPES: Final = (
    "text/event-stream",
    "application/x-ndjson",
    "application/jsonl",
    "application/octet-stream",
)
"""What a request accepts that asks for a stream."""

_LOW_WATER: Final = 4


@dataclass(frozen=True, slots=True)
class WindowTerms:
    """A seller's windows: atomic units of one, and the path where vouchers go, by payment id."""

    window: int
    path: str


@dataclass(frozen=True, slots=True)
class NeedVoucher:
    """A seller's request for more cover: atomic units of one payment, covered now and wanted."""

    payment_id: str
    channel_id: bytes
    covered: int
    required: int

    def to_json(self) -> JsonObject:
        """The wire form."""
        return {
            "paymentId": self.payment_id,
            "channelId": to_hex(self.channel_id),
            "covered": str(self.covered),
            "required": str(self.required),
        }

    def to_event(self) -> bytes:
        """The server-sent event that carries it."""
        data = json.dumps(self.to_json(), separators=(",", ":"))
        return f"event: {NEED_VOUCHER_EVENT}\ndata: {data}\n\n".encode()


def parse_need_voucher(body: object) -> NeedVoucher:
    """Read what `NeedVoucher.to_json` wrote.

    Raises:
        InvalidInputError: a member is missing or malformed.
    """
    if not isinstance(body, dict):
        raise InvalidInputError("A request for a voucher is an object.")
    return NeedVoucher(
        payment_id=str(body.get("paymentId")),
        channel_id=parse_hex(body.get("channelId"), length=32),
        covered=parse_atomic(body.get("covered")),
        required=parse_atomic(body.get("required")),
    )


def window_extension(window: int) -> JsonObject:
    """What a seller advertises; `window` in atomic units."""
    info = {"version": "1", "window": str(window), "path": LOOKUP_PATH}
    return {"info": info, "schema": {"type": "object"}}


def window_terms(extensions: JsonObject) -> WindowTerms | None:
    """The windows that a seller advertises; None where it has none, or none that make sense."""
    info = _info(extensions)
    path = info.get("path")
    if not isinstance(path, str) or not path.startswith("/") or path.startswith("//"):
        return None
    try:
        window = parse_atomic(info.get("window"))
    except InvalidInputError:
        return None
    return WindowTerms(window, path) if window > 0 else None


def takes_windows(extensions: JsonObject | None) -> bool:
    """Whether a payment's echoed extensions say that it covers the first window only."""
    return _info(extensions or {}).get("use") is True


def next_cover(covered: int, window: int, price: int) -> int:
    """What a payment covers after one more window; atomic units, never above the price."""
    return min(covered + window, price)


def is_low(covered: int, due: int, window: int) -> bool:
    """Whether it is time to ask: a quarter of a window, or less, is left."""
    return covered - due <= window // _LOW_WATER


def asks_for_stream(accept: str, body: bytes) -> bool:
    """Whether a request wants its answer as a stream, by its `Accept` or its JSON's `stream`.

    Both sides decide by this whether the first voucher may cover a window only: an answer in one
    piece leaves nothing to stop.
    """
    if any(kind in accept.lower() for kind in STREAM_TYPES):
        return True
    if b'"stream"' not in body:
        return False
    try:
        asked = read_json(body)
    except InvalidInputError:
        return False
    return isinstance(asked, dict) and asked.get("stream") is True


def _info(extensions: JsonObject) -> JsonObject:
    extension = extensions.get(VOUCHER_WINDOWS)
    info = extension.get("info") if isinstance(extension, dict) else None
    return info if isinstance(info, dict) else {}
