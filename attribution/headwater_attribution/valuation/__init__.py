"""What a contribution is worth to a whole: values of games and of nearest neighbours.

Values, not payouts: what is paid in proportion to them can be farmed where the value itself can't
(docs, "Known failures").
"""

from headwater_attribution.valuation.games import (
    MAX_PLAYERS,
    coverage_game,
    members,
    neighbour_game,
)
from headwater_attribution.valuation.neighbours import knn_shapley
from headwater_attribution.valuation.replication import (
    LN2,
    by_cluster,
    jaccard,
    robust_shapley,
)
from headwater_attribution.valuation.semivalues import (
    banzhaf,
    leave_one_out,
    normalised,
    shapley,
)

__all__ = [
    "LN2",
    "MAX_PLAYERS",
    "banzhaf",
    "by_cluster",
    "coverage_game",
    "jaccard",
    "knn_shapley",
    "leave_one_out",
    "members",
    "neighbour_game",
    "normalised",
    "robust_shapley",
    "shapley",
]
