"""A find made small: fewer deviations, milder parameters, as long as it still pays."""

from dataclasses import replace

import numpy as np

from headwater_simulations.adversary.deviation import Deviation, Dimension, Strategy
from headwater_simulations.adversary.game import Worlds

_SURE = 3.0
"""Standard errors by which a smaller strategy must exceed the tolerance to be kept."""

_LEVELS = 12


def shrink(ring: Worlds, strategy: Strategy, tolerance: float) -> Strategy:
    """The smallest strategy on the way down that clearly gains more than `tolerance`.

    First whole deviations are left out, then each parameter moves towards its mildest value, twelve
    levels at a time, until nothing moves. A strategy that doesn't clearly pay on these worlds comes
    back as it is.
    """
    strategy = _fewer(ring, strategy, tolerance)
    while True:
        milder = _milder(ring, strategy, tolerance)
        if milder == strategy:
            return strategy
        strategy = milder


def _fewer(ring: Worlds, strategy: Strategy, tolerance: float) -> Strategy:
    while len(strategy) > 1:
        shorter = [strategy[:i] + strategy[i + 1 :] for i in range(len(strategy))]
        paying = _paying(ring, shorter, tolerance)
        if not paying:
            break
        strategy = max(paying, key=lambda each: each[1])[0]
    return strategy


def _milder(ring: Worlds, strategy: Strategy, tolerance: float) -> Strategy:
    for place, deviation in enumerate(strategy):
        for dimension in deviation.dimensions:
            now = getattr(deviation, dimension.name)
            levels = _levels(dimension, now)
            before, after = strategy[:place], strategy[place + 1 :]
            tried = [
                (*before, _with(strategy[place], dimension.name, level), *after) for level in levels
            ]
            paying = _paying(ring, tried, tolerance)
            if paying:
                strategy = paying[0][0]
    return strategy


def _levels(dimension: Dimension, now: int) -> list[int]:
    """From the mildest value towards `now`, without it; wide ranges in steps of a hundredth."""
    step = max(1, dimension.high // 100)
    levels = dimension.mildest + np.linspace(0, now - dimension.mildest, _LEVELS)
    rounded = (levels / step).round().astype(np.int64) * step
    kept = np.clip(rounded, dimension.low, dimension.high).tolist()
    return [level for level in dict.fromkeys(kept) if level != now]


def _paying(
    ring: Worlds, strategies: list[Strategy], tolerance: float
) -> list[tuple[Strategy, float]]:
    """Those that clearly pay, with their gain, in the order given."""
    if not strategies:
        return []
    trial = ring.compare(strategies)
    # What is tested is E[D - tolerance × H] > 0, whose spread is that of the pairs.
    excess = trial.excess(tolerance)
    error = excess.std(axis=1, ddof=1) / np.sqrt(ring.count) if ring.count > 1 else np.inf
    clear = excess.mean(axis=1) > _SURE * error
    return [
        (strategy, float(gain))
        for strategy, gain, pays in zip(strategies, trial.gains, clear, strict=True)
        if pays
    ]


def _with(deviation: Deviation, name: str, value: int) -> Deviation:
    changed: Deviation = replace(deviation, **{name: value})  # type: ignore[type-var]
    return changed
