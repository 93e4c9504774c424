"""The columns of one world, who links to whom, and what the kernels are told besides.

One table for each role, a row for each column, integers throughout. Columns that only nature knows
are named in `HIDDEN`; a mechanism is given prices, reputations, accepted rows and receipts alone.

Symbols: `B` buyers, `N` contributors, `S` services, `M` owners, `V` validators.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from headwater_payments.split import PARTS
from headwater_simulations.draws import Draws, Int64s
from headwater_simulations.economy.scenario import ABSENT, Conduct, Economy

BALANCE: Final = 0
"""The first column of every table."""

AT, ESTIMATE_OF_IT = 1, 2
CONDUCT, FITNESS, PAID = 1, 2, 3
PRICE, NOISY, REPUTATION, PROFIT, DIRECTION, WINDOW, LAST, SOLD = range(1, 9)
RUNS, VAULT, TAKEN, CREDITED = range(9, 13)
SHARE, TURN, GAINED, GAINED_LAST = range(1, 5)
ARM, REGRET_MEASURING, REGRET_COPYING = 1, 2, 3

HIDDEN: Final = {
    "contributors": frozenset({"conduct", "fitness"}),
    "services": frozenset({"noisy", "profit"}),
    "validators": frozenset({"arm", "regret_measuring", "regret_copying"}),
    "buyers": frozenset({"estimate"}),
}
"""Columns that no mechanism may read, by role."""

FINE: Final = 8
"""Bits of reputations, estimates and fitness below the unit."""

OUTSIDE: Final = 2**55
"""What the world outside starts with: incomes come from it, costs go to it."""

POOL, PLATFORM, WORLD, DUST = range(4)


@dataclass(frozen=True, slots=True)
class State:
    """One world between two steps.

    Attributes:
        buyers: `[3, B]` balance, service, estimate of its worth.
        contributors: `[4, N]` balance, conduct, fitness, all that the rule paid so far.
        services: `[13, S]` balance, price, noisy, reputation, profit, direction, window, last,
            sold, the model it runs, which of its vaults collects, all that this one took in so
            far, and what all of them credited to it.
        owners: `[5, M]` balance, share of the price, direction, income since it last moved, and in
            the period before.
        validators: `[4, V]` balance, arm, regrets of not measuring and of not copying.
        held: `[4]` pool, platform, outside, and what vaults' roundings leave.
    """

    buyers: Int64s
    contributors: Int64s
    services: Int64s
    owners: Int64s
    validators: Int64s
    held: Int64s

    @property
    def total(self) -> int:
        """All money there is."""
        tables = (self.buyers, self.contributors, self.services, self.owners, self.validators)
        return int(sum(table[BALANCE].sum() for table in tables) + self.held.sum())


@dataclass(frozen=True, slots=True)
class Links:
    """Edges: whose rows a model was trained on.

    Attributes:
        first, count: `[M]` each model's stretch of `members`.
        members: `[N]` contributors, model by model.
    """

    first: Int64s
    count: Int64s
    members: Int64s


def found(economy: Economy, world: int) -> tuple[State, Links]:
    """A world before its first step."""
    draws = Draws(economy.seed, np.array([world]))
    contributors = np.zeros((4, economy.contributors), dtype=np.int64)
    contributors[CONDUCT] = _conducts(economy)[draws.order(economy.contributors, "conducts")[0]]
    services = np.zeros((13, economy.services), dtype=np.int64)
    noisy = np.arange(economy.services) < economy.services * economy.noisy // PARTS
    services[NOISY] = noisy[draws.order(economy.services, "noisy")[0]]
    services[PRICE] = economy.price
    services[REPUTATION] = economy.quality << FINE
    services[DIRECTION] = 1 - 2 * (np.arange(economy.services) % 2)
    buyers = np.zeros((3, economy.buyers), dtype=np.int64)
    buyers[AT] = draws.below(economy.services, "first service", 0, np.arange(economy.buyers))
    validators = np.zeros((4, economy.validators), dtype=np.int64)
    copying = np.arange(economy.validators) < economy.validators * economy.copiers // PARTS
    validators[ARM] = copying
    validators[REGRET_MEASURING] = np.where(copying, 0, economy.measure_cost << FINE)
    validators[REGRET_COPYING] = np.where(copying, economy.measure_cost << FINE, 0)
    services[RUNS] = np.arange(economy.services) % economy.owners
    owners = np.zeros((5, economy.owners), dtype=np.int64)
    owners[SHARE] = economy.owner_share
    owners[TURN] = 1 - 2 * (np.arange(economy.owners) % 2)
    for table in (buyers, contributors, services, owners, validators):
        table[BALANCE] = economy.endowment
    contributors[BALANCE, contributors[CONDUCT] == ABSENT] = 0
    state = State(buyers, contributors, services, owners, validators, np.array([0, 0, OUTSIDE, 0]))
    return state, _links(economy, draws)


def _conducts(economy: Economy) -> Int64s:
    """`[N]` in blocks."""
    conducts = np.zeros(economy.contributors, dtype=np.int64)
    start = 0
    for conduct in list(Conduct)[1:]:
        share = getattr(economy, conduct.name.lower())
        stop = start + economy.contributors * share // PARTS
        conducts[start:stop] = conduct
        start = stop
    conducts[start : start + economy.contributors * economy.absent // PARTS] = ABSENT
    return conducts


def _links(economy: Economy, draws: Draws) -> Links:
    """Contributors dealt out evenly over models."""
    order = draws.order(economy.contributors, "members")[0]
    bounds = np.arange(economy.owners + 1) * economy.contributors // economy.owners
    return Links(bounds[:-1].copy(), np.diff(bounds), order)
