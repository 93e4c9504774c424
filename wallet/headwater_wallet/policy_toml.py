"""Spend policies as TOML files, checked before anything is paid under them.

Tables: `[asset]`, `[[constraints]]` with AP2's names, `[[rules]]`, `[[windows]]`, `[breaker]`, and
the keys `deposit`, `deposit_ahead_s` and `private_hosts`. Amounts are decimal strings in whole
units, such as "0.25", and moments are written with their offset from UTC, such as
2026-12-31T18:00:00Z. Constraints come before all rules.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError, model_validator

from headwater_payments.amount import Asset
from headwater_payments.errors import InvalidInputError
from headwater_payments.files import read_file
from headwater_wallet.policy import SpendPolicy
from headwater_wallet.policy_constraints import (
    CONSTRAINTS,
    Constraint,
    Count,
    Moment,
    PolicyAddress,
    PolicyTable,
    WrongPlaceError,
    constrained,
    money,
)
from headwater_wallet.policy_rules import Rule
from headwater_wallet.policy_windows import PERIODS_S, CircuitBreaker, Window
from headwater_wallet.toml_lines import line_of

MAX_BYTES: Final = 2**24
"""Of a policy's file; one with ten thousand payees has less than a megabyte."""


class InvalidPolicyError(InvalidInputError):
    """A policy file says something that cannot be a policy; nothing is paid under it."""

    code = "invalid_policy"


def load_policy(path: Path) -> SpendPolicy:
    """Read a policy file.

    Raises:
        InvalidPolicyError: unreadable, not TOML, or not a policy; the message names line and key.
    """
    try:
        text = read_file(path, MAX_BYTES).decode()
    except OSError as exc:
        raise InvalidPolicyError(f"The policy {path} cannot be read: {exc.strerror}.") from exc
    except UnicodeDecodeError as exc:
        raise InvalidPolicyError(f"The policy {path} is not text in UTF-8.") from exc
    if not text.strip():
        raise InvalidPolicyError(f"The policy {path} is empty.")
    return parse_policy(text, name=str(path))


def parse_policy(text: str, *, name: str = "policy") -> SpendPolicy:
    """Read a policy from the text of a file.

    Raises:
        InvalidPolicyError: not TOML, or not a policy; the message names line and key.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise InvalidPolicyError(f"The policy {name} is not TOML: {exc}.") from exc
    try:
        return _Document.model_validate(document).policy()
    except ValidationError as exc:
        first = exc.errors()[0]
        path = tuple(part for part in first["loc"] if part not in CONSTRAINTS)
        said = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise _wrong(text, name, path, said) from exc
    except WrongPlaceError as exc:
        raise _wrong(text, name, exc.path, exc.said) from exc


def _wrong(text: str, name: str, path: tuple[str | int, ...], said: str) -> InvalidPolicyError:
    line = line_of(text, path)
    key = ".".join(str(part + 1) if isinstance(part, int) else part for part in path)
    where = f"line {line}, {key}" if key else f"line {line}"
    return InvalidPolicyError(f"The policy {name}, {where}: {said}.", line=line, key=key)


class _Asset(PolicyTable):
    chain_id: Count
    address: PolicyAddress
    symbol: str
    decimals: Annotated[int, Field(ge=0, le=36, strict=True)]
    name: str
    version: str


_Percent = Annotated[int, Field(ge=0, strict=True)]


class _Rule(PolicyTable):
    action: Literal["allow", "deny", "ask"]
    reason: str
    payees: list[PolicyAddress] | None = None
    other_payees: list[PolicyAddress] | None = None
    origins: list[str] | None = None
    most: str | None = None
    above: str | None = None
    first_payment: bool | None = None
    price_rise_percent: _Percent | None = None
    most_per_thousand_input: str | None = None
    most_per_thousand_output: str | None = None
    token_price_rise_percent: _Percent | None = None
    least_reputation: Annotated[int, Field(ge=0, le=100, strict=True)] | None = None
    before: Moment | None = None
    after: Moment | None = None


class _Window(PolicyTable):
    period: Literal["hour", "day", "week", "month"]
    most: str | None = None
    payments: Count | None = None
    per_payee: bool = False

    @model_validator(mode="after")
    def limits_something(self) -> "_Window":
        if self.most is None and self.payments is None:
            raise ValueError("a window limits an amount (most), a number (payments), or both")
        return self


class _Breaker(PolicyTable):
    failures: Count = 5
    pause_s: Count = 60


class _Document(PolicyTable):
    asset: _Asset
    constraints: tuple[Constraint, ...] = ()
    rules: tuple[_Rule, ...] = ()
    windows: tuple[_Window, ...] = ()
    breaker: _Breaker | None = None
    deposit: str | None = None
    private_hosts: tuple[str, ...] = ()
    deposit_ahead_s: Count | None = None

    def policy(self) -> SpendPolicy:
        """The policy that the document describes."""
        asset = Asset(**self.asset.model_dump())
        budget, rules, windows = constrained(asset, self.constraints)
        rules += [self._rule(asset, index, each) for index, each in enumerate(self.rules)]
        windows += [self._window(asset, index, each) for index, each in enumerate(self.windows)]
        return SpendPolicy(
            budget,
            tuple(rules),
            None if self.deposit is None else money(asset, self.deposit, "deposit"),
            tuple(windows),
            None if self.breaker is None else CircuitBreaker(**self.breaker.model_dump()),
            frozenset(self.private_hosts),
            self.deposit_ahead_s,
        )

    def _rule(self, asset: Asset, index: int, rule: _Rule) -> Rule:
        def atomic(key: str) -> int | None:
            text: str | None = getattr(rule, key)
            return None if text is None else money(asset, text, "rules", index, key).atomic

        return Rule(
            rule.action,
            rule.reason.rstrip("."),
            None if rule.payees is None else frozenset(rule.payees),
            None if rule.origins is None else frozenset(rule.origins),
            atomic("most"),
            None if rule.other_payees is None else frozenset(rule.other_payees),
            atomic("above"),
            rule.first_payment,
            rule.price_rise_percent,
            atomic("most_per_thousand_input"),
            atomic("most_per_thousand_output"),
            rule.least_reputation,
            rule.token_price_rise_percent,
            rule.before,
            rule.after,
        )

    def _window(self, asset: Asset, index: int, window: _Window) -> Window:
        most = window.most
        limit = None if most is None else money(asset, most, "windows", index, "most").atomic
        return Window(PERIODS_S[window.period], limit, window.payments, window.per_payee)
