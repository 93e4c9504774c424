"""The `headwater` command: one program, each part loaded only when it is asked for.

Whatever goes wrong ends in one line on the standard error: `error[code]: a sentence.`
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from typing import Annotated, NamedTuple, NoReturn

import typer

from headwater import __version__
from headwater.terminal import prepare_streams
from headwater_payments.errors import (
    HeadwaterError,
    InvalidInputError,
    MissingExtraError,
    UnavailableError,
    needing,
)

REFUSED = 2
"""The status of a command that was refused; 1 says that a check did not hold."""

INTERRUPTED = 130


class Part(NamedTuple):
    """A command: where it is, and what it takes to run it.

    Attributes:
        module: where it is implemented.
        attribute: the name of its function or application there.
        extra: the extra of headwater's that it needs, all of it or in part.
        summary: its line in the help.
    """

    module: str
    attribute: str
    extra: str
    summary: str


PARTS = {
    "demo": Part(
        "headwater.demo.cli", "demo", "demo", "Run a small economy from start to end, and check it."
    ),
    "simulate": Part(
        "headwater_simulations.cli",
        "app",
        "simulations",
        "Run the reward rule over a population that attacks it.",
    ),
    "attribution": Part(
        "headwater.attribution", "app", "attribution", "Check published epochs, calibrate methods."
    ),
    "datanet": Part(
        "headwater_marketplace.datanets.cli",
        "app",
        "marketplace",
        "Seal rows, show them, judge them in the order of their seals.",
    ),
    "wallet": Part(
        "headwater_wallet.cli",
        "app",
        "marketplace",
        "Keys, budgets, policies, approvals, kill switch.",
    ),
    "claim": Part(
        "headwater_marketplace.claim_cli",
        "claim",
        "marketplace",
        "Claim everything that a key is owed.",
    ),
    "doctor": Part(
        "headwater.doctor", "doctor", "marketplace", "Check a wallet's or a seller's set-up."
    ),
    "chain": Part(
        "headwater.chain", "app", "chain", "Start a chain to develop on; deploy, verify, addresses."
    ),
}


def application(arguments: Sequence[str]) -> typer.Typer:
    """The program for these arguments: the part they name is loaded, the others are only listed."""
    app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback(invoke_without_command=True)(front)
    named = _named(arguments)
    for name, part in PARTS.items():
        if name != named:
            app.command(name, help=part.summary)(_not_loaded)
            continue
        loaded = getattr(import_module(part.module), part.attribute)
        if isinstance(loaded, typer.Typer):
            app.add_typer(loaded, name=name, help=part.summary)
        else:
            app.command(name, help=part.summary)(loaded)
    return app


def front(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.")
    ] = False,
) -> None:
    """Economies of autonomous agents: pay per inference, and pay whoever's data caused it."""
    if version:
        typer.echo(f"headwater {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line: status 0, 1 where a check did not hold, 2 where it was refused.

    An interruption says so and ends with status 130.
    """
    prepare_streams()
    arguments = sys.argv[1:]
    try:
        _refuse_empty(arguments)
        status = application(arguments)(standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        _interrupted()
    except Exception as error:  # noqa: BLE001  what nobody foresaw is raised again
        _explain(error, _named(arguments))
    except BaseExceptionGroup as group:
        # Tasks that ran beside each other were interrupted together.
        if group.subgroup(KeyboardInterrupt) is None:
            raise
        _interrupted()
    if status == INTERRUPTED:
        # The command line's library takes note of Ctrl-C and says nothing.
        _interrupted()
    sys.exit(status if isinstance(status, int) else 0)


def _interrupted() -> NoReturn:
    typer.echo("Interrupted.", err=True)
    sys.exit(INTERRUPTED)


def _explain(error: Exception, named: str | None) -> NoReturn:
    """One line for what a user can do something about; what nobody foresaw is raised as it is."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    said = _line(error, named)
    if said is None:
        raise error
    if said:
        typer.echo(said, err=True)
    sys.exit(REFUSED)


def _line(error: Exception, named: str | None) -> str | None:
    if isinstance(error, ModuleNotFoundError | MissingExtraError) and named in PARTS:
        return _missing(error, named)
    if isinstance(error, HeadwaterError):
        return error.line()
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        return UnavailableError(f"{error.strerror or error}{where}.").line()
    # Of what is wrong with a command line typer exports one kind only; all kinds format alike.
    format_message = getattr(error, "format_message", None)
    if format_message is None:
        return None
    message = str(format_message()).strip()
    # A command that was given nothing to do has printed its help.
    return message and f"error[usage]: {' '.join(message.rstrip('.').split())}; see --help."


def _missing(error: ModuleNotFoundError | MissingExtraError, named: str) -> str | None:
    try:
        with needing(f"`headwater {named}`", PARTS[named].extra):
            raise error
    except MissingExtraError as missing:
        return missing.line()
    except ModuleNotFoundError:
        return None


def _refuse_empty(arguments: Sequence[str]) -> None:
    """A shell's unset variable is no file, no URL and no address; a reason may be empty."""
    for before, word in pairwise(("", *arguments)):
        option, joined, value = word.partition("=")
        if word and not (joined and not value and option.startswith("--")):
            continue
        name = before if not word else option
        if name != "--reason":
            where = f"The value of {name}" if name.startswith("--") else "An argument"
            raise InvalidInputError(f"{where} is empty.")


def _named(arguments: Sequence[str]) -> str | None:
    return next((word for word in arguments if not word.startswith("-")), None)


def _not_loaded() -> None:
    raise AssertionError("A command that was not named cannot be run.")
