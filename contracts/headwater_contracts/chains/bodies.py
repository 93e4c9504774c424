"""Bodies of requests from JSON, with bounds that keep a hostile one from ending the process."""

import json
import math
import re
from typing import NoReturn

MAX_DEPTH = 64
"""Nesting of a body. py-evm raises Python's recursion limit so far that json's own recursion would
overflow the stack of the serving thread, which ends the process, before it met that limit."""

_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


def parse_body(body: bytes) -> object:
    """The JSON of a body.

    Raises:
        ValueError: it is no JSON, is nested deeper than `MAX_DEPTH`, or holds NaN or an infinity.
    """
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth(body) > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    parsed: object = json.loads(body, parse_constant=_not_json, parse_float=_finite)
    return parsed


def _depth(body: bytes) -> int:
    depth = deepest = 0
    for bracket in _BRACKET.finditer(_TEXT.sub(b"", body)):
        depth += 1 if bracket[0] in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _not_json(text)


def _not_json(name: str) -> NoReturn:
    raise ValueError(f"{name[:40]} is not a number of JSON")
