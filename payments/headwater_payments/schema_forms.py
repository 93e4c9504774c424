"""A schema in the form that is listed, and in the one that a model is shown."""

import json
from typing import Final

from pydantic import JsonValue

from headwater_payments.json_schema import (
    KEYWORDS,
    JsonSchema,
    SchemaError,
    check_object_schema,
    is_linear_pattern,
)

SHORTENED: Final = "x-shortened"
"""In a brief schema: something was left out, and what is checked may be stricter."""

MOST_NODES: Final = 2_000
_PREFIX: Final = "#/$defs/"
_SHOWN: Final = KEYWORDS - {"title", "examples", "deprecated", "readOnly", "writeOnly"}
_MAPS: Final = ("properties", "patternProperties")
_LISTS: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE: Final = ("additionalProperties", "propertyNames", "items", "not")
_BRIEFER: Final = ((160, 24), (0, 24), (0, 2), (0, 1), (0, 0))
"""Characters of each description, and levels of schemas, from the longest form to the shortest."""


def listed_schema(schema: JsonSchema, what: str = "The schema") -> JsonSchema:
    """A schema such as pydantic writes, in the form that a listing may carry.

    What its `$defs` define is put where it is referred to. Titles, and patterns that are not
    matched in linear time, are left out: the seller still checks them.

    Raises:
        SchemaError: it refers to itself or elsewhere, is too large, or uses a keyword that
            listings do not carry.
    """
    definitions = schema.get("$defs", {})
    inlined = _Inliner(definitions if isinstance(definitions, dict) else {}, what).inline(schema)
    return check_object_schema(inlined, what)


def brief_schema(schema: JsonSchema, most: int) -> JsonSchema:
    """A checked schema in at most about `most` characters of JSON, the more useful part first.

    Descriptions are cut and lose what is not printable; where that is not enough they go, then
    inner schemas do, marked by `SHORTENED`. It is there to be read: nothing is checked against it.
    """
    brief: JsonSchema = {}
    for words, levels in _BRIEFER:
        shown = _brief(schema, words, levels)
        assert isinstance(shown, dict)
        brief = shown
        if len(json.dumps(brief)) <= most:
            return brief
    return {"type": "object", SHORTENED: True}


class _Inliner:
    def __init__(self, definitions: JsonSchema, what: str) -> None:
        self._definitions, self._what, self._left = definitions, what, MOST_NODES

    def inline(self, schema: JsonValue, within: tuple[str, ...] = ()) -> JsonValue:
        self._left -= 1
        if self._left < 0:
            raise SchemaError(f"{self._what} is too large once its references are written out.")
        if not isinstance(schema, dict):
            return schema
        reference = schema.get("$ref")
        if reference is not None:
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            found = self.inline(self._named(reference, within), (*within, str(reference)))
            rest = self.inline(beside, within)
            return (
                {**found, **rest} if isinstance(found, dict) and isinstance(rest, dict) else found
            )
        return {
            key: self._member(key, value, within)
            for key, value in schema.items()
            if key not in ("$defs", "$schema", "title", "discriminator")
            and not (key == "pattern" and not is_linear_pattern(value))
        }

    def _member(self, key: str, value: JsonValue, within: tuple[str, ...]) -> JsonValue:
        if key in _MAPS and isinstance(value, dict):
            return {name: self.inline(each, within) for name, each in value.items()}
        if key in _LISTS and isinstance(value, list):
            return [self.inline(each, within) for each in value]
        return self.inline(value, within) if key in _SINGLE else value

    def _named(self, reference: JsonValue, within: tuple[str, ...]) -> JsonValue:
        name = str(reference).removeprefix(_PREFIX)
        if reference in within:
            raise SchemaError(f"{self._what} refers to itself, at {name!r}: it has no end.")
        if not str(reference).startswith(_PREFIX) or name not in self._definitions:
            raise SchemaError(f"{self._what} refers to {str(reference)[:80]!r}, outside itself.")
        return self._definitions[name]


def _brief(schema: JsonValue, words: int, levels: int) -> JsonValue:
    if not isinstance(schema, dict):
        return schema
    shown: JsonSchema = {}
    for key, value in schema.items():
        inner = _inner(key, value, words, levels)
        if key not in _SHOWN or (key == "description" and not words):
            continue
        if inner is None and value is not None:
            shown[SHORTENED] = True
        elif key == "additionalProperties" and not levels:
            continue  # of no use without the properties that it is beside
        else:
            shown[key] = inner
    return shown


def _inner(key: str, value: JsonValue, words: int, levels: int) -> JsonValue:
    """A keyword's value in brief; None where it has to go."""
    if key == "description":
        printable = "".join(c if c.isprintable() else " " for c in str(value))
        return " ".join(printable.split())[:words]
    if key in _MAPS and isinstance(value, dict):
        each = {name: _brief(member, words, levels - 1) for name, member in value.items()}
        return each if levels else None
    if key in _LISTS and isinstance(value, list):
        return [_brief(member, words, levels - 1) for member in value] if levels else None
    if key in _SINGLE and isinstance(value, dict):
        return _brief(value, words, levels - 1) if levels else None
    return value
