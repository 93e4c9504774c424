"""`headwater simulate run --engine stack`: a market replayed on chain, told account by account."""

import json
from functools import partial
from typing import TYPE_CHECKING

import anyio
import typer

# The command line starts fast because numpy and the chain load when a command runs.
if TYPE_CHECKING:
    from headwater_simulations.economy import Economy
    from headwater_simulations.stack import Replay


def replay_market(market: "Economy", name: str, *, as_json: bool) -> None:
    """Replay a market and print what everybody got; exits with 1 where two amounts differ.

    Raises:
        HeadwaterError: the replay could not be made; see `replay_on_chain`.
    """
    from headwater_simulations.errors import EnginesDisagreeError
    from headwater_simulations.stack.replay import replay_on_chain

    replay = anyio.run(partial(replay_on_chain, market))
    if as_json:
        typer.echo(json.dumps(report(replay), indent=2))
    else:
        _show(replay, name)
    try:
        replay.check()
    except EnginesDisagreeError as error:
        typer.echo(error.line(), err=True)
        raise typer.Exit(1) from error


def report(replay: "Replay") -> dict[str, object]:
    """A replay as JSON; amounts in atomic units."""
    return {
        "rule": replay.economy.rule.rule_id,
        "seed": replay.economy.seed,
        "steps": replay.economy.steps,
        "sales": replay.sales,
        "epochs": replay.epochs,
        "claims": replay.claims,
        "agrees": replay.agrees,
        "accounts": {
            line.agent: {"engine": line.engine, "chain": line.chain} for line in replay.lines
        },
    }


def _show(replay: "Replay", name: str) -> None:
    from rich.console import Console

    from headwater_attribution.tables import show_table

    console = Console(highlight=False)
    show_table(
        console,
        ("atomic units", "engine", "chain", ""),
        [
            (line.agent, f"{line.engine:,}", f"{line.chain:,}", "" if line.agrees else "differs")
            for line in replay.lines
        ],
        title=f"{name}: {replay.sales} answers paid by voucher, {replay.epochs} epochs final, "
        f"{replay.claims} claims, rule {replay.economy.rule.rule_id}",
        right=("engine", "chain"),
    )
    console.print(
        "Buyers as they paid, all others as they were paid: "
        + ("the same to the atomic unit." if replay.agrees else "not the same."),
        soft_wrap=True,
    )
