"""A calibration as tasks: worlds and attacks, each drawn from one seed, in processes of their own.

A process does its array products in one thread, so results do not depend on how many cores there
are, nor on how many tasks run beside each other.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from typing import Final

from headwater_attribution.calibration.attacks import (
    AttackResult,
    copy_attack,
    near_copies,
    outlier_attack,
    reworded,
    shadow_attack,
)
from headwater_attribution.calibration.documentation import Documentation, documentation_world
from headwater_attribution.calibration.measured import (
    Figures,
    MeasuredWorld,
    measure_seed,
    summarise,
)
from headwater_attribution.calibration.methods import METHODS, bm25, phrases, phrases_and_ek_fac
from headwater_attribution.calibration.methods import ek_fac as measured_against
from headwater_attribution.calibration.retraining import Trainer
from headwater_attribution.calibration.tiny_model import TinyShape
from headwater_attribution.calibration.tiny_trainer import TinyTrainer
from headwater_attribution.calibration.worlds import World, WorldData, WorldSize, make_world

DIGITS: Final = "digits"
DOCUMENTATION: Final = "documentation"
WORLDS: Final = (*(world.value for world in World), DIGITS, DOCUMENTATION)
MODELS: Final = ("tiny", "transformer")

ATTACKS: Final = ("copies", "outlier", "shadow")
REAL_ATTACKS: Final = ("copies", "copies, admitted")

_OF_WORDS: Final = (bm25, phrases, phrases_and_ek_fac)
"""Methods that mean nothing of an image."""

_THREADS: Final = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.

    Attributes:
        worlds: some of `WORLDS`.
        model: of `MODELS`, what learns the three made-up languages.
        seeds: drawings of each world.
        retrainings: for the truth of each drawing.
        rows: module and text of each row of the documentation.
        size: of the made-up worlds.
        shape: of the numpy model.
    """

    worlds: tuple[str, ...]
    model: str
    seeds: int
    retrainings: int
    rows: tuple[tuple[str, str], ...] = ()
    size: WorldSize = field(default_factory=WorldSize)
    shape: TinyShape = field(default_factory=TinyShape)


@dataclass(frozen=True, slots=True)
class Attacked:
    """What influence by EK-FAC paid an attacker, on each seed."""

    world: str
    attack: str
    results: tuple[AttackResult, ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything that was found."""

    worlds: tuple[MeasuredWorld, ...]
    attacks: tuple[Attacked, ...]


def calibrate(
    plan: Plan, pool: Executor, done: Callable[[str], None] = lambda line: None
) -> Calibration:
    """Run a plan.

    Args:
        plan: what to measure.
        pool: where tasks run; see `processes`.
        done: told a line whenever a task has ended.
    """
    measured: defaultdict[str, list[dict[str, Figures]]] = defaultdict(list)
    attacked: defaultdict[tuple[str, str], list[AttackResult]] = defaultdict(list)
    tasks = [(world, seed) for seed in range(plan.seeds) for world in plan.worlds]
    waiting = [(task, pool.submit(run_task, plan, *task)) for task in tasks]
    for (world, seed), future in waiting:
        figures, attacks = future.result()
        measured[world].append(figures)
        for name, result in attacks.items():
            attacked[world, name].append(result)
        done(f"{world}, seed {seed}")
    return Calibration(
        tuple(summarise(world, runs, plan.retrainings) for world, runs in measured.items()),
        tuple(Attacked(*key, tuple(results)) for key, results in attacked.items()),
    )


def run_task(
    plan: Plan, world: str, seed: int
) -> tuple[dict[str, Figures], dict[str, AttackResult]]:
    """One drawing of one world: the methods' figures, and what attacks on it were paid."""
    measure = partial(measure_seed, seed=seed, retrainings=plan.retrainings)
    if world == DIGITS:
        from headwater_attribution.calibration.digits import DigitsTrainer, digits_world

        fit = {name: each for name, each in METHODS.items() if each not in _OF_WORDS}
        return measure(digits_world(seed), DigitsTrainer(), methods=fit), {}
    if world == DOCUMENTATION:
        documentation = documentation_world(plan.rows, seed)
        data = documentation.data
        trainer: Trainer = TinyTrainer(data.vocabulary, data.base, seed, plan.shape)
        return measure(data, trainer), _real_attacks(documentation, trainer, seed)
    data = make_world(World(world), seed, plan.size)
    trainer = _trainer(plan, data, seed)
    return measure(data, trainer), _attacks(data, trainer, seed, plan.retrainings)


def _trainer(plan: Plan, data: WorldData, seed: int) -> Trainer:
    if plan.model == "tiny":
        return TinyTrainer(data.vocabulary, data.base, seed, plan.shape)
    from headwater_attribution.calibration.transformer import TransformerTrainer

    return TransformerTrainer(data.vocabulary, data.base, seed)


def _attacks(
    data: WorldData, trainer: Trainer, seed: int, retrainings: int
) -> dict[str, AttackResult]:
    against = (trainer, measured_against, seed)
    return {
        "copies": copy_attack(data, *against, near_copies(data)),
        "outlier": outlier_attack(data, data.fresh, *against, retrainings),
        "shadow": shadow_attack(data, data.fresh, *against, retrainings),
    }


def _real_attacks(world: Documentation, trainer: Trainer, seed: int) -> dict[str, AttackResult]:
    against = (world.data, trainer, measured_against, seed)
    return {
        "copies": copy_attack(*against, reworded(world, admission=False)),
        "copies, admitted": copy_attack(*against, reworded(world, admission=True)),
    }


@contextmanager
def processes(workers: int) -> Iterator[Executor]:
    """`workers` fresh processes that do their array products in one thread each."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            yield pool
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def require_packages(plan: Plan) -> None:
    """Import what a plan needs beyond the rest, before anything is started.

    Raises:
        MissingExtraError: a package is not installed.
    """
    if DIGITS in plan.worlds:
        import_module("headwater_attribution.calibration.digits")
    if plan.model == MODELS[1]:
        import_module("headwater_attribution.calibration.transformer")
