"""Known failures: mechanisms of the field under the attack each of them is known to lose to.

Every function runs published formulas (`headwater_attribution.presets` and `.valuation`, and
`mechanisms`) in a small world and says what the cheat gets. No result is written down here.
"""

from headwater_simulations.failures.cartel import CartelPay, cartel_pay
from headwater_simulations.failures.copies import (
    SELLERS,
    Neighbourhood,
    copied_points_share,
    replicated_shares,
    robust_pay,
)
from headwater_simulations.failures.farm import FarmedRank, farmed_rank
from headwater_simulations.failures.sanctions import audited_cheat, split_subsidy
from headwater_simulations.failures.validators import Subnet, cabal_emission, copier_dividend

__all__ = [
    "SELLERS",
    "CartelPay",
    "FarmedRank",
    "Neighbourhood",
    "Subnet",
    "audited_cheat",
    "cabal_emission",
    "cartel_pay",
    "copied_points_share",
    "copier_dividend",
    "farmed_rank",
    "replicated_shares",
    "robust_pay",
    "split_subsidy",
]
