"""A run of the reference market as one HTML page: trajectories, and a phase diagram of honesty."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from plotly import graph_objects as go

from headwater_attribution.rules import pay_causes
from headwater_payments.split import PARTS
from headwater_simulations.economy.running import Run, run_economy
from headwater_simulations.economy.scenario import Conduct, Economy
from headwater_simulations.kernel import Engine
from headwater_simulations.metrics import Floats
from headwater_simulations.page import html_page, html_table, write_page

SHOWN: Final = ("are_honest", "bought", "surplus", "price", "noisy", "copying", "pool")
_QUANTILES: Final = (0.1, 0.5, 0.9)
_STARTS: Final = (0, 10, 25, 50, 75, 95)
_SPEEDS: Final = (0, 1, 2, 5, 10, 20)
"""Percent of contributors who deviate at first, and who look at another's pay in a step."""
_LAST: Final = 10
_WORTH_COMPILING: Final = 4_000_000
"""Agent-steps that numpy takes about as long for as compiling takes."""
_DEVIATIONS: Final = tuple(each.name.lower() for each in Conduct if each is not Conduct.HONEST)


@dataclass(frozen=True, slots=True)
class Phases:
    """The share of contributors who are honest in the end.

    Attributes:
        deviation: what the others did at first.
        starts: parts of 10^8 who deviate at first.
        speeds: parts of 10^8 who look at another's pay in a step.
        honest: `[speeds, starts]` shares, means over worlds and the last steps.
    """

    deviation: str
    starts: tuple[int, ...]
    speeds: tuple[int, ...]
    honest: Floats


def phases_of(economy: Economy, *, worlds: int = 2) -> Phases:
    """Run the market from other shares of its deviation, at other speeds of imitation.

    The deviation is the one with the most contributors at first; free-riding where nobody deviates.
    """
    shares = {name: int(getattr(economy, name)) for name in _DEVIATIONS}
    deviation = max(shares, key=lambda name: shares[name]) if any(shares.values()) else "free_ride"
    nobody: dict[str, Any] = dict.fromkeys(_DEVIATIONS, 0)
    calm = replace(economy, absent=0, **nobody)
    starts, speeds = (tuple(PARTS * p // 100 for p in each) for each in (_STARTS, _SPEEDS))
    honest = [
        [_honest(_begun(calm, deviation, start, speed), worlds) for start in starts]
        for speed in speeds
    ]
    return Phases(deviation, starts, speeds, np.array(honest, dtype=np.float64))


def write_run(run: Run, name: str, page: Path) -> Path:
    """Write the page and a scorecard beside it.

    Args:
        run: of any number of worlds; the bands are over these.
        name: of the market.
        page: where the page goes; the scorecard has its name with `.json`, and is returned.

    Raises:
        InvalidInputError: they cannot be written.
    """
    market, phases = run.economy, phases_of(run.economy)
    bands = {each: np.quantile(run.metric(each), _QUANTILES, axis=0) for each in SHOWN}
    figures = [*(_trajectory(each, band) for each, band in bands.items()), _diagram(phases)]
    ends = [(each, *_shown(band)) for each, band in bands.items()]
    heads = (f"last {_LAST} steps", "10 % of worlds", "median", "90 %")
    said = f"<p>{market.agents:,} agents, {market.steps} steps, {len(run.states)} worlds.</p>"
    plan = {each.name: getattr(market, each.name) for each in fields(market)}
    plan["rule"] = market.rule.rule_id
    card = {
        "market": name,
        "worlds": len(run.states),
        "quantiles": _QUANTILES,
        "ends": {each: band[:, -1].tolist() for each, band in bands.items()},
        "phases": {
            "deviation": phases.deviation,
            "starts": phases.starts,
            "speeds": phases.speeds,
            "honest": phases.honest.tolist(),
        },
    }
    return write_page(page, html_page(name, [said, html_table(heads, ends)], figures, plan), card)


def _begun(economy: Economy, deviation: str, start: int, speed: int) -> Economy:
    changed: dict[str, Any] = {deviation: start, "imitation": speed}
    return replace(economy, **changed)


def _shown(band: Floats) -> list[str]:
    return [f"{each:,.1f}" for each in band[:, -_LAST:].mean(axis=1)]


def _honest(economy: Economy, worlds: int) -> float:
    has_twin = economy.rule.by_receipt and economy.rule.pay is pay_causes
    cells = len(_STARTS) * len(_SPEEDS)
    compiled = has_twin and cells * worlds * economy.steps * economy.agents > _WORTH_COMPILING
    engine = Engine.COMPILED if compiled else Engine.NUMPY
    run = run_economy(economy, np.arange(worlds), engine=engine)
    return float(run.metric("are_honest")[:, -_LAST:].mean()) / economy.contributors


def _trajectory(metric: str, band: Floats) -> Any:
    """The median over worlds, and a band of four worlds in five."""
    low, middle, high = band.tolist()
    steps = list(range(len(middle)))
    figure = go.Figure()
    figure.add_scatter(x=steps, y=low, mode="lines", line_width=0, showlegend=False)
    figure.add_scatter(
        x=steps, y=high, mode="lines", line_width=0, fill="tonexty", name="10 to 90 % of worlds"
    )
    figure.add_scatter(x=steps, y=middle, mode="lines", name="median")
    return figure.update_layout(title=metric, xaxis_title="step")


def _diagram(phases: Phases) -> Any:
    starts, speeds = ([x / PARTS for x in each] for each in (phases.starts, phases.speeds))
    figure = go.Figure(
        go.Heatmap(
            x=[f"{x:.0%}" for x in starts],
            y=[f"{x:.0%}" for x in speeds],
            z=phases.honest.tolist(),
            zmin=0,
            zmax=1,
            colorbar={"title": "honest"},
        )
    )
    return figure.update_layout(
        title="Contributors who are honest in the end",
        xaxis_title=f"who begin with {phases.deviation}",
        yaxis_title="who look at another's pay in a step",
    )
