"""What compiled kernels are told of a market: a tuple of integers, which numba takes by name."""

from dataclasses import asdict
from typing import NamedTuple

from headwater_payments.split import PARTS
from headwater_simulations.economy.behaviour import chances
from headwater_simulations.economy.scenario import Economy


class Settings(NamedTuple):
    """The fields of `Economy` that kernels read, and what follows from others.

    Attributes:
        explore, imitation, mutation, entry, switching: chances of 2^16.
        shrinkage, cap, confidence: of `RuleParameters`.
        listed: buyers who take the cheaper of two offers.
    """

    income: int
    shock_step: int
    shock: int
    value: int
    contributors_share: int
    platform_share: int
    validators_share: int
    quality: int
    noise_quality: int
    unit_cost: int
    noise_cost: int
    wobble: int
    spoiling: int
    floor: int
    price_step: int
    price_period: int
    measure_cost: int
    tolerance: int
    whitewash_below: int
    identity_cost: int
    endowment: int
    entry_cost: int
    payback: int
    owner_step: int
    owner_period: int
    explore: int
    imitation: int
    mutation: int
    entry: int
    switching: int
    shrinkage: int
    cap: int
    confidence: int
    listed: int
    capacity: int


def settings_of(economy: Economy) -> Settings:
    """What kernels are told of this market."""
    rule = economy.rule.parameters
    derived = asdict(chances(economy)) | {
        "shrinkage": rule.shrinkage,
        "cap": rule.cap,
        "confidence": rule.confidence,
        "listed": economy.buyers * economy.cheapest // PARTS,
    }
    plain = {name: getattr(economy, name) for name in Settings._fields if name not in derived}
    return Settings(**plain, **derived)
