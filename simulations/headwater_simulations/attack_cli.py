"""`headwater simulate attack` and `replay`: find the deviation that pays, and run a find again.

Both end with status 0 where nothing was found that pays, 1 where something pays or might, and 2
where they were refused.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater_payments.errors import HeadwaterError, InvalidInputError

# The command line starts fast because numpy and the simulator load when a command runs.
if TYPE_CHECKING:
    from headwater_simulations.adversary.arena import Arena
    from headwater_simulations.adversary.attacking import AttackResult, Finalist, Findings
    from headwater_simulations.adversary.bounds import GainBounds
    from headwater_simulations.adversary.space import Space

RuleOption = Annotated[str, typer.Option(help="A rule's id, or file.py:NAME of your own.")]
KindsOption = Annotated[
    str,
    typer.Option(
        help="Kinds of deviation, with commas: Split,Wash; all that can matter unless given."
    ),
]
SettingOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="A field of the arena, such as cost_reworded=40."),
]

_PAYS = 1
_REFUSED = 2


@contextmanager
def refusals() -> Iterator[None]:
    """What Headwater refuses becomes one line and status 2."""
    try:
        yield
    except HeadwaterError as error:
        typer.echo(error.line(), err=True)
        raise typer.Exit(_REFUSED) from error


def attack(
    rule: RuleOption = "causes/1",
    budget: Annotated[str, typer.Option(help="small, standard or full.")] = "standard",
    seed: Annotated[int, typer.Option(help="Seed of all randomness.")] = 1,
    only: KindsOption = "",
    setting: SettingOption = None,
    tolerance: Annotated[
        float, typer.Option(help="Gain that counts as none, in units of honest pay.")
    ] = 0.1,
    ideas: Annotated[
        Path | None, typer.Option(help="JSON of strategies that the search begins with.")
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Write the best find as a case.")] = None,
    page: Annotated[Path | None, typer.Option(help="Write the attack as one HTML page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not a table.")] = False,
) -> None:
    """Search for the deviation that gains a coalition the most under a reward rule.

    Status 0: none was found. 1: one pays, or the budget leaves it undecided. 2: refused.
    """
    from dataclasses import replace

    from headwater_simulations.adversary import attacking, case
    from headwater_simulations.adversary.budget import budget_named
    from headwater_simulations.adversary.ideas import load_ideas
    from headwater_simulations.adversary.userrules import find_rule

    with refusals():
        check_seed(seed)
        result = attacking.attack(
            find_rule(rule),
            arena_of(setting or []),
            space_of(only),
            replace(budget_named(budget), tolerance=tolerance),
            seed=seed,
            ideas=() if ideas is None else load_ideas(ideas),
        )
        if save is not None:
            case.save_case(case.case_of(result, rule), save)
        if page is not None:
            from headwater_simulations.adversary.report import write_attack

            write_attack(result, page)
    if as_json:
        typer.echo(json.dumps(report(result), indent=2))
    else:
        show(result, result.rule.rule_id)
    if result.verdict is not attacking.Verdict.NONE_FOUND:
        raise typer.Exit(_PAYS)


def replay(
    case: Annotated[Path, typer.Argument(help="A case that `attack --save` wrote.")],
    rule: Annotated[
        str, typer.Option(help="Another rule than the case names: an id or file.py:NAME.")
    ] = "",
) -> None:
    """Run the find in CASE again and say whether it still pays.

    Status 0: it does not. 1: it does, or might. 2: refused.
    """
    from headwater_simulations.adversary import describe
    from headwater_simulations.adversary import replay as run_again
    from headwater_simulations.adversary.attacking import Verdict
    from headwater_simulations.adversary.case import load_case
    from headwater_simulations.adversary.describe import gain_text
    from headwater_simulations.adversary.userrules import find_rule

    with refusals():
        saved = load_case(case)
        again = run_again(saved, find_rule(rule) if rule else None)
    typer.echo(f"rule:     {rule or saved.rule}")
    typer.echo(f"strategy: {describe(saved.strategy)}")
    typer.echo(f"then:     {gain_text(saved.gain)}")
    typer.echo(f"now:      {gain_text(again.gain)}{', unchanged' if again.unchanged else ''}")
    typer.echo(f"verdict:  {again.verdict}, at a tolerance of {saved.tolerance:g}")
    if again.verdict is not Verdict.NONE_FOUND:
        raise typer.Exit(_PAYS)


def report(result: "AttackResult") -> dict[str, object]:
    """An attack as JSON; bounds are null where there is none."""
    from dataclasses import asdict

    return {
        "rule": result.rule.rule_id,
        **report_of_findings(result),
        "arena": asdict(result.arena),
    }


def report_of_findings(result: "Findings") -> dict[str, object]:
    """What any attack came to as JSON."""
    from dataclasses import asdict

    return {
        "verdict": str(result.verdict),
        "seed": result.seed,
        "worlds": result.worlds,
        "honest_pay_atomic": result.honest_pay,
        "budget": asdict(result.budget),
        "detectable": _finite(result.detectable),
        "minimal": None if result.minimal is None else _finalist(result.minimal),
        "finalists": [_finalist(each) for each in result.finalists],
    }


def _finalist(finalist: "Finalist") -> dict[str, object]:
    from headwater_simulations.adversary.describe import describe

    return {"strategy": describe(finalist.strategy), "gain": _bounds(finalist.gain)}


def _bounds(gain: "GainBounds") -> dict[str, float | None]:
    return {name: _finite(getattr(gain, name)) for name in ("low", "estimate", "high")}


def _finite(value: float) -> float | None:
    return None if abs(value) == float("inf") else value


def show(result: "Findings", name: str) -> None:
    """A table of the finalists of an attack on what has this name, and the verdict."""
    from rich.console import Console

    from headwater_attribution.tables import show_table
    from headwater_simulations.adversary.describe import describe, gain_text

    console = Console(highlight=False)
    named = [("finalist", each) for each in result.finalists]
    if result.minimal is not None:
        named.append(("shrunk", result.minimal))
    show_table(
        console,
        ("", "strategy", "gain / honest pay"),
        [(name, describe(each.strategy), gain_text(each.gain)) for name, each in named],
        title=f"{name} under attack: {result.budget.candidates:,} strategies, "
        f"{result.worlds:,} worlds",
        right=("gain / honest pay",),
    )
    error = f"{100 * (1 - result.budget.error):g} %"
    console.print(
        f"Verdict: {result.verdict}, at a tolerance of {result.budget.tolerance:g} and {error} "
        f"confidence; a gain of {result.detectable:.2f} would have been seen.",
        soft_wrap=True,
    )


def check_seed(seed: int) -> None:
    """Refuse a seed that is out of range."""
    if not 0 <= seed < 2**63:
        raise InvalidInputError("A seed is an integer from 0 to 2^63 - 1.")


def space_of(only: str) -> "Space | None":
    """The space of the kinds that are named, with commas between them; None of none."""
    from headwater_simulations.adversary.deviations import DEVIATIONS
    from headwater_simulations.adversary.space import Space

    named = {kind.__name__: kind for kind in DEVIATIONS}
    wanted = [name.strip() for name in only.split(",") if name.strip()]
    for name in wanted:
        if name not in named:
            raise InvalidInputError(f"There is no deviation {name}; there are {', '.join(named)}.")
    return Space(tuple(named[name] for name in wanted)) if wanted else None


def arena_of(settings: list[str]) -> "Arena":
    """The default arena with these fields, each written `name=value`."""
    from dataclasses import fields

    from headwater_simulations.adversary.arena import Arena

    known = {each.name for each in fields(Arena)}
    values: dict[str, int | bool] = {}
    for setting in settings:
        name, _, text = setting.partition("=")
        if name not in known:
            raise InvalidInputError(f"An arena has no {name}; it has {', '.join(sorted(known))}.")
        try:
            values[name] = text == "true" if text in {"true", "false"} else int(text)
        except ValueError as exc:
            raise InvalidInputError(f"The arena's {name} is an integer, unlike {text!r}.") from exc
    return Arena(**values)  # type: ignore[arg-type]
