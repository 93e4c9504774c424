"""What must not enter a datanet whoever owns it: keys, passwords, and how to reach a person.

A row that is once in a version can't be taken back from the models trained on it. So rows are
searched for the forms of secrets and of personal numbers before they are compared with anything.
Where a form has check digits they have to fit, so that most numbers pass. What is found is never
repeated in the reason.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

Objection = tuple[str, str]

_SECRETS: Final[Sequence[tuple[str, Sequence[str], re.Pattern[str]]]] = (
    (
        "a private key",
        ("-----BEGIN ",),
        re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    ),
    (
        "an access key of a cloud",
        ("AKIA", "ASIA"),
        re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ),
    (
        "a token of a code host",
        ("gh", "glpat-"),
        re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|glpat-[\w-]{20})\b"),
    ),
    (
        "an API key",
        ("sk", "rk", "pk"),
        re.compile(r"\b(?:sk|rk|pk)[-_](?:live|test|proj|ant)[-_][\w-]{16,}\b"),
    ),
    ("a chat token", ("xox",), re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}\b")),
    (
        "a signed web token",
        ("eyJ",),
        re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"),
    ),
    (
        "a password in an address",
        ("://",),
        re.compile(r"\b[a-z][a-z0-9+.-]*://[^/\s:@]+:(?!\*|<|\$|pass(?:word)?@)[^/\s@]{3,}@"),
    ),
)
"""What is looked for, what it can't be without, and its form; most rows are without all of it."""

_BY_SIGN: Final = tuple(
    (sign, what, pattern) for what, signs, pattern in _SECRETS for sign in signs
)

_EMAIL: Final = re.compile(r"\b[\w.+-]+@([\w-]+(?:\.[\w-]+)+)\b")
_RESERVED: Final = re.compile(r"(?:^|\.)(?:example|test|invalid|localhost)(?:\.|$)", re.IGNORECASE)
_FEWEST_OF_CARD: Final = 13
_FEWEST_OF_IBAN: Final = 2
_ANY_NUMBER: Final = 2**31
_CARD: Final = re.compile(r"(?<![\d.])(?:\d[ -]?){12,18}\d(?![\d.])")
_IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_PHONE: Final = re.compile(r"(?<![\w.])\+\d{1,3}[ .-]?\(?\d{1,4}\)?(?:[ .-]?\d{2,4}){2,4}(?![\w.])")


def private_objection(text: str) -> Objection | None:
    """The first secret or personal datum in the text of a row as submitted, or None."""
    for sign, what, pattern in _BY_SIGN:
        if sign in text and pattern.search(text):
            return "secret/1", f"It holds what looks like {what}: take it out, and replace the key."
    for what, holds in _PERSONAL:
        if holds(text):
            return "personal-data/1", f"It holds what looks like {what}: take it out."
    return None


def _has_email(text: str) -> bool:
    return "@" in text and any(
        not _RESERVED.search(found.group(1)) for found in _EMAIL.finditer(text)
    )


def _has_card(text: str) -> bool:
    return _digits(text) >= _FEWEST_OF_CARD and any(
        _luhn(re.sub(r"\D", "", found.group())) for found in _CARD.finditer(text)
    )


def _has_iban(text: str) -> bool:
    return _digits(text) >= _FEWEST_OF_IBAN and any(
        _iban(found.group().replace(" ", "")) for found in _IBAN.finditer(text)
    )


def _has_phone(text: str) -> bool:
    return "+" in text and any(
        9 <= len(re.sub(r"\D", "", found.group())) <= 15 for found in _PHONE.finditer(text)
    )


def _digits(text: str) -> int:
    """How many digits stand in a text, or more: digits of other scripts pass for any number."""
    if not text.isascii():
        return _ANY_NUMBER
    raw = text.encode()
    return len(raw) - len(raw.translate(None, b"0123456789"))


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B: the check digit of cards' numbers."""
    if len(set(digits)) < 2:
        return False
    doubled = [int(d) * (2 if place % 2 else 1) for place, d in enumerate(reversed(digits))]
    return sum(each // 10 + each % 10 for each in doubled) % 10 == 0


def _iban(account: str) -> bool:
    """ISO 13616-1: the remainder of an account's number."""
    moved = account[4:] + account[:4]
    return 15 <= len(account) <= 34 and int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


_PERSONAL: Final[Sequence[tuple[str, Callable[[str], bool]]]] = (
    ("somebody's e-mail address", _has_email),
    ("the number of a payment card", _has_card),
    ("the number of a bank account", _has_iban),
    ("a telephone number", _has_phone),
)
