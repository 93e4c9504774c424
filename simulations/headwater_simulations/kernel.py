"""One run: worlds side by side, step after step, every atomic unit accounted for."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np

from headwater_payments.errors import InvalidInputError
from headwater_simulations.columns import Columns
from headwater_simulations.compiled import can_run, run_compiled
from headwater_simulations.draws import Draws, Int64s
from headwater_simulations.errors import ConservationError
from headwater_simulations.market import Observed, observe, rule_columns
from headwater_simulations.population import populate
from headwater_simulations.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        columns: the population at the end.
        pool: `[W]` contributors' money that stayed unattributed.
        others: `[W]` what went to owner, host and platform.
        paid: `[W]` gross revenue.
    """

    columns: Columns
    pool: Int64s
    others: Int64s
    paid: Int64s


Watch = Callable[[int, Columns, Int64s, Int64s], None]
"""Shown each step's number, the columns, `[W]` pool and `[W]` others as they are after it."""


class Engine(StrEnum):
    """What runs the steps; all give the same integers.

    `numpy` is the reference. `compiled` is its twin in numba, for the shipped rule: some seconds to
    compile in each process, then several times as fast.
    """

    NUMPY = "numpy"
    COMPILED = "compiled"


WORTH_COMPILING: Final = 30_000_000
"""Queries from which on the compiled engine makes up for the seconds that compiling takes."""


def engine_for(scenario: Scenario, worlds: int) -> Engine:
    """The engine that has this many worlds of a scenario done first."""
    queries = worlds * scenario.steps * scenario.queries
    return Engine.COMPILED if queries >= WORTH_COMPILING and can_run(scenario) else Engine.NUMPY


def run(
    scenario: Scenario,
    worlds: Int64s,
    watch: Watch | None = None,
    *,
    engine: Engine = Engine.NUMPY,
    threads: int = 1,
) -> Outcome:
    """Simulate the worlds with these numbers.

    Args:
        scenario: everything else.
        worlds: `[W]` distinct world numbers from 0; a world's result doesn't depend on the others.
        watch: shown every step; what it is shown changes with the next. It needs the reference.
        engine: what runs the steps.
        threads: over which the compiled engine spreads worlds.

    Raises:
        ConservationError: money appeared or vanished in a step.
        InvalidInputError: there are no worlds, a number is negative, or the engine cannot run this.
    """
    if len(worlds) == 0 or (worlds < 0).any():
        raise InvalidInputError("Give at least one world, numbered from 0.")
    if engine is Engine.COMPILED:
        return _run_compiled(scenario, worlds, watch, threads)
    draws = Draws(scenario.seed, worlds)
    columns = populate(scenario, draws, len(worlds))
    pool, others, paid = (np.zeros(len(worlds), dtype=np.int64) for _ in range(3))
    before = columns["balance"].sum(axis=1)
    for step in range(scenario.steps):
        asked = observe(scenario, columns, draws, step)
        observed = replace(asked, charges=_collect(columns["balance"], asked))
        charges = observed.charges
        rule_view = rule_columns(scenario, columns.public(), observed)
        payout = scenario.rule.settle(rule_view)
        columns["balance"][:] += payout.accounts
        columns["earned"][:] += payout.accounts
        pool += payout.unattributed
        others += charges.sum(axis=1) - rule_view.charges.sum(axis=1)
        paid += charges.sum(axis=1)
        _check_conserved(before, columns["balance"].sum(axis=1) + pool + others, step)
        if watch is not None:
            watch(step, columns, pool, others)
    return Outcome(columns, pool, others, paid)


def _run_compiled(scenario: Scenario, worlds: Int64s, watch: Watch | None, threads: int) -> Outcome:
    if watch is not None or not can_run(scenario):
        what = "watched steps" if watch is not None else f"the rule {scenario.rule.rule_id}"
        raise InvalidInputError(f"The compiled engine has no {what}; take numpy.")
    ended = run_compiled(scenario, worlds, threads)
    if (ended.broken >= 0).any():
        world = int(np.argmax(ended.broken >= 0))
        raise ConservationError(
            f"In step {ended.broken[world]} of world {world} the money changed.",
            step=int(ended.broken[world]),
            world=world,
        )
    return Outcome(ended.columns, ended.pool, ended.others, ended.paid)


def _collect(balance: Int64s, asked: Observed) -> Int64s:
    """Take the charges from the buyers; who can't pay all it asked for in a step pays nothing."""
    at = np.arange(len(balance))[:, None]
    wanted = np.zeros_like(balance)
    np.add.at(wanted, (at, asked.buyers), asked.charges)
    charges = np.where((wanted <= balance)[at, asked.buyers], asked.charges, 0)
    np.subtract.at(balance, (at, asked.buyers), charges)
    return charges


def _check_conserved(before: Int64s, after: Int64s, step: int) -> None:
    if (before != after).any():
        world = int(np.argmax(before != after))
        raise ConservationError(
            f"In step {step} of world {world} the money changed by {after[world] - before[world]}.",
            step=step,
            world=world,
        )
