"""Studies as TOML."""

import tomllib
from pathlib import Path
from typing import Any, Final

from headwater_payments.errors import InvalidInputError
from headwater_simulations.studies.plan import Design, Study, axes_of, scenario_of

_PLAIN: Final = {"name": str, "points": int, "worlds": int, "gains": bool}
_TABLES: Final = frozenset(("scenario", "levers", "uncertainties"))


def read_study(path: Path) -> Study:
    """A study from its file.

    Raises:
        InvalidInputError: it cannot be read, is no TOML, or says what no study can.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        reason = getattr(exc, "strerror", None) or "it is no text"
        raise InvalidInputError(f"{path} cannot be read: {reason}.") from exc
    return parse_study(text)


def parse_study(text: str) -> Study:
    """A study from TOML.

    Raises:
        InvalidInputError: it is none.
    """
    try:
        told = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        raise InvalidInputError(f"The study is no TOML: {exc}.") from exc
    known = {*_PLAIN, *_TABLES, "design"}
    if unknown := sorted(told.keys() - known):
        raise InvalidInputError(
            f"A study has no {unknown[0]!r}; it has {', '.join(sorted(known))}."
        )
    plain: dict[str, Any] = {}
    for name, kind in _PLAIN.items():
        if name in told:
            if type(told[name]) is not kind:
                raise InvalidInputError(f"A study's {name} is not {told[name]!r}.")
            plain[name] = told[name]
    for name in _TABLES & told.keys():
        if not isinstance(told[name], dict):
            raise InvalidInputError(f"A study's {name} are a table.")
    design = told.get("design", Design.GRID)
    if design not in tuple(Design):
        raise InvalidInputError(f"There is no design {design!r}; there are {', '.join(Design)}.")
    return Study(
        base=scenario_of(told.get("scenario", {})),
        levers=axes_of(told.get("levers", {})),
        uncertainties=axes_of(told.get("uncertainties", {})),
        design=Design(design),
        **plain,
    )
