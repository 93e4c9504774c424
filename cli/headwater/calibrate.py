"""`headwater attribution calibrate`: what methods' scores are worth, measured and signed.

The texts of the documentation world are this interpreter's own documentation, so that figures of
different interpreters differ a little there and nowhere else.
"""

import os
import time
from enum import StrEnum
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater import __version__
from headwater_payments.errors import HeadwaterError, InvalidInputError

if TYPE_CHECKING:
    from rich.console import Console

    from headwater_attribution.calibration.card import CalibrationCard
    from headwater_attribution.calibration.measured import MeasuredWorld
    from headwater_attribution.calibration.metrics import Estimate
    from headwater_attribution.calibration.run import Attacked, Calibration
    from headwater_models.trials.run import MeasuredTexts


class WorldName(StrEnum):
    """The worlds that the truth is known of."""

    SAME = "same"
    PARAPHRASE = "paraphrase"
    MIXED = "mixed"
    DIGITS = "digits"
    DOCUMENTATION = "documentation"
    RETRIEVAL = "retrieval"


class ModelName(StrEnum):
    """What learns the made-up languages."""

    TINY = "tiny"
    TRANSFORMER = "transformer"


def calibrate(
    worlds: Annotated[
        list[WorldName] | None, typer.Option("--world", help="One of the worlds; all by default.")
    ] = None,
    model: Annotated[
        ModelName, typer.Option(help="What learns the made-up languages; transformer needs torch.")
    ] = ModelName.TINY,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="Drawings of each world.")] = 3,
    retrainings: Annotated[
        int, typer.Option(min=8, max=10_000, help="Trainings for the truth of each drawing.")
    ] = 64,
    workers: Annotated[
        int, typer.Option(min=0, max=256, help="Processes; 0 takes one for each core.")
    ] = 0,
    card: Annotated[
        Path | None, typer.Option("--card", help="Where to write the calibration card.")
    ] = None,
    keyfile: Annotated[
        Path | None, typer.Option("--keyfile", help="An encrypted seed that signs the card.")
    ] = None,
    chain_id: Annotated[int, typer.Option(min=1, help="Of the card's signature.")] = 84_532,
) -> None:
    """Hold every method against models trained again, attack the best, and write a card.

    Results are the same for the same seeds, on any number of cores.
    """
    try:
        if keyfile is not None and card is None:
            raise InvalidInputError("A signature needs a card to stand on: name one with --card.")
        _calibrate(
            tuple(worlds or WorldName), model, seeds, retrainings, workers, card, keyfile, chain_id
        )
    except HeadwaterError as error:
        typer.echo(error.line(), err=True)
        raise typer.Exit(2) from error


def _calibrate(
    worlds: tuple[WorldName, ...],
    model: ModelName,
    seeds: int,
    retrainings: int,
    workers: int,
    card: Path | None,
    keyfile: Path | None,
    chain_id: int,
) -> None:
    from rich.console import Console

    from headwater_attribution.calibration.card import card_from
    from headwater_attribution.calibration.run import (
        Plan,
        calibrate,
        processes,
        require_packages,
    )
    from headwater_models.stdlib_corpus import standard_library_rows
    from headwater_models.trials.run import measure_texts

    named = set(worlds)
    documented = standard_library_rows() if named & _OF_REAL_TEXT else []
    trained = tuple(each.value for each in WorldName if each in named - {WorldName.RETRIEVAL})
    rows = tuple((row.module, row.text) for row in documented)
    plan = Plan(trained, model.value, seeds, retrainings, rows)
    require_packages(plan)
    with processes(workers or os.cpu_count() or 1) as pool:
        found = calibrate(plan, pool, _tell)
        measured = list(found.worlds)
        _show(Console(), found)
        if WorldName.RETRIEVAL in named:
            titled = [(row.module, row.title, row.text) for row in documented]
            texts = measure_texts(titled, seeds, retrainings, pool, _tell)
            measured.append(texts.world)
            _show_world(Console(), texts.world)
            _show_red_team(Console(), texts)
    if card is None:
        return
    made = card_from(measured, software=f"headwater {__version__}", issued_at=int(time.time()))
    if keyfile is not None:
        made = _signed(made, keyfile, chain_id)
    try:
        card.write_text(made.model_dump_json(indent=1) + "\n", "utf-8")
    except OSError as exc:
        raise InvalidInputError(f"The card can't be written to {card}: {exc.strerror}.") from exc
    typer.echo(f"The card is {card}, with the hash 0x{made.hash().hex()}.")


_OF_REAL_TEXT = {WorldName.DOCUMENTATION, WorldName.RETRIEVAL}


def _tell(line: str) -> None:
    typer.echo(f"measured {line}", err=True)


def _signed(card: "CalibrationCard", keyfile: Path, chain_id: int) -> "CalibrationCard":
    import anyio

    from headwater_attribution.calibration.card import sign_card
    from headwater_wallet.cli_support import password
    from headwater_wallet.keys import SeedKeystore

    signer = SeedKeystore.load(keyfile, password).signer(0)
    return anyio.run(sign_card, card, signer, chain_id)


_COLUMNS = (
    ("lds", "LDS"),
    ("left_out", "left out"),
    ("payout_distance", "payout distance"),
    ("paid_rightly", "paid rightly"),
    ("spam_share", "to spam"),
    ("seconds", "seconds"),
)


def _show(console: "Console", found: "Calibration") -> None:
    from headwater_attribution.tables import show_table

    for world in found.worlds:
        _show_world(console, world)
    if found.attacks:
        headings = ("attack", "in", "paid", "worth", "gain", "victim before", "after")
        rows = [_attack(each) for each in found.attacks]
        show_table(console, headings, rows, title="attacks on EK-FAC", right=headings[2:])


def _show_world(console: "Console", world: "MeasuredWorld") -> None:
    from headwater_attribution.tables import show_table

    seen = {figure for figures in world.methods.values() for figure in figures}
    columns = [(name, heading) for name, heading in _COLUMNS if name in seen]
    rows = [
        (
            method,
            *(_figure(figures.get(name)) for name, _ in columns),
            *([_figure(world.margins.get(method), sign=True)] if world.margins else []),
        )
        for method, figures in world.methods.items()
    ]
    margin = ["LDS less DataInf's"] if world.margins else []
    headings = ("method", *(heading for _, heading in columns), *margin)
    title = f"{world.world}: {world.seeds} drawings, {world.retrainings} retrainings each"
    show_table(console, headings, rows, title=title, right=headings[1:])


def _show_red_team(console: "Console", texts: "MeasuredTexts") -> None:
    from headwater_attribution.tables import show_table

    def spread(values: list[float]) -> str:
        mean = sum(values) / len(values)
        return f"{mean:.1%} ({min(values):.1%} to {max(values):.1%})"

    rows = [
        (
            name,
            f"{sum(r.entered for r in results) / max(1, sum(r.handed_in for r in results)):.0%}",
            *(
                spread([part(step(result)) for result in results])
                for step in (attrgetter("after"), attrgetter("audited"), attrgetter("next"))
                for part in (attrgetter("attackers"), attrgetter("honest"))
            ),
        )
        for name, results in texts.attacks.items()
    ]
    steps = ("", "audited: ", "next version: ")
    parts = [f"{step}{part}" for step in steps for part in ("gain", "honest")]
    headings = ("attack", "entered", *parts)
    title = "attacks by text on admission, model, method and rule"
    show_table(console, headings, rows, title=title, right=headings[1:])


def _attack(attacked: "Attacked") -> tuple[str, ...]:
    def mean(values: list[float]) -> str:
        return f"{sum(values) / len(values):.1%}"

    results = attacked.results
    gains = [each.gain for each in results]
    spread = f"{mean(gains)} ({min(gains):.1%} to {max(gains):.1%})"
    copied = any(each.victim_before for each in results)
    return (
        attacked.attack,
        attacked.world,
        mean([each.paid for each in results]),
        mean([each.worth for each in results]),
        spread,
        mean([each.victim_before for each in results]) if copied else "",
        mean([each.victim_after for each in results]) if copied else "",
    )


def _figure(estimate: "Estimate | None", *, sign: bool = False) -> str:
    if estimate is None:
        return ""
    spread = max(estimate.high - estimate.value, estimate.value - estimate.low)
    return f"{estimate.value:{'+.3f' if sign else '.3f'}} ±{spread:.3f}"
