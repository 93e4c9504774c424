"""The attacker that a reward rule must survive: deviations, trials, search, verdicts and cases."""

from headwater_simulations.adversary.arena import Arena
from headwater_simulations.adversary.attacking import (
    AttackResult,
    Finalist,
    Verdict,
    attack,
)
from headwater_simulations.adversary.budget import BUDGETS, Budget
from headwater_simulations.adversary.case import (
    Case,
    case_of,
    load_case,
    replay,
    save_case,
)
from headwater_simulations.adversary.describe import describe
from headwater_simulations.adversary.deviations import (
    DEVIATIONS,
    Collude,
    Copy,
    Deviation,
    Dimension,
    FarmPrior,
    FreeRide,
    Noise,
    Restate,
    Split,
    Strategy,
    Wash,
)
from headwater_simulations.adversary.space import Space
from headwater_simulations.adversary.testing import assert_stopped, assert_unexploitable

__all__ = [
    "BUDGETS",
    "DEVIATIONS",
    "Arena",
    "AttackResult",
    "Budget",
    "Case",
    "Collude",
    "Copy",
    "Deviation",
    "Dimension",
    "FarmPrior",
    "Finalist",
    "FreeRide",
    "Noise",
    "Restate",
    "Space",
    "Split",
    "Strategy",
    "Verdict",
    "Wash",
    "assert_stopped",
    "assert_unexploitable",
    "attack",
    "case_of",
    "describe",
    "load_case",
    "replay",
    "save_case",
]
