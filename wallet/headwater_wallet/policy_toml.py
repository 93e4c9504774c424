"""Spend policies as TOML files, checked before anything is paid under them.

Tables: `[asset]`, `[[constraints]]` with AP2's names, `[[rules]]`, `[[windows]]`, `[breaker]`, and
the keys `deposit`, `deposit_ahead_s` and `private_hosts`. Amounts are decimal strings in whole
units, such as "0.25". Constraints come before all rules. Source of the names: AP2 v0.2, constraints
of an open payment mandate.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from headwater_payments.address import Address, parse_address
from headwater_payments.amount import Amount, Asset
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.files import read_file
from headwater_wallet.policy import SpendPolicy
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
        path = tuple(part for part in first["loc"] if part not in _CONSTRAINTS)
        said = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise _wrong(text, name, path, said) from exc
    except _WrongError as exc:
        raise _wrong(text, name, exc.path, exc.said) from exc


class _WrongError(Exception):
    """What is wrong with one place of a document."""

    def __init__(self, path: tuple[str | int, ...], said: str) -> None:
        super().__init__(said)
        self.path, self.said = path, said


def _wrong(text: str, name: str, path: tuple[str | int, ...], said: str) -> InvalidPolicyError:
    line = line_of(text, path)
    key = ".".join(str(part + 1) if isinstance(part, int) else part for part in path)
    where = f"line {line}, {key}" if key else f"line {line}"
    return InvalidPolicyError(f"The policy {name}, {where}: {said}.", line=line, key=key)


def _address(value: object) -> Address:
    try:
        return parse_address(value if isinstance(value, str) else "")
    except HeadwaterError as exc:
        raise ValueError(f"{value!r} is not an address") from exc


_Address = Annotated[Address, BeforeValidator(_address)]
_Count = Annotated[int, Field(ge=1, strict=True)]
_Percent = Annotated[int, Field(ge=0, strict=True)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Asset(_Table):
    chain_id: _Count
    address: _Address
    symbol: str
    decimals: Annotated[int, Field(ge=0, le=36, strict=True)]
    name: str
    version: str


class _Budget(_Table):
    type: Literal["payment.budget"]
    max: str
    currency: str


class _AmountRange(_Table):
    type: Literal["payment.amount_range"]
    currency: str
    max: str
    min: str | None = None


class _AllowedPayees(_Table):
    type: Literal["payment.allowed_payees"]
    payees: Annotated[list[_Address], Field(min_length=1)]


class _Recurrence(_Table):
    type: Literal["payment.agent_recurrence"]
    frequency: Literal["HOURLY", "DAILY", "WEEKLY", "MONTHLY"]
    max_occurrences: _Count


_CONSTRAINTS = (
    "payment.budget",
    "payment.amount_range",
    "payment.allowed_payees",
    "payment.agent_recurrence",
)
_FREQUENCIES = {"HOURLY": "hour", "DAILY": "day", "WEEKLY": "week", "MONTHLY": "month"}
_Constraint = Annotated[
    _Budget | _AmountRange | _AllowedPayees | _Recurrence, Field(discriminator="type")
]


class _Rule(_Table):
    action: Literal["allow", "deny", "ask"]
    reason: str
    payees: list[_Address] | None = None
    other_payees: list[_Address] | None = None
    origins: list[str] | None = None
    most: str | None = None
    above: str | None = None
    first_payment: bool | None = None
    price_rise_percent: _Percent | None = None
    most_per_thousand_input: str | None = None
    most_per_thousand_output: str | None = None
    token_price_rise_percent: _Percent | None = None
    least_reputation: Annotated[int, Field(ge=0, le=100, strict=True)] | None = None


class _Window(_Table):
    period: Literal["hour", "day", "week", "month"]
    most: str | None = None
    payments: _Count | None = None
    per_payee: bool = False

    @model_validator(mode="after")
    def limits_something(self) -> "_Window":
        if self.most is None and self.payments is None:
            raise ValueError("a window limits an amount (most), a number (payments), or both")
        return self


class _Breaker(_Table):
    failures: _Count = 5
    pause_s: _Count = 60


class _Document(_Table):
    asset: _Asset
    constraints: list[_Constraint] = []
    rules: list[_Rule] = []
    windows: list[_Window] = []
    breaker: _Breaker | None = None
    deposit: str | None = None
    private_hosts: list[str] = []
    deposit_ahead_s: _Count | None = None

    def policy(self) -> SpendPolicy:
        """The policy that the document describes."""
        asset = Asset(**self.asset.model_dump())
        budgets = [
            self._money(asset, each.max, "constraints", index, "max")
            for index, each in enumerate(self.constraints)
            if isinstance(each, _Budget)
        ]
        if len(budgets) != 1:
            raise _WrongError(("constraints",), "one constraint is a payment.budget, no more")
        rules: list[Rule] = []
        windows: list[Window] = []
        for index, constraint in enumerate(self.constraints):
            rules += self._constraint_rules(asset, index, constraint)
            if isinstance(constraint, _Recurrence):
                period = PERIODS_S[_FREQUENCIES[constraint.frequency]]
                windows.append(Window(period, payments=constraint.max_occurrences))
        rules += [self._rule(asset, index, each) for index, each in enumerate(self.rules)]
        windows += [self._window(asset, index, each) for index, each in enumerate(self.windows)]
        return SpendPolicy(
            budgets[0],
            tuple(rules),
            None if self.deposit is None else self._money(asset, self.deposit, "deposit"),
            tuple(windows),
            None if self.breaker is None else CircuitBreaker(**self.breaker.model_dump()),
            frozenset(self.private_hosts),
            self.deposit_ahead_s,
        )

    def _constraint_rules(self, asset: Asset, index: int, constraint: _Constraint) -> list[Rule]:
        place = ("constraints", index)
        if isinstance(constraint, _Budget | _AmountRange) and constraint.currency != asset.symbol:
            said = f"the currency is {constraint.currency!r}, but the asset is {asset.symbol}"
            raise _WrongError((*place, "currency"), said)
        if isinstance(constraint, _AllowedPayees):
            payees = frozenset(constraint.payees)
            return [Rule("deny", "the payee is not among the allowed ones", other_payees=payees)]
        if not isinstance(constraint, _AmountRange):
            return []
        most = self._money(asset, constraint.max, *place, "max")
        rules = [Rule("deny", f"it is above {most}", above=most.atomic)]
        if constraint.min is not None:
            least = self._money(asset, constraint.min, *place, "min")
            if least > most:
                raise _WrongError((*place, "min"), "the least is above the most")
            if least.atomic:
                rules.append(Rule("deny", f"it is below {least}", most=least.atomic - 1))
        return rules

    def _rule(self, asset: Asset, index: int, rule: _Rule) -> Rule:
        def atomic(key: str) -> int | None:
            text: str | None = getattr(rule, key)
            return None if text is None else self._money(asset, text, "rules", index, key).atomic

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
        )

    def _window(self, asset: Asset, index: int, window: _Window) -> Window:
        most = window.most
        limit = None if most is None else self._money(asset, most, "windows", index, "most").atomic
        return Window(PERIODS_S[window.period], limit, window.payments, window.per_payee)

    def _money(self, asset: Asset, text: str, *path: str | int) -> Amount:
        try:
            return asset.amount(text)
        except InvalidInputError as exc:
            raise _WrongError(path, exc.message.rstrip(".")) from exc
