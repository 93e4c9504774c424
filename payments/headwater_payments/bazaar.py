"""x402's `bazaar` extension: a route says in its terms what body it takes and what it gives."""

import json
from typing import Final

from headwater_payments.json_schema import JsonSchema
from headwater_payments.schema_forms import SHORTENED, brief_schema
from headwater_payments.x402 import JsonObject

BAZAAR: Final = "bazaar"
MOST_SHOWN: Final = 1_000
"""Characters of each schema: terms travel in headers, and a buyer echoes them with each payment."""

_ANY: Final[JsonSchema] = {"type": "object"}


def body_discovery(method: str, takes: JsonSchema, gives: JsonSchema | None = None) -> JsonObject:
    """The extension of a route that takes a JSON body.

    Args:
        method: the route's HTTP method.
        takes, gives: checked schemas of its input and output.

    Source: x402 specification, extension `bazaar`; `schema` describes `info`, and the body's own
    schema stands in it at `properties.input.properties.body`.
    """
    asked = {
        "type": {"type": "string", "const": "http"},
        "method": {"type": "string", "const": method},
        "bodyType": {"type": "string", "const": "json"},
        "body": _short(takes),
    }
    described: JsonObject = {
        "input": {
            "type": "object",
            "properties": asked,
            "required": ["type", "method", "bodyType"],
        }
    }
    info: JsonObject = {"input": {"type": "http", "method": method, "bodyType": "json"}}
    if gives is not None:
        info["output"] = {"type": "json"}
        answered = {"type": {"type": "string"}, "example": _short(gives)}
        described["output"] = {"type": "object", "properties": answered, "required": ["type"]}
    return {
        "info": info,
        "schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": described,
            "required": ["input"],
        },
    }


def _short(schema: JsonSchema) -> JsonSchema:
    """The schema without its remarks; any object where it is too long for a header."""
    brief = brief_schema(schema, MOST_SHOWN)
    return _ANY if SHORTENED in json.dumps(brief) else brief
