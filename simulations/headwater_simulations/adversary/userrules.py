"""Rules of a user's own: bare functions as rules, and rules named on the command line."""

import importlib.util
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from headwater_attribution.apportion import Int64s
from headwater_attribution.columns import RuleColumns
from headwater_attribution.rules import Pay, RewardRule, RuleParameters, rule_named
from headwater_payments.errors import HeadwaterError, InvalidInputError


def as_rule(rule: RewardRule | Pay) -> RewardRule:
    """A rule as it is; a bare function as a rule with the default parameters.

    Whether a function pays by receipt or by account is seen from the shape that it gives.

    Raises:
        InvalidInputError: it is neither, or gives another shape.
    """
    if isinstance(rule, RewardRule):
        return rule
    if not callable(rule):
        raise InvalidInputError("A rule is a RewardRule, or a function of columns and parameters.")
    columns = _sample()
    shape = np.shape(rule(columns, RuleParameters()))
    if shape not in (columns.accounts.shape, columns.rows.shape):
        raise InvalidInputError(
            "A rule gives an amount for each receipt and cause, or for each account, and not the "
            f"shape {shape}."
        )
    name = getattr(rule, "__name__", "function")
    return RewardRule(name, "a function", shape == columns.accounts.shape, rule)


def find_rule(name: str) -> RewardRule:
    """A rule by its id, such as `causes/1`, or by file and name, such as `rules.py:MINE`.

    Raises:
        InvalidInputError: the file can't be read or run, or holds no such rule; raised as well by
            the rule found, wherever the file's own code fails.
        UnknownMethodError: no shipped rule has that id.
    """
    path, colon, attribute = name.rpartition(":")
    if not colon or not path.endswith(".py"):
        return rule_named(name)
    module = _load(Path(path))
    if not hasattr(module, attribute):
        raise InvalidInputError(f"The file {path} defines no {attribute}.")
    found = getattr(module, attribute)
    if isinstance(found, RewardRule):
        return replace(found, pay=_Guarded(found.pay, name))
    if not callable(found):
        return as_rule(found)
    rule = as_rule(_Guarded(found, name))
    return replace(rule, rule_id=getattr(found, "__name__", rule.rule_id))


@dataclass(frozen=True, slots=True)
class _Guarded:
    """A rule's function; where it fails it is told by name, not by a trace through ours."""

    pay: Pay
    name: str

    @property
    def __wrapped__(self) -> Pay:
        """By this `inspect` finds the source of the function itself."""
        return self.pay

    def __call__(self, columns: RuleColumns, parameters: RuleParameters) -> Int64s:
        try:
            return self.pay(columns, parameters)
        except HeadwaterError:
            raise
        except Exception as exc:
            raise InvalidInputError(
                f"The rule {self.name} can't be run: {type(exc).__name__}: {exc}."
            ) from exc


def _load(path: Path) -> object:
    if not path.is_file():
        raise InvalidInputError(f"There is no file {path}.")
    name = f"headwater_user_rule_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by name while it runs.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except HeadwaterError:
        raise
    except (Exception, SystemExit) as exc:
        raise InvalidInputError(
            f"The file {path} can't be run: {type(exc).__name__}: {exc}."
        ) from exc
    return module


def _sample() -> RuleColumns:
    """Two receipts with three causes among four accounts."""
    shares = np.full((1, 2, 3), 20_000_000, dtype=np.int64)
    return RuleColumns(
        np.full((1, 2), 600, dtype=np.int64),
        np.array([[[0, 1, 2], [1, 2, 3]]], dtype=np.int64),
        shares,
        shares // 2,
        shares // 10**6,
        np.full((1, 4), 5, dtype=np.int64),
    )
