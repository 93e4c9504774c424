"""Retrieval's calibration and the red team over several seeds, in processes."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import anyio

from headwater_attribution.calibration.measured import Figures, MeasuredWorld, summarise
from headwater_models.trials.red_team import RedTeamResult, red_team
from headwater_models.trials.retrieval import WORLD, measure_retrieval

TitledRow = tuple[str, str, str]
"""Module, title and text."""


@dataclass(frozen=True, slots=True)
class MeasuredTexts:
    """What retrieval's and spans' shares are worth, and what attacks by text were paid."""

    world: MeasuredWorld
    attacks: Mapping[str, tuple[RedTeamResult, ...]]


def measure_texts(
    rows: Sequence[TitledRow],
    seeds: int,
    retrainings: int,
    pool: Executor,
    done: Callable[[str], None] = lambda line: None,
) -> MeasuredTexts:
    """Measure each seed once.

    Args:
        rows: of a library.
        seeds: drawings of authors and questions.
        retrainings: indexes over random halves of the authors, for each.
        pool: where tasks run.
        done: told a line whenever a task has ended.
    """
    waiting = [pool.submit(_one_seed, list(rows), seed, retrainings) for seed in range(seeds)]
    figures: list[dict[str, Figures]] = []
    attacks: defaultdict[str, list[RedTeamResult]] = defaultdict(list)
    for seed, future in enumerate(waiting):
        found, attacked = future.result()
        figures.append(found)
        for name, result in attacked.items():
            attacks[name].append(result)
        done(f"{WORLD}, seed {seed}")
    return MeasuredTexts(
        summarise(WORLD, figures, retrainings),
        {name: tuple(results) for name, results in attacks.items()},
    )


def _one_seed(
    rows: Sequence[TitledRow], seed: int, retrainings: int
) -> tuple[dict[str, Figures], dict[str, RedTeamResult]]:
    figures = anyio.run(measure_retrieval, rows, seed, retrainings)
    return figures, anyio.run(red_team, rows, seed)
