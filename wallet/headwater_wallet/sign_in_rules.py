"""Where a signer in a process of its own signs in: at sites that were named to it, and for now.

A sign-in is a text, and a text can say anything, so it travels as its members and is written out by
whoever signs it.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError
from headwater_payments.sign_in import MAX_AGE_S, SignInMessage
from headwater_payments.x402 import JsonObject
from headwater_wallet.errors import SignerRefusedError
from headwater_wallet.signing_rules import CLOCKS_APART_S

_NAMES: Final = tuple(SignInMessage.__dataclass_fields__)
_OPTIONAL: Final = ("statement", "expiration_time", "not_before", "request_id")
MAX_TEXT: Final = 2_048
"""Characters of a member."""
_MAX_RESOURCES: Final = 16


def sign_in_to_json(message: SignInMessage) -> JsonObject:
    """A sign-in's members, by their names here."""
    told = {name: getattr(message, name) for name in _NAMES}
    return {**told, "resources": None if message.resources is None else list(message.resources)}


def sign_in_from_json(body: object) -> SignInMessage:
    """What `sign_in_to_json` wrote.

    Raises:
        InvalidInputError: malformed, or with a member too many.
    """
    if not isinstance(body, dict) or set(body) != set(_NAMES):
        raise InvalidInputError(f"A sign-in has the members {', '.join(_NAMES)} and no others.")
    values: dict[str, Any] = {
        name: None if value is None and name in _OPTIONAL else _text(value)
        for name, value in body.items()
        if name != "resources"
    }
    listed = body["resources"]
    if listed is not None and not (isinstance(listed, list) and len(listed) <= _MAX_RESOURCES):
        raise InvalidInputError(f"A sign-in's resources are a list of at most {_MAX_RESOURCES}.")
    resources = None if listed is None else tuple(_text(each) for each in listed)
    values["address"] = parse_address(values["address"])
    return SignInMessage(**values, resources=resources)


def check_sign_in_asked(
    message: SignInMessage, account: Address, sites: Collection[str], *, now: int
) -> None:
    """Check that a sign-in may be signed.

    Args:
        message: what is to be signed.
        account: whose signature it is.
        sites: hosts, with their ports where those are not the usual ones.
        now: Unix seconds.

    Raises:
        SignerRefusedError: it is for another account, site or time.
    """
    if message.address != account:
        raise SignerRefusedError(f"The sign-in is for {message.address}, not this account.")
    if message.domain not in sites:
        raise SignerRefusedError(f"{message.domain} is no site at which this signer signs in.")
    if urlsplit(message.uri).netloc != message.domain:
        raise SignerRefusedError(f"{message.uri} is not of {message.domain}.")
    if abs(now - _unix(message.issued_at)) > MAX_AGE_S + CLOCKS_APART_S:
        raise SignerRefusedError("The sign-in was not asked for just now.")
    last = now + MAX_AGE_S + CLOCKS_APART_S  # as sellers date theirs, by clocks of their own
    if message.expiration_time is not None and _unix(message.expiration_time) > last:
        raise SignerRefusedError("The sign-in would stay valid for too long.")


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise InvalidInputError(f"A member is a text of at most {MAX_TEXT} characters.")
    return value


def _unix(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as exc:
        raise InvalidInputError(f"{text[:40]!r} is not a time in RFC 3339.") from exc
