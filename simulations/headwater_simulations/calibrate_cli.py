"""`headwater simulate calibrate`: how much the attacker finds, and how often it cries wolf."""

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

import typer

from headwater_payments.errors import InvalidInputError
from headwater_simulations.attack_cli import check_seed, refusals

# The command line starts fast because numpy and the simulator load when a command runs.
if TYPE_CHECKING:
    from headwater_simulations.adversary.calibration import Calibration, Outcome

SIZES = {"small": (20, 30), "full": (280, 300)}
"""Planted flaws and sound rules; 299 clean runs without an alarm bound its probability by 1 %."""

_GAINS = (0.0, 0.25, 0.5, 1.0, float("inf"))
_BASINS = (0.0, 0.01, 0.05, 0.1, 1.01)


def calibrate(
    size: Annotated[str, typer.Option(help="small or full: how many rules.")] = "small",
    budget: Annotated[str, typer.Option(help="Of each attack: small, standard or full.")] = "small",
    seed: Annotated[int, typer.Option(help="Seed of the rules and of the attacks.")] = 1,
    workers: Annotated[int, typer.Option(help="Processes; the result is the same.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not a table.")] = False,
) -> None:
    """Attack rules with planted flaws and sound ones: recall and false alarms with intervals."""
    from headwater_simulations.adversary import calibration
    from headwater_simulations.adversary.budget import budget_named

    with refusals():
        check_seed(seed)
        if size not in SIZES:
            raise InvalidInputError(f"There is no size {size}; there are {', '.join(SIZES)}.")
        flaws, sound = SIZES[size]
        done = calibration.calibrate(
            budget_named(budget), flaws=flaws, sound_rules=sound, seed=seed, workers=workers
        )
    if as_json:
        typer.echo(json.dumps(report(done), indent=2))
    else:
        _show(done)


def report(done: "Calibration") -> dict[str, object]:
    """A calibration as JSON, every outcome included."""
    from dataclasses import asdict

    return {
        "seed": done.seed,
        "budget": asdict(done.budget),
        "recall": {name: _line(group) for name, group in groups(done).items()},
        "false_alarms": done.alarms,
        "sound_rules": len(done.sound),
        "false_alarms_at_most": done.alarms_at_most,
        "flaws": [asdict(each) for each in done.flaws],
        "sound": [asdict(each) for each in done.sound],
    }


def groups(done: "Calibration") -> dict[str, tuple["Outcome", ...]]:
    """The planted flaws altogether, by kind, by gain and by basin; empty groups left out."""
    planted = done.planted
    found = {"all planted flaws": planted}
    for kind in dict.fromkeys(each.kind for each in planted):
        found[kind] = tuple(each for each in planted if each.kind == kind)
    for low, high in pairwise(_GAINS):
        name = f"gain {low:g} to {high:g}" if high < float("inf") else f"gain above {low:g}"
        found[name] = tuple(each for each in planted if low <= each.gain < high)
    for low, high in pairwise(_BASINS):
        name = f"basin {100 * low:g} % to {min(100 * high, 100):g} %"
        found[name] = tuple(each for each in planted if low <= each.basin < high)
    return {name: group for name, group in found.items() if group}


def _line(group: tuple["Outcome", ...]) -> dict[str, float | int]:
    from headwater_simulations.adversary.calibration import recall

    counted = recall(group)
    assert counted is not None
    found, planted, share = counted
    return {
        "found": found,
        "planted": planted,
        "low": share.low,
        "recall": share.mean,
        "high": share.high,
    }


def _show(done: "Calibration") -> None:
    from rich.console import Console

    from headwater_attribution.tables import show_table
    from headwater_simulations.adversary.attacking import Verdict

    console = Console(highlight=False)
    lines = {name: _line(group) for name, group in groups(done).items()}
    show_table(
        console,
        ("planted flaws", "found", "recall, 95 % interval"),
        [
            (
                name,
                f"{line['found']} of {line['planted']}",
                f"{line['recall']:.2f} [{line['low']:.2f}, {line['high']:.2f}]",
            )
            for name, line in lines.items()
        ],
        title=f"The attacker at {done.budget.candidates:,} strategies an attack",
        right=("found", "recall, 95 % interval"),
    )
    cleared = sum(each.verdict is Verdict.NONE_FOUND for each in done.sound)
    console.print(
        f"Sound rules: {done.alarms} of {len(done.sound)} accused, which bounds the probability by "
        f"{100 * done.alarms_at_most:.2g} % (95 % confidence); {cleared} cleared, the others "
        f"undecided. {len(done.flaws) - len(done.planted)} flaws were too small to count.",
        soft_wrap=True,
    )
