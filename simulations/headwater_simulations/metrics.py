"""What a study reports: means over worlds with 95 % intervals."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_Z = 1.959_963_985


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its two-sided 95 % interval."""

    low: float
    mean: float
    high: float


def interval(values: Floats) -> Interval:
    """The mean of `[W]` independent worlds with Student's 95 % interval.

    One world has no interval: its ends are infinite. The quantile is Fisher's expansion in the
    degrees of freedom, within 1 % of the exact one.

    Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, 26.7.5.
    """
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(float("-inf"), mean, float("inf"))
    half = student(len(values) - 1) * float(values.std(ddof=1)) / sqrt(len(values))
    return Interval(mean - half, mean, mean + half)


def student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t; exact for 1 and 2 degrees of freedom."""
    if freedom == 1:
        return 12.706_204_736
    if freedom == 2:
        return 4.302_652_730
    first = (_Z**3 + _Z) / 4
    second = (5 * _Z**5 + 16 * _Z**3 + 3 * _Z) / 96
    third = (3 * _Z**7 + 19 * _Z**5 + 17 * _Z**3 - 15 * _Z) / 384
    return _Z + first / freedom + second / freedom**2 + third / freedom**3
