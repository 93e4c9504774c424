"""One-sided bounds on a ratio of means that hold for any distribution within a known range.

The gain of a deviation is E[D] / E[H]: what it nets beyond honest play, over honest pay. A gambler
who bets a fixed amount on D - g·H being positive multiplies his money by 1 + bet × (D - g·H) in
each world. If the gain is at most g his money doesn't grow on average, so it exceeds 1 / error with
probability `error` at most. The lower bound is the largest g at which it does.

Nothing is assumed of the distribution but its range; the bet is fixed before the worlds are seen.

Source: Waudby-Smith and Ramdas, "Estimating Means of Bounded Random Variables by Betting", 2024,
section 4 with a constant bet; Fieller, "Some Problems in Interval Estimation", 1954, for the ratio.
"""

from dataclasses import dataclass
from math import log, sqrt

import numpy as np

from headwater_payments.errors import InvalidInputError
from headwater_simulations.metrics import Floats

_BOLDEST = 0.9
"""The most of his money that the gambler can lose in one world."""

_BEYOND = 0.25
"""How far beyond the pilot's gain, or 0, bounds are looked for."""

_STEPS = 60


@dataclass(frozen=True, slots=True)
class GainBounds:
    """A gain with its bounds, each of which fails with probability `error` at most.

    Attributes:
        low: lower bound; minus infinity where the worlds are too few for one.
        estimate: ratio of the means.
        high: upper bound; infinity where the worlds are too few.
        error: of each bound by itself.
    """

    low: float
    estimate: float
    high: float
    error: float


@dataclass(frozen=True, slots=True)
class Range:
    """What no world can leave, in the unit of `D` and `H`.

    Attributes:
        least: `D` ≥ `least` - `H`, that is net ≥ `least` - (pay - net) of honest play.
        most: `D` ≤ `most`.
        honest: `0` ≤ `H` ≤ `honest`.
    """

    least: float
    most: float
    honest: float


def gain_bounds(
    difference: Floats,
    honest: Floats,
    within: Range,
    *,
    error: float,
    pilot_gain: float,
    pilot_spread: float,
) -> GainBounds:
    """Bound E[D] / E[H] from `[S]` independent worlds.

    Args:
        difference: `[S]` D, net as it goes less net honest.
        honest: `[S]` H, honest pay.
        within: their range.
        error: of each bound.
        pilot_gain: the gain that other worlds suggest; decides the bet, not the validity.
        pilot_spread: the standard deviation of D - g·H that they suggest.

    Raises:
        InvalidInputError: no worlds, an error outside 0 to 1, or honest pay of nothing.
    """
    if len(difference) == 0 or not 0 < error < 1 or not honest.any():
        raise InvalidInputError("Bounds need worlds, honest pay, and an error between 0 and 1.")
    bet = sqrt(2 * log(1 / error) / len(difference)) / max(pilot_spread, 1e-9 * within.honest)
    ceiling = max(pilot_gain, 0.0) + _BEYOND
    floor = min(pilot_gain, 0.0) - _BEYOND
    # At gain g the stake is D - g·H, which is at least `least` - (1 + g)·H.
    worst_low = -within.least + (1 + ceiling) * within.honest
    worst_high = within.most + max(0.0, -floor) * within.honest
    low = _furthest(difference, honest, min(bet, _BOLDEST / worst_low), error, floor, ceiling)
    high = -_furthest(-difference, honest, min(bet, _BOLDEST / worst_high), error, -ceiling, -floor)
    return GainBounds(low, float(difference.mean() / honest.mean()), high, error)


def _furthest(
    difference: Floats, honest: Floats, bet: float, error: float, start: float, stop: float
) -> float:
    """The largest g from `start` to `stop` that the gambler refutes; minus infinity without one."""

    def refuted(gain: float) -> bool:
        money = np.log1p(np.maximum(bet * (difference - gain * honest), -1 + 1e-12)).sum()
        return bool(money >= log(1 / error))

    if not refuted(start):
        return float("-inf")
    for _ in range(_STEPS):
        middle = (start + stop) / 2
        start, stop = (middle, stop) if refuted(middle) else (start, middle)
    return start
