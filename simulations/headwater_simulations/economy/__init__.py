"""A market of contributors, owners, services, buyers and validators who adapt to what pays."""

from headwater_simulations.economy.behaviour import METRICS
from headwater_simulations.economy.presets import PRESETS, preset
from headwater_simulations.economy.running import Run, run_economy
from headwater_simulations.economy.scenario import Conduct, Economy, read_economy

__all__ = [
    "METRICS",
    "PRESETS",
    "Conduct",
    "Economy",
    "Run",
    "preset",
    "read_economy",
    "run_economy",
]
