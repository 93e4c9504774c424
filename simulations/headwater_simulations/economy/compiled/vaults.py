"""Vaults, compiled: how they divide what comes in, and how owners move their terms.

As `RevenueVault` does, every party is credited its share of all that a vault ever took in, rounded
down.
"""

from typing import Final

from numba import njit

from headwater_attribution.compiled_rules import divided
from headwater_payments.split import PARTS
from headwater_simulations.compiled_world import Array
from headwater_simulations.economy.behaviour import METRICS
from headwater_simulations.economy.compiled.scratch import SALES, TAKINGS
from headwater_simulations.economy.compiled.settings import Settings
from headwater_simulations.economy.state import (
    BALANCE,
    CREDITED,
    DUST,
    GAINED,
    GAINED_LAST,
    POOL,
    RUNS,
    SHARE,
    SOLD,
    TAKEN,
    TURN,
    VAULT,
    WINDOW,
)

_TO_POOL: Final = METRICS.index("pool")
_FEES: Final = METRICS.index("fees")
_SHARES: Final = METRICS.index("owner_share")


@njit(nogil=True, error_model="numpy")
def divide(
    services: Array,
    owners: Array,
    held: Array,
    stalls: Array,
    settings: Settings,
    paid: int,
    told: Array,
) -> int:
    """Vaults divide what came in, `paid` of which the rule paid; gives the platform's part."""
    pool, fees, dust = -paid, 0, 0
    named = settings.contributors_share + settings.platform_share
    for one in range(len(stalls)):
        model = services[RUNS, one]
        share = owners[SHARE, model]
        before, income = services[TAKEN, one], stalls[one, TAKINGS]
        after = before + income
        services[TAKEN, one] = after
        services[SOLD, one] = stalls[one, SALES]
        money = _added(before, after, settings.contributors_share)
        owner = _added(before, after, share)
        fee = _added(before, after, settings.platform_share)
        rest = _added(before, after, PARTS - named - share)
        owners[BALANCE, model] += owner
        owners[GAINED, model] += owner
        services[BALANCE, one] += rest
        services[WINDOW, one] += rest
        services[CREDITED, one] += rest
        pool += money
        fees += fee
        dust += income - money - owner - fee - rest
    held[POOL] += pool
    held[DUST] += dust
    told[_TO_POOL], told[_FEES] = pool, fees
    return fees


@njit(nogil=True, error_model="numpy")
def own(
    services: Array, owners: Array, renewed: Array, settings: Settings, at: int, told: Array
) -> None:
    """Owners move their shares uphill; each service of theirs gets a vault with the new terms."""
    period, count = settings.owner_period, owners.shape[1]
    if period > 0 and at % period == period - 1:
        for one in range(count):
            if owners[GAINED, one] < owners[GAINED_LAST, one]:
                owners[TURN, one] = -owners[TURN, one]
            most = PARTS - settings.contributors_share - settings.platform_share
            share = owners[SHARE, one] + owners[TURN, one] * settings.owner_step
            share = min(max(share, 0), most)
            renewed[one] = share != owners[SHARE, one]
            owners[SHARE, one] = share
            owners[GAINED_LAST, one], owners[GAINED, one] = owners[GAINED, one], 0
        for service in range(services.shape[1]):
            if renewed[services[RUNS, service]]:
                renew(services, service)
    for one in range(count):
        told[_SHARES] += owners[SHARE, one]


@njit(nogil=True, error_model="numpy", inline="always")
def renew(services: Array, one: int) -> None:
    """A vault's terms don't change: a service whose terms do gets a new one."""
    services[VAULT, one] += 1
    services[TAKEN, one] = 0


@njit(nogil=True, error_model="numpy", inline="always")
def share_of(amount: int, share: int) -> int:
    """A share of an amount, both at least 0, rounded down."""
    return divided(amount * share, PARTS, amount * share * (1 / PARTS))


@njit(nogil=True, error_model="numpy", inline="always")
def _added(before: int, after: int, share: int) -> int:
    """By how much a party's share of a vault's income grew, rounded down before and after."""
    grown = after // PARTS - before // PARTS
    return grown * share + share_of(after % PARTS, share) - share_of(before % PARTS, share)
