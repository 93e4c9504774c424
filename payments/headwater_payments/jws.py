"""Compact JSON Web Signatures by secp256k1 keys (`ES256K`), with the key named by a `did:jwk`.

No other algorithm is read: a signature says by its header how it wants to be checked, and being
asked to check less is the classic way to forge one.

Source: RFC 7515 (compact serialization), RFC 8812 (ES256K), RFC 8785 (canonical JSON), did:jwk.
"""

import base64
import hashlib
import json
from typing import Final, NoReturn

import coincurve

from headwater_payments.errors import InvalidInputError
from headwater_payments.json_text import read_json
from headwater_payments.x402 import JsonObject

ALGORITHM: Final = "ES256K"
_DID: Final = "did:jwk:"


class JwsKey:
    """A key that signs JSON; nothing about it shows the secret.

    Args:
        secret: 32 bytes.
    """

    __slots__ = ("_key",)

    def __init__(self, secret: bytes) -> None:
        try:
            self._key = coincurve.PrivateKey(secret)
        except ValueError:
            del secret  # tools show the variables of a traceback
            raise InvalidInputError("That is not a secp256k1 private key.") from None

    @property
    def kid(self) -> str:
        """The key's name, which holds its public half."""
        point = self._key.public_key.format(compressed=False)[1:]
        jwk = {
            "crv": "secp256k1",
            "kty": "EC",
            "x": encode_base64url(point[:32]),
            "y": encode_base64url(point[32:]),
        }
        return f"{_DID}{encode_base64url(canonical_json(jwk))}#0"

    def sign(self, payload: JsonObject) -> str:
        """The compact form: header, payload and signature, each base64url."""
        header = json.dumps({"alg": ALGORITHM, "kid": self.kid}, separators=(",", ":"))
        signed = f"{encode_base64url(header.encode())}.{encode_base64url(canonical_json(payload))}"
        raw: bytes = self._key.sign_recoverable(hashlib.sha256(signed.encode()).digest(), None)
        return f"{signed}.{encode_base64url(raw[:64])}"

    def __repr__(self) -> str:
        return "JwsKey(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A key cannot be pickled or copied: its secret stays in this process.")


def verify_jws(text: str) -> tuple[JsonObject, str]:
    """The payload of a signature that holds, and the `kid` of the key that made it.

    Whether that key may speak for anybody is the caller's to decide.

    Raises:
        InvalidInputError: malformed, by another algorithm, by a key that its name does not hold,
            or not signed by it.
    """
    parts = text.split(".")
    if len(parts) != 3:
        raise InvalidInputError("A JSON Web Signature has three parts.")
    header, payload = (_object(part) for part in parts[:2])
    signature, kid = decode_base64url(parts[2]), header.get("kid")
    if header.get("alg") != ALGORITHM or "crit" in header or not isinstance(kid, str):
        raise InvalidInputError(f"Only {ALGORITHM} signatures that name their key are read.")
    if len(signature) != 64:
        raise InvalidInputError("An ES256K signature is 64 bytes: r and s.")
    digest = hashlib.sha256(f"{parts[0]}.{parts[1]}".encode()).digest()
    if not _holds(_public_key(kid), digest, signature):
        raise InvalidInputError("The JSON Web Signature was not made by the key that it names.")
    return payload, kid


def canonical_json(value: object) -> bytes:
    """JSON as RFC 8785 has it, of texts, whole numbers, lists and objects with ASCII names.

    Raises:
        InvalidInputError: a text holds half of a pair of surrogates.
    """
    text = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError as exc:
        raise InvalidInputError("A text is not Unicode: it holds half a character.") from exc


def encode_base64url(data: bytes) -> str:
    """Base64 of the URL-safe alphabet, without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode_base64url(text: str) -> bytes:
    """Read base64url without padding.

    Raises:
        InvalidInputError: malformed.
    """
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as exc:
        raise InvalidInputError(f"{text[:40]!r} is not base64url.") from exc


def _object(part: str) -> JsonObject:
    body = read_json(decode_base64url(part))
    if not isinstance(body, dict):
        raise InvalidInputError("A part of a JSON Web Signature is no object.")
    return body


def _public_key(kid: str) -> coincurve.PublicKey:
    did, _, _ = kid.partition("#")
    if not did.startswith(_DID):
        raise InvalidInputError(f"The key {kid[:80]!r} is not named by a did:jwk.")
    jwk = _object(did[len(_DID) :])
    if (jwk.get("kty"), jwk.get("crv")) != ("EC", "secp256k1"):
        raise InvalidInputError("The key is not one of secp256k1.")
    point = b"".join(decode_base64url(str(jwk.get(name))) for name in ("x", "y"))
    try:
        return coincurve.PublicKey(b"\x04" + point)
    except ValueError as exc:
        raise InvalidInputError("The key is no point of secp256k1.") from exc


def _holds(key: coincurve.PublicKey, digest: bytes, signature: bytes) -> bool:
    wanted = key.format()
    for recovery in (b"\0", b"\1"):
        try:
            found = coincurve.PublicKey.from_signature_and_message(
                signature + recovery, digest, hasher=None
            )
        except Exception:  # noqa: BLE001, S112 - the library raises plain ones
            continue
        if found.format() == wanted:
            return True
    return False
