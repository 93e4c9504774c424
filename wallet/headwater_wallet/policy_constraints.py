"""Constraints of a policy file, by the names that AP2 gives them, and the rules they stand for.

Source: AP2 v0.2, constraints of an open payment mandate. Those that speak of what a wallet on a
chain has not (payment instruments, initiation services, references to a checkout) are no
constraints here: a file that names one is refused, since it would not be held to.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from headwater_payments.address import Address, parse_address
from headwater_payments.amount import Amount, Asset
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_wallet.policy_rules import Rule
from headwater_wallet.policy_windows import PERIODS_S, Window


class WrongPlaceError(Exception):
    """What is wrong with one place of a policy's document.

    Attributes:
        path: keys and indices from the document to the place.
        said: what is wrong, without a full stop.
    """

    def __init__(self, path: tuple[str | int, ...], said: str) -> None:
        super().__init__(said)
        self.path, self.said = path, said


def money(asset: Asset, text: str, *path: str | int) -> Amount:
    """An amount of a policy, written in whole units.

    Raises:
        WrongPlaceError: it is none of this asset.
    """
    try:
        return asset.amount(text)
    except InvalidInputError as exc:
        raise WrongPlaceError(path, exc.message.rstrip(".")) from exc


def _address(value: object) -> Address:
    try:
        return parse_address(value if isinstance(value, str) else "")
    except HeadwaterError as exc:
        raise ValueError(f"{value!r} is not an address") from exc


def _moment(value: object) -> int:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as exc:
            raise ValueError(f"{value!r} is no date and time") from exc
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("a moment has a date, a time and an offset, as 2026-12-31T18:00:00Z")
    return int(value.timestamp())


PolicyAddress = Annotated[Address, BeforeValidator(_address)]
Count = Annotated[int, Field(ge=1, strict=True)]
Moment = Annotated[int, BeforeValidator(_moment)]
"""Unix seconds, written as RFC 3339 has it, in quotes or as TOML's own kind."""


class PolicyTable(BaseModel):
    """A table of a policy file; what it does not know, it refuses."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Budget(PolicyTable):
    """The most that may ever be signed away."""

    type: Literal["payment.budget"]
    max: str
    currency: str


class AmountRange(PolicyTable):
    """The most, and the least, of one payment."""

    type: Literal["payment.amount_range"]
    currency: str
    max: str
    min: str | None = None


class AllowedPayees(PolicyTable):
    """Nobody else is paid."""

    type: Literal["payment.allowed_payees"]
    payees: Annotated[list[PolicyAddress], Field(min_length=1)]


class Recurrence(PolicyTable):
    """How many payments there may be in a time."""

    type: Literal["payment.agent_recurrence"]
    frequency: Literal["HOURLY", "DAILY", "WEEKLY", "MONTHLY"]
    max_occurrences: Count


class ExecutionDate(PolicyTable):
    """When payments may be made, both moments included."""

    type: Literal["payment.execution_date"]
    not_before: Moment | None = None
    not_after: Moment | None = None

    @model_validator(mode="after")
    def _limits_something(self) -> "ExecutionDate":
        first, last = self.not_before, self.not_after
        if first is None and last is None:
            raise ValueError("it has a not_before, a not_after, or both")
        if first is not None and last is not None and first > last:
            raise ValueError("not_before is after not_after")
        return self


CONSTRAINTS: Final = (
    "payment.budget",
    "payment.amount_range",
    "payment.allowed_payees",
    "payment.agent_recurrence",
    "payment.execution_date",
)
Constraint = Annotated[
    Budget | AmountRange | AllowedPayees | Recurrence | ExecutionDate, Field(discriminator="type")
]
_FREQUENCIES: Final = {"HOURLY": "hour", "DAILY": "day", "WEEKLY": "week", "MONTHLY": "month"}


def constrained(
    asset: Asset, constraints: Sequence[Constraint]
) -> tuple[Amount, list[Rule], list[Window]]:
    """The budget, the rules and the windows that constraints stand for.

    Raises:
        WrongPlaceError: one speaks of another asset, or there is not exactly one budget.
    """
    budgets, rules, windows = [], list[Rule](), list[Window]()
    for index, constraint in enumerate(constraints):
        place = ("constraints", index)
        match constraint:
            case Budget():
                _require_currency(asset, constraint.currency, place)
                budgets.append(money(asset, constraint.max, *place, "max"))
            case AmountRange():
                _require_currency(asset, constraint.currency, place)
                rules += _range_rules(asset, constraint, place)
            case AllowedPayees(payees=payees):
                said = "the payee is not among the allowed ones"
                rules.append(Rule("deny", said, other_payees=frozenset(payees)))
            case Recurrence():
                period = PERIODS_S[_FREQUENCIES[constraint.frequency]]
                windows.append(Window(period, payments=constraint.max_occurrences))
            case ExecutionDate(not_before=first, not_after=last):
                if first is not None:
                    rules.append(Rule("deny", "it is before the time for payments", before=first))
                if last is not None:
                    rules.append(Rule("deny", "it is after the time for payments", after=last))
    if len(budgets) != 1:
        raise WrongPlaceError(("constraints",), "one constraint is a payment.budget, no more")
    return budgets[0], rules, windows


def _require_currency(asset: Asset, currency: str, place: tuple[str | int, ...]) -> None:
    if currency != asset.symbol:
        said = f"the currency is {currency!r}, but the asset is {asset.symbol}"
        raise WrongPlaceError((*place, "currency"), said)


def _range_rules(asset: Asset, limits: AmountRange, place: tuple[str | int, ...]) -> list[Rule]:
    most = money(asset, limits.max, *place, "max")
    rules = [Rule("deny", f"it is above {most}", above=most.atomic)]
    if limits.min is not None:
        least = money(asset, limits.min, *place, "min")
        if least > most:
            raise WrongPlaceError((*place, "min"), "the least is above the most")
        if least.atomic:
            rules.append(Rule("deny", f"it is below {least}", most=least.atomic - 1))
    return rules
