"""Reward formulas that other economies pay by, as they publish them: to compare with and to attack.

None of them closes an epoch here. Their form differs from a `RewardRule`: they take stakes, scores,
weights or lineage where a rule takes receipts.
"""

from headwater_attribution.presets.concentration import (
    Classes,
    ClassParameters,
    class_pools,
    effective_count,
    entropy,
    phi,
    score_shares,
)
from headwater_attribution.presets.numerai import (
    CLASSIC,
    SIGNALS,
    TournamentParameters,
    tournament_payouts,
)
from headwater_attribution.presets.pots import pro_rata
from headwater_attribution.presets.royalties import (
    Royalties,
    absolute_royalties,
    relative_royalties,
)
from headwater_attribution.presets.yuma import (
    YumaEpoch,
    YumaParameters,
    yuma_consensus,
    yuma_emission,
    yuma_epoch,
)

__all__ = [
    "CLASSIC",
    "SIGNALS",
    "ClassParameters",
    "Classes",
    "Royalties",
    "TournamentParameters",
    "YumaEpoch",
    "YumaParameters",
    "absolute_royalties",
    "class_pools",
    "effective_count",
    "entropy",
    "phi",
    "pro_rata",
    "relative_royalties",
    "score_shares",
    "tournament_payouts",
    "yuma_consensus",
    "yuma_emission",
    "yuma_epoch",
]
