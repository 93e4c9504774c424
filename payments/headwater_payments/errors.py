"""The root of every error that Headwater raises.

    HeadwaterError            every error below, in any component
    ├── InvalidInputError     what was passed in is malformed: fix it and call again
    ├── UnavailableError      something outside did not answer: the same call may work later
    ├── MissingExtraError     a package is not installed: install headwater with the extra named
    └── (each component adds its own branches, one class per next step of the caller)

An error carries a stable `code` that programs compare, one sentence that a person understands, and
`details`: the values that disagree, ready for JSON. Key material is never among them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar


class HeadwaterError(Exception):
    """Something Headwater refuses or cannot do, with a stable code and the values involved.

    Args:
        message: one sentence, naming what to do where something can be done.
        details: JSON-ready values that disagree or that identify the thing concerned.
    """

    code: ClassVar[str] = "headwater_error"
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def __str__(self) -> str:
        return self.message

    def line(self) -> str:
        """The error as a command prints it: one line, and no control codes of whoever caused it."""
        shown = "".join(c if c.isprintable() else "?" for c in " ".join(self.message.split()))
        return f"error[{self.code}]: {shown}"

    def problem(self) -> dict[str, object]:
        """The error as RFC 9457 problem JSON members (`type` is relative to the documentation)."""
        return {
            "type": f"errors#{self.code}",
            "title": self.code.replace("_", " "),
            "status": self.http_status,
            "detail": self.message,
            "code": self.code,
            "details": {key: _json_ready(value) for key, value in self.details.items()},
        }


class InvalidInputError(HeadwaterError):
    """What was passed in is malformed; nothing was done."""

    code = "invalid_input"
    http_status = 400


class UnavailableError(HeadwaterError):
    """A chain, database or server did not answer; nothing is known to have changed."""

    code = "unavailable"
    http_status = 503


class MissingExtraError(HeadwaterError):
    """A package that comes with one of headwater's extras is not installed; nothing was done.

    Args:
        what: what needs the package, as the subject of a sentence.
        package: the missing one, as it is imported.
        extras: headwater's, which bring all that is needed.
    """

    code = "missing_extra"
    http_status = 501

    def __init__(self, what: str, package: str, *extras: str) -> None:
        together, named = ",".join(extras), " and ".join(map(repr, extras))
        super().__init__(
            f"{what} needs the package {package}: install it with headwater's "
            f"extra{'s' * (len(extras) > 1)} {named}, pip install 'headwater[{together}]'.",
            package=package,
            extra=together,
        )
        self.package = package


@contextmanager
def needing(what: str, *extras: str) -> Iterator[None]:
    """Import what comes with extras of headwater's, all of them named where a part is missing.

    Raises:
        MissingExtraError: a package is not installed.
    """
    try:
        yield
    except MissingExtraError as exc:
        raise MissingExtraError(what, exc.package, *extras) from exc
    except ModuleNotFoundError as exc:
        package = (exc.name or "").partition(".")[0]
        if not package or package.startswith("headwater"):
            raise
        raise MissingExtraError(what, package, *extras) from exc


def _json_ready(value: object) -> object:
    if isinstance(value, bool | int | float | str | type(None)):
        return value
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, list | tuple):
        return [_json_ready(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _json_ready(item) for key, item in value.items()}
    return str(value)
