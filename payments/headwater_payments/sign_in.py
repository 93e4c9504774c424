"""Signing in with an account: a text that names the site, signed by the account's key.

By it a seller knows a payer again without a payment. The text is EIP-4361's, in which every member
stands on a line of its own, so no member may hold a line end.

Source: x402's extension `sign-in-with-x`; CAIP-122; EIP-4361 for the text, EIP-191 for its
signature.
"""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol, runtime_checkable
from urllib.parse import SplitResult, urlsplit

from headwater_payments.address import Address, parse_address
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.json_text import read_json
from headwater_payments.signing import recover_text
from headwater_payments.x402 import MAX_HEADER_BYTES, JsonObject, chain_id_of

SIGN_IN: Final = "sign-in-with-x"
"""The extension's name; in capitals, its header's."""
SIGN_IN_HEADER: Final = "SIGN-IN-WITH-X"
MAX_AGE_S: Final = 300
_TYPE: Final = "eip191"


class SignInError(HeadwaterError):
    """A sign-in does not hold; `details["reason"]` is x402's error code."""

    code = "sign_in_invalid"
    http_status = 401


@dataclass(frozen=True, slots=True)
class SignInMessage:
    """Who signs in, where, and when; times in RFC 3339.

    Attributes:
        domain: the site's host, with its port where that is not the usual one.
        address: who signs in.
        uri: what for.
        network: the chain that the account is on, in CAIP-2.
        nonce: the site's; it serves once.
        issued_at: when the site asked.
    """

    domain: str
    address: Address
    uri: str
    network: str
    nonce: str
    issued_at: str
    version: str = "1"
    statement: str | None = None
    expiration_time: str | None = None
    not_before: str | None = None
    request_id: str | None = None
    resources: tuple[str, ...] | None = None

    def text(self) -> str:
        """What is signed.

        Raises:
            InvalidInputError: a member would break the text's lines.
        """
        told = [
            ("URI", self.uri),
            ("Version", self.version),
            ("Chain ID", str(chain_id_of(self.network))),
            ("Nonce", self.nonce),
            ("Issued At", self.issued_at),
            ("Expiration Time", self.expiration_time),
            ("Not Before", self.not_before),
            ("Request ID", self.request_id),
        ]
        lines = [f"{name}: {value}" for name, value in told if value is not None]
        if self.resources is not None:
            lines += ["Resources:", *(f"- {each}" for each in self.resources)]
        parts = [self.domain, self.statement or "", *lines]
        if any(not c.isprintable() for part in parts for c in part):
            raise InvalidInputError("A sign-in's members are each one line of printable text.")
        head = f"{self.domain} wants you to sign in with your Ethereum account:\n{self.address}"
        statement = "" if self.statement is None else f"{self.statement}\n"
        return f"{head}\n\n{statement}\n" + "\n".join(lines)

    def to_header(self, signature: bytes) -> str:
        """The value of `SIGN-IN-WITH-X`."""
        body = {
            "domain": self.domain,
            "address": self.address,
            "statement": self.statement,
            "uri": self.uri,
            "version": self.version,
            "chainId": self.network,
            "type": _TYPE,
            "nonce": self.nonce,
            "issuedAt": self.issued_at,
            "expirationTime": self.expiration_time,
            "notBefore": self.not_before,
            "requestId": self.request_id,
            "resources": None if self.resources is None else list(self.resources),
            "signatureScheme": _TYPE,
            "signature": to_hex(signature),
        }
        told = {name: value for name, value in body.items() if value is not None}
        return base64.b64encode(json.dumps(told, separators=(",", ":")).encode()).decode()


@runtime_checkable
class SignInSigner(Protocol):
    """An account that can sign in; it sees the message's members, as it sees typed data."""

    @property
    def address(self) -> Address:
        """Who signs in."""
        ...

    async def sign_in(self, message: SignInMessage) -> bytes:
        """65 bytes `r ‖ s ‖ v` over the message's text.

        Raises:
            HeadwaterError: the signer refuses, or cannot be reached; nothing was signed.
        """
        ...


def sign_in_extension(uri: str, networks: list[str], nonce: str, now: int) -> JsonObject:
    """What a seller puts into the `extensions` of a 402, asking to sign in for `uri`."""
    info = {
        "domain": urlsplit(uri).netloc,
        "uri": uri,
        "version": "1",
        "nonce": nonce,
        "issuedAt": rfc3339(now),
        "expirationTime": rfc3339(now + MAX_AGE_S),
        "resources": [uri],
    }
    chains = [{"chainId": network, "type": _TYPE} for network in networks]
    return {"info": info, "supportedChains": chains, "schema": {"type": "object"}}


def message_for(extension: object, address: Address, network: str, url: str) -> SignInMessage:
    """The message that an extension asks for, if it is the site at `url` that asks.

    Args:
        extension: the member of the 402's `extensions`.
        address: who would sign in.
        network: the account's chain, in CAIP-2.
        url: where the 402 came from.

    Raises:
        InvalidInputError: malformed, for another site, or not on that chain; sign nothing.
    """
    if not isinstance(extension, dict) or not isinstance(extension.get("info"), dict):
        raise InvalidInputError("The seller does not ask to sign in.")
    chains = extension.get("supportedChains")
    offered = [c for c in chains if isinstance(c, dict)] if isinstance(chains, list) else []
    if {"chainId": network, "type": _TYPE} not in [
        {"chainId": each.get("chainId"), "type": each.get("type")} for each in offered
    ]:
        raise InvalidInputError(f"The seller takes no sign-in by {_TYPE} on {network}.")
    message, _ = _read({**extension["info"], "chainId": network, "address": address}, None)
    site, asked = urlsplit(url), _split(message.uri)
    same = (asked.scheme, asked.netloc.lower()) == (site.scheme, site.netloc.lower())
    if message.domain.lower() != site.netloc.lower() or not same:
        raise InvalidInputError(
            f"A sign-in for {message.domain[:80]} is asked for at {site.netloc}; it was not signed."
        )
    return message


def parse_sign_in(header: str) -> tuple[SignInMessage, bytes]:
    """Read a `SIGN-IN-WITH-X` header: the message and its signature, neither checked.

    Raises:
        InvalidInputError: malformed, or of another kind than `eip191`.
    """
    if len(header) > MAX_HEADER_BYTES:
        raise InvalidInputError(f"The sign-in is longer than {MAX_HEADER_BYTES} bytes.")
    try:
        body = read_json(base64.b64decode(header, validate=True))
    except ValueError as exc:
        raise InvalidInputError("The sign-in is not base64 of JSON.") from exc
    if not isinstance(body, dict) or body.get("type") != _TYPE:
        raise InvalidInputError(f"The sign-in is not one of the type {_TYPE}.")
    return _read(body, body.get("signature"))


def check_sign_in(message: SignInMessage, signature: bytes, uri: str, *, now: int) -> None:
    """Check that a message was signed by its account, for `uri`, within its time.

    Whether its nonce is fresh is the caller's to look up.

    Args:
        message: who says to be whom.
        signature: over its text.
        uri: what is asked for, at the origin that the seller is *configured* to have: a `Host`
            header is whatever the client says.
        now: Unix time in seconds.

    Raises:
        SignInError: the first thing that does not hold.
        InvalidInputError: the signature or a time is malformed.
    """
    here, there = urlsplit(uri), _split(message.uri)
    if message.domain != here.netloc:
        _refuse("invalid_siwx_domain_mismatch", f"It is for {message.domain[:80]}.")
    if (there.scheme, there.netloc, there.path) != (here.scheme, here.netloc, here.path):
        _refuse("invalid_siwx_uri_mismatch", f"It is for {message.uri[:200]}.")
    issued = _unix(message.issued_at)
    if now - issued > MAX_AGE_S:
        _refuse("invalid_siwx_issued_at_too_old", "It was asked for too long ago.")
    if issued > now + 1:
        _refuse("invalid_siwx_issued_at_in_future", "It was asked for in the future.")
    if message.expiration_time is not None and _unix(message.expiration_time) <= now:
        _refuse("invalid_siwx_expired", "It has expired.")
    if message.not_before is not None and _unix(message.not_before) > now:
        _refuse("invalid_siwx_not_yet_valid", "It is not valid yet.")
    if recover_text(message.text(), signature) != message.address:
        _refuse("invalid_siwx_signature", "Its account did not sign it.")


def rfc3339(now: int) -> str:
    """Unix seconds as a time of day in UTC."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _read(body: dict[str, Any], signature: object) -> tuple[SignInMessage, bytes]:
    def text(name: str) -> str:
        value = body.get(name)
        if not isinstance(value, str):
            raise InvalidInputError(f"The sign-in lacks the text {name!r}.")
        return value

    def optional(name: str) -> str | None:
        return None if body.get(name) is None else text(name)

    resources = body.get("resources")
    if resources is not None and not (
        isinstance(resources, list) and all(isinstance(each, str) for each in resources)
    ):
        raise InvalidInputError("The sign-in's resources are no list of texts.")
    message = SignInMessage(
        domain=text("domain"),
        address=parse_address(text("address")),
        uri=text("uri"),
        network=text("chainId"),
        nonce=text("nonce"),
        issued_at=text("issuedAt"),
        version=text("version"),
        statement=optional("statement"),
        expiration_time=optional("expirationTime"),
        not_before=optional("notBefore"),
        request_id=optional("requestId"),
        resources=None if resources is None else tuple(resources),
    )
    return message, b"" if signature is None else parse_hex(signature, length=65)


def _split(uri: str) -> SplitResult:
    try:
        return urlsplit(uri)
    except ValueError as exc:
        raise InvalidInputError(f"{uri[:80]!r} is not a URL.") from exc


def _unix(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as exc:
        raise InvalidInputError(f"{text[:40]!r} is not a time in RFC 3339.") from exc


def _refuse(reason: str, sentence: str) -> None:
    raise SignInError(f"The sign-in does not hold. {sentence}", reason=reason)
