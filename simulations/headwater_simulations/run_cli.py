"""`headwater simulate run`: a reference market from its first steps to its last."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.attack_cli import check_seed, refusals
from headwater_simulations.stack_cli import replay_market, talk_market

# The command line starts fast because numpy and the simulator load when a command runs.
if TYPE_CHECKING:
    from headwater_simulations.economy import Economy, Run

_LINES = (
    ("answers bought", "bought"),
    ("price, mean", "price"),
    ("surplus", "surplus"),
    ("contributors' money unattributed", "pool"),
    *((f"contributors: {name}", f"are_{name}") for name in ("honest", "spam", "copy", "sybil")),
    *((f"contributors: {name}", f"are_{name}") for name in ("poison", "free_ride", "wash")),
    ("contributors who left", "left"),
    ("contributors who entered", "entered"),
    ("owners' share of the price, mean %", "owner_share"),
    ("services that sell noise", "noisy"),
    ("validators who copy", "copying"),
)
STACK, AGENTS = "stack", "agents"
ON_CHAIN = (STACK, AGENTS)
_PART = 10
"""The first and the last so many steps are told."""


def run(
    name: Annotated[str, typer.Argument(help="A market such as copycats; calm unless given.")] = "",
    file: Annotated[Path | None, typer.Option(help="TOML of fields that replace its own.")] = None,
    worlds: Annotated[
        int | None, typer.Option(help="Independent worlds; 8 unless given, and 1 of a replay.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Steps; 0 for the market's own.")] = 0,
    seed: Annotated[int, typer.Option(help="Seed of all randomness.")] = 1,
    rule: Annotated[str, typer.Option(help="Another rule's id, such as rows/1.")] = "",
    engine: Annotated[str, typer.Option(help="numpy, compiled, stack or agents.")] = "numpy",
    model: Annotated[
        str, typer.Option(help="What plays the agents' buyers: provider:model; a script if none.")
    ] = "",
    page: Annotated[Path | None, typer.Option(help="Write the run as one HTML page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not a table.")] = False,
) -> None:
    """Run the market NAME and print how it began and how it ended, per step, as means of worlds.

    The engine `stack` replays a small one of its kind through wallets, gateway, contracts and
    epochs on an embedded chain, and exits with 1 where anybody's money differs from the engine's.
    The engine `agents` lets language models be its buyers, in a marketplace over HTTP.
    """
    import numpy as np

    from headwater_simulations.economy import run_economy
    from headwater_simulations.kernel import Engine

    with refusals():
        check_seed(seed)
        count = (1 if engine in ON_CHAIN else 8) if worlds is None else worlds
        if not 1 <= count <= (1 if engine in ON_CHAIN else 10_000):
            raise InvalidInputError("A run has 1 to 10,000 worlds, on chain one.", worlds=count)
        if engine not in (*Engine, *ON_CHAIN):
            raise InvalidInputError(
                f"There is no engine {engine}; there are {', '.join((*Engine, *ON_CHAIN))}."
            )
        if page is not None and engine in ON_CHAIN:
            raise InvalidInputError("A page shows worlds in numbers: choose numpy or compiled.")
        if model and engine != AGENTS:
            raise InvalidInputError("A model plays in --engine agents only.")
        market = _market(name, file, steps, seed, rule, replayed=engine in ON_CHAIN)
        if engine == STACK:
            replay_market(market, name or "calm", as_json=as_json)
            return
        if engine == AGENTS:
            talk_market(market, name or "calm", model, as_json=as_json)
            return
        done = run_economy(market, np.arange(count), engine=Engine(engine))
        if page is not None:
            from headwater_simulations.economy.report import write_run

            write_run(done, name or "calm", page)
    if as_json:
        typer.echo(json.dumps(report(done), indent=2))
    else:
        _show(done, name or "calm")


def report(done: "Run") -> dict[str, object]:
    """A run as JSON: every metric as a mean over worlds, step by step."""
    from headwater_simulations.economy import METRICS

    market = done.economy
    return {
        "agents": market.agents,
        "steps": market.steps,
        "worlds": len(done.states),
        "seed": market.seed,
        "rule": market.rule.rule_id,
        "metrics": {name: done.metric(name).mean(axis=0).tolist() for name in METRICS},
    }


def _market(
    name: str, file: Path | None, steps: int, seed: int, rule: str, *, replayed: bool
) -> "Economy":
    from dataclasses import replace

    from headwater_attribution.rules import rule_named
    from headwater_simulations.economy import preset, read_economy
    from headwater_simulations.stack.sizes import small

    market = preset(name or "calm")
    if replayed:
        market = small(market)
    if file is not None:
        market = read_economy(file, market)
    if rule:
        market = replace(market, rule=rule_named(rule))
    return replace(market, steps=steps or market.steps, seed=seed)


def _show(done: "Run", name: str) -> None:
    from rich.console import Console

    from headwater_attribution.tables import show_table

    market = done.economy
    part = min(_PART, market.steps)
    parts = {"price": market.services, "owner_share": market.owners * PARTS / 100}
    rows = []
    for title, metric in _LINES:
        found = done.metric(metric) / parts.get(metric, 1)
        rows.append((title, f"{found[:, :part].mean():,.1f}", f"{found[:, -part:].mean():,.1f}"))
    ends = (f"first {part} steps", f"last {part}")
    show_table(
        Console(highlight=False),
        ("in a step", *ends),
        rows,
        title=f"{name}: {market.agents:,} agents, {market.steps} steps, {len(done.states)} worlds, "
        f"rule {market.rule.rule_id}",
        right=ends,
    )
