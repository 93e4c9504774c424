"""A find as a file: the rule, the market, the deviation and what it gained, ready to be run again.

Replaying a case runs its strategy in the worlds that the file names, under the rule of that name as
it is now, and bounds its gain anew. So a saved find is a regression test: it passes once
the find no longer pays.

A case is JSON:

    format      "headwater.case/1"
    rule        where the rule comes from: an id, or file.py:NAME
    arena       every field of the arena
    strategy    the deviations, each with its kind and parameters
    seed, worlds, error, tolerance
    gain        low, estimate and high when the case was made, in units of honest pay; low and high
                are null where there was no bound
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import inf, isfinite
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headwater_attribution.rules import Pay, RewardRule
from headwater_payments.errors import InvalidInputError
from headwater_payments.json_text import read_json
from headwater_simulations.adversary.arena import Arena
from headwater_simulations.adversary.attacking import (
    AttackResult,
    Verdict,
    judge,
    verdict_of,
)
from headwater_simulations.adversary.bounds import GainBounds
from headwater_simulations.adversary.deviation import Deviation, Strategy
from headwater_simulations.adversary.deviations import DEVIATIONS, conduct_of
from headwater_simulations.adversary.space import values_of
from headwater_simulations.adversary.userrules import as_rule, find_rule


@dataclass(frozen=True, slots=True)
class Case:
    """A strategy against a rule, with the gain that it had. See the module for the fields."""

    rule: str
    arena: Arena
    strategy: Strategy
    seed: int
    worlds: int
    error: float
    tolerance: float
    gain: GainBounds


@dataclass(frozen=True, slots=True)
class Replayed:
    """A case run again.

    Attributes:
        gain: what the strategy gains now.
        verdict: on that.
        unchanged: it is to the last bit what it was when the case was made.
    """

    gain: GainBounds
    verdict: Verdict
    unchanged: bool


def case_of(result: AttackResult, rule: str | None = None) -> Case:
    """The best find of an attack as a case.

    Args:
        result: of the attack.
        rule: where the rule is found again, such as `rules.py:MINE`; its id when None.
    """
    strategy, budget = result.best.strategy, result.budget
    gain = judge(
        result.arena,
        result.rule,
        strategy,
        seed=result.seed,
        worlds=budget.proof_worlds,
        error=budget.error,
    )
    return Case(
        rule or result.rule.rule_id,
        result.arena,
        strategy,
        result.seed,
        budget.proof_worlds,
        budget.error,
        budget.tolerance,
        gain,
    )


def replay(case: Case, rule: RewardRule | Pay | None = None) -> Replayed:
    """Run a case again, under `rule` or the rule that it names.

    Raises:
        UnknownMethodError: there is no rule of that name.
        InvalidInputError: its file can't be read.
    """
    tested = find_rule(case.rule) if rule is None else as_rule(rule)
    gain = judge(
        case.arena, tested, case.strategy, seed=case.seed, worlds=case.worlds, error=case.error
    )
    return Replayed(gain, verdict_of([gain], case.tolerance), gain == case.gain)


def save_case(case: Case, path: Path) -> None:
    """Write a case; a file of that name is replaced.

    Raises:
        InvalidInputError: the file can't be written.
    """
    gain = asdict(case.gain)
    document = {
        "format": "headwater.case/1",
        "rule": case.rule,
        "arena": asdict(case.arena),
        "strategy": [members_of(each) for each in case.strategy],
        "seed": case.seed,
        "worlds": case.worlds,
        "error": case.error,
        "tolerance": case.tolerance,
        "gain": {
            name: gain[name] if isfinite(gain[name]) else None
            for name in ("low", "estimate", "high")
        },
    }
    try:
        path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    except OSError as exc:
        raise InvalidInputError(f"The file {path} can't be written: {exc.strerror}.") from exc


def load_case(path: Path, kinds: Sequence[type[Deviation]] = DEVIATIONS) -> Case:
    """Read a case.

    Args:
        path: the file.
        kinds: deviations that it may name; those that are built in unless given.

    Raises:
        InvalidInputError: the file can't be read or is not a case.
    """
    try:
        text = path.read_bytes()
    except OSError as exc:
        raise InvalidInputError(f"The file {path} can't be read: {exc.strerror}.") from exc
    document = read_json(text, f"The file {path}")
    try:
        parsed = _CaseFile.model_validate(document, strict=True)
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise InvalidInputError(
            f"The file {path} is not a case: at {where}: {first['msg'].rstrip('.')}."
        ) from exc
    named = {kind.__name__: kind for kind in kinds}
    strategy = tuple(deviation_from(each, named) for each in parsed.strategy)
    conduct_of(strategy)
    gain = parsed.gain
    return Case(
        parsed.rule,
        _arena(parsed.arena),
        strategy,
        parsed.seed,
        parsed.worlds,
        parsed.error,
        parsed.tolerance,
        GainBounds(
            -inf if gain.low is None else gain.low,
            gain.estimate,
            inf if gain.high is None else gain.high,
            parsed.error,
        ),
    )


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Gain(_Part):
    low: float | None
    estimate: float
    high: float | None


class _CaseFile(_Part):
    format: Literal["headwater.case/1"]
    rule: str
    arena: dict[str, int | bool]
    strategy: list[dict[str, str | int]] = Field(min_length=1, max_length=100)
    seed: int = Field(ge=0, lt=2**63)
    worlds: int = Field(ge=1, le=10**6)
    error: float = Field(gt=0, lt=1)
    tolerance: float = Field(ge=0, lt=100)
    gain: _Gain


def members_of(deviation: Deviation) -> dict[str, str | int]:
    """A deviation as files have it; see `deviation_from`."""
    values = zip(deviation.dimensions, values_of(deviation), strict=True)
    return {"kind": type(deviation).__name__, **{each.name: value for each, value in values}}


def deviation_from(
    members: Mapping[str, str | int], named: Mapping[str, type[Deviation]]
) -> Deviation:
    """A deviation from its `kind` and parameters, as files and other people's ideas have it.

    Raises:
        InvalidInputError: there is none of that kind, or it takes other numbers.
    """
    kind = named.get(str(members.get("kind")))
    if kind is None:
        raise InvalidInputError(
            f"There is no deviation {members.get('kind')}; there are {', '.join(named)}."
        )
    values = {name: value for name, value in members.items() if name != "kind"}
    ranges = {each.name: each for each in kind.dimensions}
    fits = values.keys() == ranges.keys() and all(
        isinstance(value, int)
        and not isinstance(value, bool)
        and ranges[name].low <= value <= ranges[name].high
        for name, value in values.items()
    )
    if not fits:
        wanted = ", ".join(f"{d.name} from {d.low} to {d.high}" for d in ranges.values())
        raise InvalidInputError(f"The deviation {kind.__name__} takes {wanted}, integers.")
    return kind(**values)


def _arena(members: dict[str, int | bool]) -> Arena:
    unknown = members.keys() - {each.name for each in fields(Arena)}
    if unknown:
        raise InvalidInputError(f"An arena has no {min(unknown)}.")
    return Arena(**members)  # type: ignore[arg-type]
