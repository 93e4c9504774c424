"""A generator of rules with planted flaws, and of sound ones, each in a market that lets them show.

A plant is a rule, an arena, and strategies known to exploit it. Its numbers are drawn by (seed,
number): plants of any two seeds have nothing in common. The search was not tuned on any of them.

In a closed arena nothing but the rule's own flaw pays: likeness recognises copies as far as they
are like, and rewording costs more than any row earns. Questions show no copies in it, or no flaw
that pays for them could be found. What is left is a coalition's gain by
standing as one author, about 0.05 of its pay, which is below the tolerance. That makes the sound
rules sound.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from headwater_attribution.rules import CAUSES, Pay, RewardRule, RuleParameters
from headwater_payments.split import PARTS
from headwater_simulations.adversary import flaws
from headwater_simulations.adversary.arena import Arena
from headwater_simulations.adversary.deviation import Strategy
from headwater_simulations.adversary.handed_in import (
    Collude,
    Copy,
    FarmPrior,
    FreeRide,
    Noise,
    Split,
)
from headwater_simulations.adversary.open_markets import DOORS, share, shut
from headwater_simulations.adversary.roles import Wash


@dataclass(frozen=True, slots=True)
class Plant:
    """A rule to be attacked.

    Attributes:
        kind: of flaw, or of sound rule.
        rule: the rule.
        arena: its market.
        exploits: strategies that use the flaw; none for a sound rule.
    """

    kind: str
    rule: RewardRule
    arena: Arena
    exploits: tuple[Strategy, ...]


def flawed(seed: int, number: int) -> Plant:
    """Plant `number` of a seed; kinds take turns."""
    kind = FLAWS[number % len(FLAWS)]
    draw = np.random.default_rng([seed, number, 0xBAD])
    if kind in _FLAWS:
        return _FLAWS[kind](draw)
    opened = DOORS[kind](_closed(draw), draw)
    return Plant(kind, opened.rule, opened.arena, opened.exploits)


def sound(seed: int, number: int) -> Plant:
    """Sound rule `number` of a seed; kinds take turns."""
    draw = np.random.default_rng([seed, number, 0x600D])
    parameters = RuleParameters(share(draw, 0, 1), share(draw, 0.5, 1))
    arena = shut(_closed(draw), draw, number // 3)
    if number % 3 == 0:
        return Plant("causes", replace(CAUSES, parameters=parameters), arena, ())
    if number % 3 == 1:
        return _plant("certain", flaws.Certain(share(draw, 0.5, 1)), arena)
    return _plant("main cause", flaws.MainCause(), arena)


def _concave(draw: np.random.Generator) -> Plant:
    rule = flaws.Power(float(draw.uniform(0.3, 0.97)))
    return _plant("concave", rule, _closed(draw), (Split(8),))


def _ceiling(draw: np.random.Generator) -> Plant:
    rule = flaws.Ceiling(share(draw, 0.02, 0.055))
    return _plant("ceiling", rule, _closed(draw), (Split(4),), (Split(8),))


def _joining(draw: np.random.Generator) -> Plant:
    rule = flaws.Power(float(draw.uniform(1.05, 2)))
    return _plant("convex", rule, _closed(draw), (Collude(3),))


def _threshold(draw: np.random.Generator) -> Plant:
    rule = flaws.Threshold(share(draw, 0.035, 0.06))
    return _plant("threshold", rule, _closed(draw), (Collude(2),), (Collude(3),))


def _presence(draw: np.random.Generator) -> Plant:
    arena = replace(_closed(draw), filler_recall=share(draw, 0.4, 0.9), cost_noise=2)
    rule = flaws.Presence(share(draw, 0.1, 1))
    return _plant("presence", rule, arena, *((Noise(rows),) for rows in (64, 160, 320, 512)))


def _similarity(draw: np.random.Generator) -> Plant:
    arena = replace(_closed(draw), admission=False)
    return _plant("similarity", flaws.Similarity(share(draw, 0.1, 1)), arena, (Copy(PARTS, 0),))


def _rewording(draw: np.random.Generator) -> Plant:
    blind_at = share(draw, 0.2, 0.8)
    cost = int(draw.integers(5, 120))
    arena = replace(_closed(draw), blind_at=blind_at, cost_reworded=cost)
    exploits = ((Copy(PARTS, blind_at),), (Copy(PARTS // 2, blind_at),))
    return Plant("rewording", CAUSES, arena, exploits)


def _stipend(draw: np.random.Generator) -> Plant:
    cost = int(draw.integers(150, 300))
    arena = replace(_closed(draw), cap_identities=1, cost_honest=cost)
    rule = flaws.Stipend(share(draw, 0.75, 1))
    return _plant("stipend", rule, arena, (FreeRide(PARTS * 9 // 10),))


def _volume(draw: np.random.Generator) -> Plant:
    rule = flaws.Volume(share(draw, 0.05, 0.7))
    tries = ((FarmPrior(rows),) for rows in (32, 64, 128, 256, 512))
    return _plant("volume", rule, _closed(draw), *tries)


def _usage(draw: np.random.Generator) -> Plant:
    rule = flaws.Usage(share(draw, 0.1, 0.8))
    return _plant("usage", rule, _closed(draw), (Wash(16, PARTS // 100),))


def _jackpot(draw: np.random.Generator) -> Plant:
    first = int(draw.integers(14, 80))
    rule = flaws.Jackpot(share(draw, 0.03, 0.3), first, first + int(draw.integers(0, 8)))
    tries = ((FarmPrior(rows),) for rows in range(8, 513, 8))
    return _plant("jackpot", rule, _closed(draw), *tries)


def _lock(draw: np.random.Generator) -> Plant:
    least, count = int(draw.integers(16, 50)), int(draw.integers(7, 12))
    rule = flaws.Lock(share(draw, 0.1, 0.4), least, count, count + int(draw.integers(0, 3)))
    tries = (
        (FarmPrior(6 * (least - 4 + more)), Wash(bought, PARTS // 100))
        for more in (0, 8, 16, 30)
        for bought in range(4, 17)
    )
    return _plant("lock", rule, _closed(draw), *tries)


_FLAWS: Mapping[str, Callable[[np.random.Generator], Plant]] = {
    "concave": _concave,
    "ceiling": _ceiling,
    "convex": _joining,
    "threshold": _threshold,
    "presence": _presence,
    "similarity": _similarity,
    "rewording": _rewording,
    "stipend": _stipend,
    "volume": _volume,
    "usage": _usage,
    "jackpot": _jackpot,
    "lock": _lock,
}

FLAWS = (*_FLAWS, *DOORS)
"""The kinds of planted flaws: of the rule first, then of what stands around it."""


def _closed(draw: np.random.Generator) -> Arena:
    """A market of middling numbers without a door of its own."""
    return Arena(
        authors=int(draw.integers(15, 19)),
        members=3,
        queries=2 * int(draw.integers(18, 26)),
        price=int(draw.integers(800, 1_200)),
        contributors_share=share(draw, 0.5, 0.7),
        false_refusal=share(draw, 0, 0.08),
        dedup_recall=PARTS,
        blind_at=PARTS,
        precedence=0,
        says_more=PARTS,
        stray_reach=0,
        cost_honest=int(draw.integers(20, 60)),
        cost_reworded=4_000,
        cost_noise=20,
        poison_recall=PARTS,
        cost_filler=int(draw.integers(4, 10)),
    )


def _plant(kind: str, pay: Pay, arena: Arena, *exploits: Strategy) -> Plant:
    return Plant(kind, RewardRule(f"{kind}/planted", kind, False, pay), arena, exploits)
