"""Every deviation that is built in, what an arena leaves room for, and what they come to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from headwater_payments.errors import InvalidInputError
from headwater_simulations.adversary.arena import Arena
from headwater_simulations.adversary.conduct import HONEST, Conduct
from headwater_simulations.adversary.deviation import ArenaDeviation, Deviation, Strategy
from headwater_simulations.adversary.handed_in import (
    Collude,
    Copy,
    FarmPrior,
    FreeRide,
    Noise,
    Poison,
    Restate,
    Split,
    Squat,
)
from headwater_simulations.adversary.roles import (
    Fabricate,
    Grief,
    GrindSeeds,
    OmitReceipts,
    Schedule,
    Wash,
    Whitewash,
)

DEVIATIONS: tuple[type[Deviation], ...] = (
    Split,
    Collude,
    FreeRide,
    Copy,
    Restate,
    Noise,
    FarmPrior,
    Wash,
    Squat,
    Poison,
    Whitewash,
    Grief,
    OmitReceipts,
    Fabricate,
    GrindSeeds,
    Schedule,
)
"""Every kind that is built in."""


def possible(
    arena: Arena, kinds: Sequence[type[Deviation]] = DEVIATIONS
) -> tuple[type[Deviation], ...]:
    """The kinds that can change anything in this arena."""
    return tuple(kind for kind in kinds if kind not in _NEEDS or _NEEDS[kind](arena))


def fitted(strategy: Strategy, arena: Arena) -> Strategy:
    """The strategy with no more members, identities and epochs than the arena has."""
    return tuple(_fitted(deviation, arena) for deviation in strategy)


def conduct_of(strategy: Sequence[Deviation]) -> Conduct:
    """What a coalition does that follows the strategy.

    Raises:
        InvalidInputError: one of its deviations is of another game.
    """
    conduct = HONEST
    for deviation in strategy:
        if not isinstance(deviation, ArenaDeviation):
            raise InvalidInputError(
                f"Coalitions in an arena know no {type(deviation).__name__}.",
                deviation=type(deviation).__name__,
            )
        conduct = deviation.apply(conduct)
    return conduct


_NEEDS: Mapping[type[Deviation], Callable[[Arena], bool]] = {
    Squat: lambda arena: arena.foreseen > 0,
    Whitewash: lambda arena: arena.audit > 0 and arena.epochs > 1,
    Grief: lambda arena: arena.stake > 0,
    OmitReceipts: lambda arena: arena.operator,
    Fabricate: lambda arena: arena.operator,
    GrindSeeds: lambda arena: arena.operator and not arena.late_seed,
    # Where nothing is remembered, to deviate for a part of the time brings a part of the gain.
    Schedule: lambda arena: arena.epochs > 1 and (arena.audit > 0 or arena.recompute > 0),
}


def _fitted(deviation: Deviation, arena: Arena) -> Deviation:
    if isinstance(deviation, Collude):
        return Collude(min(deviation.members, arena.members))
    if isinstance(deviation, Split):
        return Split(min(deviation.identities, arena.cap_identities))
    if isinstance(deviation, Schedule):
        begin = min(deviation.begin, arena.epochs)
        return Schedule(begin, min(deviation.lasting, arena.epochs - begin + 1))
    if isinstance(deviation, Grief):
        return replace(deviation, accused=min(deviation.accused, arena.authors - arena.members))
    return deviation
