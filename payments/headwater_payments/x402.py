"""The x402 version 2 messages and their HTTP headers.

Models read the wire's camelCase and tolerate fields they do not know, since servers echo and extend
each other's objects; amounts stay decimal strings until a scheme parses them.

Source: x402 specification v2 (core types, HTTP transport).
"""

import base64
import json
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from headwater_payments.errors import InvalidInputError
from headwater_payments.json_text import read_json

PAYMENT_REQUIRED: Final = "PAYMENT-REQUIRED"
PAYMENT_SIGNATURE: Final = "PAYMENT-SIGNATURE"
PAYMENT_RESPONSE: Final = "PAYMENT-RESPONSE"
X402_VERSION: Final = 2
MAX_HEADER_BYTES: Final = 16_384

JsonObject = dict[str, Any]


class WireModel(BaseModel):
    """Base of everything that travels as base64 JSON in an x402 header."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="allow", frozen=True
    )

    def to_json(self) -> JsonObject:
        """The wire form, absent members left out."""
        return self.model_dump(by_alias=True, exclude_none=True)

    def to_header(self) -> str:
        """Base64 (standard alphabet, padded) of the compact JSON."""
        text = json.dumps(self.to_json(), separators=(",", ":"))
        return base64.b64encode(text.encode()).decode()

    @classmethod
    def from_header(cls, value: str) -> Self:
        """Read a header; the URL-safe alphabet and missing padding are accepted too.

        Raises:
            InvalidInputError: too long, not base64, not JSON, or members missing.
        """
        name = cls.__name__
        if len(value) > MAX_HEADER_BYTES:
            raise InvalidInputError(f"The {name} header is longer than {MAX_HEADER_BYTES} bytes.")
        text = value.strip().replace("-", "+").replace("_", "/").rstrip("=")
        try:
            # Letters outside ASCII raise a plain ValueError, what base64 lacks one of its own.
            raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
            body = read_json(raw)
        except (ValueError, InvalidInputError) as exc:
            raise InvalidInputError(f"The {name} header is not base64 of JSON.") from exc
        try:
            return cls.model_validate(body)
        except ValidationError as exc:
            raise InvalidInputError(
                f"The {name} header is malformed: {_first_problem(exc)}."
            ) from exc

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read a JSON object.

        Raises:
            InvalidInputError: members missing or of the wrong type.
        """
        try:
            return cls.model_validate(value)
        except ValidationError as exc:
            raise InvalidInputError(f"{cls.__name__} is malformed: {_first_problem(exc)}.") from exc


class ResourceInfo(WireModel):
    """What is for sale at a URL."""

    url: str
    description: str | None = None
    mime_type: str | None = None


class PaymentRequirements(WireModel):
    """One way to pay: scheme, chain, price ceiling, token and payee."""

    scheme: str
    network: str
    amount: str
    asset: str
    pay_to: str
    max_timeout_seconds: int = Field(ge=0)
    extra: JsonObject = Field(default_factory=dict)

    def matches(self, offered: "PaymentRequirements") -> bool:
        """Whether this echo of `offered` is faithful; `extra` may only have been extended."""
        same = (
            self.scheme == offered.scheme
            and self.network == offered.network
            and self.amount == offered.amount
            and self.asset.lower() == offered.asset.lower()
            and self.pay_to.lower() == offered.pay_to.lower()
        )
        return same and all(
            self.extra.get(key) == value
            for key, value in offered.extra.items()
            if key not in _CORRECTIVE
        )


_CORRECTIVE = frozenset({"channelState", "voucherState"})


class PaymentRequired(WireModel):
    """The body of a 402: every way to pay that the seller accepts."""

    x402_version: int = Field(default=X402_VERSION, alias="x402Version")
    error: str | None = None
    resource: ResourceInfo | None = None
    accepts: list[PaymentRequirements]
    extensions: JsonObject | None = None


class PaymentPayload(WireModel):
    """What the buyer sends: the requirements it chose and the scheme's signed data."""

    x402_version: int = Field(default=X402_VERSION, alias="x402Version")
    resource: ResourceInfo | None = None
    accepted: PaymentRequirements
    payload: JsonObject
    extensions: JsonObject | None = None


class SettlementResponse(WireModel):
    """What the seller (or a facilitator) answers about a payment."""

    success: bool
    error_reason: str | None = None
    error_message: str | None = None
    payer: str | None = None
    transaction: str = ""
    network: str
    amount: str | None = None
    extensions: JsonObject | None = None
    extra: JsonObject | None = None


class VerifyResponse(WireModel):
    """A facilitator's answer to `/verify`."""

    is_valid: bool
    invalid_reason: str | None = None
    invalid_message: str | None = None
    payer: str | None = None
    extra: JsonObject | None = None


class SupportedKind(WireModel):
    """One scheme on one network that a facilitator handles."""

    x402_version: int = Field(default=X402_VERSION, alias="x402Version")
    scheme: str
    network: str
    extra: JsonObject | None = None


class SupportedResponse(WireModel):
    """A facilitator's answer to `/supported`."""

    kinds: list[SupportedKind]
    extensions: list[str] = Field(default_factory=list)
    signers: dict[str, list[str]] = Field(default_factory=dict)


def chain_id_of(network: str) -> int:
    """The EVM chain id in a CAIP-2 name such as `eip155:84532`.

    Raises:
        InvalidInputError: another namespace, or no number.
    """
    namespace, _, reference = network.partition(":")
    number = reference.isascii() and reference.isdigit() and len(reference) <= 32
    if namespace != "eip155" or not number:
        raise InvalidInputError(
            f"{network[:80]!r} is not an EVM network: "
            "expected eip155 and a chain id, as eip155:84532.",
            network=network[:80],
        )
    return int(reference)


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "it"
    return f"{place} {_PROBLEMS.get(first['type'], 'does not fit')}"


_PROBLEMS = {
    "missing": "is missing",
    "model_type": "is not an object",
    "dict_type": "is not an object",
    "list_type": "is not a list",
    "string_type": "is not text",
    "bool_type": "is neither true nor false",
    "bool_parsing": "is neither true nor false",
    "int_type": "is not a whole number",
    "int_parsing": "is not a whole number",
    "int_from_float": "is not a whole number",
    "int_parsing_size": "is too large a number",
    "greater_than_equal": "is too small a number",
    "literal_error": "has another value than the protocol's",
}
"""What is wrong with a member, by the reader's name for it."""
