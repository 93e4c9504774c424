"""What the commands of `headwater wallet` share: arguments, refusals, passwords, tables."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote, urlsplit

import typer

from headwater_payments.errors import HeadwaterError, InvalidInputError

# The command line starts fast because the ledger's libraries load when a command runs.
if TYPE_CHECKING:
    from sqlalchemy import URL

PASSWORD_FILE = "HEADWATER_PASSWORD_FILE"  # noqa: S105  the name of a variable

LONGEST_PASSWORD = 4_096
"""Characters."""

KeyFile = Annotated[Path, typer.Argument(help="The encrypted seed.")]
Db = Annotated[str, typer.Argument(help="The spend ledger: a file, or an SQLAlchemy URL.")]


@contextmanager
def refusals() -> Iterator[None]:
    """Whatever is refused gets one line and status 2."""
    try:
        yield
    except HeadwaterError as error:
        typer.echo(error.line(), err=True)
        raise typer.Exit(2) from error


def ledger_url(db: str) -> str:
    """The URL of a spend ledger that is named by a file or a URL, and is there.

    Raises:
        InvalidInputError: there is no such file, or no ledger in it; nothing was made or changed.
        UnavailableError: it cannot be read.
    """
    from sqlalchemy import make_url

    from headwater_wallet.engines import tables_of
    from headwater_wallet.tables import LEDGER_TABLES

    url = database_url(db)
    if missing := LEDGER_TABLES - tables_of(url):
        # Passwords stand before the host, or in the query.
        where = str(make_url(url).set(query={})) if "://" in db else db
        raise InvalidInputError(f"There is no spend ledger at {where}: it has no {min(missing)}.")
    return url


def database_url(db: str, none: str = "There is no spend ledger") -> str:
    """The URL of a database that is named by a file or a URL.

    Args:
        db: the file or URL.
        none: how a sentence begins that says that it is not there.

    Raises:
        InvalidInputError: there is no such file: a slip must not make a new, empty database.
    """
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    url = db if "://" in db else f"sqlite:///{db}"
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):
        # Opening it says what is wrong with it.
        return url
    names_file = parts.get_backend_name() == "sqlite" and not parts.host
    if names_file and not Path(_file_of(parts)).is_file():
        raise InvalidInputError(f"{none} at {db}.")
    return url


def _file_of(url: "URL") -> str:
    """The file that an SQLite URL names, which may itself be a `file:` URI."""
    name = url.database or ""
    if name.startswith("file:") and "uri" in url.query:
        return unquote(urlsplit(name).path)
    return name


def password(*, confirm: bool = False) -> str:
    """From the file that the environment names, from a terminal, unseen, or a line of the input.

    Whoever asks is about to hold a key: from here on the process leaves no core file.
    """
    from headwater_wallet.core_dumps import forbid_core_dumps

    forbid_core_dumps()
    named = os.environ.get(PASSWORD_FILE)
    if named is None:
        return _asked_password(confirm) if sys.stdin.isatty() else _piped_password()
    try:
        with Path(named).open(encoding="utf-8") as file:
            text = file.read(LONGEST_PASSWORD + 1).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidInputError(f"The file that {PASSWORD_FILE} names cannot be read.") from exc
    return _usable(text, f"The file that {PASSWORD_FILE} names")


def _asked_password(confirm: bool) -> str:
    try:
        text: str = typer.prompt("Password", hide_input=True, confirmation_prompt=confirm, err=True)
    except typer.Abort as exc:
        # An input that has ended is told from Ctrl-C, which ends the program.
        if isinstance(exc.__context__, EOFError):
            raise _nobody() from exc
        raise
    return text


def _piped_password() -> str:
    try:
        line = sys.stdin.readline(LONGEST_PASSWORD + 2)
    except UnicodeDecodeError as exc:
        raise InvalidInputError("The password on the standard input is not text.") from exc
    if not line:
        raise _nobody()
    return _usable(line.rstrip("\r\n"), "The line of the standard input with the password")


def _nobody() -> InvalidInputError:
    return InvalidInputError(
        f"There is nobody to ask for the password: name a file in {PASSWORD_FILE}."
    )


def _usable(text: str, what: str) -> str:
    if not text:
        raise InvalidInputError(f"{what} is empty.")
    if len(text) > LONGEST_PASSWORD:
        raise InvalidInputError(f"{what} has more than {LONGEST_PASSWORD} characters.")
    return text


def table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    """Print lines of cells, tabs between them."""
    for row in (head, *rows):
        # A seller chooses parts of what is shown: it draws no lines and sends no control codes.
        cells = ("".join(c if c.isprintable() else "?" for c in str(cell)) for cell in row)
        typer.echo("\t".join(cells))
