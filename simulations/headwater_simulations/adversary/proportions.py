"""Intervals for a share of yes among independent tries."""

from math import sqrt

from headwater_payments.errors import InvalidInputError
from headwater_simulations.metrics import Interval

_Z = 1.959_963_985


def wilson(yes: int, tries: int) -> Interval:
    """The two-sided 95 % score interval, which is near nominal for middling shares.

    Source: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927.
    """
    _check(yes, tries)
    share = yes / tries
    centre = (share + _Z**2 / (2 * tries)) / (1 + _Z**2 / tries)
    spread = share * (1 - share) / tries + _Z**2 / (4 * tries**2)
    half = _Z * sqrt(spread) / (1 + _Z**2 / tries)
    return Interval(max(0.0, centre - half), share, min(1.0, centre + half))


def at_most(yes: int, tries: int, error: float = 0.05) -> float:
    """The exact upper bound on a probability that fails in at most `error` of all cases.

    None in 299 tries bounds it by 1 %, none in 149 by 2 %.

    Source: Clopper and Pearson, "The Use of Confidence or Fiducial Limits", 1934.
    """
    _check(yes, tries)
    if not 0 < error < 1:
        raise InvalidInputError("The error of a bound lies between 0 and 1.")
    if yes == tries:
        return 1.0
    from scipy.special import betaincinv

    return float(betaincinv(yes + 1, tries - yes, 1 - error))


def _check(yes: int, tries: int) -> None:
    if not 0 <= yes <= tries or tries < 1:
        raise InvalidInputError(f"There can't be {yes} among {tries} tries.")
