"""What a seller answers about one payment, beside the request that it pays for.

`GET` tells what became of it, `POST` brings the next voucher of a stream, `DELETE` says that none
will come.
"""

import json
from collections.abc import Sequence

from headwater_marketplace.seller.admission import Gate
from headwater_marketplace.seller.channel_json import channel_state
from headwater_marketplace.seller.offers import Offer
from headwater_marketplace.seller.payment_checks import is_identifier
from headwater_marketplace.seller.records import Payment, PaymentConflictError
from headwater_marketplace.seller.store import SellerStore
from headwater_marketplace.seller.windows import StreamCovers
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import parse_hex
from headwater_payments.x402 import JsonObject


class PaymentDesk:
    """Answers about the payments of one seller.

    Args:
        gate: checks vouchers.
        store: the seller's books.
        offers: what is for sale.
        covers: the streams under way in this process.
    """

    def __init__(
        self, gate: Gate, store: SellerStore, offers: Sequence[Offer], covers: StreamCovers
    ) -> None:
        self._gate, self._store, self._offers, self._covers = gate, store, offers, covers

    async def answer(
        self, method: str, payment_id: str, header: str | None
    ) -> tuple[int, JsonObject]:
        """The status and the JSON body for one request.

        Raises:
            InvalidInputError: another method, or a voucher that is malformed.
            PaymentRejectedError: the voucher does not cover the next window; nothing changed.
            PaymentConflictError: the payment wants no voucher; the same.
        """
        payment = await self._store.payment(payment_id) if is_identifier(payment_id) else None
        if payment is None:
            return 404, {"state": "unknown"}
        if method in ("GET", "HEAD"):
            return 200, await self._told(payment)
        cover = self._covers.find(payment_id)
        if method == "DELETE":
            if cover is not None:
                cover.decline()
            return 200, await self._told(payment)
        if method != "POST" or header is None:
            raise InvalidInputError("A payment is looked up, sent a voucher, or declined.")
        return 200, await self._extend(payment, header)

    async def _told(self, payment: Payment) -> JsonObject:
        cover = self._covers.find(payment.payment_id)
        need = None if cover is None else cover.need
        body: JsonObject = {
            "state": payment.state,
            "chargedAmount": str(payment.charge),
            "receipt": payment.receipt if payment.state == "charged" else None,
        }
        if payment.channel_id is not None:
            # Whatever became of the payment, its deposit may have arrived.
            record = await self._store.channel(parse_hex(payment.channel_id, length=32))
            if record is not None:
                body["channelState"] = channel_state(record, record.state.charged)
        if payment.settlement is not None and payment.state == "charged":
            body["settlement"] = json.loads(payment.settlement)
        if payment.state == "reserved" and need is not None:
            body["needVoucher"] = need.to_json()
        return body

    async def _extend(self, payment: Payment, header: str) -> JsonObject:
        offer = next((offer for offer in self._offers if _sold(offer, payment)), None)
        if offer is None or offer.window is None or payment.channel_id is None:
            raise PaymentConflictError("This payment takes no further vouchers.")
        covered, record = await self._gate.extend(offer, payment, header)
        cover = self._covers.find(payment.payment_id)
        if cover is not None:
            cover.extended(covered)
        return {
            "covered": str(covered),
            "channelState": channel_state(record, record.state.charged),
        }


def _sold(offer: Offer, payment: Payment) -> bool:
    """Whether a payment was made for this offer, being the first of which that is so."""
    if payment.method is not None:
        return offer.matches(payment.method, payment.route)
    # Earlier books did not keep the method, and only a stream in windows asks.
    return offer.window is not None and offer.covers(payment.route)
