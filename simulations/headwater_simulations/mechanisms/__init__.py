"""Mechanisms of this field, as published, for worlds side by side: what attackers are tried on."""

from headwater_simulations.mechanisms.agreement import (
    correlated_agreement,
    delta_signs,
    output_agreement,
)
from headwater_simulations.mechanisms.consume import (
    best_wash,
    volume_rewards,
    wash_profit,
)
from headwater_simulations.mechanisms.determinant import determinant_pay
from headwater_simulations.mechanisms.funding import funding_match, ideal_match
from headwater_simulations.mechanisms.reputation import (
    Links,
    eigentrust,
    pagerank,
    uniform_teleport,
)
from headwater_simulations.mechanisms.slashing import (
    break_even_stake,
    expected_gain,
)

__all__ = [
    "Links",
    "best_wash",
    "break_even_stake",
    "correlated_agreement",
    "delta_signs",
    "determinant_pay",
    "eigentrust",
    "expected_gain",
    "funding_match",
    "ideal_match",
    "output_agreement",
    "pagerank",
    "uniform_teleport",
    "volume_rewards",
    "wash_profit",
]
