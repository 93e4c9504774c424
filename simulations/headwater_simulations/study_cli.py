"""`headwater simulate study` and `report`: run a study's file, and show what it found."""

import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater_payments.errors import HeadwaterError

if TYPE_CHECKING:
    from headwater_simulations.studies import Executor, Progress, StudyFrame

File = Annotated[Path, typer.Argument(metavar="STUDY", help="A study as TOML.")]
Folder = Annotated[Path, typer.Option("--out", help="The folder of its rows.")]


class Where(StrEnum):
    """Where chunks are worked."""

    HERE = "here"
    PROCESSES = "processes"
    RAY = "ray"


def study(
    file: File,
    out: Folder,
    executor: Annotated[Where, typer.Option(help="Where it is worked.")] = Where.PROCESSES,
    workers: Annotated[int | None, typer.Option(help="Processes; one for each core.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Tell no progress.")] = False,
) -> None:
    """Run a study, or what is missing of it: levers, uncertainties and worlds into Parquet."""
    from headwater_simulations.studies import run_study
    from headwater_simulations.studies.files import read_study

    try:
        asked = read_study(file)
        found = run_study(asked, out, _executor(executor, workers), _teller(quiet=quiet))
    except HeadwaterError as error:
        typer.echo(error.line(), err=True)
        raise typer.Exit(2) from error
    _show(found)


def report(
    file: File,
    out: Folder,
    page: Annotated[Path, typer.Option(help="The page to write.")] = Path("study.html"),
) -> None:
    """Write one HTML page, and a scorecard as JSON beside it, of a study that was run."""
    from headwater_simulations.studies import open_study
    from headwater_simulations.studies.files import read_study
    from headwater_simulations.studies.report import write_report

    try:
        scorecard = write_report(open_study(read_study(file), out), page)
    except HeadwaterError as error:
        typer.echo(error.line(), err=True)
        raise typer.Exit(2) from error
    typer.echo(f"{page} and {scorecard} are written.")


def _executor(where: Where, workers: int | None) -> "Executor":
    from headwater_simulations.studies import InProcess, Processes, RayCluster

    if where is Where.HERE:
        return InProcess()
    return RayCluster() if where is Where.RAY else Processes(workers)


def _teller(*, quiet: bool) -> "Callable[[Progress], None]":
    last = 0.0

    def tell(progress: "Progress") -> None:
        nonlocal last
        now, over = time.monotonic(), progress.done == progress.chunks
        if quiet or (now - last < 1 and not over):
            return
        last = now
        left = "" if progress.left_s is None or over else f", about {progress.left_s:.0f} s to go"
        typer.echo(f"{progress.done} of {progress.chunks} chunks{left}", err=True)

    return tell


def _show(found: "StudyFrame") -> None:
    from rich.console import Console

    from headwater_attribution.tables import show_table
    from headwater_simulations.studies.scores import scores_of

    scores = scores_of(found)
    names = ("measure", "lowest", "median", "highest", "highest at")
    rows = [
        (s.measure, f"{s.low:.3f}", f"{s.median:.3f}", f"{s.high:.3f}", s.where) for s in scores
    ]
    title = f"{found.study.name}: {found.study.count:,} points, {found.study.worlds} worlds each"
    show_table(Console(highlight=False), names, rows, title=title, right=names[1:4])
