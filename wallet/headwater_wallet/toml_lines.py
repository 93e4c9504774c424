"""Finding the line of a TOML document that a key stands on, for errors that point at it."""

import re
from collections.abc import Sequence

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*["']?([^"'=\s]+)["']?\s*=""")


def line_of(text: str, path: Sequence[str | int]) -> int:
    """The line, from 1, of the longest part of a path that the document spells out.

    Tables written in brackets and keys below them are found; inside an inline table or a list the
    line is that of the key which holds it.

    Args:
        text: the document.
        path: keys and indices from its root, such as `("rules", 0, "most")`.
    """
    best, found = 0, 1
    here: tuple[str | int, ...] = ()
    seen: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        header, key = _HEADER.match(line), _KEY.match(line)
        if header is not None:
            name = header[2]
            here = tuple(part.strip(" \"'") for part in name.split("."))
            if header[1] == "[[":
                here = (*here, seen.setdefault(name, 0))
                seen[name] += 1
            place = here
        elif key is not None:
            place = (*here, key[1])
        else:
            continue
        if len(place) > best and place == tuple(path[: len(place)]):
            best, found = len(place), number
    return found
