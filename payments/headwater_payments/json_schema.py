"""The JSON Schemas that a listing may carry: an object's, bounded, and complete in themselves.

A schema comes from a stranger and is compiled, walked and shown to models by others. So only the
keywords below are taken, none of which refers elsewhere: no schema can make its reader fetch a
page, loop, or do more work than its own length times that of what is checked.

Source: JSON Schema 2020-12. `format` is a remark here, as it is there by default.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Final

from pydantic import JsonValue
from pydantic_core import SchemaError as PatternError
from pydantic_core import SchemaValidator, core_schema

from headwater_payments.errors import InvalidInputError

MAX_SCHEMA_BYTES: Final = 8_192
"""Of a schema's `canonical_text`."""

MAX_SCHEMA_DEPTH: Final = 24
"""Objects and lists inside one another, in JSON; each object in an object takes two."""

MAX_PATTERN: Final = 200
_NAME: Final = re.compile(r"[^\x00-\x20\x7f-\xa0\u2000-\u206f\ufeff]{1,64}")
_TYPES: Final = {"array", "boolean", "integer", "null", "number", "object", "string"}

JsonSchema = dict[str, JsonValue]


class SchemaError(InvalidInputError):
    """A JSON Schema is not one that a listing may carry; nothing was registered or paid."""

    code = "invalid_schema"


def check_object_schema(schema: object, what: str = "The schema") -> JsonSchema:
    """The schema, once it has been found to be one that a listing may carry.

    Args:
        schema: JSON; its `type` is `object`.
        what: the subject of the sentence in which it is refused.

    Raises:
        SchemaError: too large or too deep, no object's schema, a keyword that is not taken, or a
            keyword's value that JSON Schema does not allow; `details["at"]` is a JSON pointer.
    """
    try:
        _require_shallow(schema)
        if not isinstance(schema, dict) or schema.get("type") != "object":
            raise _Fault('describes a JSON object: its type is "object"')
        size = len(canonical_text(schema).encode())
        if size > MAX_SCHEMA_BYTES:
            raise _Fault(f"has at most {MAX_SCHEMA_BYTES} bytes of JSON, and this one has {size}")
        _check(schema, "")
    except _Fault as fault:
        raise SchemaError(f"{what} {fault}.", at=fault.at) from fault
    except (TypeError, ValueError) as exc:
        raise SchemaError(f"{what} is not JSON: {exc}.", at="") from exc
    return schema


def canonical_text(schema: Mapping[str, JsonValue]) -> str:
    """The JSON text that stands for a schema where it is signed: keys sorted, no spaces.

    Raises:
        ValueError: a number is not finite, or a text holds half a character.
    """
    options = {"separators": (",", ":"), "ensure_ascii": False, "allow_nan": False}
    text = json.dumps(schema, sort_keys=True, **options)  # type: ignore[arg-type]
    text.encode()
    return text


class _Fault(Exception):  # noqa: N818 - the end of a sentence, never seen outside this module
    def __init__(self, message: str, at: str = "") -> None:
        super().__init__(message if not at else f"{message} (at {at})")
        self.at = at


def _require_shallow(value: object) -> None:
    """Walked level by level, so that no nesting can exhaust the stack."""
    level, depth = [value], 0
    while level:
        if depth > MAX_SCHEMA_DEPTH or len(level) > MAX_SCHEMA_BYTES:
            raise _Fault(f"is nested at most {MAX_SCHEMA_DEPTH} deep")
        inner: list[object] = []
        for each in level:
            if isinstance(each, dict):
                inner += each.values()
            elif isinstance(each, list):
                inner += each
        level, depth = inner, depth + 1


def _check(schema: object, at: str) -> None:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise _Fault("holds an object or a truth value wherever a schema stands", at or "/")
    for keyword, value in schema.items():
        here = f"{at}/{keyword if isinstance(keyword, str) else '?'}"
        test = _KEYWORDS.get(keyword)
        if test is None:
            raise _Fault(f"uses the keyword {str(keyword)[:40]!r}, which listings do not carry", at)
        test(value, here)


def _where(test: Callable[[object], bool], meaning: str) -> Callable[[object, str], None]:
    def check(value: object, at: str) -> None:
        if not test(value):
            raise _Fault(f"needs {meaning}", at)

    return check


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def _is_type(value: object) -> bool:
    if isinstance(value, list):
        texts = {each for each in value if isinstance(each, str)}
        return 0 < len(texts) == len(value) and texts <= _TYPES
    return isinstance(value, str) and value in _TYPES


def _is_names(value: object) -> bool:
    texts = [each for each in value if isinstance(each, str)] if isinstance(value, list) else None
    return texts is not None and len(set(texts)) == len(value)  # type: ignore[arg-type]


def is_linear_pattern(value: object) -> bool:
    """Whether this is a regular expression that is matched in time linear in the text.

    Rust's `regex`, which pydantic uses, takes no other: no looking around, no back reference.
    """
    if not isinstance(value, str) or len(value) > MAX_PATTERN:
        return False
    try:
        SchemaValidator(core_schema.str_schema(pattern=value))
    except PatternError:
        return False
    return True


def _schemas(value: object, at: str) -> None:
    if not isinstance(value, list) or not value:
        raise _Fault("needs a list of schemas", at)
    for number, each in enumerate(value):
        _check(each, f"{at}/{number}")


def _members(value: object, at: str) -> None:
    if not isinstance(value, dict):
        raise _Fault("needs an object of schemas", at)
    for name, each in value.items():
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            raise _Fault("needs names of 1 to 64 visible characters without spaces", at)
        _check(each, f"{at}/{name}")


def _patterns(value: object, at: str) -> None:
    _members(value, at)
    if isinstance(value, dict):
        for name in value:
            _pattern(name, at)


_pattern = _where(
    is_linear_pattern,
    f"a regular expression of at most {MAX_PATTERN} characters "
    "without looking around or back references",
)
_number = _where(_is_number, "a finite number")
_count = _where(_is_count, "a whole number from 0 to 2^31")
_text = _where(lambda value: isinstance(value, str), "a text")
_flag = _where(lambda value: isinstance(value, bool), "a truth value")
_any = _where(lambda value: True, "a value")

_KEYWORDS: Final[dict[object, Callable[[object, str], None]]] = {
    "type": _where(_is_type, "a type of JSON, or a list of them"),
    "enum": _where(lambda value: isinstance(value, list) and bool(value), "a list of values"),
    "required": _where(_is_names, "a list of different names"),
    "multipleOf": _where(lambda value: _is_number(value) and value > 0, "a number above 0"),  # type: ignore[operator]
    "pattern": _pattern,
    "patternProperties": _patterns,
    "properties": _members,
    **dict.fromkeys(("additionalProperties", "propertyNames", "items", "not"), _check),
    **dict.fromkeys(("anyOf", "oneOf", "allOf", "prefixItems"), _schemas),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _number),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _count),
    **dict.fromkeys(("minProperties", "maxProperties"), _count),
    **dict.fromkeys(("uniqueItems", "deprecated", "readOnly", "writeOnly"), _flag),
    **dict.fromkeys(("title", "description", "format"), _text),
    **dict.fromkeys(("contentEncoding", "contentMediaType"), _text),
    **dict.fromkeys(("const", "default"), _any),
    "examples": _where(lambda value: isinstance(value, list), "a list of values"),
}
KEYWORDS: Final = frozenset(str(keyword) for keyword in _KEYWORDS)
"""What a listed schema may say."""
