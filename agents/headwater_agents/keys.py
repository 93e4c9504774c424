"""Payment keys: the same intent has the same key however often a framework repeats it."""

import hashlib
import json
from collections.abc import Mapping

IDEMPOTENCY_KEY = "Idempotency-Key"
"""The request header that carries a payment key to the wallet and to the seller."""


def call_arguments(
    listing_id: str, arguments: Mapping[str, object] | None, topic: str | None
) -> dict[str, object]:
    """What of a service's call makes its key: what the model gave, and nothing it left out."""
    given = {"listing_id": listing_id, "arguments": arguments, "topic": topic}
    return {name: value for name, value in given.items() if value is not None}


def payment_key(*scope: str, arguments: Mapping[str, object] | None = None) -> str:
    """A key for one intent to pay.

    Args:
        scope: what identifies the intent and survives its repetition, outermost first: for a tool
            call the conversation and the call's id, never a run id, which changes on resumption.
        arguments: the call's arguments; some models reuse a call id, and another argument is
            another intent.
    """
    payload = json.dumps([scope, arguments], sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(b"headwater/payment-key/1\n" + payload.encode()).hexdigest()[:48]
