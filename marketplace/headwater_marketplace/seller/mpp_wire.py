"""MPP beside x402 on a paid route: its challenge in a 402, its credentials taken for what they are.

A credential of `evm/charge` carries the transfer that x402's `exact` carries. It is translated, and
then admitted, served, charged and kept like any other payment: one set of books, two wires.

Source: the `Payment` HTTP authentication scheme (IETF draft); MPP `evm/charge`.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from headwater_marketplace.seller.kept_answers import Message, Send
from headwater_marketplace.seller.offers import Offer
from headwater_marketplace.seller.payment_checks import PaymentRejectedError
from headwater_payments.errors import InvalidInputError
from headwater_payments.exact import SCHEME as EXACT
from headwater_payments.extensions import PAYMENT_IDENTIFIER
from headwater_payments.jws import canonical_json, encode_base64url
from headwater_payments.mpp import (
    PAYMENT_RECEIPT_MPP,
    Challenge,
    parse_credential,
    receipt_header,
)
from headwater_payments.mpp_evm import INTENT, METHOD, charge_request, payment_of
from headwater_payments.transfers import uses_permit2
from headwater_payments.x402 import (
    PAYMENT_RESPONSE,
    PaymentPayload,
    PaymentRequirements,
    SettlementResponse,
)

MIN_SECRET_BYTES: Final = 16
_RECEIPT: Final = PAYMENT_RECEIPT_MPP.lower().encode()


class MppWire:
    """One seller's side of MPP.

    Args:
        realm: the seller's name, such as its host; it is part of what buyers sign.
        secret: makes challenges this seller's own; the same in every process that serves it.
        now: Unix time in seconds.

    Raises:
        InvalidInputError: the secret is short, or the realm cannot stand in a header.
    """

    def __init__(self, realm: str, secret: bytes, now: Callable[[], int]) -> None:
        self._realm, self._secret, self._now = realm, secret, now
        del secret  # tools show the variables of a traceback
        if len(self._secret) < MIN_SECRET_BYTES:
            raise InvalidInputError(f"A secret has {MIN_SECRET_BYTES} bytes or more.")
        if not realm or not realm.isascii() or not realm.isprintable() or "|" in realm:
            raise InvalidInputError(f"{realm[:80]!r} cannot be a realm: give a host or a name.")

    def __repr__(self) -> str:
        return f"MppWire({self._realm!r}, ***)"

    def challenge(
        self, offer: Offer, accepts: Sequence[PaymentRequirements], asked: tuple[str, str, bytes]
    ) -> str | None:
        """The `WWW-Authenticate` of a 402; None where the offer takes no transfer by EIP-3009.

        Args:
            offer: what is for sale.
            accepts: its terms.
            asked: the request's method, path and raw query, to which the challenge is bound.
        """
        terms = _transferable(accepts)
        if terms is None:
            return None
        expires = datetime.fromtimestamp(self._now() + offer.timeout_seconds, UTC)
        challenge = Challenge(
            id="",
            realm=self._realm,
            method=METHOD,
            intent=INTENT,
            request=charge_request(terms, offer.price.asset.decimals),
            expires=expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
            opaque=_route(asked),
        )
        signed = {**challenge.to_json(), "id": challenge.expected_id(self._secret)}
        return Challenge(**signed).to_header()

    def translate(
        self,
        header: str,
        offer: Offer,
        accepts: Sequence[PaymentRequirements],
        asked: tuple[str, str, bytes],
    ) -> str:
        """A credential as the `PAYMENT-SIGNATURE` that pays the same; the same gives the same.

        Raises:
            InvalidInputError: it is malformed.
            PaymentRejectedError: its challenge is not this seller's, not for this request, or over.
        """
        credential = parse_credential(header)
        challenge, terms = credential.challenge, _transferable(accepts)
        if not challenge.is_of(self._secret) or challenge.realm != self._realm:
            raise _invalid("The challenge was not made by this seller, or was changed.")
        if terms is None or challenge.opaque != _route(asked):
            raise _invalid("The challenge was made for another request.")
        if challenge.request != charge_request(terms, offer.price.asset.decimals):
            raise _invalid("The challenge was made for other terms than are asked now.")
        try:
            payment = payment_of(credential)
        except InvalidInputError as exc:
            raise PaymentRejectedError(exc.message, "verification-failed") from exc
        return PaymentPayload(
            accepted=terms,
            payload=payment.to_json(),
            extensions={PAYMENT_IDENTIFIER: {"info": {"id": f"mpp_{challenge.id}"}}},
        ).to_header()

    def receipting(self, send: Send) -> Send:
        """A `send` that puts MPP's receipt into an answer that x402's settlement stands in.

        MPP's header has the name of the metering receipt's, which is told by lookup then.
        """

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                receipt = self._receipt(message)
                kept = [each for each in message["headers"] if each[0].lower() != _RECEIPT]
                message = {**message, "headers": [*kept, *receipt]}
            await send(message)

        return sending

    def _receipt(self, message: Message) -> list[tuple[bytes, bytes]]:
        wanted = PAYMENT_RESPONSE.lower().encode()
        headers: list[tuple[bytes, Any]] = message["headers"]
        told = next((value for name, value in headers if name.lower() == wanted), None)
        if told is None:
            return []
        settlement = SettlementResponse.from_header(told.decode("latin-1"))
        if not settlement.success or not settlement.transaction:
            return []
        now = datetime.fromtimestamp(self._now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        receipt = receipt_header(METHOD, settlement.transaction, now)
        return [(PAYMENT_RECEIPT_MPP.encode(), receipt.encode())]


def _transferable(accepts: Sequence[PaymentRequirements]) -> PaymentRequirements | None:
    return next((t for t in accepts if t.scheme == EXACT and not uses_permit2(t)), None)


def _route(asked: tuple[str, str, bytes]) -> str:
    method, path, query = asked
    route = {"method": method, "path": path, "query": query.decode("latin-1")}
    return encode_base64url(canonical_json(route))


def _invalid(sentence: str) -> PaymentRejectedError:
    return PaymentRejectedError(sentence, "invalid-challenge")
