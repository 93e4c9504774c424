"""A payment that comes again: recognised by its header and its body, and answered as before."""

import hashlib

from headwater_marketplace.seller.store import Payment, PaymentBodyError, SellerStore
from headwater_payments.extensions import PAYMENT_IDENTIFIER
from headwater_payments.x402 import PaymentPayload


def fingerprint_of(header: str, body: bytes) -> str:
    """What a request is recognised by: the SHA-256 of its payment header and that of its body."""
    return f"{hashlib.sha256(header.encode()).hexdigest()}:{hashlib.sha256(body).hexdigest()}"


def given_identifier(payload: PaymentPayload) -> object:
    """What the buyer gave as its payment's id, whatever that is; None where it gave none."""
    extension = (payload.extensions or {}).get(PAYMENT_IDENTIFIER)
    info = extension.get("info") if isinstance(extension, dict) else None
    return info.get("id") if isinstance(info, dict) else None


async def answered_before(store: SellerStore, header: str, body: bytes) -> Payment | None:
    """The finished payment that this very header made for this body, if its answer was kept.

    Source: x402's extension `payment-identifier`: the same payment gets the same answer, and with
    another request it is a conflict.

    Raises:
        PaymentBodyError: the header paid for another body; nothing further is served or charged.
    """
    given = given_identifier(PaymentPayload.from_header(header))
    known = await store.payment(given) if isinstance(given, str) else None
    if known is None:
        return None
    paid, _, paid_body = known.fingerprint.partition(":")
    now, _, now_body = fingerprint_of(header, body).partition(":")
    if paid != now:
        return None
    if paid_body and paid_body != now_body:  # earlier books did not keep the body's
        raise PaymentBodyError(
            f"The payment {known.payment_id} was made for another body; a new request needs a new "
            "id.",
            payment_id=known.payment_id,
        )
    return known if known.state == "charged" and known.response is not None else None
