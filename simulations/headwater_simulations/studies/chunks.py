"""The unit of work: some points of a study, all their worlds, and the rows that come of them.

A chunk is named by the hash of all that its rows depend on: the study, the code, the points. So a
file that is there is right, and a change of either makes another.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

import headwater_attribution
import headwater_simulations
from headwater_simulations.kernel import Outcome, engine_for, run
from headwater_simulations.metrics import Floats
from headwater_simulations.scenario import Kind, Scenario
from headwater_simulations.studies.plan import Setting, Study
from headwater_simulations.studies.points import points_of
from headwater_simulations.study import DEVIANTS

WORLDS_EACH: Final = 64
"""Worlds that a chunk has about: a second or so of work."""

Row = dict[str, Setting]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Points `first` up to `last`, exclusive, of a study."""

    study: Study
    first: int
    last: int
    name: str


def chunks_of(study: Study) -> list[Chunk]:
    """A study cut into chunks."""
    size = max(1, WORLDS_EACH // study.worlds)
    cuts = range(0, study.count, size)
    found = []
    for first in cuts:
        last = min(first + size, study.count)
        told = f"{study.identity} {code_version()} {first} {last}"
        found.append(Chunk(study, first, last, hashlib.sha256(told.encode()).hexdigest()[:24]))
    return found


def evaluate(chunk: Chunk) -> list[Row]:
    """The rows of a chunk: settings, seed and code version, then what was measured."""
    study, rows = chunk.study, []
    numbers = np.arange(study.worlds, dtype=np.int64)
    for point, settings in enumerate(points_of(study)[chunk.first : chunk.last], chunk.first):
        measured = measure(study.scenario(settings), numbers, study.count, gains=study.gains)
        for world in range(study.worlds):
            row: Row = {"point": point, "world": world, "seed": str(study.base.seed)}
            row |= {"code": code_version(), **settings}
            row |= {name: float(values[world]) for name, values in measured.items()}
            rows.append(row)
    return rows


def measure(
    scenario: Scenario, worlds: np.ndarray, points: int = 1, *, gains: bool
) -> dict[str, Floats]:
    """`[W]` each: shares of pay, and what a deviation gains where that is asked for.

    Args:
        scenario: of one point.
        worlds: `[W]` their numbers.
        points: how many the study has, by which the engine is chosen.
        gains: whether gains are asked for.

    Returns:
        `honest_share`: of all pay, what went to identities that wrote their own rows.
        `unattributed_share`: of the contributors' money, what stayed in the pool.
        `pay_KIND`: of all pay, what went to identities of that kind.
        `gain_KIND`: (net as they are - net honest) ÷ pay honest; above 0 the deviation pays.
    """
    runs = 1 + len(DEVIANTS) if gains else 1
    engine = engine_for(scenario, len(worlds) * points * runs)
    as_is = run(scenario, worlds, engine=engine)
    kinds, earned = as_is.columns["kind"], as_is.columns["earned"]
    paid = np.maximum(earned.sum(axis=1), 1)
    author = np.isin(kinds, (Kind.HONEST, Kind.SPLITTER))
    found = {
        "honest_share": (earned * author).sum(axis=1) / paid,
        "unattributed_share": as_is.pool / np.maximum(as_is.pool + earned.sum(axis=1), 1),
    }
    for kind in DEVIANTS:
        found[f"pay_{kind.name.lower()}"] = (earned * (kinds == kind)).sum(axis=1) / paid
    if gains:
        members = np.array([scenario.kind_of(agent) for agent in range(scenario.agents)])
        for kind in DEVIANTS:
            honest = run(replace(scenario, reformed=frozenset({kind})), worlds, engine=engine)
            found[f"gain_{kind.name.lower()}"] = _gain(as_is, honest, members == kind)
    return found


def measures_of(study: Study) -> Sequence[str]:
    """The names of what a study measures, in order."""
    kinds = [kind.name.lower() for kind in DEVIANTS]
    gains = [f"gain_{kind}" for kind in kinds] if study.gains else []
    return ("honest_share", "unattributed_share", *(f"pay_{kind}" for kind in kinds), *gains)


@cache
def code_version() -> str:
    """A hash of the sources that a row depends on: the simulator and the rules."""
    digest = hashlib.sha256(np.__version__.encode())
    for package in (headwater_attribution, headwater_simulations):
        root = Path(package.__path__[0])
        for path in sorted(root.rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _gain(as_is: Outcome, honest: Outcome, members: np.ndarray) -> Floats:
    def total(outcome: Outcome, name: str) -> Floats:
        return np.asarray(outcome.columns[name][:, members].sum(axis=1), dtype=np.float64)

    pay = total(as_is, "earned") - total(honest, "earned")
    cost = total(as_is, "cost") - total(honest, "cost")
    return np.asarray((pay - cost) / np.maximum(total(honest, "earned"), 1))
