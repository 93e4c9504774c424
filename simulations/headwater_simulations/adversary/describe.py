"""Strategies and gains in words."""

from math import isfinite

from headwater_payments.split import PARTS
from headwater_simulations.adversary.bounds import GainBounds
from headwater_simulations.adversary.deviation import Deviation, Strategy


def describe(strategy: Strategy) -> str:
    """A strategy such as `Copy(share 28 %, edit 38 %)`."""
    return " + ".join(_one(each) for each in strategy)


def gain_text(gain: GainBounds) -> str:
    """An estimate with its bounds, such as `+0.188 [+0.163, +0.209]`."""
    return f"{gain.estimate:+.3f} [{_bound(gain.low)}, {_bound(gain.high)}]"


def _one(deviation: Deviation) -> str:
    parts = []
    for dimension in deviation.dimensions:
        value = getattr(deviation, dimension.name)
        # Parameters up to 10^8 are shares of something.
        shown = f"{100 * value / PARTS:.3g} %" if dimension.high == PARTS else str(value)
        parts.append(f"{dimension.name} {shown}")
    return f"{type(deviation).__name__}({', '.join(parts)})"


def _bound(value: float) -> str:
    return f"{value:+.3f}" if isfinite(value) else "none"
