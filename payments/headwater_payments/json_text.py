"""JSON from others, read so that no text of theirs can end or mislead this process.

Python's own reader recurses in C up to Python's recursion limit, which py-evm and py_ecc raise so
far that a few hundred kilobytes of brackets overflow the stack and kill the process. It also takes
NaN, infinities and lone surrogates, which can't be sent or stored again.
"""

import math

from pydantic import JsonValue
from pydantic_core import from_json

from headwater_payments.errors import InvalidInputError


def read_json(text: str | bytes, what: str = "The text") -> JsonValue:
    """The value of a JSON text in UTF-8; of members of one name the last counts.

    Args:
        text: as it came.
        what: the subject of the sentence in which it is refused.

    Raises:
        InvalidInputError: not JSON, nested deeper than about 200, an integer of more than 4,300
            digits, or a number beyond the range of floats.
    """
    try:
        value: JsonValue = from_json(text, allow_inf_nan=False, cache_strings="none")
    except (ValueError, UnicodeError) as exc:
        raise InvalidInputError(f"{what} is not JSON: {exc}.") from exc
    if not _finite(value):
        raise InvalidInputError(f"{what} is not JSON that can be kept: a number is out of range.")
    return value


def _finite(value: JsonValue) -> bool:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
        elif isinstance(each, float) and not math.isfinite(each):
            return False
    return True
