"""How good the attacker is: its recall on planted flaws and its false alarms on sound rules.

A flaw counts as planted when one of the strategies known to exploit it gains clearly more than the
tolerance on worlds that no attack sees. Recall is told by that gain and by the basin: the share of
strategies drawn anywhere that gain more than the tolerance, which says how hard a flaw is to hit.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np

from headwater_payments.errors import InvalidInputError
from headwater_simulations.adversary.attacking import Verdict, attack
from headwater_simulations.adversary.budget import Budget
from headwater_simulations.adversary.deviations import conduct_of, possible
from headwater_simulations.adversary.planted import Plant, flawed, sound
from headwater_simulations.adversary.proportions import at_most, wilson
from headwater_simulations.adversary.space import Space
from headwater_simulations.adversary.trial import Ring
from headwater_simulations.metrics import Interval

_APART = 9 * 10**8
"""The first world on which plants are measured; attacks never get there."""

_TRUTH_WORLDS = 400
_BASIN_WORLDS = 12


@dataclass(frozen=True, slots=True)
class Outcome:
    """One plant under attack.

    Attributes:
        kind: of the plant.
        gain: of the best strategy known against it; 0 for a sound rule.
        planted: that gain clearly exceeds the tolerance.
        basin: share of strategies drawn anywhere that do; 0 for a sound rule.
        verdict: the attack's.
        found: gain of the best finalist, in units of honest pay.
    """

    kind: str
    gain: float
    planted: bool
    basin: float
    verdict: Verdict
    found: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The outcomes on planted flaws and on sound rules."""

    budget: Budget
    seed: int
    flaws: tuple[Outcome, ...]
    sound: tuple[Outcome, ...]

    @property
    def planted(self) -> tuple[Outcome, ...]:
        """The flaws that are there to be found."""
        return tuple(each for each in self.flaws if each.planted)

    @property
    def alarms(self) -> int:
        """Sound rules that were called exploitable."""
        return sum(each.verdict is Verdict.EXPLOIT for each in self.sound)

    @property
    def alarms_at_most(self) -> float:
        """Clopper and Pearson's 95 % upper bound on the probability of a false alarm."""
        return at_most(self.alarms, len(self.sound))


def recall(outcomes: Sequence[Outcome]) -> tuple[int, int, Interval] | None:
    """How many were found, of how many, and Wilson's 95 % interval; None of none."""
    found = sum(each.verdict is Verdict.EXPLOIT for each in outcomes)
    return (found, len(outcomes), wilson(found, len(outcomes))) if outcomes else None


def calibrate(
    budget: Budget,
    *,
    flaws: int,
    sound_rules: int,
    seed: int = 1,
    workers: int = 1,
    basin_draws: int = 400,
) -> Calibration:
    """Attack `flaws` planted and `sound_rules` sound rules with this budget.

    Args:
        budget: of each attack.
        flaws: rules with a flaw; those whose flaw is too small to count are told apart.
        sound_rules: rules without.
        seed: of the generator, and of the attacks.
        workers: processes; the result is the same for any number.
        basin_draws: strategies drawn anywhere from which each basin is estimated.

    Raises:
        InvalidInputError: counts below 1 or above 100,000.
    """
    if not all(1 <= count <= 100_000 for count in (flaws, sound_rules, workers, basin_draws)):
        raise InvalidInputError(
            "A calibration has 1 to 100,000 rules of each sort, workers and draws."
        )
    bad = list(_map(partial(_try_flaw, budget, seed, basin_draws), flaws, workers))
    good = list(_map(partial(_try_sound, budget, seed), sound_rules, workers))
    return Calibration(budget, seed, tuple(bad), tuple(good))


def _map(task: Callable[[int], Outcome], count: int, workers: int) -> Iterator[Outcome]:
    if workers == 1:
        yield from map(task, range(count))
        return
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        yield from pool.map(task, range(count))


def _try_flaw(budget: Budget, seed: int, basin_draws: int, number: int) -> Outcome:
    plant = flawed(seed, number)
    gain, planted = _truth(plant, budget.tolerance, seed + number)
    basin = _basin(plant, budget.tolerance, seed + number, basin_draws) if planted else 0.0
    return _attacked(plant, budget, seed + number, gain=gain, planted=planted, basin=basin)


def _try_sound(budget: Budget, seed: int, number: int) -> Outcome:
    return _attacked(sound(seed, number), budget, seed + number, gain=0.0, planted=False, basin=0.0)


def _attacked(
    plant: Plant, budget: Budget, seed: int, *, gain: float, planted: bool, basin: float
) -> Outcome:
    result = attack(plant.rule, plant.arena, None, budget, seed=seed)
    found = result.finalists[0].gain.estimate
    return Outcome(plant.kind, gain, planted, basin, result.verdict, found)


def _truth(plant: Plant, tolerance: float, seed: int) -> tuple[float, bool]:
    """The gain of the best known exploit, and whether it clearly exceeds the tolerance."""
    ring = Ring(plant.arena, plant.rule, seed, _APART, _TRUTH_WORLDS)
    trial = ring.trial([conduct_of(strategy) for strategy in plant.exploits])
    best = int(np.argmax(trial.gains))
    excess = trial.excess(tolerance)[best]
    clear = excess.mean() > 3 * excess.std(ddof=1) / np.sqrt(len(excess))
    return float(trial.gains[best]), bool(clear)


def _basin(plant: Plant, tolerance: float, seed: int, draws: int) -> float:
    space = Space(possible(plant.arena))
    used, at = space.anywhere(draws, np.random.default_rng([seed, 0xBA51]))
    drawn = [conduct_of(space.strategy(*point)) for point in zip(used, at, strict=True)]
    ring = Ring(plant.arena, plant.rule, seed, _APART + _TRUTH_WORLDS, _BASIN_WORLDS)
    return float((ring.trial(drawn).gains > tolerance).mean())
