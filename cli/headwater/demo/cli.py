"""`headwater demo`: run the whole economy once, print it, check it, write a report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import anyio
import typer
from rich.console import Console
from rich.text import Text

from headwater_attribution.tables import show_table
from headwater_payments.errors import HeadwaterError

if TYPE_CHECKING:
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
        f"Check the epoch yourself: headwater attribution verify {page.parent / BUNDLE}",
        soft_wrap=True,
    )
    if not outcome.passed:
        raise typer.Exit(1)


def _run(
    admission: bool, seed: int, llm: str | None, report: Path, console: Console
) -> "tuple[Outcome, Path]":
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
    verdict = "[green]Everything held" if outcome.passed else "[bold red]Something did not hold"
    console.print(f"{verdict}[/], in {outcome.seconds:.1f} s.")


def _show_contributors(outcome: "Outcome", console: Console) -> None:
    if outcome.earnings is None:
        return
    ranked = sorted(outcome.earnings.contributors, key=lambda line: -line.earned)
    honest = [line for line in ranked if line.kind == "honest"]
    shown = honest[:12] + [line for line in ranked if line.kind != "honest"]
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
        ("contribution", "kind", *numbers),
        rows,
        title="Contributors who earned most, and everybody who cheated",
        right=numbers,
    )


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
            str(cheat.limit),
        )
        for cheat in outcome.earnings.cheats
    ]
    show_table(
        console,
        ("cheat", "rows", "accepted", "earned", "that is", "limit"),
        rows,
        title=f"What cheating earned, admission {admission}",
    )


def _show_parties(outcome: "Outcome", console: Console) -> None:
    rows = [
        (role, f"{change:+,}", why)
        for role, _, change, why in outcome.parties
        if change or not role.endswith(("attributor", "fallback"))
    ]
    show_table(
        console,
        ("party", "net", "why"),
        rows,
        title="Everybody else: net atomic units, own escrow included",
        right=("net",),
    )


def _show_traffic(outcome: "Outcome", console: Console) -> None:
    traffic = outcome.traffic
    if traffic is None:
        return
    console.print(
        f"{traffic.calls} paid calls ({traffic.streamed} streamed), {traffic.vouchers} vouchers on "
        f"{traffic.channels} channels, {traffic.transactions} payment transactions, "
        f"{traffic.gas_per_call:,.0f} gas a call; revenue {traffic.revenue:,} atomic units.",
        soft_wrap=True,
    )
