"""What a service is called with: held against its listed schema before anything is paid."""

from types import ModuleType

from pydantic import JsonValue

from headwater_agents.errors import ArgumentsMismatchError
from headwater_agents.market import Listing
from headwater_payments.errors import MissingExtraError
from headwater_payments.json_schema import JsonSchema, SchemaError, check_object_schema
from headwater_payments.schema_forms import brief_schema

MOST_SHOWN = 2_000
"""Characters of a schema that a model is shown."""

_MOST_PROBLEMS, _MOST_WORDS = 5, 200
_ADVICE = "Nothing was paid: mend the arguments and call again"

Arguments = dict[str, JsonValue]


def shown_schema(schema: JsonSchema | None, most: int = MOST_SHOWN) -> JsonSchema | None:
    """A listed schema as a model is shown it; None where there is none that can be trusted."""
    try:
        return None if schema is None else brief_schema(check_object_schema(schema), most)
    except SchemaError:
        return None


def service_arguments(
    listing: Listing, arguments: Arguments | None, topic: str | None
) -> Arguments:
    """The body of a call, from what a model gave; `topic` stands for the one text that is taken.

    A service without a listed schema is sent what was given, a topic as the member `topic`.

    Raises:
        ArgumentsMismatchError: both were given or neither, or the service takes more than a text.
    """
    if arguments is not None and topic is not None:
        raise _mismatch(listing, "Give either arguments or a topic, never both", [])
    if arguments is not None:
        return arguments
    if topic is None:
        raise _mismatch(listing, f"{listing.name} needs its arguments", [])
    name = _only_text(listing.input_schema)
    if name is None:
        raise _mismatch(listing, f"{listing.name} takes more than a topic: give arguments", [])
    return {name: topic}


def check_arguments(listing: Listing, arguments: Arguments) -> None:
    """Hold the body of a call against the listing's schema; without a schema anything fits.

    Raises:
        ArgumentsMismatchError: it does not fit; `details["problems"]` says where and why, and
            `details["takes"]` what does.
        SchemaError: the listing's schema is not one that a listing may carry.
        MissingExtraError: the extra `agents` is not installed.
    """
    if listing.input_schema is None:
        return
    schema = check_object_schema(listing.input_schema, f"The input_schema of {listing.name}")
    jsonschema_rs = _checker()
    try:
        options = jsonschema_rs.RegexOptions()
        checker = jsonschema_rs.Draft202012Validator(schema, pattern_options=options)
        found = [
            {"at": "/".join(("", *map(str, each.instance_path))), "problem": _cut(each.message)}
            for each in checker.iter_errors(arguments)
        ]
    except ValueError as exc:
        raise SchemaError(
            f"The input_schema of {listing.name} cannot be checked against: {_cut(str(exc))}."
        ) from exc
    if found:
        first = found[0]
        reason = f"{listing.name} cannot use these arguments: {first['at'] or 'they'}: "
        raise _mismatch(listing, reason + first["problem"], found[:_MOST_PROBLEMS])


def _checker() -> ModuleType:
    """The library that checks, on first use: buying from a model needs none."""
    try:
        import jsonschema_rs
    except ImportError as exc:
        raise MissingExtraError("Calling a service", "jsonschema_rs", "agents") from exc
    return jsonschema_rs


def _only_text(schema: JsonSchema | None) -> str | None:
    """The member that a topic fills: the only one required, or the only one, if it is a text."""
    if schema is None:
        return "topic"
    members, required = schema.get("properties"), schema.get("required", [])
    if not isinstance(members, dict) or not isinstance(required, list):
        return None
    wanted = required or list(members)
    named = members.get(str(wanted[0])) if len(wanted) == 1 else None
    return str(wanted[0]) if isinstance(named, dict) and named.get("type") == "string" else None


def _mismatch(
    listing: Listing, reason: str, problems: list[dict[str, str]]
) -> ArgumentsMismatchError:
    return ArgumentsMismatchError(
        f"{reason}. {_ADVICE}.",
        listing_id=listing.id,
        problems=problems,
        takes=shown_schema(listing.input_schema),
    )


def _cut(text: str) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(printable.split())[:_MOST_WORDS]
