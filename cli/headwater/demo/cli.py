"""`headwater demo`: run the whole economy once, print it, check it, write a report."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Annotated

import anyio
import typer
from rich.console import Console
from rich.text import Text

from headwater_attribution.tables import show_table
from headwater_payments.errors import HeadwaterError

if TYPE_CHECKING:
    from headwater.demo.earnings import ContributorLine
    from headwater.demo.outcome import Outcome


_MARKS = {
    "held": Text("held", style="green"),
    "failed": Text("FAILED", style="bold red"),
    "shown": Text("shown", style="dim"),
}


def demo(
    admission: Annotated[
        bool, typer.Option(help="Whether rows are judged before they enter the datanet.")
    ] = True,
    seed: Annotated[int, typer.Option(help="Seed of questions and cheats.")] = 7,
    llm: Annotated[
        str | None, typer.Option(help="A real model for the agents, as provider:model.")
    ] = None,
    report: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("demo-report"),
) -> None:
    """Run a small economy: agents buy answers, revenue flows to whoever's rows caused them."""
    console = Console(highlight=False)
    try:
        outcome, page = _run(admission, seed, llm, report, console)
        from headwater.demo.report import BUNDLE
    except HeadwaterError as error:
        typer.echo(error.line(), err=True)
        raise typer.Exit(2) from error
    show(outcome, console)
    console.print(f"\nReport: {page}", soft_wrap=True)
    console.print(
        f"Check the epoch yourself: {_command()} attribution verify {page.parent / BUNDLE}",
        soft_wrap=True,
    )
    if not outcome.passed:
        raise typer.Exit(1)


def _run(
    admission: bool, seed: int, llm: str | None, report: Path, console: Console
) -> "tuple[Outcome, Path]":
    # An advertisement that a library prints on terminals is no part of a run.
    os.environ.setdefault("PYDANTIC_AI_NO_BANNER", "1")
    from headwater.demo.report import check_writable, write_report
    from headwater.demo.run import Options, run

    check_writable(report)
    options = Options(seed=seed, admission=admission, llm=llm)
    outcome = anyio.run(
        run, options, lambda line: console.print(line, soft_wrap=True, markup=False)
    )
    return outcome, write_report(outcome, report)


def show(outcome: "Outcome", console: Console) -> None:
    """Print the tables that end the demonstration."""
    _show_contributors(outcome, console)
    _show_cheats(outcome, console)
    _show_parties(outcome, console)
    _show_traffic(outcome, console)
    show_table(
        console,
        ("check", "state", "found"),
        [(check.name, _MARKS[check.state], check.detail) for check in outcome.checks],
        title="Checks",
    )
    if outcome.passed:
        console.print(f"[green]Everything held[/], in {outcome.seconds:.1f} s.")
        return
    failed = ", ".join(outcome.failed) or "there is no result"
    console.print(f"[bold red]Did not hold[/], in {outcome.seconds:.1f} s: {failed}.")


def _show_contributors(outcome: "Outcome", console: Console) -> None:
    if outcome.earnings is None:
        return
    ranked = sorted(outcome.earnings.contributors, key=lambda line: -line.earned)
    honest = [line for line in ranked if line.kind == "honest"]
    shown = honest[:12] + _together([line for line in ranked if line.kind != "honest"])
    rows = [
        (
            line.name,
            line.kind,
            str(line.submitted),
            str(line.accepted),
            str(line.answers),
            f"{line.earned:,}",
            f"{line.per_row:,.1f}",
        )
        for line in shown
    ]
    rest = honest[12:]
    total = sum(line.earned for line in rest)
    rows.append((f"… and {len(rest)} more", "honest", "", "", "", f"{total:,}", ""))
    numbers = ("rows", "accepted", "answers caused", "earned", "per row")
    show_table(
        console,
        ("from", "kind", *numbers),
        rows,
        title="Contributors who earned most, and everybody who cheated",
        right=numbers,
    )


def _together(lines: "list[ContributorLine]") -> "list[ContributorLine]":
    """One line for each kind, of all the identities that it was handed in by."""
    kinds = {line.kind: [each for each in lines if each.kind == line.kind] for line in lines}
    return [
        replace(
            of_kind[0],
            name="one identity" if len(of_kind) == 1 else f"{len(of_kind)} identities",
            submitted=sum(line.submitted for line in of_kind),
            accepted=sum(line.accepted for line in of_kind),
            answers=sum(line.answers for line in of_kind),
            earned=sum(line.earned for line in of_kind),
        )
        for of_kind in kinds.values()
    ]


def _command() -> str:
    """How this program was called, for a command to copy."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{sys.executable} -m headwater"
    return called.name if which(called.name) else str(called)


def _show_cheats(outcome: "Outcome", console: Console) -> None:
    if outcome.earnings is None:
        return
    admission = "on" if outcome.admission else "off"
    rows = [
        (
            cheat.kind,
            str(cheat.rows),
            str(cheat.accepted),
            f"{cheat.earned:,}",
            f"{cheat.ratio:.3f} {cheat.measure}",
            *([str(cheat.limit)] if outcome.admission else []),
        )
        for cheat in outcome.earnings.cheats
    ]
    heads = ("cheat", "rows", "accepted", "earned", "that is")
    show_table(
        console,
        (*heads, "limit") if outcome.admission else heads,
        rows,
        title=f"What cheating earned, admission {admission}",
    )


def _show_parties(outcome: "Outcome", console: Console) -> None:
    rows = [(role, f"{change:+,}", why) for role, _, change, why in outcome.others]
    total = sum(change for _, _, change, _ in outcome.others)
    rows.append(("sum", f"{total:+,}", "nothing is made or lost"))
    show_table(
        console,
        ("party", "net", "why"),
        rows,
        title="Everybody else: net atomic units (1,000,000 are one USDC), own escrow included",
        right=("net",),
    )


def _show_traffic(outcome: "Outcome", console: Console) -> None:
    traffic = outcome.traffic
    if traffic is None:
        return
    console.print(
        f"{traffic.calls} paid calls ({traffic.streamed} streamed), {traffic.vouchers} vouchers on "
        f"{traffic.channels} channels, {traffic.transactions} payment transactions, "
        f"{traffic.gas_per_call:,.0f} gas a call; {traffic.revenue:,} atomic units charged.",
        soft_wrap=True,
    )
