"""Markets with one door left open, and with the same doors shut.

What is wrong here is not the rule but what stands around it: who sees rows before they are handed
in, who comes back after an expulsion, how courts err, who checks the operator. The rule is the
shipped one, but for omission, which pays only where a rule divides a pool.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from headwater_attribution.rules import CAUSES, RewardRule
from headwater_payments.split import PARTS
from headwater_simulations.adversary.arena import Arena
from headwater_simulations.adversary.deviation import Strategy
from headwater_simulations.adversary.flaws import Remainder
from headwater_simulations.adversary.handed_in import Copy, Poison, Squat
from headwater_simulations.adversary.roles import (
    Fabricate,
    Grief,
    GrindSeeds,
    OmitReceipts,
    Schedule,
    Whitewash,
)

_REWORDED = Copy(PARTS, PARTS * 6 // 10)


@dataclass(frozen=True, slots=True)
class Opened:
    """A market with a door that is open, and strategies that go through it."""

    arena: Arena
    exploits: tuple[Strategy, ...]
    rule: RewardRule = CAUSES


Door = Callable[[Arena, np.random.Generator], Opened]


def share(draw: np.random.Generator, low: float, high: float) -> int:
    """A share from `low` to `high`, in parts per 10^8."""
    return round(float(draw.uniform(low, high)) * PARTS)


def _seen_early(arena: Arena, draw: np.random.Generator) -> Opened:
    return Opened(replace(arena, foreseen=share(draw, 0.1, 1)), ((Squat(PARTS, 12),),))


def _believed(arena: Arena, draw: np.random.Generator) -> Opened:
    arena = replace(arena, poison_recall=share(draw, 0, 0.6), cost_poison=int(draw.integers(2, 10)))
    return Opened(arena, ((Poison(PARTS),), (Poison(PARTS // 2),)))


def _forgiven(arena: Arena, draw: np.random.Generator) -> Opened:
    arena = replace(
        _copied(arena),
        epochs=6,
        audit=share(draw, 0.4, 0.8),
        stake=int(draw.integers(0, 600)),
    )
    return Opened(arena, ((_REWORDED, Whitewash(1)),))


def _endgame(arena: Arena, draw: np.random.Generator) -> Opened:
    arena = replace(_copied(arena), epochs=4, audit=share(draw, 0.8, 1))
    return Opened(arena, ((_REWORDED, Schedule(4, 1)), (_REWORDED, Schedule(3, 2))))


def _court(arena: Arena, draw: np.random.Generator) -> Opened:
    arena = replace(
        arena,
        stake=int(draw.integers(5_000, 20_000)),
        court_error=share(draw, 0.2, 0.5),
        challenge_bond=int(draw.integers(0, 300)),
    )
    return Opened(arena, ((Grief(8),),))


def _pool(arena: Arena, draw: np.random.Generator) -> Opened:
    rule = RewardRule("pool/planted", "pool", False, Remainder(share(draw, 0.5, 1)))
    return Opened(replace(arena, operator=True), ((OmitReceipts(PARTS),),), rule)


def _unchecked(arena: Arena, draw: np.random.Generator) -> Opened:
    arena = replace(
        arena,
        operator=True,
        recompute=share(draw, 0, 0.03),
        operator_bond=int(draw.integers(0, 1_500)),
    )
    return Opened(arena, tuple((Fabricate(PARTS // 20 * part),) for part in (5, 10, 20)))


def _early_seed(arena: Arena, draw: np.random.Generator) -> Opened:
    arena = replace(
        arena,
        operator=True,
        late_seed=False,
        recompute=share(draw, 0.01, 0.03),
        operator_bond=int(draw.integers(20_000, 40_000)),
    )
    tries = (PARTS // 10, PARTS // 5, PARTS // 3)
    return Opened(arena, tuple((Fabricate(part), GrindSeeds(16)) for part in tries))


def _copied(arena: Arena) -> Arena:
    """Copies get in: what is left to stop them is that audits expel who hands them in."""
    return replace(arena, blind_at=PARTS // 2, cost_reworded=4)


DOORS: Mapping[str, Door] = {
    "seen early": _seen_early,
    "believed": _believed,
    "forgiven": _forgiven,
    "endgame": _endgame,
    "court": _court,
    "pool": _pool,
    "unchecked": _unchecked,
    "early seed": _early_seed,
}
"""By name."""


def shut(arena: Arena, draw: np.random.Generator, number: int) -> Arena:
    """The market with one of the doors there and shut; every fourth number as it is."""
    if number % 4 == 1:
        return replace(
            arena,
            operator=True,
            recompute=share(draw, 0.3, 0.6),
            operator_bond=int(draw.integers(60_000, 120_000)),
        )
    if number % 4 == 2:
        stake = int(draw.integers(5_000, 20_000))
        return replace(
            arena, stake=stake, challenge_bond=stake // 5, court_error=share(draw, 0, 0.1)
        )
    if number % 4 == 3:
        stake = int(draw.integers(20_000, 40_000))
        audit, poison = share(draw, 0.5, 1), share(draw, 0.2, 0.5)
        return replace(arena, epochs=4, audit=audit, stake=stake, poison_recall=poison)
    return arena
