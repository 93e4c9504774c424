"""`headwater attribution`: check published epochs without trusting whoever published them.

`verify` ends with status 0 where the bundle holds, 1 where its books disagree, and 2 where it can't
be judged: unreadable, no bundle, or made by a method or rule that is not installed here.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater_attribution.errors import AttributionError
from headwater_payments.errors import HeadwaterError

# The command line starts fast because numpy and the methods load when a command runs.
if TYPE_CHECKING:
    from headwater_attribution.verify import BundleVerdict

app = typer.Typer(no_args_is_help=True, help="Attribution: who caused an answer, and is it true.")


class BundleRefusedError(AttributionError):
    """A bundle doesn't hold."""

    code = "bundle_refused"


@app.callback()
def main() -> None:
    """Attribution: who caused an answer, and whether a published epoch holds."""


@app.command()
def verify(
    bundle: Annotated[Path, typer.Argument(help="The epoch bundle, a JSON file.")],
    previous: Annotated[
        Path | None,
        typer.Option("--previous", help="The bundle of the epoch before, to check against."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print leaves only if they fail.")] = False,
) -> None:
    """Recompute every share of BUNDLE and say leaf by leaf whether it holds.

    With the bundle of the epoch before, its number and where it starts from are checked too.
    Status 0: it holds. 1: it does not. 2: it can't be judged. A file has at most 256 MiB.
    """
    from headwater_attribution.bundle_files import read_bundle
    from headwater_attribution.verify import verify_bundle

    try:
        before = None if previous is None else read_bundle(previous)
        verdict = verify_bundle(read_bundle(bundle), before)
        _show(verdict, quiet)
        if not verdict.holds:
            wrong = len(verdict.faults) + sum(not leaf.holds for leaf in verdict.leaves)
            raise BundleRefusedError(f"The bundle does not hold: {wrong} faults, named above.")
    except HeadwaterError as error:
        typer.echo(error.line(), err=True)
        raise typer.Exit(1 if isinstance(error, BundleRefusedError) else 2) from error


def _show(verdict: "BundleVerdict", quiet: bool) -> None:
    from rich.console import Console

    from headwater_attribution.tables import show_table

    console = Console()
    rows = [
        (
            str(leaf.position),
            leaf.account,
            "-" if leaf.claimed is None else str(leaf.claimed),
            "-" if leaf.recomputed is None else str(leaf.recomputed),
            leaf.fault or "holds",
        )
        for leaf in verdict.leaves
        if not (quiet and leaf.holds)
    ]
    if rows:
        show_table(console, ("position", "account", "claimed", "recomputed", "verdict"), rows)
    for fault in verdict.faults:
        console.print(fault, soft_wrap=True, markup=False)
    if verdict.holds:
        console.print(f"All {len(verdict.leaves)} leaves hold.")
