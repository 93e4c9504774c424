"""What a seller signs about a payment, held against the payment: its offer, and its receipt.

A statement that contradicts what was agreed or paid is kept all the same, with what is wrong with
it: in the seller's own hand, that is what a buyer shows to others.

Source: x402's extension `offer-receipt`, version 1.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from headwater_payments.address import Address
from headwater_payments.batch_payload import SCHEME as BATCH
from headwater_payments.batch_payload import parse_batch_payload
from headwater_payments.errors import InvalidInputError
from headwater_payments.jws import canonical_json
from headwater_payments.offer_receipt import (
    DeliveryReceipt,
    SignedOfferTerms,
    Statement,
    read_statement,
    signed_offers,
    signed_receipt,
)
from headwater_payments.transfers import outline, parse_transfer
from headwater_payments.x402 import (
    MAX_HEADER_BYTES,
    PaymentPayload,
    PaymentRequired,
    PaymentRequirements,
    SettlementResponse,
)
from headwater_wallet.spend_records import Intent
from headwater_wallet.terms import route_of
from headwater_wallet.texts import printable

CLOCK_TOLERANCE_S: Final = 300
"""How far a seller's clock may stand from ours before what it dates is called wrong."""


@dataclass(frozen=True, slots=True)
class KeptStatement:
    """A seller's signed statement about one payment.

    Attributes:
        payment_id: which payment.
        kind: an offer of terms, or a receipt for the delivery.
        digest: SHA-256 of `signed`, hexadecimal.
        signer: the account or key that signed; empty where no signature holds.
        vouched: whether the terms name that account, as the payee or as who authorizes its claims.
            Of another nobody here knows for whom it speaks.
        signed: the statement in its signed form, as canonical JSON.
        problem: what it contradicts; None where all of it agrees.
        received_at: Unix seconds.
    """

    payment_id: str
    kind: Literal["offer", "receipt"]
    digest: str
    signer: str
    vouched: bool
    signed: str
    problem: str | None
    received_at: int


def offer_told(
    required: PaymentRequired, chosen: PaymentRequirements, url: str, payment_id: str, now: int
) -> KeptStatement | None:
    """The signed offer of the terms that a payment accepts; None where the seller signed none.

    Args:
        required: the seller's 402.
        chosen: the terms accepted, one of those.
        url: what is paid for, without its query.
        payment_id: the payment.
        now: Unix seconds.
    """
    try:
        signed = _offer_of(signed_offers(required.extensions), required.accepts.index(chosen))
    except (InvalidInputError, ValueError):
        return None

    def problem(statement: Statement) -> str | None:
        return None if statement.offer is None else _wrong_offer(statement.offer, chosen, url, now)

    return _kept(signed, "offer", payment_id, _speakers(chosen), problem, now)


def receipt_told(
    settlement: SettlementResponse,
    intent: Intent,
    chosen: PaymentRequirements,
    payer: Address,
    now: int,
) -> KeptStatement | None:
    """The seller's signed receipt for a payment's delivery; None where it gave none."""

    def problem(statement: Statement) -> str | None:
        if statement.receipt is None:
            return None
        return _wrong_receipt(statement.receipt, settlement, intent, chosen, payer, now)

    signed = signed_receipt(settlement.extensions)
    return _kept(signed, "receipt", intent.payment_id, _speakers(chosen), problem, now)


def payer_of(paid: PaymentPayload) -> Address:
    """Who made a payment, as its signed header says.

    Raises:
        InvalidInputError: it is malformed.
    """
    if paid.accepted.scheme == BATCH:
        return parse_batch_payload(paid.payload).config.payer
    return outline(parse_transfer(paid.payload), paid.accepted).payer


def digest_of(signed: str) -> str:
    """What a statement is known by."""
    return hashlib.sha256(signed.encode()).hexdigest()


def _kept(
    signed: object | None,
    kind: Literal["offer", "receipt"],
    payment_id: str,
    speakers: set[str],
    problem: Callable[[Statement], str | None],
    now: int,
) -> KeptStatement | None:
    """The statement with what is wrong with it; None where there is none of a size to be kept."""
    try:
        text = canonical_json(signed).decode()
    except (InvalidInputError, TypeError, ValueError):
        return None
    if signed is None or len(text) > MAX_HEADER_BYTES:
        return None
    signer, wrong = "", None
    try:
        statement = read_statement(signed, kind)
        signer = statement.signer
        wrong = problem(statement)
    except InvalidInputError as exc:
        wrong = exc.message
    except ValueError:
        # The seller chose what does not parse: it stops neither a payment nor a reconciliation.
        wrong = f"The {kind} holds a text that cannot be read, such as a URL that is none."
    vouched = signer.lower() in speakers
    # Both hold the seller's words, and not every database stores each of them.
    signer, wrong = printable(signer), None if wrong is None else printable(wrong)
    return KeptStatement(payment_id, kind, digest_of(text), signer, vouched, text, wrong, now)


def _offer_of(offers: Sequence[object], index: int) -> object | None:
    for position, each in enumerate(offers):
        if isinstance(each, dict) and each.get("acceptIndex", position) == index:
            return each
    return None


def _speakers(chosen: PaymentRequirements) -> set[str]:
    authorizer = chosen.extra.get("receiverAuthorizer")
    named = {chosen.pay_to.lower()}
    return named | {authorizer.lower()} if isinstance(authorizer, str) else named


def _wrong_offer(
    offer: SignedOfferTerms, chosen: PaymentRequirements, url: str, now: int
) -> str | None:
    for name, said, asked in (
        ("scheme", offer.scheme, chosen.scheme),
        ("network", offer.network, chosen.network),
        ("asset", offer.asset.lower(), chosen.asset.lower()),
        ("payee", offer.pay_to.lower(), chosen.pay_to.lower()),
        ("amount", offer.amount, chosen.amount),
    ):
        if said != asked:
            return f"The offer signs the {name} {said}, and the terms ask for {asked}."
    if route_of(offer.resource_url) != url:
        return f"The offer is for {route_of(offer.resource_url)}, and {url} was asked for."
    if offer.valid_until < now - CLOCK_TOLERANCE_S:
        return f"The offer had ended at {offer.valid_until}, before it was made."
    return None


def _wrong_receipt(
    receipt: DeliveryReceipt,
    settlement: SettlementResponse,
    intent: Intent,
    chosen: PaymentRequirements,
    payer: Address,
    now: int,
) -> str | None:
    if receipt.payer.lower() != payer.lower():
        return f"The receipt is for {receipt.payer}, and {payer} paid."
    if receipt.network != chosen.network:
        return f"The receipt names the network {receipt.network}, and {chosen.network} was paid on."
    if route_of(receipt.resource_url) != intent.url:
        return f"The receipt is for {route_of(receipt.resource_url)}, and {intent.url} was paid."
    moved = settlement.transaction.lower()
    if receipt.transaction and moved and receipt.transaction.lower() != moved:
        return f"The receipt names {receipt.transaction}, and the settlement {moved}."
    first, last = intent.created_at - CLOCK_TOLERANCE_S, now + CLOCK_TOLERANCE_S
    if not first <= receipt.issued_at <= last:
        return f"The receipt is dated {receipt.issued_at}, and was given by {now}."
    return None
