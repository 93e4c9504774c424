"""Simulations: both engines of both markets, a Sobol study, and wealth beside Mesa and radCAD.

    python benchmarks/simulations.py [--rounds 3] [--only economy] [--json result.json]

A market's engines alternate and must end with the same integers. In the reference market (economy)
everybody acts in every step, and half of its agents buy an answer that the shipped rule divides.
The study has 5,120 worlds, laid out for sensitivity indices of eight levers. Wealth is Mesa's
Boltzmann model: an agent that has a unit gives it to another, drawn at random. Mesa and radCAD run
it in interpreters of their own in `benchmarks/peers`, where they are installed; compile time stands
apart.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from headwater_simulations.economy import Economy, preset, run_economy
from headwater_simulations.kernel import Engine, run
from headwater_simulations.scenario import Scenario
from headwater_simulations.studies import Axis, Design, Processes, Study, run_study
from headwater_simulations.wealth import compile_wealth, run_wealth

HERE = Path(__file__).parent
MESA = HERE / "peers" / ".venv" / "bin" / "python"
RADCAD = HERE / "peers" / ".venv-radcad" / "bin" / "python"
LEVERS = (
    *("dedup_recall", "precedence", "filler_recall", "false_refusal"),
    *("spam_reach", "edit", "shrinkage", "cap"),
)
POINTS = 512


def timed(work: Callable[[], object]) -> float:
    """Wall seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def market(rounds: int) -> list[str]:
    """Agent-steps a second of the market, in which a thousand agents ask once a step each."""
    lines = [
        "| market, every agent asks in each step | numpy | compiled | times |",
        "|---|---|---|---|",
    ]
    for agents, worlds in ((1_000, 16), (10_000, 4), (100_000, 1)):
        scenario = Scenario(agents=agents, queries=agents, steps=20)
        numbers, rates = np.arange(worlds), []
        run(replace(scenario, agents=1_000), np.arange(1), engine=Engine.COMPILED)
        for _ in range(rounds):
            seconds, ends = [], []
            for engine in (Engine.NUMPY, Engine.COMPILED):
                started = time.perf_counter()
                ends.append(run(scenario, numbers, engine=engine, threads=os.cpu_count() or 1))
                seconds.append(time.perf_counter() - started)
            assert np.array_equal(ends[0].columns["earned"], ends[1].columns["earned"])
            rates.append([agents * worlds * scenario.steps / each / 1e6 for each in seconds])
        numpy, compiled = (statistics.median(column) for column in zip(*rates, strict=True))
        ratio = [b / a for a, b in rates]
        spread = f"{statistics.median(ratio):.1f} ({min(ratio):.1f} to {max(ratio):.1f})"
        name = f"{worlds} worlds of {agents:,} agents"
        lines.append(f"| {name} | {numpy:.1f} M/s | {compiled:.1f} M/s | {spread} |")
    return lines


def economy(rounds: int) -> list[str]:
    """Agent-steps a second of the reference market, the production rule called for each answer."""
    lines = [
        "| reference market | numpy | compiled, one thread | by processor time | all threads |",
        "|---|---|---|---|---|",
    ]
    threads = os.cpu_count() or 1
    for size, steps in ((1, 2_000), (10, 400), (100, 200)):
        base = preset("calm")
        names = ("buyers", "contributors", "services", "owners", "validators")
        market = replace(base, steps=steps, **{name: size * getattr(base, name) for name in names})
        few, worlds = replace(market, steps=max(1, steps // 20)), np.arange(threads)
        one = run_economy(few, worlds[:1], engine=Engine.COMPILED)
        assert np.array_equal(one.history, run_economy(few, worlds[:1]).history)
        rates = []
        for _ in range(rounds):
            slow = timed(partial(run_economy, few, worlds[:1])) * steps / few.steps
            busy = time.process_time()
            alone = timed(partial(run_economy, market, worlds[:1], engine=Engine.COMPILED))
            busy = time.process_time() - busy
            spread = partial(run_economy, market, worlds, engine=Engine.COMPILED, threads=threads)
            units = market.agents * steps / 1e6
            rates.append(
                [units / slow, units / alone, units / busy, threads * units / timed(spread)]
            )
        cells = [f"{statistics.median(each):.1f} M/s" for each in zip(*rates, strict=True)]
        lines.append(f"| {market.agents:,} agents, {steps:,} steps | {' | '.join(cells)} |")
    return [*lines, "", million(replace(preset("calm"), steps=100))]


def million(calm: Economy) -> str:
    """One world of a million agents, founding it included."""
    market = replace(
        calm, buyers=880_000, contributors=60_000, services=20_000, owners=4_000, validators=36_000
    )
    taken = timed(lambda: run_economy(market, np.arange(1), engine=Engine.COMPILED))
    return (
        f"A market of {market.agents:,} agents, {market.steps} steps, one thread: {taken:.1f} s; "
        f"the process had {peak_mebibytes():,.0f} MiB at most."
    )


def peak_mebibytes() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def study() -> list[str]:
    """A study of 5,120 worlds, from nothing to its rows."""
    axes = tuple(Axis(name, low=0.0, high=1.0) for name in LEVERS)
    asked = Study(
        base=Scenario(agents=200, steps=100), levers=axes, design=Design.SALTELLI, points=POINTS
    )
    with TemporaryDirectory() as folder:
        taken = timed(lambda: run_study(asked, Path(folder), Processes()))
    told = (
        f"A Saltelli study of {asked.count:,} worlds (8 levers, 200 agents, 100 steps of 200 "
        f"queries), two processes, compiling included: {taken:.1f} s."
    )
    return [told]


def wealth(rounds: int) -> list[str]:
    """Mesa's model: ours over arrays and compiled, Mesa's own, and radCAD over one array."""
    lines = [
        f"Compiling takes {timed(compile_wealth):.1f} s, apart.",
        "",
        (
            "| wealth | numpy | compiled | by turns | Mesa | radCAD | compiled to Mesa "
            "| by turns to Mesa | compiled to radCAD |"
        ),
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for agents, steps in ((1_000, 200), (10_000, 50), (100_000, 10)):
        ours, fast, turns, mesa, radcad = [], [], [], [], []
        units = agents * steps / 1e6
        for _ in range(rounds):
            ours.append(units / timed(partial(run_wealth, agents, steps, compiled=False)))
            fast.append(20 * units / timed(partial(run_wealth, agents, 20 * steps)))
            shuffled = partial(run_wealth, agents, 20 * steps, sequential=True)
            turns.append(20 * units / timed(shuffled))
            mesa += peer(MESA, "mesa_wealth.py", agents, max(1, steps // 10))
            radcad += peer(RADCAD, "radcad_wealth.py", agents, steps)
        each = (ours, fast, turns, mesa, radcad)
        rates = [statistics.median(one) if one else None for one in each]
        shown = [f"{rate:.2f} M/s" if rate else "not installed" for rate in rates]
        ratios = [times(fast, mesa), times(turns, mesa), times(fast, radcad)]
        lines.append(f"| {agents:,} agents | {' | '.join([*shown, *ratios])} |")
    taken = timed(lambda: run_wealth(1_000_000, 100))
    told = f"{taken:.1f} s; the process had {peak_mebibytes():,.0f} MiB at most"
    return [*lines, "", f"A million agents, 100 steps: {told}."]


def times(ours: list[float], theirs: list[float]) -> str:
    """The median ratio of paired rounds, with its range."""
    ratio = [a / b for a, b in zip(ours, theirs, strict=False)]
    if not ratio:
        return ""
    return f"{statistics.median(ratio):,.0f} ({min(ratio):,.0f} to {max(ratio):,.0f})"


def peer(python: Path, script: str, agents: int, steps: int) -> list[float]:
    """A peer's agent-steps a second, in millions, where it is installed."""
    if not python.exists():
        return []
    command = [python, HERE / "peers" / script, str(agents), str(steps)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(told.stdout) / 1e6]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("market", "economy", "study", "wealth"), default=None)
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    works: dict[str, Callable[[], list[str]]] = {
        "market": partial(market, options.rounds),
        "economy": partial(economy, options.rounds),
        "study": study,
        "wealth": partial(wealth, options.rounds),
    }
    parts = [work() for name, work in works.items() if options.only in (None, name)]
    where = (
        f"Medians of {options.rounds} rounds, wall time. Python {platform.python_version()}, numpy "
        f"{np.__version__}, {os.cpu_count()} cores {platform.machine()}, load {load}, "
        f"{time.strftime('%Y-%m-%d', time.gmtime())}."
    )
    print("\n".join(line for part in parts for line in [*part, ""]) + where)
    if options.json is not None:
        options.json.write_text(json.dumps({"parts": parts, "where": where}, indent=1), "utf-8")


if __name__ == "__main__":
    main()
