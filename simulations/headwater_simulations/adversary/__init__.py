"""The attacker that a reward rule must survive: deviations, trials, search, verdicts and cases."""

from headwater_simulations.adversary.arena import Arena
from headwater_simulations.adversary.attacking import (
    AttackResult,
    Finalist,
    Findings,
    Verdict,
    attack,
    attack_game,
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
from headwater_simulations.adversary.deviation import Deviation, Dimension, Strategy
from headwater_simulations.adversary.deviations import DEVIATIONS, possible
from headwater_simulations.adversary.game import Game, Played, Trial
from headwater_simulations.adversary.games import GAMES
from headwater_simulations.adversary.handed_in import (
    Collude,
    Copy,
    FarmPrior,
    FreeRide,
    Noise,
    Poison,
    Restate,
    Split,
    Squat,
)
from headwater_simulations.adversary.roles import (
    Fabricate,
    Grief,
    GrindSeeds,
    OmitReceipts,
    Schedule,
    Wash,
    Whitewash,
)
from headwater_simulations.adversary.space import Space
from headwater_simulations.adversary.testing import assert_stopped, assert_unexploitable

__all__ = [
    "BUDGETS",
    "DEVIATIONS",
    "GAMES",
    "Arena",
    "AttackResult",
    "Budget",
    "Case",
    "Collude",
    "Copy",
    "Deviation",
    "Dimension",
    "Fabricate",
    "FarmPrior",
    "Finalist",
    "Findings",
    "FreeRide",
    "Game",
    "Grief",
    "GrindSeeds",
    "Noise",
    "OmitReceipts",
    "Played",
    "Poison",
    "Restate",
    "Schedule",
    "Space",
    "Split",
    "Squat",
    "Strategy",
    "Trial",
    "Verdict",
    "Wash",
    "Whitewash",
    "assert_stopped",
    "assert_unexploitable",
    "attack",
    "attack_game",
    "case_of",
    "describe",
    "load_case",
    "possible",
    "replay",
    "save_case",
]
