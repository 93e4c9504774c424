"""The kernel compiled: the twin of `kernel.run` for worlds under the shipped rule.

Each world runs by itself over its own columns, a query at a time and with no arrays between, which
takes a small part of what the reference takes. The integers are the reference's, bit for bit: draws
are hashes of what they are for, so the order of work does not matter.
"""

import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from headwater_attribution.rules import pay_causes
from headwater_payments.split import PARTS, portion
from headwater_simulations.columns import Columns
from headwater_simulations.draws import Draws, Int64s
from headwater_simulations.market import WINDOW
from headwater_simulations.population import account_of, copiers_of, populate
from headwater_simulations.scenario import Scenario

PURPOSES: Final = (
    *("topic", "row", "buyer", "rival", "spammer", "spam comes up", "follows"),
    *("original score", "copy score", "rival score", "spam score", "recognised", "refused"),
)
"""What draws are for, in the order of their keys."""
_CODES: Final = np.array([zlib.crc32(name.encode()) << 32 for name in PURPOSES], dtype=np.uint64)
SETTINGS: Final = (
    *("agents", "rows", "queries", "price", "contributors_share", "each_kind", "spam_rows"),
    *("spam_reach", "dedup_recall", "precedence", "edit"),
)
"""The first settings; admission, refusals, unchanged parts and the rule's parameters follow."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How the worlds ended; `broken` is the first step `[W]` in which money was not conserved."""

    columns: Columns
    pool: Int64s
    others: Int64s
    paid: Int64s
    broken: Int64s


def can_run(scenario: Scenario) -> bool:
    """Whether the scenario's rule has a compiled twin."""
    return scenario.rule.by_receipt and scenario.rule.pay is pay_causes


def run_compiled(scenario: Scenario, worlds: Int64s, threads: int = 1) -> Ended:
    """Simulate the worlds; the result does not depend on `threads`."""
    draws = Draws(scenario.seed, worlds)
    columns = populate(scenario, draws, len(worlds))
    filed, copiers = account_of(scenario, columns), copiers_of(columns)
    settings = (
        *(int(getattr(scenario, name)) for name in SETTINGS),
        int(scenario.admission),
        scenario.false_refusal if scenario.admission else 0,
        _kept_whole(scenario),
        scenario.rule.parameters.shrinkage,
        scenario.rule.parameters.cap,
        scenario.rule.parameters.confidence,
    )
    totals = np.zeros((len(worlds), 4), dtype=np.int64)
    from headwater_simulations.compiled_world import run_world

    run: Any = run_world

    def go(world: int) -> None:
        shown = [columns[name][world] for name in ("balance", "earned", "kind", "rows")]
        table = np.stack([*shown, filed[world], copiers[world]])
        run(table, draws.keys[world], _CODES, settings, scenario.steps, totals[world])
        columns["balance"][world], columns["earned"][world] = table[:2]

    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(go, range(len(worlds))))
    else:
        for world in range(len(worlds)):
            go(world)
    pool_, others, paid, broken = totals.T
    return Ended(columns, pool_, others, paid, broken)


def _kept_whole(scenario: Scenario) -> int:
    """Parts of a near copy's words that whole windows leave unchanged."""
    kept = PARTS
    for _ in range(WINDOW):
        kept = portion(kept, PARTS - scenario.edit)
    return kept
