"""An attack on a reward rule or another mechanism, from the search to a verdict with its bounds.

Four disjoint sets of worlds: the search sees the first, the second picks finalists, the third gives
the verdict, and a find that was shrunk on the second is confirmed on the fourth.

A verdict covers the finalists, not every strategy there is: an exploit in a corner of the space
that the search never drew is not excluded by it. How often that happens is measured on rules with
planted flaws.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from math import sqrt

import numpy as np

from headwater_attribution.rules import Pay, RewardRule
from headwater_simulations.adversary.arena import Arena
from headwater_simulations.adversary.bounds import GainBounds, Range, gain_bounds
from headwater_simulations.adversary.budget import Budget
from headwater_simulations.adversary.deviation import Strategy
from headwater_simulations.adversary.deviations import possible
from headwater_simulations.adversary.game import Game, Stage, Trial, Worlds
from headwater_simulations.adversary.search import Found, search
from headwater_simulations.adversary.shrink import shrink
from headwater_simulations.adversary.space import Space
from headwater_simulations.adversary.trial import Ring
from headwater_simulations.adversary.userrules import as_rule

_FIRST = {"search": 0, "pick": 10**8, "proof": 2 * 10**8, "confirm": 3 * 10**8}
"""The first world of each set, further apart than any budget reaches."""


class Verdict(StrEnum):
    """What an attack found.

    `EXPLOIT`: a deviation gains more than the tolerance. `NONE_FOUND`: each finalist gains less.
    `UNDECIDED`: the worlds were too few to say.
    """

    EXPLOIT = "exploit"
    NONE_FOUND = "none found"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Finalist:
    """A strategy with the bounds on its gain, in units of honest pay."""

    strategy: Strategy
    gain: GainBounds


@dataclass(frozen=True, slots=True)
class Findings:
    """What an attack came to.

    Attributes:
        verdict: over all finalists.
        finalists: the best strategies, the best estimate first, with simultaneous bounds.
        minimal: of an exploit, the smallest deviation that still pays, with bounds from worlds of
            its own; None otherwise.
        detectable: the least gain that the proof's worlds would have shown to exceed the tolerance
            19 times in 20, given the spread that the best finalist has.
        archive: the gain on the search's worlds of the best strategy for each combination of
            kinds; luck included, no evidence of anything.
        worlds: that were run.
        honest_pay: mean pay of the honest coalition in a world, atomic units: the unit.
    """

    space: Space
    budget: Budget
    seed: int
    verdict: Verdict
    finalists: tuple[Finalist, ...]
    minimal: Finalist | None
    detectable: float
    archive: Mapping[tuple[str, ...], Found]
    worlds: int
    honest_pay: float

    @property
    def best(self) -> Finalist:
        """The shrunk find where there is one, else the best finalist."""
        return self.minimal or self.finalists[0]


@dataclass(frozen=True, slots=True)
class AttackResult(Findings):
    """What an attack on a reward rule came to, in which arena."""

    rule: RewardRule
    arena: Arena


def attack(
    rule: RewardRule | Pay,
    arena: Arena | None = None,
    space: Space | None = None,
    budget: Budget | None = None,
    *,
    seed: int = 1,
    ideas: Sequence[Strategy] = (),
) -> AttackResult:
    """Look for the deviation that gains a coalition the most under `rule`.

    The result depends on the arguments alone: one seed gives one result.

    Args:
        rule: the object that closes epochs, or a bare function of the same form.
        arena: the market; the default one when None.
        space: what the coalition may do; all that can change anything in the arena when None.
        budget: how much is tried; the standard one when None.
        seed: of nature and search.
        ideas: strategies that the search begins with, such as `ideas.read_ideas` gives; they count
            as candidates, and pay no more than others if they are no good.

    Raises:
        InvalidInputError: an idea isn't of the space, or there are more than a generation of them.
        NothingEarnedError: the rule pays the honest coalition nothing.
        UnsoundRuleError: under some strategy the rule paid out more than came in.
    """
    tested, market = as_rule(rule), arena or Arena()
    found = _attacked(
        lambda which, count: Ring(market, tested, seed, _FIRST[which], count),
        space or Space(possible(market)),
        budget or Budget(),
        seed,
        ideas,
    )
    named = {each.name: getattr(found, each.name) for each in fields(Findings)}
    return AttackResult(**named, rule=tested, arena=market)


def attack_game(
    game: Game, space: Space | None = None, budget: Budget | None = None, *, seed: int = 1
) -> Findings:
    """Look for the deviation that gains the most in another mechanism than a reward rule.

    Args:
        game: the mechanism and who may deviate in it.
        space: what may be done; all that the game knows when None.
        budget: how much is tried; the standard one when None.
        seed: of nature and search.

    Raises:
        NothingEarnedError: honest play is paid nothing.
        InvalidInputError: the space holds a deviation that the game doesn't know.
    """
    return _attacked(
        lambda which, count: Stage(game, seed, _FIRST[which], count),
        space or Space(game.kinds),
        budget or Budget(),
        seed,
    )


def _attacked(
    worlds: Callable[[str, int], Worlds],
    space: Space,
    budget: Budget,
    seed: int,
    ideas: Sequence[Strategy] = (),
) -> Findings:
    """The attack on worlds of the four sets: search, pick, proof, confirm."""
    ring = worlds("search", budget.search_worlds)
    archive = search(
        ring,
        space,
        candidates=budget.candidates,
        generation=budget.generation,
        generator=np.random.default_rng([seed, 0x5EA]),
        ideas=ideas,
    )
    shortlist = [found.strategy for found in archive.values()][: budget.shortlist]
    picks = worlds("pick", budget.pick_worlds)
    pilots = picks.compare(shortlist)
    order = np.argsort(-pilots.gains, kind="stable")[: budget.finalists].tolist()
    proof = worlds("proof", budget.proof_worlds)
    error = budget.error / len(order)
    finalists = [_judge(proof, picks, shortlist[i], error) for i in order]
    finalists.sort(key=lambda finalist: -finalist.gain.estimate)
    verdict = verdict_of([finalist.gain for finalist in finalists], budget.tolerance)
    detectable = _detectable(picks, finalists[0], budget)
    minimal, extra = None, 0
    if verdict is Verdict.EXPLOIT:
        confirm = worlds("confirm", budget.proof_worlds)
        minimal, extra = _shrunk(picks, confirm, finalists, detectable, budget), confirm.count
    return Findings(
        space,
        budget,
        seed,
        verdict,
        tuple(finalists),
        minimal,
        detectable,
        archive,
        budget.candidates * ring.count
        + len(shortlist) * picks.count
        + len(order) * proof.count
        + extra,
        float(proof.honest_pay.mean()),
    )


def judge(
    arena: Arena,
    rule: RewardRule,
    strategy: Strategy,
    *,
    seed: int,
    worlds: int,
    error: float,
    first: int = _FIRST["confirm"],
) -> GainBounds:
    """Bound one strategy's gain on worlds of its own; the bet is set on others before them."""
    pilot = Ring(arena, rule, seed, _FIRST["pick"] + 5 * 10**7, max(30, worlds // 20))
    return _judge(Ring(arena, rule, seed, first, worlds), pilot, strategy, error).gain


def verdict_of(gains: Sequence[GainBounds], tolerance: float) -> Verdict:
    """The verdict on strategies whose gains lie within these bounds."""
    if any(gain.low > tolerance for gain in gains):
        return Verdict.EXPLOIT
    if all(gain.high < tolerance for gain in gains):
        return Verdict.NONE_FOUND
    return Verdict.UNDECIDED


def _judge(ring: Worlds, pilot: Worlds, strategy: Strategy, error: float) -> Finalist:
    before, trial = pilot.compare([strategy]), ring.compare([strategy])
    low, high, most = ring.limits_of(strategy)
    honest_cost = int((ring.honest_pay - ring.honest_net).max())
    bounds = gain_bounds(
        _difference(trial),
        trial.honest_pay.astype(np.float64),
        Range(low + honest_cost, high + honest_cost, most),
        error=error,
        pilot_gain=float(before.gains[0]),
        pilot_spread=float(before.excess(float(before.gains[0])).std()),
    )
    return Finalist(strategy, bounds)


def _shrunk(
    picks: Worlds, confirm: Worlds, finalists: list[Finalist], detectable: float, budget: Budget
) -> Finalist | None:
    """The smallest form of the surest find that the fourth worlds can show to pay, if they do."""
    surest = max(finalists, key=lambda finalist: finalist.gain.low)
    small = shrink(picks, surest.strategy, detectable)
    confirmed = _judge(confirm, picks, small, budget.error)
    return confirmed if confirmed.gain.low > budget.tolerance else None


def _detectable(picks: Worlds, best: Finalist, budget: Budget) -> float:
    """Tolerance + the lower bound's distance + 1.645 standard errors: power 95 %."""
    trial = picks.compare([best.strategy])
    spread = float(trial.excess(float(trial.gains[0])).std()) / float(picks.honest_pay.mean())
    reach = best.gain.estimate - best.gain.low
    return budget.tolerance + reach + 1.645 * spread / sqrt(budget.proof_worlds)


def _difference(trial: Trial) -> np.ndarray:
    return np.asarray((trial.net[0] - trial.honest_net), dtype=np.float64)
