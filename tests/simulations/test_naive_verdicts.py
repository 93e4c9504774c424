"""Wrong ways to call a rule sound or exploitable, beside the attacker's own, on the same draws."""

from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

import numpy as np

from headwater_simulations.adversary import Budget, Dimension, Played, Space, Strategy, Verdict
from headwater_simulations.adversary.attacking import attack_game, verdict_of
from headwater_simulations.adversary.bounds import GainBounds, Range, gain_bounds
from headwater_simulations.adversary.game import Stage, parameter
from headwater_simulations.adversary.search import search
from headwater_simulations.draws import Draws
from headwater_simulations.metrics import Floats

ERROR = 0.05
Z = 1.645
"""Of a one-sided bound at that error, if means were normal."""


def bounded(difference: Floats, most: float, spread: float, error: float = ERROR) -> GainBounds:
    """The attacker's bounds, where honest play is paid 1 in each world."""
    ones = np.ones_like(difference)
    within = Range(0.0, most, 1.0)
    return gain_bounds(
        difference,
        ones,
        within,
        error=error,
        pilot_gain=float(difference.mean()),
        pilot_spread=spread,
    )


def normal(difference: Floats) -> GainBounds:
    """The naive form: a mean, and its standard error as if it were normal."""
    mean, reach = float(difference.mean()), Z * float(difference.std()) / sqrt(len(difference))
    return GainBounds(mean - reach, mean, mean + reach, ERROR)


def said_naively(gain: GainBounds, tolerance: float) -> set[Verdict]:
    """The naive form: an exploit is above nothing, and what is sound within the tolerance."""
    said = set()
    if gain.low > 0:
        said.add(Verdict.EXPLOIT)
    if gain.high < tolerance:
        said.add(Verdict.NONE_FOUND)
    return said


def test_a_small_gain_has_one_verdict_where_both_are_held_against_the_tolerance() -> None:
    true_gain, tolerance, runs = 0.1, 0.25, 200
    generator = np.random.default_rng(7)
    both = 0
    for _ in range(runs):
        worlds = generator.normal(true_gain, 0.4, 400).clip(-0.99, 3.0)
        for gain in (normal(worlds), bounded(worlds, 4.0, 0.4)):
            assert verdict_of([gain], tolerance) is not Verdict.EXPLOIT
            both += said_naively(gain, tolerance) == {Verdict.EXPLOIT, Verdict.NONE_FOUND}
    assert both >= 0.95 * 2 * runs


def test_a_rare_win_passes_for_none_by_normal_errors_and_not_by_bounds_of_its_range() -> None:
    chance, win, runs, worlds, tolerance = 0.005, 50.0, 1_000, 400, 0.1
    generator = np.random.default_rng(8)
    naive = ours = 0
    for _ in range(runs):
        difference = np.where(generator.random(worlds) < chance, win, -0.001)
        naive += verdict_of([normal(difference)], tolerance) is Verdict.NONE_FOUND
        bounds = bounded(difference, win, max(float(difference.std()), 0.01), error=0.01)
        ours += verdict_of([bounds], tolerance) is Verdict.NONE_FOUND
    assert 0.10 < naive / runs < 0.17, "where no win was drawn: 0.995^400 is 0.135"
    assert ours == 0


@dataclass(frozen=True)
class Tuned:
    """A deviation that pays in one corner of three settings, a thousandth of them."""

    first: int
    second: int
    third: int
    dimensions: ClassVar[tuple[Dimension, ...]] = tuple(
        Dimension(name, 0, 999, 0) for name in ("first", "second", "third")
    )


@dataclass(frozen=True)
class Corner:
    """A game in which only settings below 100 of 1,000, all three, gain: half of honest pay.

    Attributes:
        slope: whether what is lost elsewhere tells which way the corner lies.
    """

    slope: bool
    kinds: ClassVar[tuple[type[Tuned]]] = (Tuned,)

    def play(self, strategies: list[Strategy], draws: Draws) -> Played:
        worlds = len(draws.keys)
        pay = np.full((len(strategies), worlds), 1_000_000, dtype=np.int64)
        spent = np.zeros_like(pay)
        for number, strategy in enumerate(strategies):
            if not strategy:
                continue
            at = [parameter(strategy, Tuned, name.name, 0) for name in Tuned.dimensions]
            if max(at) < 100:
                pay[number] += 500_000
            else:
                spent[number] = 100 * sum(at) if self.slope else 100_000
        return Played(pay, spent, np.zeros_like(pay))

    def limits(self, strategy: Strategy) -> tuple[int, int, int]:
        return -300_000, 1_500_000, 1_000_000


CANDIDATES = 1_024


def found_by_chance(game: Corner, seed: int) -> bool:
    """The naive form: strategies drawn evenly, the best of which stands for all there are."""
    space = Space((Tuned,))
    used, at = space.anywhere(CANDIDATES, np.random.default_rng(seed))
    drawn = [space.strategy(u, a) for u, a in zip(used, at, strict=True)]
    return bool(Stage(game, seed, 0, 1).compare(drawn).gains.max() > 0)


def found_by_search(game: Corner, seed: int) -> bool:
    archive = search(
        Stage(game, seed, 0, 1),
        Space((Tuned,)),
        candidates=CANDIDATES,
        generation=64,
        generator=np.random.default_rng(seed),
    )
    return max(each.gain for each in archive.values()) > 0


def test_a_basin_of_a_thousandth_is_missed_by_even_draws_and_found_by_search() -> None:
    sloped = Corner(slope=True)
    by_chance = sum(found_by_chance(sloped, seed) for seed in range(100))
    assert 50 <= by_chance <= 78, "1 - 0.999^1024 is 64 %"
    assert sum(found_by_search(sloped, seed) for seed in range(30)) == 30


def test_a_verdict_is_about_its_finalists_and_no_strategy_that_was_never_drawn() -> None:
    flat = Corner(slope=False)
    small = Budget(
        candidates=64,
        generation=64,
        search_worlds=1,
        shortlist=2,
        pick_worlds=2,
        finalists=1,
        proof_worlds=200,
    )
    found = attack_game(flat, budget=small, seed=1)
    assert found.verdict is Verdict.NONE_FOUND
    (finalist,) = found.finalists
    corner = Stage(flat, 1, 0, 1).compare([(Tuned(1, 1, 1),)]).gains[0]
    assert corner == 0.5, "the exploit is there"
    assert finalist.gain.high < corner, "and the bound is of the finalist only"
