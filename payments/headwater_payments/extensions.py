"""What Headwater adds to x402, on the wire: names of extensions, headers, events and paths."""

import json
from typing import Final

from headwater_payments.x402 import SettlementResponse

CONCURRENT: Final = "concurrent-vouchers"
"""The extension by which several requests share a channel, each with a higher voucher."""

RECEIPT_SIGNER: Final = "receiptSigner"
"""In a payment's terms: who signs metering receipts, where the authorizer is a contract."""

PAYMENT_IDENTIFIER: Final = "payment-identifier"
"""x402's extension that names a payment, so that it can be sent again and asked about."""

PAYMENT_RECEIPT: Final = "PAYMENT-RECEIPT"
"""The header with the seller's signed metering receipt."""

RECEIPT_EVENT: Final = "payment-receipt"
"""The server-sent event that ends a paid stream with its settlement and receipt."""

LOOKUP_PATH: Final = "/.well-known/headwater/payments/"
"""Where a seller tells what became of a payment, by its id."""


def receipt_event(settlement: SettlementResponse, receipt: str | None) -> bytes:
    """The event that ends a paid stream."""
    body = {"settlement": settlement.to_json(), "receipt": receipt}
    data = json.dumps(body, separators=(",", ":"))
    return f"event: {RECEIPT_EVENT}\ndata: {data}\n\n".encode()
