"""x402 version 1, as sellers still speak it: terms in the body of a 402, `X-PAYMENT` for an answer.

What is read becomes version 2's messages, so that nothing else knows of it; what is sent is made of
them at the last moment. Only `exact` by EIP-3009 existed.

Source: x402 specification v1 (core types, HTTP transport).
"""

import base64
import json
from typing import Final

from pydantic import Field

from headwater_payments.errors import InvalidInputError
from headwater_payments.json_text import read_json
from headwater_payments.x402 import (
    JsonObject,
    PaymentPayload,
    PaymentRequired,
    PaymentRequirements,
    WireModel,
)

X_PAYMENT: Final = "X-PAYMENT"
X_PAYMENT_RESPONSE: Final = "X-PAYMENT-RESPONSE"
MAX_BODY_BYTES: Final = 65_536
NETWORKS: Final = {
    "abstract": 2741,
    "abstract-testnet": 11124,
    "avalanche": 43114,
    "avalanche-fuji": 43113,
    "base": 8453,
    "base-sepolia": 84532,
    "ethereum": 1,
    "iotex": 4689,
    "peaq": 3338,
    "polygon": 137,
    "polygon-amoy": 80002,
    "sei": 1329,
    "sei-testnet": 1328,
}
"""Version 1 named networks; those are here whose chain id is beyond doubt."""
_NAMES: Final = {f"eip155:{chain_id}": name for name, chain_id in NETWORKS.items()}


class _TermsV1(WireModel):
    scheme: str
    network: str
    max_amount_required: str
    asset: str
    pay_to: str
    max_timeout_seconds: int = Field(ge=0)
    extra: JsonObject | None = None


def read_terms_v1(body: bytes) -> PaymentRequired | None:
    """The terms in the body of a 402, in version 2's form; None where it is no such body.

    Ways to pay on networks that are not known here are left out, since nobody could pay by them.

    Raises:
        InvalidInputError: a way to pay is malformed.
    """
    if len(body) > MAX_BODY_BYTES:
        return None
    try:
        told = read_json(body)
    except InvalidInputError:
        return None
    if not isinstance(told, dict) or told.get("x402Version") != 1:
        return None
    offered = told.get("accepts")
    if not isinstance(offered, list):
        return None
    terms = [_TermsV1.from_json(each) for each in offered]
    error = told.get("error")
    return PaymentRequired(
        x402Version=1,
        error=error if isinstance(error, str) else None,
        accepts=[_as_v2(each) for each in terms if each.network in NETWORKS],
    )


def payment_header_v1(header: str) -> str:
    """The value of `X-PAYMENT` for a payment made in version 2's form.

    Raises:
        InvalidInputError: it is on a network that version 1 has no name for.
    """
    payment = PaymentPayload.from_header(header)
    accepted = payment.accepted
    if accepted.network not in _NAMES:
        raise InvalidInputError(f"x402 version 1 has no name for {accepted.network}.")
    told = {
        "x402Version": 1,
        "scheme": accepted.scheme,
        "network": _NAMES[accepted.network],
        "payload": payment.payload,
    }
    return base64.b64encode(json.dumps(told, separators=(",", ":")).encode()).decode()


def _as_v2(terms: _TermsV1) -> PaymentRequirements:
    return PaymentRequirements(
        scheme=terms.scheme,
        network=f"eip155:{NETWORKS[terms.network]}",
        amount=terms.max_amount_required,
        asset=terms.asset,
        pay_to=terms.pay_to,
        max_timeout_seconds=terms.max_timeout_seconds,
        extra=terms.extra or {},
    )
