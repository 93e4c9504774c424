"""The search: cross-entropy and MAP-Elites on one archive, in generations of one trial each.

Half of a generation is drawn around the best strategies so far (cross-entropy: for each kind the
chance to be used, for each parameter a mean and a spread), a quarter are mutants of archived
elites, a quarter are drawn anywhere. The archive keeps the best strategy for each combination of
kinds, so that a find of one sort doesn't hide others. Everything is judged on the same worlds; what
looks good there is luck in part, and is judged again elsewhere.

Source: Rubinstein and Kroese, "The Cross-Entropy Method", 2004; Mouret and Clune, "Illuminating
Search Spaces by Mapping Elites", 2015.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from headwater_payments.errors import InvalidInputError
from headwater_simulations.adversary.deviation import Strategy
from headwater_simulations.adversary.game import Worlds
from headwater_simulations.adversary.space import Space, kinds_of
from headwater_simulations.draws import Bools
from headwater_simulations.metrics import Floats

_ELITE = 8
_SMOOTHING = 0.7
_LEAST_SPREAD = 0.05
_LEAST_CHANCE = 0.1
_MUTATION = 0.15


@dataclass(frozen=True, slots=True)
class Found:
    """A strategy and its gain on the worlds of the search."""

    strategy: Strategy
    gain: float


@dataclass(slots=True)
class _Aim:
    """Where cross-entropy looks: chance of each kind `[K]`, mean and spread `[D]`."""

    chance: Floats
    mean: Floats
    spread: Floats


Archive = Mapping[tuple[str, ...], Found]


def search(
    ring: Worlds,
    space: Space,
    *,
    candidates: int,
    generation: int,
    generator: np.random.Generator,
    ideas: Sequence[Strategy] = (),
) -> Archive:
    """The best strategy found for each combination of kinds.

    Args:
        ring: the worlds of the search.
        space: what may be tried.
        candidates: how many strategies are tried.
        generation: how many of them in one trial.
        generator: the search's own randomness.
        ideas: strategies of the space to begin with, no more than a generation.

    Raises:
        InvalidInputError: too many ideas, or one that isn't of the space.
    """
    if len(ideas) > min(generation, candidates):
        raise InvalidInputError(
            f"A search begins with {min(generation, candidates)} ideas at most, not {len(ideas)}."
        )
    begun = [space.point(idea) for idea in ideas]
    aim = _Aim(
        np.full(len(space.kinds), 0.3),
        np.full(len(space.dimensions), 0.5),
        np.full(len(space.dimensions), 0.35),
    )
    cells: dict[tuple[str, ...], tuple[float, Bools, Floats, Strategy]] = {}
    for start in range(0, candidates, generation):
        count = min(generation, candidates - start)
        used, at = _propose(space, aim, cells, count, generator, first=start == 0)
        if start == 0:
            for number, (kinds, place) in enumerate(begun):
                used[number], at[number] = kinds, place
        strategies = [ring.fitted(space.strategy(u, a)) for u, a in zip(used, at, strict=True)]
        gains = ring.compare(strategies).gains
        for index in np.argsort(-gains, kind="stable").tolist():
            cell = kinds_of(strategies[index])
            if cell not in cells or gains[index] > cells[cell][0]:
                cells[cell] = (float(gains[index]), used[index], at[index], strategies[index])
        _learn(space, aim, used, at, gains)
    ranked = sorted(cells.items(), key=lambda item: -item[1][0])
    return {cell: Found(strategy, gain) for cell, (gain, _, _, strategy) in ranked}


def _propose(
    space: Space,
    aim: _Aim,
    cells: Mapping[tuple[str, ...], tuple[float, Bools, Floats, Strategy]],
    count: int,
    generator: np.random.Generator,
    *,
    first: bool,
) -> tuple[Bools, Floats]:
    if first:
        return space.anywhere(count, generator)
    anywhere, mutants = count // 4, count // 4
    around = count - anywhere - mutants
    wild_used, wild_at = space.anywhere(anywhere, generator)
    aimed_used = generator.random((around, len(space.kinds))) < aim.chance
    drawn = aim.mean + aim.spread * generator.standard_normal((around, len(aim.mean)))
    aimed_at = np.clip(drawn, 0, 1)
    elites = sorted(cells.values(), key=lambda cell: -cell[0])
    # The better an elite stands the more mutants it has: rank r with weight 1 / (r + 1).
    weight = 1 / (1 + np.arange(len(elites)))
    parents = generator.choice(len(elites), size=mutants, p=weight / weight.sum())
    parent_used = np.array([elites[i][1] for i in parents]).reshape(mutants, -1)
    parent_at = np.array([elites[i][2] for i in parents]).reshape(mutants, -1)
    flips = generator.random(parent_used.shape) < 0.5 / len(space.kinds)
    step = _MUTATION * generator.standard_normal(parent_at.shape)
    used = np.concatenate([wild_used, aimed_used, parent_used ^ flips])
    # A strategy of no deviation is honest: it deviates in one kind at random instead.
    honest = ~used.any(axis=1)
    used[honest, generator.integers(0, len(space.kinds), size=int(honest.sum()))] = True
    at = np.concatenate([wild_at, aimed_at, np.clip(parent_at + step, 0, 1)])
    return used, at


def _learn(space: Space, aim: _Aim, used: Bools, at: Floats, gains: Floats) -> None:
    """Move the aim towards the best eighth of a generation."""
    best = np.argsort(-gains, kind="stable")[: max(2, len(gains) // _ELITE)]
    chance = np.clip(used[best].mean(axis=0), _LEAST_CHANCE, 1 - _LEAST_CHANCE)
    aim.chance += _SMOOTHING * (chance - aim.chance)
    for index, (kind, _) in enumerate(space.dimensions):
        relevant = at[best][used[best][:, kind], index]
        if len(relevant) >= 2:
            aim.mean[index] += _SMOOTHING * (relevant.mean() - aim.mean[index])
            spread = max(float(relevant.std()), _LEAST_SPREAD)
            aim.spread[index] += _SMOOTHING * (spread - aim.spread[index])
