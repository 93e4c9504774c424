"""Numerai's tournament: stakes gain or burn by the same measure, capped, and pro rata when full.

Symbols: `W` worlds, `n` stakes at risk in one round.

Source: Numerai, "Staking" (docs.numer.ai): formula, threshold and cap as of 2024, Signals as of
September 2025, the classic weights as of January 2026.
"""

from dataclasses import dataclass

import numpy as np

from headwater_attribution.apportion import Int64s, portions
from headwater_attribution.presets.pots import Floats
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS

_MAX_THRESHOLD = (2**63 - 1) // PARTS


@dataclass(frozen=True, slots=True)
class TournamentParameters:
    """The numbers of a tournament.

    Attributes:
        threshold: the stake, atomic units, up to which a round pays in full; below 9.2 × 10^10.
        correlation: weight of the score itself.
        contribution: weight of what the score adds to the meta model (MMC).
        cap: the largest gain or burn of a round, parts per 10^8 of the stake.

    Raises:
        InvalidInputError: a threshold or cap out of range, or a weight that is not finite.
    """

    threshold: int
    correlation: float
    contribution: float
    cap: int

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= _MAX_THRESHOLD or not 0 <= self.cap <= PARTS:
            raise InvalidInputError(
                "A tournament needs a threshold of 1 to 9.2 × 10^10 and a cap of 0 to 10^8."
            )
        if not np.isfinite([self.correlation, self.contribution]).all():
            raise InvalidInputError("A tournament's weights are finite.")


CLASSIC = TournamentParameters(72_000 * 10**6, 0.75, 2.25, PARTS // 20)
"""The classic tournament, in millionths of NMR: at most 5 % of the stake a round.

Numerai sets the weights: 0.75 of the score and 2.25 of its contribution since January 2026, 0.5 and
2 from 2 January 2024 on; before that stakers chose among several.
"""

SIGNALS = TournamentParameters(36_000 * 10**6, 0.3, 0.8, PARTS * 17 // 1000)
"""Signals since September 2025: 0.3 of alpha and 0.8 of MPC, at most 1.7 % of the stake."""


def tournament_payouts(
    stakes: Int64s,
    correlation: Floats,
    contribution: Floats,
    parameters: TournamentParameters = CLASSIC,
) -> Int64s:
    """What each stake gains, or burns where negative.

    payout = stake × clip(pf × (m_c × correlation + m_m × contribution), ±cap) with
    pf = min(1, threshold / Σ stake). The rate is a whole number of parts per 10^8 and amounts are
    rounded toward zero, so gain and burn of opposite scores cancel to the unit.

    Args:
        stakes: `[W, n]` atomic units; each world's sum is below 2^62.
        correlation: `[W, n]` score against the target.
        contribution: `[W, n]` score of the part that the meta model lacks.
        parameters: the tournament's numbers.

    Returns:
        `[W, n]` atomic units; nobody loses more than the cap of the stake. The round's treasury
        pays their sum, or receives it.

    Raises:
        InvalidInputError: a negative stake, or scores that are not finite.
    """
    if (stakes < 0).any() or stakes.sum(axis=-1, dtype=np.float64).max(initial=0.0) >= 2.0**62:
        raise InvalidInputError("Stakes are at least 0 and sum to less than 2^62.")
    score = parameters.correlation * correlation + parameters.contribution * contribution
    if not np.isfinite(score).all():
        raise InvalidInputError("A tournament pays by finite scores.")
    at_risk = np.maximum(stakes.sum(axis=-1, keepdims=True), 1)
    factor = np.minimum(parameters.threshold * PARTS // at_risk, PARTS)
    rate = np.clip(factor / PARTS * score, -1.0, 1.0) * PARTS
    capped = np.minimum(np.abs(np.trunc(rate)).astype(np.int64), parameters.cap)
    return np.where(score < 0, -portions(stakes, capped), portions(stakes, capped))
