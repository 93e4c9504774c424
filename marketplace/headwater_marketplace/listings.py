"""Listings: what is for sale, where, for how much, and who says so.

A listing is signed by its provider, so a catalogue can neither invent one nor change its price.
"""

import re
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from headwater_payments.address import Address, parse_address
from headwater_payments.eip712 import Domain, Struct, TypedData
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.signing import Signer, recover

MAX_STORED: Final = 2**63 - 1
"""The largest price that a catalogue's columns hold, in atomic units."""


Kind = Literal["model", "service", "datanet"]
KINDS: Final = get_args(Kind)
_ID: Final = r"^[a-z0-9][a-z0-9-]{2,62}$"


def is_listing_id(text: str) -> bool:
    """Whether a listing can have this id."""
    return re.fullmatch(_ID, text) is not None


class TokenPrices(BaseModel):
    """What a listing charges, in atomic units; strings on the wire stay exact everywhere."""

    model_config = ConfigDict(frozen=True)

    per_thousand_input: int = Field(default=0, ge=0, le=MAX_STORED)
    per_thousand_output: int = Field(default=0, ge=0, le=MAX_STORED)
    per_request: int = Field(default=0, ge=0, le=MAX_STORED)
    ceiling: int = Field(gt=0, le=MAX_STORED)

    def __str__(self) -> str:
        parts = []
        if self.per_request:
            parts.append(f"{self.per_request} a request")
        if self.per_thousand_input or self.per_thousand_output:
            parts.append(
                f"{self.per_thousand_input}/{self.per_thousand_output} per 1,000 tokens in/out"
            )
        return f"{', '.join(parts) or 'free'}, at most {self.ceiling} atomic units"


class Listing(BaseModel):
    """Something for sale.

    `base_url` is a model's OpenAI-compatible root or a service's URL. Prices are in atomic units of
    `asset` on `network`. `pay_to` is the revenue vault, or the account, that is paid. A changed
    listing has a higher `revision`, so that an old one cannot be brought back; `signature` is the
    provider's, over everything else.
    """

    model_config = ConfigDict(frozen=True)

    id: str = Field(pattern=_ID)
    name: str = Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")
    kind: Kind
    description: str = Field(max_length=600)
    base_url: str = Field(pattern=r"^https?://")
    network: str = Field(pattern=r"^eip155:[0-9]{1,20}$")
    asset: str
    pay_to: str
    provider: str
    price: TokenPrices
    licence: str = "unspecified"
    asset_version: int = Field(default=0, ge=0, lt=2**64)
    revision: int = Field(default=1, ge=1, lt=2**63)
    signature: str | None = Field(default=None, max_length=132)

    @field_validator("asset", "pay_to", "provider")
    @classmethod
    def _checksummed(cls, value: str) -> str:
        try:
            return parse_address(value)
        except InvalidInputError as exc:
            raise ValueError(exc.message) from exc

    def to_sign(self) -> TypedData:
        """The listing in the form that its provider signs."""
        chain_id = int(self.network.split(":")[1])
        return TypedData(
            Domain("Headwater Listing", "1", chain_id, None),
            SignedListing(
                self.id,
                self.name,
                self.kind,
                self.description,
                self.base_url,
                Address(self.asset),
                Address(self.pay_to),
                Address(self.provider),
                self.price.model_dump_json(),
                self.licence,
                self.asset_version,
                self.revision,
            ),
        )


@dataclass(frozen=True, slots=True)
class SignedListing(Struct):
    """A listing as EIP-712 data."""

    solidity = (
        ("id", "string"),
        ("name", "string"),
        ("kind", "string"),
        ("description", "string"),
        ("baseUrl", "string"),
        ("asset", "address"),
        ("payTo", "address"),
        ("provider", "address"),
        ("price", "string"),
        ("licence", "string"),
        ("assetVersion", "uint64"),
        ("revision", "uint64"),
    )
    id: str
    name: str
    kind: str
    description: str
    base_url: str
    asset: Address
    pay_to: Address
    provider: Address
    price: str
    licence: str
    asset_version: int
    revision: int


async def sign_listing(listing: Listing, signer: Signer) -> dict[str, Any]:
    """The body to register a listing with: the listing and its provider's signature.

    Raises:
        InvalidInputError: the signer is not the listing's provider.
    """
    if signer.address != listing.provider:
        raise InvalidInputError("A listing is signed by its provider.")
    signature = to_hex(await signer.sign_typed_data(listing.to_sign()))
    body = listing.model_dump(mode="json", exclude={"signature"})
    return {"listing": body, "signature": signature}


def check_listing(body: object) -> Listing:
    """Read what `sign_listing` made.

    Raises:
        InvalidInputError: malformed, or not signed by its provider.
    """
    if not isinstance(body, dict):
        raise InvalidInputError("A registration is an object with a listing and a signature.")
    try:
        listing = Listing.model_validate(body.get("listing"))
    except ValidationError as exc:
        first = exc.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "listing"
        raise InvalidInputError(f"The listing is malformed: {place}: {first['msg']}.") from exc
    return verified(listing.model_copy(update={"signature": body.get("signature")}))


def verified(listing: Listing) -> Listing:
    """The listing, once its provider's signature has been checked.

    Raises:
        InvalidInputError: it is not signed, or by another.
    """
    signer = recover(listing.to_sign(), parse_hex(listing.signature))
    if signer != listing.provider:
        raise InvalidInputError(
            f"The listing names {listing.provider} as its provider and is signed by {signer}."
        )
    return listing
