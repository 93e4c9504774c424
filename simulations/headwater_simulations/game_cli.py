"""`headwater simulate mechanism`: attack a mechanism of another economy."""

import json
from typing import Annotated

import typer

from headwater_payments.errors import InvalidInputError
from headwater_simulations.attack_cli import check_seed, refusals, report_of_findings, show

_PAYS = 1


def mechanism(
    name: Annotated[str, typer.Argument(help="Such as yuma or quadratic-funding.")],
    budget: Annotated[str, typer.Option(help="small, standard or full.")] = "small",
    seed: Annotated[int, typer.Option(help="Seed of all randomness.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not a table.")] = False,
) -> None:
    """Search for the deviation that gains the most under the mechanism NAME.

    Status 0: none was found. 1: one pays, or the budget leaves it undecided. 2: refused.
    """
    from headwater_simulations.adversary.attacking import Verdict, attack_game
    from headwater_simulations.adversary.budget import budget_named
    from headwater_simulations.adversary.games import GAMES

    with refusals():
        check_seed(seed)
        if name not in GAMES:
            raise InvalidInputError(f"There is no mechanism {name}; there are {', '.join(GAMES)}.")
        result = attack_game(GAMES[name](), None, budget_named(budget), seed=seed)
    if as_json:
        typer.echo(json.dumps({"mechanism": name, **report_of_findings(result)}, indent=2))
    else:
        show(result, name)
    if result.verdict is not Verdict.NONE_FOUND:
        raise typer.Exit(_PAYS)
