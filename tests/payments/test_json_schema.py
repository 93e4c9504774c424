"""A listed schema is bounded and complete in itself, and every one that is accepted compiles."""

import json
import random
from decimal import Decimal
from typing import Annotated, Any, Literal, Optional

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from headwater_payments.bazaar import MOST_SHOWN, body_discovery
from headwater_payments.json_schema import (
    MAX_SCHEMA_BYTES,
    MAX_SCHEMA_DEPTH,
    SchemaError,
    canonical_text,
    check_object_schema,
)
from headwater_payments.schema_forms import SHORTENED, brief_schema, listed_schema


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(ge=0, le=9)


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str = Field(pattern="^[A-Z]")


class Order(BaseModel):
    """What is ordered."""

    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    second: Cat | None = None
    price: Decimal
    weights: dict[str, float] = {}
    size: tuple[int, int] = (1, 1)


class Tree(BaseModel):
    inner: Optional["Tree"] = None


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def endless() -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    schema["default"] = schema
    return schema


REFUSED: dict[str, Any] = {
    "no object": [],
    "another type": {"type": "string"},
    "no type": {"properties": {}},
    "two types": {"type": ["object", "null"]},
    "a reference": {"type": "object", "properties": {"a": {"$ref": "http://evil.test/x"}}},
    "a reference to itself": {"type": "object", "properties": {"a": {"$ref": "#"}}},
    "an identity": {"type": "object", "$id": "http://evil.test/x"},
    "an unknown keyword": {"type": "object", "x-secret": 1},
    "too many bytes": {"type": "object", "description": "x" * MAX_SCHEMA_BYTES},
    "too deep": nested(MAX_SCHEMA_DEPTH // 2 + 1),
    "a loop": endless(),
    "half a character": {"type": "object", "description": "\ud800"},
    "no number": {"type": "object", "default": float("nan")},
    "no JSON": {"type": "object", "default": {1, 2}},
    "an unknown type": {"type": "object", "properties": {"a": {"type": "text"}}},
    "a type twice": {"type": "object", "properties": {"a": {"type": ["null", "null"]}}},
    "a schema that is a number": {"type": "object", "properties": {"a": 7}},
    "members in a list": {"type": "object", "properties": []},
    "a name with a line end": {"type": "object", "properties": {"a\nb": {}}},
    "a name that cannot be seen": {"type": "object", "properties": {"a\u202eb": {}}},
    "a name without an end": {"type": "object", "properties": {"a" * 65: {}}},
    "a pattern that looks around": {"type": "object", "properties": {"a": {"pattern": "(?=x)"}}},
    "a pattern that is none": {"type": "object", "patternProperties": {"(": {}}},
    "a huge pattern": {"type": "object", "properties": {"a": {"pattern": "(a{999}){999}"}}},
    "a negative length": {"type": "object", "minProperties": -1},
    "a length that is true": {"type": "object", "minProperties": True},
    "a multiple of nothing": {"type": "object", "properties": {"a": {"multipleOf": 0}}},
    "an empty choice": {"type": "object", "anyOf": []},
    "a name required twice": {"type": "object", "required": ["a", "a"]},
    "a requirement that is no name": {"type": "object", "required": [1]},
}


@pytest.mark.parametrize("what", list(REFUSED))
def test_what_no_listing_may_carry_is_refused_with_a_code(what: str) -> None:
    with pytest.raises(SchemaError) as caught:
        check_object_schema(REFUSED[what], "Its input")
    assert caught.value.code == "invalid_schema"
    assert caught.value.message.startswith("Its input ")
    assert caught.value.message.endswith(".")
    json.dumps(caught.value.problem())


def test_a_refusal_says_where() -> None:
    with pytest.raises(SchemaError, match="at /properties/a/minLength") as caught:
        check_object_schema({"type": "object", "properties": {"a": {"minLength": "1"}}})
    assert caught.value.details["at"] == "/properties/a/minLength"


def test_a_model_of_models_is_listed_without_references_and_checks_the_same() -> None:
    schema = Order.model_json_schema()
    assert "$ref" in json.dumps(schema)
    listed = listed_schema(schema)
    assert "$" not in json.dumps(listed)
    checker = jsonschema_rs.Draft202012Validator(listed)
    original = jsonschema_rs.Draft202012Validator(schema)
    right = {"pet": {"kind": "cat", "lives": 9}, "price": 1}
    for value, fits in (
        (right, True),
        ({**right, "pet": {"kind": "cat", "lives": 10}}, False),
        ({**right, "pet": {"kind": "dog", "name": "rex"}}, False),
        ({**right, "second": {"kind": "cat"}}, False),
        ({**right, "second": None}, True),
        ({"pet": right["pet"]}, False),
    ):
        assert checker.is_valid(value) is original.is_valid(value) is fits


def test_a_model_that_refers_to_itself_cannot_be_listed() -> None:
    with pytest.raises(SchemaError, match="refers to itself"):
        listed_schema(Tree.model_json_schema())
    schema: dict[str, Any] = {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}}
    schema["$defs"] = {"A": {"type": "object", "properties": {"b": {"$ref": "#/$defs/A"}}}}
    with pytest.raises(SchemaError, match="refers to itself"):
        listed_schema(schema)


def test_references_that_double_at_each_step_end_early() -> None:
    steps: dict[str, Any] = {
        f"A{n}": {"allOf": [{"$ref": f"#/$defs/A{n + 1}"}] * 2} for n in range(60)
    }
    schema: dict[str, Any] = {"type": "object", "allOf": [{"$ref": "#/$defs/A0"}]}
    with pytest.raises(SchemaError, match="too large"):
        listed_schema({**schema, "$defs": {**steps, "A60": {}}})


def test_a_reference_outside_is_refused() -> None:
    with pytest.raises(SchemaError, match="outside itself"):
        listed_schema({"type": "object", "properties": {"a": {"$ref": "https://evil.test/"}}})


def test_the_signed_text_does_not_depend_on_the_order_of_members() -> None:
    members = list(listed_schema(Order.model_json_schema()).items())
    texts = set()
    for seed in range(5):
        random.Random(seed).shuffle(members)
        texts.add(canonical_text(dict(members)))
    assert len(texts) == 1


_LEAF = st.sampled_from(
    [
        True,
        False,
        {},
        {"type": "string", "minLength": 1, "pattern": "^a+b?$", "description": "a\nb \u202e"},
        {"type": ["integer", "null"], "minimum": -1.5, "exclusiveMaximum": 9, "multipleOf": 0.5},
        {"enum": [1, None, {"a": []}]},
        {"const": None, "default": [1], "title": "T", "examples": []},
        {"type": "string", "format": "nonsense", "contentEncoding": "none"},
    ]
)
_NAMES = st.sampled_from(["a", "b.c", "$d", "ü", "items", "type"])
_SCHEMAS = st.recursive(
    _LEAF,
    lambda inner: st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(_NAMES, inner, max_size=3)},
            optional={
                "required": st.lists(_NAMES, unique=True),
                "additionalProperties": inner,
                "propertyNames": inner,
                "patternProperties": st.dictionaries(st.just("^x-"), inner),
            },
        ),
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
        st.builds(
            lambda key, each: {key: each},
            st.sampled_from(["anyOf", "oneOf", "allOf", "prefixItems"]),
            st.lists(inner, min_size=1, max_size=2),
        ),
        st.builds(lambda each: {"not": each}, inner),
    ),
    max_leaves=12,
)
_OBJECTS = st.builds(
    lambda members: {"type": "object", "properties": members},
    st.dictionaries(_NAMES, _SCHEMAS, max_size=4),
)


@given(_OBJECTS, st.integers(60, 2_000))
def test_every_accepted_schema_compiles_and_is_told_in_the_room_there_is(
    schema: dict[str, Any], most: int
) -> None:
    try:
        check_object_schema(schema)
    except SchemaError as exc:
        assert "nested" in exc.message  # noqa: PT017 - nothing else is wrong with these
        return
    options = jsonschema_rs.RegexOptions()
    jsonschema_rs.Draft202012Validator(schema, pattern_options=options).is_valid({"a": 1})
    brief = brief_schema(schema, most)
    assert len(json.dumps(brief)) <= most
    assert brief["type"] == "object"
    assert "\\u202e" not in json.dumps(brief)


def test_the_names_of_members_outlive_their_details_when_room_is_short() -> None:
    member = {"type": "string", "description": "w" * 500, "title": "Long"}
    members = {f"m{number}": {"type": "object", "properties": {"x": member}} for number in range(9)}
    schema: dict[str, Any] = {"type": "object", "properties": members, "required": list(members)}
    whole, wordless, names, least = (brief_schema(schema, n) for n in (9_000, 1_200, 700, 200))
    assert json.dumps(whole).count("w" * 160) == 9
    assert wordless["properties"] == {
        name: {"type": "object", "properties": {"x": {"type": "string"}}} for name in members
    }
    assert names["properties"] == {name: {"type": "object", SHORTENED: True} for name in members}
    assert least == {"type": "object", "required": list(members), SHORTENED: True}


def test_a_route_describes_its_body_as_x402s_bazaar_does() -> None:
    takes = listed_schema(Cat.model_json_schema())
    extension = body_discovery("POST", takes, takes)
    body = extension["schema"]["properties"]["input"]["properties"]["body"]
    assert body["properties"]["lives"] == {"maximum": 9, "minimum": 0, "type": "integer"}
    assert extension["info"]["input"] == {"type": "http", "method": "POST", "bodyType": "json"}
    jsonschema_rs.Draft202012Validator(extension["schema"]).validate(extension["info"])


def test_terms_stay_short_enough_for_a_header() -> None:
    members: dict[str, Any] = {f"member-{number}": {"type": "string"} for number in range(100)}
    extension = body_discovery("POST", {"type": "object", "properties": members})
    assert len(json.dumps(extension)) < 2 * MOST_SHOWN
    assert extension["schema"]["properties"]["input"]["properties"]["body"] == {"type": "object"}
