"""A payment that comes again: recognised by all of its request, and answered as before."""

import hashlib
import json
from dataclasses import dataclass

from headwater_marketplace.seller.records import Payment, PaymentBodyError
from headwater_marketplace.seller.store import SellerStore
from headwater_payments.extensions import PAYMENT_IDENTIFIER
from headwater_payments.x402 import PaymentPayload


@dataclass(frozen=True, slots=True)
class PaidRequest:
    """A request with its payment header; `query` is raw, as it was sent."""

    method: str
    path: str
    query: bytes
    header: str
    body: bytes

    @property
    def fingerprint(self) -> str:
        """What it is recognised by: SHA-256 of the payment header, of the body, of what it asks."""
        line = json.dumps([self.method, self.path, self.query.hex()])
        parts = (self.header.encode(), self.body, line.encode())
        return ":".join(hashlib.sha256(part).hexdigest() for part in parts)


def given_identifier(payload: PaymentPayload) -> object:
    """What the buyer gave as its payment's id, whatever that is; None where it gave none."""
    extension = (payload.extensions or {}).get(PAYMENT_IDENTIFIER)
    info = extension.get("info") if isinstance(extension, dict) else None
    return info.get("id") if isinstance(info, dict) else None


async def answered_before(store: SellerStore, request: PaidRequest) -> Payment | None:
    """The finished payment that this very header made for this request, if its answer was kept.

    Source: x402's extension `payment-identifier`: the same payment gets the same answer, and with
    another request it is a conflict.

    Raises:
        PaymentBodyError: the header paid for another request; nothing further is served or
            charged.
    """
    given = given_identifier(PaymentPayload.from_header(request.header))
    known = await store.payment(given) if isinstance(given, str) else None
    if known is None:
        return None
    paid, *asked = known.fingerprint.split(":")
    now, *asks = request.fingerprint.split(":")
    if paid != now:
        return None
    # Earlier books did not keep all of them: what they lack is not compared.
    if any(before != after for before, after in zip(asked, asks, strict=False)):
        raise PaymentBodyError(
            f"The payment {known.payment_id} was made for another request; a new one needs a new "
            "id.",
            payment_id=known.payment_id,
        )
    return known if known.state == "charged" and known.response is not None else None
