"""MPP's `Payment` HTTP authentication scheme: challenges, credentials and receipts as headers.

A challenge's id is a keyed hash of all that it says, so a seller knows its own again without having
kept it, and a credential that echoes it is bound to its terms, its route and its body.

Source: the `Payment` HTTP authentication scheme (IETF draft), HTTP transport; RFC 8785 for what is
hashed; RFC 9110 for the header's grammar.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Any, Final

from headwater_payments.errors import InvalidInputError
from headwater_payments.json_text import read_json
from headwater_payments.jws import canonical_json, decode_base64url, encode_base64url
from headwater_payments.x402 import JsonObject

WWW_AUTHENTICATE: Final = "WWW-Authenticate"
AUTHORIZATION: Final = "Authorization"
ACCEPT_PAYMENT: Final = "Accept-Payment"
PAYMENT_RECEIPT_MPP: Final = "Payment-Receipt"
PROBLEMS: Final = "https://paymentauth.org/problems/"
MAX_CREDENTIAL_BYTES: Final = 65_536
_SCHEME: Final = "payment"
_PARAMETER: Final = re.compile(
    r"(?:(?P<scheme>[A-Za-z][\w-]*)\s+)?(?P<name>[A-Za-z_][\w-]*)\s*=\s*"
    r'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<token>[^\s,]+))'
)

_QUALITY: Final = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a seller asks for.

    Attributes:
        id: the seller's keyed hash of all the rest.
        realm: the seller's name, often its host.
        method: how to pay, such as `evm`.
        intent: what for, such as `charge`.
        request: the terms, base64url of canonical JSON, as they stand in the header.
        expires: until when, in RFC 3339.
        digest: of the body that the payment is for, as `sha-256=:…:`.
        opaque: base64url of the seller's own JSON, to be echoed.
    """

    id: str
    realm: str
    method: str
    intent: str
    request: str
    expires: str | None = None
    digest: str | None = None
    opaque: str | None = None

    @property
    def terms(self) -> JsonObject:
        """The request, read.

        Raises:
            InvalidInputError: it is no JSON object.
        """
        return _object(self.request, "request")

    def to_header(self) -> str:
        """One challenge in the form of `WWW-Authenticate`.

        Raises:
            InvalidInputError: a member cannot stand in a header.
        """
        parts = []
        for name, value in self._members():
            if not value.isascii() or not value.isprintable():
                raise InvalidInputError(f"The challenge's {name} cannot stand in a header.")
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            parts.append(f'{name}="{escaped}"')
        return "Payment " + ", ".join(parts)

    def to_json(self) -> JsonObject:
        """The form in which a credential echoes it."""
        return dict(self._members())

    def expected_id(self, secret: bytes) -> str:
        """The id that the holder of `secret` gives to just this challenge."""
        slots = (
            self.realm,
            self.method,
            self.intent,
            self.request,
            self.expires or "",
            self.digest or "",
            self.opaque or "",
        )
        # Half a character cannot have been in a challenge of ours: its id comes out another.
        text = "|".join(slots).encode(errors="surrogatepass")
        mac = hmac.new(secret, text, hashlib.sha256).digest()
        return encode_base64url(mac)

    def is_of(self, secret: bytes) -> bool:
        """Whether the holder of `secret` made it, and nothing of it was changed."""
        given = self.id.encode(errors="surrogatepass")
        return hmac.compare_digest(self.expected_id(secret).encode(), given)

    def _members(self) -> list[tuple[str, str]]:
        told = [(name, getattr(self, name)) for name in self.__slots__]
        return [(name, value) for name, value in told if value is not None]


@dataclass(frozen=True, slots=True)
class Credential:
    """A payment for a challenge; `source` names the payer as a `did:pkh`."""

    challenge: Challenge
    payload: JsonObject
    source: str | None = None

    def to_header(self) -> str:
        """The value of `Authorization`."""
        body: JsonObject = {"challenge": self.challenge.to_json(), "payload": self.payload}
        if self.source is not None:
            body["source"] = self.source
        return "Payment " + encode_base64url(canonical_json(body))


def parse_challenges(header: str) -> list[Challenge]:
    """The `Payment` challenges of a `WWW-Authenticate` header; other schemes are passed over.

    Raises:
        InvalidInputError: a `Payment` challenge is malformed.
    """
    found: list[dict[str, str]] = []
    current: dict[str, str] | None = None
    for match in _PARAMETER.finditer(header[:MAX_CREDENTIAL_BYTES]):
        if match["scheme"] is not None:
            current = {} if match["scheme"].lower() == _SCHEME else None
            if current is not None:
                found.append(current)
        if current is None:
            continue
        name, quoted = match["name"].lower(), match["quoted"]
        if name in current:
            raise InvalidInputError(f"The challenge says {name!r} twice.")
        current[name] = match["token"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    return [challenge_of(each) for each in found]


def challenge_of(body: object) -> Challenge:
    """A challenge from its members.

    Raises:
        InvalidInputError: a member is missing or no text, or the credential is to go elsewhere.
    """
    if not isinstance(body, dict):
        raise InvalidInputError("A challenge is an object.")
    values: dict[str, Any] = {}
    for name in Challenge.__slots__:
        value = body.get(name)
        required = name in ("id", "realm", "method", "intent", "request")
        if (required and not value) or not isinstance(value, str | None):
            raise InvalidInputError(f"The challenge lacks {name!r}.")
        values[name] = value or None
    if str(body.get("header") or AUTHORIZATION).lower() != AUTHORIZATION.lower():
        raise InvalidInputError("The challenge wants its credential in another header.")
    return Challenge(**values)


def parse_credential(header: str) -> Credential:
    """Read an `Authorization` header of the scheme `Payment`.

    Raises:
        InvalidInputError: another scheme, too long, or malformed.
    """
    scheme, _, encoded = header.strip().partition(" ")
    if scheme.lower() != _SCHEME or len(header) > MAX_CREDENTIAL_BYTES:
        raise InvalidInputError("The Authorization header is none of the scheme Payment.")
    body = _object(encoded.strip(), "credential")
    payload, source = body.get("payload"), body.get("source")
    if not isinstance(payload, dict) or not isinstance(source, str | None):
        raise InvalidInputError("The credential lacks its payload.")
    return Credential(challenge_of(body.get("challenge")), payload, source)


def accepts_payment(header: str | None, method: str, intent: str) -> bool:
    """Whether a client that sends `Accept-Payment` pays by a method and intent.

    Without the header it may pay by anything. What is listed with a quality of zero it does not,
    and a list that names neither it nor a wildcard leaves it out. What cannot be read is passed
    over, as in other headers of preferences (RFC 9110, section 12.4.2).
    """
    if header is None or not header.strip():
        return True
    best = -1
    accepted = False
    for item in header.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        closeness = _CLOSENESS.get((_matches(name, 0, method), _matches(name, 1, intent)), -1)
        if closeness >= best and closeness >= 0:
            best, accepted = closeness, _quality(parameters) > 0
    return accepted


_CLOSENESS: Final = {
    ("named", "named"): 3,
    ("named", "any"): 2,
    ("any", "named"): 1,
    ("any", "any"): 0,
}
"""How closely a listed pair names a method and an intent; the closest one decides."""


def _matches(name: str, place: int, wanted: str) -> str:
    parts = name.split("/")
    found = parts[place] if len(parts) == 2 else ""
    return {wanted: "named", "*": "any"}.get(found, "other")


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q" and _QUALITY.fullmatch(value.strip()):
            return float(value)
    return 1.0


def is_payment_credential(header: str | None) -> bool:
    """Whether an `Authorization` header is of the scheme `Payment`."""
    return header is not None and header.strip().lower().startswith(_SCHEME + " ")


def receipt_header(method: str, reference: str, timestamp: str) -> str:
    """The value of `Payment-Receipt`: what was settled, as a transaction, and when (RFC 3339)."""
    body = {
        "method": method,
        "reference": reference,
        "status": "success",
        "timestamp": timestamp,
    }
    return encode_base64url(canonical_json(body))


def parse_receipt_header(header: str) -> JsonObject:
    """Read a `Payment-Receipt`: an object with at least `status`, `method` and `reference`.

    Raises:
        InvalidInputError: malformed.
    """
    body = _object(header.strip(), "receipt")
    if not all(isinstance(body.get(name), str) for name in ("status", "method", "reference")):
        raise InvalidInputError("The payment receipt lacks status, method or reference.")
    return body


def body_digest(body: bytes) -> str:
    """The digest of a request's body as a challenge gives it (RFC 9530)."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def _object(encoded: str, what: str) -> JsonObject:
    if len(encoded) > MAX_CREDENTIAL_BYTES:
        raise InvalidInputError(f"The {what} is longer than {MAX_CREDENTIAL_BYTES} bytes.")
    body = read_json(decode_base64url(encoded.rstrip("=")))
    if not isinstance(body, dict):
        raise InvalidInputError(f"The {what} is no object.")
    return body
