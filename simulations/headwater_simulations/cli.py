"""`headwater simulate`: the production reward rule in worlds that attack it.

Without a command it compares fixed kinds of agents; `attack` searches for the deviation that pays
most, `ask` has a language model think of some, `replay` runs a find again, `defend` searches
levers, `calibrate` measures the attacker, `mechanism` attacks another economy's mechanism, `study`
varies a scenario along its levers and `report` shows what that found, `run` runs a market in which
everybody adapts.
"""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.attack_cli import attack, replay
from headwater_simulations.calibrate_cli import calibrate
from headwater_simulations.defend_cli import defend
from headwater_simulations.game_cli import mechanism
from headwater_simulations.oracle_cli import ask
from headwater_simulations.run_cli import run
from headwater_simulations.study_cli import report as study_report
from headwater_simulations.study_cli import study as study_file

# The command line starts fast because numpy and the simulator load when a command runs.
if TYPE_CHECKING:
    from headwater_simulations.metrics import Interval
    from headwater_simulations.study import StudyResult

app = typer.Typer(help="Attack the reward rule before money does.")
app.command()(attack)
app.command()(ask)
app.command()(replay)
app.command()(defend)
app.command()(mechanism)
app.command()(run)
app.command()(calibrate)
app.command(name="study")(study_file)
app.command(name="report")(study_report)


@app.callback(invoke_without_command=True)
def simulate(
    context: typer.Context,
    agents: Annotated[int, typer.Option(help="Identities in a world.")] = 1_000,
    steps: Annotated[int, typer.Option(help="Steps of a run.")] = 100,
    worlds: Annotated[int, typer.Option(help="Independent worlds.")] = 16,
    seed: Annotated[int, typer.Option(help="Seed of all randomness.")] = 1,
    rule: Annotated[str, typer.Option(help="A rule's id such as causes/1, or all.")] = "all",
    admission: Annotated[bool, typer.Option(help="Whether rows pass admission.")] = True,
    dedup_recall: Annotated[float, typer.Option(help="Copies recognised, 0 to 1.")] = 0.95,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not a table.")] = False,
) -> None:
    """Simulate honest contributors among copiers, spammers and splitters, and print who gains."""
    if context.invoked_subcommand is not None:
        return
    from headwater_attribution.rules import RULES, rule_named
    from headwater_simulations.scenario import Scenario
    from headwater_simulations.study import study

    try:
        rules = list(RULES.values()) if rule == "all" else [rule_named(rule)]
        results = []
        for each in rules:
            scenario = Scenario(
                agents=agents,
                steps=steps,
                seed=seed,
                rule=each,
                admission=admission,
                dedup_recall=_parts(dedup_recall),
            )
            results.append(study(scenario, worlds))
    except HeadwaterError as error:
        typer.echo(error.line(), err=True)
        raise typer.Exit(2) from error
    if as_json:
        typer.echo(json.dumps([report(result) for result in results], indent=2))
    else:
        _show(results)


def report(result: "StudyResult") -> dict[str, object]:
    """A study as JSON: intervals as low, mean, high; null where one world gives no interval."""
    scenario = result.scenario
    return {
        "rule": scenario.rule.rule_id,
        "agents": scenario.agents,
        "steps": scenario.steps,
        "worlds": result.worlds,
        "seed": scenario.seed,
        "admission": scenario.admission,
        "dedup_recall": scenario.dedup_recall / PARTS,
        "honest_share": _bounds(result.honest_share),
        "unattributed_share": _bounds(result.unattributed_share),
        "deviations": {
            kind.name.lower(): {
                "pay_ratio": _bounds(outcome.pay_ratio),
                "gain": _bounds(outcome.gain),
            }
            for kind, outcome in result.deviations.items()
        },
    }


def _parts(share: float) -> int:
    if not 0 <= share <= 1:
        raise InvalidInputError(f"A recall lies between 0 and 1, and {share} does not.")
    return round(share * PARTS)


def _bounds(value: "Interval") -> dict[str, float | None]:
    bounds = {"low": value.low, "mean": value.mean, "high": value.high}
    return {name: None if abs(bound) == float("inf") else bound for name, bound in bounds.items()}


def _show(results: "list[StudyResult]") -> None:
    from rich.console import Console

    from headwater_attribution.rules import CAUSES
    from headwater_attribution.tables import show_table

    scenario = results[0].scenario
    names = [
        result.scenario.rule.rule_id + (" (shipped)" if result.scenario.rule is CAUSES else "")
        for result in results
    ]
    rows = [
        ("honest share of pay", *(_text(r.honest_share) for r in results)),
        ("left unattributed", *(_text(r.unattributed_share) for r in results)),
    ]
    for kind in results[0].deviations:
        name = kind.name.lower().replace("_", " ")
        found = [r.deviations[kind] for r in results]
        rows.append((f"{name}: pay / honest pay", *(_text(f.pay_ratio) for f in found)))
        rows.append((f"{name}: net gain", *(_text(f.gain) for f in found)))
    show_table(
        Console(highlight=False),
        ("", *names),
        rows,
        title=f"{scenario.agents:,} agents, {scenario.steps} steps, {results[0].worlds} worlds, "
        f"admission {'on' if scenario.admission else 'off'}, "
        f"recall {scenario.dedup_recall / PARTS:.0%}: means and 95 % intervals",
        right=names,
    )


def _text(value: "Interval") -> str:
    if abs(value.low) == float("inf"):
        return f"{value.mean:.3f}"
    return f"{value.mean:.3f} [{value.low:.3f}, {value.high:.3f}]"
