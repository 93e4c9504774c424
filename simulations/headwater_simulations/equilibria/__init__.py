"""Where populations end: flows of games, best responses in the market, and recovery from shocks."""

from headwater_simulations.equilibria.flows import alpha_rank, replicator, rest_point
from headwater_simulations.equilibria.populations import (
    Recovery,
    Round,
    mix_payoffs,
    recovery,
    regret,
    respond,
)

__all__ = [
    "Recovery",
    "Round",
    "alpha_rank",
    "mix_payoffs",
    "recovery",
    "regret",
    "replicator",
    "respond",
    "rest_point",
]
