"""The `headwater` command: one program, each part loaded only when it is asked for."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from headwater import __version__

PARTS = {
    "demo": ("headwater.demo.cli", "demo", "Run a small economy from start to end, and check it."),
    "simulate": (
        "headwater_simulations.cli",
        "simulate",
        "Run the reward rule over a population that attacks it.",
    ),
    "attribution": ("headwater_attribution.cli", "app", "Check published epochs."),
    "wallet": ("headwater_wallet.cli", "app", "Keys, budgets, policies, approvals, kill switch."),
    "doctor": ("headwater.doctor", "doctor", "Check a wallet's or a seller's set-up."),
    "chain": ("headwater_contracts.cli", "app", "Start a chain to develop on, list addresses."),
}
"""Command → module, the name of its function or application there, its line in the help."""


class MissingExtraError(Exception):
    """A part of the program needs a package that is not installed."""


def application(arguments: Sequence[str]) -> typer.Typer:
    """The program for these arguments: the part they name is loaded, the others are only listed.

    Raises:
        MissingExtraError: the part needs a package that is not installed.
    """
    app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback(invoke_without_command=True)(front)
    named = next((word for word in arguments if not word.startswith("-")), None)
    for name, (module, attribute, summary) in PARTS.items():
        if name != named:
            app.command(name, help=summary)(_not_loaded)
            continue
        part = _load(name, module, attribute)
        if isinstance(part, typer.Typer):
            app.add_typer(part, name=name, help=summary)
        elif callable(part):
            app.command(name, help=summary)(part)
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
    """Run the command line; an interruption leaves quietly with status 130."""
    try:
        status = application(sys.argv[1:])(standalone_mode=False)
    except MissingExtraError as error:
        typer.echo(str(error), err=True)
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except Exception as error:
        # Of what is wrong with a command line typer exports one kind only; all kinds format alike.
        said = getattr(error, "format_message", None)
        if said is None:
            raise
        message = said().strip()
        if not message:
            # A command that was given nothing to do has printed its help.
            sys.exit(2)
        typer.echo(f"error[usage]: {message.rstrip('.')}; see --help.", err=True)
        sys.exit(2)
    sys.exit(status if isinstance(status, int) else 0)


def _load(name: str, module: str, attribute: str) -> object:
    try:
        return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0].startswith("headwater"):
            raise
        raise MissingExtraError(
            f"error[missing_extra]: `headwater {name}` needs the package {error.name}: "
            "install headwater with its extra 'all'."
        ) from error


def _not_loaded() -> None:
    raise AssertionError("A command that was not named cannot be run.")
