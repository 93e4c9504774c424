"""`headwater demo`: run the whole economy once, print it, check it, write a report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import anyio
import typer
from rich.console import Console
from rich.table import Table

from headwater_payments.errors import HeadwaterError

if TYPE_CHECKING:
    from headwater.demo.outcome import Outcome


_MARKS = {
    "held": "[green]held[/]",
    "failed": "[bold red]FAILED[/]",
    "shown": "[dim]shown[/]",
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
        typer.echo(f"error[{error.code}]: {error.message}", err=True)
        raise typer.Exit(2) from error
    except ModuleNotFoundError as error:
        typer.echo(
            f"error[missing_extra]: The demonstration needs {error.name}: "
            "install headwater with its extra 'demo'.",
            err=True,
        )
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
    checks = Table(title="Checks", title_justify="left")
    for heading in ("", "check", "found"):
        checks.add_column(heading)
    for check in outcome.checks:
        checks.add_row(_MARKS[check.state], check.name, check.detail)
    console.print(checks)
    verdict = "[green]Everything held" if outcome.passed else "[bold red]Something did not hold"
    console.print(f"{verdict}[/], in {outcome.seconds:.1f} s.")


def _show_contributors(outcome: "Outcome", console: Console) -> None:
    if outcome.earnings is None:
        return
    table = Table(title="Contributors who earned most, and everybody who cheated")
    for heading, justify in (
        ("contribution", "left"),
        ("kind", "left"),
        ("rows", "right"),
        ("accepted", "right"),
        ("answers caused", "right"),
        ("earned", "right"),
        ("per row", "right"),
    ):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    ranked = sorted(outcome.earnings.contributors, key=lambda line: -line.earned)
    honest = [line for line in ranked if line.kind == "honest"]
    shown = honest[:12] + [line for line in ranked if line.kind != "honest"]
    for line in shown:
        table.add_row(
            line.name,
            line.kind,
            str(line.submitted),
            str(line.accepted),
            str(line.answers),
            f"{line.earned:,}",
            f"{line.per_row:,.1f}",
        )
    rest = honest[12:]
    total = sum(line.earned for line in rest)
    table.add_row(f"… and {len(rest)} more", "honest", "", "", "", f"{total:,}", "")
    console.print(table)


def _show_cheats(outcome: "Outcome", console: Console) -> None:
    if outcome.earnings is None:
        return
    admission = "on" if outcome.admission else "off"
    table = Table(title=f"What cheating earned, admission {admission}")
    for heading in ("cheat", "rows", "accepted", "earned", "that is", "limit"):
        table.add_column(heading)
    for cheat in outcome.earnings.cheats:
        table.add_row(
            cheat.kind,
            str(cheat.rows),
            str(cheat.accepted),
            f"{cheat.earned:,}",
            f"{cheat.ratio:.3f} {cheat.measure}",
            str(cheat.limit),
        )
    console.print(table)


def _show_parties(outcome: "Outcome", console: Console) -> None:
    table = Table(title="Everybody else: net atomic units, own escrow included")
    for heading in ("party", "net", "why"):
        table.add_column(heading, justify="right" if heading == "net" else "left")
    for role, _, change, why in outcome.parties:
        if change or not role.endswith(("attributor", "fallback")):
            table.add_row(role, f"{change:+,}", why)
    console.print(table)


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
