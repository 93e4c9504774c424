"""A study: one scenario and, on the same draws, the same agents turned honest kind by kind.

A deviation's gain compares what the deviating agents net as they are with what the same agents net
when that kind alone is honest, in the same worlds. Net is pay less the cost of making rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from headwater_payments.errors import InvalidInputError
from headwater_simulations.draws import Int64s
from headwater_simulations.kernel import Outcome, engine_for, run
from headwater_simulations.metrics import Floats, Interval, interval
from headwater_simulations.scenario import Kind, Scenario

DEVIANTS = (Kind.EXACT_COPIER, Kind.NEAR_COPIER, Kind.SPAMMER, Kind.SPLITTER)
_CHUNK = 64


@dataclass(frozen=True, slots=True)
class DeviationResult:
    """What one kind of deviation brings.

    Attributes:
        pay_ratio: pay of the deviating agents ÷ pay of the same agents honest.
        gain: (net as they are - net honest) ÷ pay honest; above 0 the deviation pays.
    """

    pay_ratio: Interval
    gain: Interval


@dataclass(frozen=True, slots=True)
class StudyResult:
    """A scenario's report.

    Attributes:
        honest_share: of all pay, what went to identities that wrote their own rows.
        unattributed_share: of the contributors' money, what stayed in the pool.
        deviations: by kind.
    """

    scenario: Scenario
    worlds: int
    honest_share: Interval
    unattributed_share: Interval
    deviations: Mapping[Kind, DeviationResult]


def study(scenario: Scenario, worlds: int) -> StudyResult:
    """Run `worlds` worlds of the scenario and of its four paired alternatives.

    Raises:
        InvalidInputError: fewer than 1 world or more than 100,000.
    """
    if not 1 <= worlds <= 100_000:
        raise InvalidInputError(f"A study has 1 to 100,000 worlds, not {worlds}.", worlds=worlds)
    as_is = _net(scenario, worlds)
    deviations = {}
    for kind in DEVIANTS:
        honest = _net(replace(scenario, reformed=frozenset({kind})), worlds)
        members = np.array([scenario.kind_of(i) is kind for i in range(scenario.agents)])
        deviations[kind] = _compare(as_is, honest, members)
    author = np.isin(as_is.kind, (Kind.HONEST, Kind.SPLITTER))
    paid = np.maximum(as_is.earned.sum(axis=1), 1)
    return StudyResult(
        scenario,
        worlds,
        interval((as_is.earned * author).sum(axis=1) / paid),
        interval(as_is.pool / np.maximum(as_is.pool + as_is.earned.sum(axis=1), 1)),
        deviations,
    )


def sweep_recall(scenario: Scenario, worlds: int, recalls: Sequence[int]) -> list[StudyResult]:
    """The study at each duplicate recall, parts per 10^8."""
    return [study(replace(scenario, dedup_recall=recall), worlds) for recall in recalls]


@dataclass(frozen=True, slots=True)
class _Net:
    """`[W, A]` pay, cost and kind, and `[W]` pool."""

    earned: Int64s
    cost: Int64s
    kind: Int64s
    pool: Int64s


def _net(scenario: Scenario, worlds: int) -> _Net:
    numbers = np.arange(worlds, dtype=np.int64)
    engine = engine_for(scenario, worlds * (1 + len(DEVIANTS)))
    parts = [numbers[i : i + _CHUNK] for i in range(0, worlds, _CHUNK)]
    chunks = [run(scenario, part, engine=engine) for part in parts]

    def column(name: str) -> Int64s:
        return np.concatenate([chunk.columns[name] for chunk in chunks])

    return _Net(column("earned"), column("cost"), column("kind"), _pools(chunks))


def _pools(chunks: Sequence[Outcome]) -> Int64s:
    return np.concatenate([chunk.pool for chunk in chunks])


def _compare(as_is: _Net, honest: _Net, members: np.ndarray) -> DeviationResult:
    pay, pay_honest = _sum(as_is.earned, members), _sum(honest.earned, members)
    cost, cost_honest = _sum(as_is.cost, members), _sum(honest.cost, members)
    base = np.maximum(pay_honest, 1)
    return DeviationResult(
        interval(pay / base), interval(((pay - cost) - (pay_honest - cost_honest)) / base)
    )


def _sum(column: Int64s, members: np.ndarray) -> Floats:
    return np.asarray(column[:, members].sum(axis=1), dtype=np.float64)
