"""Deviations that somebody else thought of, as data: a person, or a language model that was asked.

Whatever thinks of deviations writes JSON by `ideas_schema`; it is validated, bounds included, and
nothing in it is ever run. The search begins with these strategies, and they are judged as any
others: an idea can help an attack and can't make its verdict wrong.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headwater_payments.errors import InvalidInputError
from headwater_payments.json_text import read_json
from headwater_simulations.adversary.case import deviation_from, members_of
from headwater_simulations.adversary.deviation import Deviation, Strategy
from headwater_simulations.adversary.deviations import DEVIATIONS, conduct_of

FORMAT = "headwater.ideas/1"
_MOST = 64


class _Ideas(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["headwater.ideas/1"]
    strategies: list[list[dict[str, str | int]]] = Field(min_length=1, max_length=_MOST)


def read_ideas(
    text: str | bytes, kinds: Sequence[type[Deviation]] = DEVIATIONS
) -> tuple[Strategy, ...]:
    """Strategies from JSON such as `ideas_schema` describes.

    Raises:
        InvalidInputError: it is no such JSON, or names a deviation or a number that there isn't.
    """
    try:
        parsed = _Ideas.model_validate(read_json(text, "The ideas"), strict=True)
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise InvalidInputError(
            f"These are no ideas: at {where}: {first['msg'].rstrip('.')}."
        ) from exc
    named = {kind.__name__: kind for kind in kinds}
    strategies = []
    for idea in parsed.strategies:
        strategy = tuple(deviation_from(each, named) for each in idea)
        conduct_of(strategy)
        strategies.append(strategy)
    return tuple(strategies)


def load_ideas(path: Path) -> tuple[Strategy, ...]:
    """Strategies from a file; see `read_ideas`.

    Raises:
        InvalidInputError: the file can't be read, or is none of ideas.
    """
    try:
        text = path.read_bytes()
    except OSError as exc:
        raise InvalidInputError(f"The file {path} can't be read: {exc.strerror}.") from exc
    return read_ideas(text)


def ideas_text(strategies: Sequence[Strategy]) -> str:
    """Strategies as JSON that `read_ideas` gives back."""
    told = [[members_of(each) for each in strategy] for strategy in strategies]
    return json.dumps({"format": FORMAT, "strategies": told}, indent=1) + "\n"


def ideas_schema(kinds: Sequence[type[Deviation]] = DEVIATIONS) -> dict[str, Any]:
    """The JSON Schema of ideas: what a model is asked for, with every deviation and its ranges."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["format", "strategies"],
        "properties": {
            "format": {"const": FORMAT},
            "strategies": {
                "type": "array",
                "minItems": 1,
                "maxItems": _MOST,
                "items": {
                    "type": "array",
                    "minItems": 1,
                    "items": {"anyOf": [_schema_of(kind) for kind in kinds]},
                },
            },
        },
    }


def _schema_of(kind: type[Deviation]) -> dict[str, Any]:
    ranges = {
        each.name: {"type": "integer", "minimum": each.low, "maximum": each.high}
        for each in kind.dimensions
    }
    return {
        "type": "object",
        "description": (kind.__doc__ or "").strip().split("\n")[0],
        "additionalProperties": False,
        "required": ["kind", *ranges],
        "properties": {"kind": {"const": kind.__name__}, **ranges},
    }
