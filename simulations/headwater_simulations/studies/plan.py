"""What a study asks: a base scenario, the axes it is varied along, and how many worlds each.

Levers are what a designer sets, uncertainties what the world does; both are axes and are told apart
in reports. Everything is in one frozen record, whose hash names the study and its files.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Final

from headwater_attribution.rules import CAUSES, RULES, RuleParameters
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.scenario import Scenario

MAX_POINTS: Final = 1_000_000
RULE: Final = "rule"
_OF_RULE: Final = frozenset(each.name for each in fields(RuleParameters))
_SHARES: Final = _OF_RULE | {
    *("dedup_recall", "precedence", "filler_recall", "false_refusal", "deviants"),
    *("spam_reach", "contributors_share", "edit"),
}
"""Given as fractions of one; parts per 10^8 inside."""
_COUNTS: Final = frozenset(
    (
        *("agents", "steps", "identities", "rows", "spam_rows", "queries", "price", "endowment"),
        *("cost_honest", "cost_copied", "cost_spam"),
    )
)

Setting = float | int | bool | str
"""The value of one axis at one point: a fraction, a count, a yes or no, or a rule's id."""


class Design(StrEnum):
    """How points are laid over the axes.

    `grid` takes every combination of the listed values; `latin` and `sobol` fill ranges with few
    points, evenly; `saltelli` lays them out so that sensitivity indices follow.
    """

    GRID = "grid"
    LATIN = "latin"
    SOBOL = "sobol"
    SALTELLI = "saltelli"


@dataclass(frozen=True, slots=True)
class Axis:
    """One thing that is varied: a range with both ends, or values.

    Attributes:
        name: a field of `Scenario`, `rule`, or a parameter of the shipped rule.
        low, high: the range; fractions of one for shares.
        values: instead of a range, and in any order.

    Raises:
        InvalidInputError: there is no such field, or no range and no values, or both.
    """

    name: str
    low: float | None = None
    high: float | None = None
    values: tuple[Setting, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in _SHARES | _COUNTS | {RULE, "admission"}:
            known = ", ".join(sorted(_SHARES | _COUNTS | {RULE, "admission"}))
            raise InvalidInputError(f"Nothing named {self.name!r} can be varied; there is {known}.")
        if self.values:
            if self.low is not None or self.high is not None:
                raise InvalidInputError(f"{self.name} has values and a range: give one of them.")
            return
        if self.low is None or self.high is None or not self.low < self.high:
            raise InvalidInputError(f"{self.name} needs values, or a range from low to high.")
        if self.name in (RULE, "admission"):
            raise InvalidInputError(f"{self.name} has no range: give values.")

    def at(self, fraction: float) -> Setting:
        """The setting at a fraction of the way, 0 ≤ fraction < 1; counts are whole numbers."""
        if self.values:
            return self.values[min(int(fraction * len(self.values)), len(self.values) - 1)]
        assert self.low is not None
        assert self.high is not None
        found = self.low + fraction * (self.high - self.low)
        return found if self.name in _SHARES else round(found)


@dataclass(frozen=True, slots=True)
class Study:
    """A study, complete: the same value gives the same rows on any machine.

    Attributes:
        name: for people.
        base: what is not varied.
        levers: what a designer sets.
        uncertainties: what the world does.
        design: how points are laid out.
        points: of `latin` and `sobol`; of `saltelli`, its base: it lays out that many times the
            number of axes plus two. A power of two for the last two; a grid has its own number.
        worlds: independent worlds at each point.
        gains: whether each kind of deviation is compared with the same agents honest, which takes
            five times as long.

    Raises:
        InvalidInputError: an axis stands twice, a grid has a range, or there are too many points.
    """

    name: str = "study"
    base: Scenario = field(default_factory=Scenario)
    levers: tuple[Axis, ...] = ()
    uncertainties: tuple[Axis, ...] = ()
    design: Design = Design.GRID
    points: int = 64
    worlds: int = 1
    gains: bool = False

    def __post_init__(self) -> None:
        names = [axis.name for axis in self.axes]
        if len(set(names)) < len(names):
            raise InvalidInputError(f"An axis stands twice among {', '.join(names)}.")
        if not names:
            raise InvalidInputError("A study varies something: give it a lever.")
        if self.design is Design.GRID and not all(axis.values for axis in self.axes):
            raise InvalidInputError("A grid needs values on every axis, not ranges.")
        powers = (Design.SOBOL, Design.SALTELLI)
        if self.points < 1 or (self.design in powers and self.points & (self.points - 1)):
            raise InvalidInputError(f"{self.points} is no power of two.", points=self.points)
        if self.worlds < 1 or self.count * self.worlds > MAX_POINTS:
            raise InvalidInputError(
                f"A study has 1 to {MAX_POINTS:,} worlds in all, not {self.count * self.worlds:,}."
            )

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Levers, then uncertainties."""
        return (*self.levers, *self.uncertainties)

    @property
    def count(self) -> int:
        """Points of the design."""
        if self.design is Design.SALTELLI:
            return self.points * (len(self.axes) + 2)
        if self.design is not Design.GRID:
            return self.points
        count = 1
        for axis in self.axes:
            count *= len(axis.values)
        return count

    @property
    def identity(self) -> str:
        """SHA-256 of everything but the name, hexadecimal."""
        told = {key: value for key, value in self.to_json().items() if key != "name"}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def scenario(self, settings: Mapping[str, Setting]) -> Scenario:
        """The base with some settings.

        Raises:
            InvalidInputError: the scenario has no such state, such as a share above one.
        """
        rule = self.base.rule
        values: dict[str, Any] = {}
        shapes: dict[str, int] = {}
        for name, setting in settings.items():
            value = _inside(name, setting)
            if name == RULE:
                rule = replace(RULES[str(value)], parameters=rule.parameters)
            elif name in _OF_RULE:
                shapes[name] = int(value)
            else:
                values[name] = value
        if shapes:
            rule = replace(rule, parameters=replace(rule.parameters, **shapes))
        return replace(self.base, rule=rule, **values)

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON has it."""
        return {
            "name": self.name,
            "scenario": settings_of(self.base),
            "levers": [asdict(axis) for axis in self.levers],
            "uncertainties": [asdict(axis) for axis in self.uncertainties],
            "design": str(self.design),
            "points": self.points,
            "worlds": self.worlds,
            "gains": self.gains,
        }


def settings_of(scenario: Scenario) -> dict[str, Setting]:
    """A scenario's settings as studies and their files have them."""
    found: dict[str, Setting] = {RULE: scenario.rule.rule_id, "admission": scenario.admission}
    found["seed"] = scenario.seed
    for name in sorted(_COUNTS):
        found[name] = getattr(scenario, name)
    for name in sorted(_SHARES):
        source = scenario.rule.parameters if name in _OF_RULE else scenario
        found[name] = getattr(source, name) / PARTS
    return found


def scenario_of(settings: Mapping[str, Setting]) -> Scenario:
    """A scenario with these settings, and its defaults for the others.

    Raises:
        InvalidInputError: a name is unknown, or a value none that the scenario may have.
    """
    kept = dict(settings)
    seed = kept.pop("seed", 1)
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InvalidInputError(f"A seed is a whole number, and {seed!r} is none.")
    for name, value in kept.items():
        Axis(name, values=(value,))
    rule = kept.pop(RULE, CAUSES.rule_id)
    base = Scenario(seed=seed, rule=RULES[str(_inside(RULE, rule))])
    blank = Study(base=base, levers=(Axis(RULE, values=(rule,)),))
    return blank.scenario(kept)


def axes_of(tables: Mapping[str, Mapping[str, Any] | Sequence[Setting]]) -> tuple[Axis, ...]:
    """Axes from a file's tables: a list of values, or `low` and `high`."""
    found = []
    for name, told in tables.items():
        if isinstance(told, Mapping):
            if told.keys() != {"low", "high"}:
                raise InvalidInputError(f"{name} needs `low` and `high`, or a list of values.")
            found.append(Axis(name, told["low"], told["high"]))
        else:
            found.append(Axis(name, values=tuple(told)))
    return tuple(found)


def _inside(name: str, setting: Setting) -> Any:
    """A setting as the scenario has it."""
    if name == RULE:
        if setting not in RULES:
            raise InvalidInputError(f"There is no rule {setting!r}; there are {', '.join(RULES)}.")
        return setting
    if name == "admission":
        if not isinstance(setting, bool):
            raise InvalidInputError(f"Admission is on or off, and {setting!r} is neither.")
        return setting
    if isinstance(setting, bool) or not isinstance(setting, (int, float)):
        raise InvalidInputError(f"{name} is a number, and {setting!r} is none.")
    if name in _SHARES:
        if not 0 <= setting <= 1:
            raise InvalidInputError(f"{name} lies between 0 and 1, and {setting} does not.")
        return round(setting * PARTS)
    if setting != int(setting):
        raise InvalidInputError(f"{name} is a whole number, and {setting} is none.")
    return int(setting)
