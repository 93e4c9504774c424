"""`headwater simulate run --engine stack` and `agents`: a market on chain, account by account."""

import json
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import anyio
import typer

# The command line starts fast because numpy and the chain load when a command runs.
if TYPE_CHECKING:
    from headwater_simulations.economy import Economy
    from headwater_simulations.stack import Line, Replay
    from headwater_simulations.stack.talking import Talk


def replay_market(market: "Economy", name: str, *, as_json: bool) -> None:
    """Replay a market and print what everybody got; exits with 1 where two amounts differ.

    Raises:
        HeadwaterError: the replay could not be made; see `replay_on_chain`.
    """
    from headwater_simulations.stack.replay import replay_on_chain

    replay = anyio.run(partial(replay_on_chain, market))
    if as_json:
        typer.echo(json.dumps(report(replay), indent=2))
    else:
        _show(replay, name)
    _check(replay)


def talk_market(market: "Economy", name: str, model: str, *, as_json: bool) -> None:
    """Let language models buy in a market; exits with 1 where books and chain differ.

    Args:
        market: a small one.
        name: what it is called.
        model: what plays every buyer, such as `openai:gpt-5-mini`; a script unless given.
        as_json: print JSON.

    Raises:
        HeadwaterError: it could not be run; see `talk`.
    """
    from headwater_simulations.stack.talking import SCRIPTED, talk

    done = anyio.run(partial(talk, market, plays=lambda _: model or SCRIPTED))
    if as_json:
        typer.echo(json.dumps(report_of_talk(done), indent=2))
    else:
        title = f"{name}: {len(done.bought)} answers bought by {model or 'scripted'} agents"
        _show_lines(done.lines, f"{title}, {done.epochs} epochs final", "books")
        _say(agrees=done.agrees)
    _check(done)


def report_of_talk(done: "Talk") -> dict[str, object]:
    """A market of language models as JSON; amounts in atomic units."""
    return {
        "bought": [
            {"step": each.step, "buyer": each.buyer, "service": each.service, "cost": each.cost}
            for each in done.bought
        ],
        "prices": done.prices,
        "reports": done.reports,
        "epochs": done.epochs,
        "agrees": done.agrees,
        "accounts": {
            line.agent: {"books": line.engine, "chain": line.chain} for line in done.lines
        },
    }


def _check(run: "Replay | Talk") -> None:
    from headwater_simulations.errors import EnginesDisagreeError

    try:
        run.check()
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
    title = (
        f"{name}: {replay.sales} answers paid by voucher, {replay.epochs} epochs final, "
        f"{replay.claims} claims, rule {replay.economy.rule.rule_id}"
    )
    _show_lines(replay.lines, title, "engine")
    _say(agrees=replay.agrees)


def _show_lines(lines: "Sequence[Line]", title: str, beside: str) -> None:
    from rich.console import Console

    from headwater_attribution.tables import show_table

    show_table(
        Console(highlight=False),
        ("atomic units", beside, "chain", ""),
        [
            (line.agent, f"{line.engine:,}", f"{line.chain:,}", "" if line.agrees else "differs")
            for line in lines
        ],
        title=title,
        right=(beside, "chain"),
    )


def _say(*, agrees: bool) -> None:
    typer.echo(
        "Buyers as they paid, all others as they were paid: "
        + ("the same to the atomic unit." if agrees else "not the same.")
    )
