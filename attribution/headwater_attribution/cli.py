"""`headwater attribution`: check published epochs without trusting whoever published them.

`verify` ends with status 0 where the bundle holds, 1 where its books disagree, and 2 where it can't
be judged: unreadable, no bundle, or made by a method or rule that is not installed here.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater_attribution.errors import AttributionError
from headwater_payments.errors import HeadwaterError, InvalidInputError

# The command line starts fast because numpy and the methods load when a command runs.
if TYPE_CHECKING:
    from headwater_attribution.bundle import EpochBundle
    from headwater_attribution.verify import BundleVerdict

app = typer.Typer(no_args_is_help=True, help="Attribution: who caused an answer, and is it true.")


class BundleRefusedError(AttributionError):
    """A bundle doesn't hold."""

    code = "bundle_refused"


class ReceiptRefusedError(AttributionError):
    """An attribution receipt doesn't hold."""

    code = "receipt_refused"


@app.callback()
def main() -> None:
    """Attribution: who caused an answer, and whether a published epoch holds."""


@app.command()
def verify(
    bundle: Annotated[
        Path, typer.Argument(help="The epoch bundle, a JSON file or a directory of tables.")
    ],
    previous: Annotated[
        Path | None,
        typer.Option("--previous", help="The bundle of the epoch before, to check against."),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Print leaves that hold, too.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but what fails.")] = False,
    desk: Annotated[
        str, typer.Option("--desk", help="The account that has to have signed the logs of seals.")
    ] = "",
    auditors: Annotated[
        list[str] | None,
        typer.Option("--auditor", help="An account that may have signed audits; may be repeated."),
    ] = None,
) -> None:
    """Recompute every share of BUNDLE and say leaf by leaf whether it holds.

    Its rows are held against the seals they came with, which say who had them first, and what it
    pays of audited credit against the audits. With the bundle of the epoch before, its number and
    where it starts from are checked too.

    Status 0: it holds. 1: it does not. 2: it can't be judged. A file has at most 256 MiB.
    """
    from headwater_attribution.bundle_files import read_bundle
    from headwater_attribution.verify import verify_bundle
    from headwater_payments.address import parse_address

    try:
        before = None if previous is None else read_bundle(previous)
        by = parse_address(desk) if desk else None
        trusted = [parse_address(each) for each in auditors or ()]
        verdict = verify_bundle(read_bundle(bundle), before, desk=by, auditors=trusted)
        _show(verdict, verbose=verbose, quiet=quiet)
        if not verdict.holds:
            wrong = len(verdict.faults) + sum(not leaf.holds for leaf in verdict.leaves)
            raise BundleRefusedError(f"The bundle does not hold: {wrong} faults, named above.")
    except HeadwaterError as error:
        typer.echo(error.line(), err=True)
        raise typer.Exit(1 if isinstance(error, BundleRefusedError) else 2) from error


@app.command()
def tables(
    bundle: Annotated[Path, typer.Argument(help="The epoch bundle, a JSON file.")],
    directory: Annotated[Path, typer.Argument(help="A new directory for the tables.")],
) -> None:
    """Write BUNDLE as Parquet tables of rows, receipts and leaves, which `verify` reads too.

    Needs the extra `parquet`. Nothing is checked: `verify` the directory.
    """
    from headwater_attribution.bundle_files import read_bundle

    try:
        from headwater_attribution.bundle_tables import write_tables

        write_tables(read_bundle(bundle), directory)
    except OSError as error:
        typer.echo(InvalidInputError(f"It can't be written: {error.strerror}.").line(), err=True)
        raise typer.Exit(2) from error
    except HeadwaterError as error:
        typer.echo(error.line(), err=True)
        raise typer.Exit(2) from error


@app.command()
def explain(
    receipt: Annotated[
        str,
        typer.Argument(
            help="A receipt's id, or a beginning of it that no other has; or the file of a signed "
            "attribution receipt."
        ),
    ],
    bundle: Annotated[Path, typer.Argument(help="The epoch bundle that holds it, a JSON file.")],
    issuer: Annotated[
        str, typer.Option("--issuer", help="Who has to have signed the receipt's file.")
    ] = "",
    chain_id: Annotated[int, typer.Option(min=1, help="Of the file's signature.")] = 84_532,
) -> None:
    """Say which rows caused which words of an answer, and what each account earned.

    Everything is recomputed. Status 0: explained. 1: the file of a receipt does not hold, with what
    is wrong in it. 2: it can't be explained.
    """
    from headwater_attribution.bundle_files import read_bundle
    from headwater_attribution.explanation import explain as explained
    from headwater_attribution.explanation_shown import show_explanation

    try:
        epoch = read_bundle(bundle)
        path = Path(receipt)
        wanted = receipt if receipt.startswith("0x") else _held(path, epoch, issuer, chain_id)
        show_explanation(explained(epoch, wanted))
    except HeadwaterError as error:
        typer.echo(error.line(), err=True)
        raise typer.Exit(1 if isinstance(error, ReceiptRefusedError) else 2) from error


def _held(path: Path, bundle: "EpochBundle", issuer: str, chain_id: int) -> str:
    """The payment of a signed receipt that holds against the bundle."""
    from headwater_attribution.receipt_check import ReceiptBasis, receipt_faults
    from headwater_attribution.signed_receipt import read_receipt
    from headwater_payments.address import parse_address

    receipt = read_receipt(path)
    parts = [each for each in bundle.receipts if each.receipt_id == receipt.payment]
    if not parts:
        raise InvalidInputError(f"The bundle holds no receipt {receipt.payment}.")
    committed = None if bundle.influence is None else bundle.influence.committed()
    by = parse_address(issuer) if issuer else receipt.signed_by(chain_id)
    faults = receipt_faults(
        receipt,
        ReceiptBasis(
            parts[0].evidence,
            bundle.corpus.corpus(),
            by,
            chain_id,
            card=bundle.calibration,
            committed=committed,
        ),
    )
    for fault in faults:
        typer.echo(fault)
    if faults:
        raise ReceiptRefusedError(f"The receipt does not hold: {len(faults)} faults, named above.")
    typer.echo(f"The receipt holds, and is signed by {by}.")
    return receipt.payment


def _show(verdict: "BundleVerdict", *, verbose: bool, quiet: bool) -> None:
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
        if verbose or not leaf.holds
    ]
    if rows:
        show_table(console, ("position", "account", "claimed", "recomputed", "verdict"), rows)
    for fault in verdict.faults:
        console.print(fault, soft_wrap=True, markup=False)
    if quiet:
        return
    for given in verdict.taken_as_given:
        console.print(given, soft_wrap=True, markup=False)
    held = sum(leaf.holds for leaf in verdict.leaves)
    if held == len(verdict.leaves):
        console.print(f"All {held} leaves hold.")
    else:
        console.print(f"{held} of {len(verdict.leaves)} leaves hold.")
