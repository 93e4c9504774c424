"""Signed offers and receipts: what a seller asked for, and that it delivered, in its own hand.

They are what a buyer shows to others: a price that was offered and not kept, a review by somebody
who did pay. Beside them a metering receipt says what exactly was charged for what.

An `Issuer` signs in one of two forms: typed data by an account, or a JSON Web Signature by a key of
its own. Whether the signer may speak for the seller is for the reader to find out; an account that
is paid, or that authorizes the seller's claims, surely may.

Source: x402's extension `offer-receipt`, version 1.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal, Protocol

from headwater_payments.address import Address
from headwater_payments.eip712 import Domain, Struct, TypedData
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.jws import JwsKey, verify_jws
from headwater_payments.signing import Signer, recover
from headwater_payments.x402 import (
    JsonObject,
    PaymentRequired,
    PaymentRequirements,
    SettlementResponse,
)

OFFER_RECEIPT: Final = "offer-receipt"
_VERSION: Final = 1
_NAMES: Final = {
    "resource_url": "resourceUrl",
    "pay_to": "payTo",
    "valid_until": "validUntil",
    "issued_at": "issuedAt",
}


@dataclass(frozen=True, slots=True)
class SignedOfferTerms(Struct):
    """One way to pay, offered until `valid_until` in Unix seconds."""

    type_name = "Offer"
    solidity = (
        ("version", "uint256"),
        ("resourceUrl", "string"),
        ("scheme", "string"),
        ("network", "string"),
        ("asset", "string"),
        ("payTo", "string"),
        ("amount", "string"),
        ("validUntil", "uint256"),
    )
    version: int
    resource_url: str
    scheme: str
    network: str
    asset: str
    pay_to: str
    amount: str
    valid_until: int


@dataclass(frozen=True, slots=True)
class DeliveryReceipt(Struct):
    """That a payer was served what it paid for; `transaction` may be empty, for its privacy."""

    type_name = "Receipt"
    solidity = (
        ("version", "uint256"),
        ("network", "string"),
        ("resourceUrl", "string"),
        ("payer", "string"),
        ("issuedAt", "uint256"),
        ("transaction", "string"),
    )
    version: int
    network: str
    resource_url: str
    payer: str
    issued_at: int
    transaction: str = ""


class Issuer(Protocol):
    """Signs what a seller says, in one of the extension's two forms."""

    async def issue(self, statement: SignedOfferTerms | DeliveryReceipt) -> JsonObject:
        """The statement in its signed form.

        Raises:
            HeadwaterError: the signer refuses, or cannot be reached.
        """
        ...


@dataclass(frozen=True, slots=True)
class AccountIssuer:
    """Signs typed data by an account, such as the one that authorizes the seller's claims."""

    signer: Signer

    async def issue(self, statement: SignedOfferTerms | DeliveryReceipt) -> JsonObject:
        """The statement in the form `eip712`."""
        signature = await self.signer.sign_typed_data(
            TypedData(statement_domain(statement), statement)
        )
        return {"format": "eip712", "payload": _payload(statement), "signature": to_hex(signature)}


@dataclass(frozen=True, slots=True)
class JwsIssuer:
    """Signs JSON by a key that serves nothing else."""

    key: JwsKey

    async def issue(self, statement: SignedOfferTerms | DeliveryReceipt) -> JsonObject:
        """The statement in the form `jws`."""
        payload = _payload(statement)
        if payload.get("transaction") == "":
            del payload["transaction"]
        return {"format": "jws", "signature": self.key.sign(payload)}


@dataclass(frozen=True, slots=True)
class Statement:
    """What was signed, and by whom: an account, or the `kid` of a key."""

    offer: SignedOfferTerms | None
    receipt: DeliveryReceipt | None
    signer: str


async def issue_offers(
    issuer: Issuer, url: str, accepts: Sequence[PaymentRequirements], now: int
) -> JsonObject:
    """The extension for a 402: an offer for each way to pay, valid as long as its terms."""
    offers = []
    for index, terms in enumerate(accepts):
        statement = SignedOfferTerms(
            _VERSION,
            url,
            terms.scheme,
            terms.network,
            terms.asset,
            terms.pay_to,
            terms.amount,
            now + terms.max_timeout_seconds,
        )
        offers.append({**await issuer.issue(statement), "acceptIndex": index})
    return {"info": {"offers": offers}, "schema": {"type": "object"}}


async def issue_receipt(
    issuer: Issuer, url: str, payer: Address, network: str, now: int, transaction: str = ""
) -> JsonObject:
    """The extension for a settlement."""
    receipt = DeliveryReceipt(_VERSION, network, url, payer, now, transaction)
    return {"info": {"receipt": await issuer.issue(receipt)}, "schema": {"type": "object"}}


def offers_of(required: PaymentRequired) -> list[Statement]:
    """The offers of a 402 whose signatures hold.

    Raises:
        InvalidInputError: one is malformed, or its signature does not hold.
    """
    return [read_statement(each, "offer") for each in signed_offers(required.extensions)]


def receipt_of(settlement: SettlementResponse) -> Statement | None:
    """The receipt of a settlement, if there is one, its signature checked.

    Raises:
        InvalidInputError: it is malformed, or its signature does not hold.
    """
    signed = signed_receipt(settlement.extensions)
    return None if signed is None else read_statement(signed, "receipt")


def signed_offers(extensions: JsonObject | None) -> list[object]:
    """The offers among a 402's extensions as they came, unread.

    Raises:
        InvalidInputError: they are no list.
    """
    offers = _info(extensions).get("offers", [])
    if not isinstance(offers, list):
        raise InvalidInputError("The seller's offers are no list.")
    return offers


def signed_receipt(extensions: JsonObject | None) -> object | None:
    """The receipt among a settlement's extensions as it came, unread; None where there is none."""
    return _info(extensions).get("receipt")


def read_statement(signed: object, kind: Literal["offer", "receipt"]) -> Statement:
    """Read a signed offer or receipt, with whoever its signature names.

    A signature of an account names *some* account for any content, so a changed statement shows by
    an account that nobody vouches for.

    Raises:
        InvalidInputError: it is malformed, or its signature does not hold.
    """
    if not isinstance(signed, dict):
        raise InvalidInputError(f"A signed {kind} is an object.")
    if signed.get("format") == "jws":
        payload, signer = verify_jws(str(signed.get("signature")))
        statement = _parse(payload, kind)
    else:
        statement = _parse(signed.get("payload"), kind)
        typed = TypedData(statement_domain(statement), statement)
        signer = recover(typed, parse_hex(signed.get("signature")))
    if isinstance(statement, SignedOfferTerms):
        return Statement(statement, None, signer)
    return Statement(None, statement, signer)


def offer_for(statements: Sequence[Statement], terms: PaymentRequirements) -> Statement | None:
    """The signed offer of one way to pay; None where the seller did not sign it."""
    wanted = (terms.scheme, terms.network, terms.asset, terms.pay_to, terms.amount)
    for each in statements:
        offer = each.offer
        if offer is not None and wanted == (
            offer.scheme,
            offer.network,
            offer.asset,
            offer.pay_to,
            offer.amount,
        ):
            return each
    return None


def without_offers(extensions: JsonObject) -> JsonObject:
    """Extensions to echo: offers are made anew each time, and need not be said back."""
    known = extensions.get(OFFER_RECEIPT)
    if not isinstance(known, dict) or not isinstance(known.get("info"), dict):
        return extensions
    info = {name: value for name, value in known["info"].items() if name != "offers"}
    return {**extensions, OFFER_RECEIPT: {**known, "info": info}}


def statement_domain(statement: Struct) -> Domain:
    """What a statement is signed under: one domain for all chains, since it names its network."""
    return Domain(f"x402 {str(statement.type_name).lower()}", "1", 1, None)


def _info(extensions: JsonObject | None) -> JsonObject:
    known = (extensions or {}).get(OFFER_RECEIPT)
    info = known.get("info") if isinstance(known, dict) else None
    return info if isinstance(info, dict) else {}


def _payload(statement: SignedOfferTerms | DeliveryReceipt) -> JsonObject:
    return {_NAMES.get(name, name): value for name, value in asdict(statement).items()}


def _parse(payload: object, kind: str) -> SignedOfferTerms | DeliveryReceipt:
    if not isinstance(payload, dict):
        raise InvalidInputError(f"A signed {kind} lacks its payload.")
    struct = SignedOfferTerms if kind == "offer" else DeliveryReceipt
    values: dict[str, str | int] = {}
    for name, solidity in struct.solidity:
        value = payload.get(name, "" if name == "transaction" else None)
        wanted = int if solidity == "uint256" else str
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise InvalidInputError(f"A signed {kind} has a malformed {name!r}.")
        values[next((k for k, v in _NAMES.items() if v == name), name)] = value
    if values["version"] != _VERSION:
        raise InvalidInputError(f"A signed {kind} of version {values['version']} is not read.")
    return struct(**values)  # type: ignore[arg-type]
