"""`headwater simulate defend`: levers against a fresh attack in each round."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from headwater_payments.errors import InvalidInputError
from headwater_simulations.attack_cli import (
    RuleOption,
    SettingOption,
    arena_of,
    check_seed,
    refusals,
    report,
    space_of,
)

# The command line starts fast because numpy and the simulator load when a command runs.
if TYPE_CHECKING:
    from headwater_simulations.adversary.defence import Defence, Lever

_PAYS = 1


def defend(
    lever: Annotated[
        list[str],
        typer.Option(help="Values with what they cost: audit=0,10000000:0.02; may be repeated."),
    ],
    rule: RuleOption = "causes/1",
    budget: Annotated[str, typer.Option(help="small, standard or full.")] = "small",
    rounds: Annotated[int, typer.Option(help="Settings that are attacked at most.")] = 6,
    seed: Annotated[int, typer.Option(help="Seed of all randomness.")] = 1,
    only: Annotated[
        str, typer.Option(help="Kinds of deviation, with commas: Split,Wash; all unless given.")
    ] = "",
    setting: SettingOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not a table.")] = False,
) -> None:
    """Search levers for the cheapest setting that an attack does not get through.

    Status 0: the re-attack found nothing. 1: something pays, or might. 2: refused.
    """
    from headwater_simulations.adversary import defence
    from headwater_simulations.adversary.budget import budget_named
    from headwater_simulations.adversary.userrules import find_rule

    with refusals():
        check_seed(seed)
        found = defence.defend(
            find_rule(rule),
            [_lever(text) for text in lever],
            arena_of(setting or []),
            space_of(only),
            budget_named(budget),
            rounds=rounds,
            seed=seed,
        )
    if as_json:
        typer.echo(json.dumps(_report(found), indent=2))
    else:
        _show(found)
    if not found.holds:
        raise typer.Exit(_PAYS)


def _report(found: "Defence") -> dict[str, object]:
    return {
        "rounds": [
            {
                "setting": dict(each.setting),
                "cost": each.cost,
                "known": each.known,
                "attack": report(each.result),
            }
            for each in found.rounds
        ],
        "reattack": report(found.reattack),
    }


def _show(found: "Defence") -> None:
    from rich.console import Console

    from headwater_attribution.tables import show_table
    from headwater_simulations.adversary.describe import describe, gain_text

    console = Console(highlight=False)
    results = [*(each.result for each in found.rounds), found.reattack]
    settings = [*found.rounds, found.rounds[-1]]
    rows = [
        (
            "re-attack" if result is found.reattack else f"round {number}",
            ", ".join(f"{name} {value}" for name, value in each.setting.items()),
            f"{each.cost:.3f}",
            str(result.verdict),
            describe(result.finalists[0].strategy),
            gain_text(result.finalists[0].gain),
        )
        for number, (each, result) in enumerate(zip(settings, results, strict=True), start=1)
    ]
    headings = ("", "setting", "cost", "verdict", "largest find", "gain / honest pay")
    show_table(console, headings, rows, title="Levers under attack", right=("cost",))


def _lever(text: str) -> "Lever":
    from headwater_simulations.adversary.defence import Lever

    name, _, listed = text.partition("=")
    values, costs = [], []
    try:
        for item in listed.split(","):
            value, _, cost = item.partition(":")
            values.append(int(value))
            costs.append(float(cost or 0))
    except ValueError as exc:
        raise InvalidInputError(
            f"A lever is written name=value:cost,value:cost with integers, unlike {text!r}."
        ) from exc
    return Lever(name, tuple(values), tuple(costs))
