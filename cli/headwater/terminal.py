"""Standard streams that take any text, whatever the terminal can show, line by line."""

import codecs
import io
import sys

_PLAIN = {
    "…": "...",
    "–": "-",
    "—": "-",
    "→": "->",
    "×": "x",
    "·": "*",
    "≤": "<=",
    "≥": ">=",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "„": '"',
}
_ERRORS = "headwater-plain"


def prepare_streams() -> None:
    """Have what a terminal can't show replaced, and every line appear once it is printed.

    A run that is piped into a file or another program shows its progress there too.
    """
    codecs.register_error(_ERRORS, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ERRORS, line_buffering=True)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unknown = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in unknown), error.end
