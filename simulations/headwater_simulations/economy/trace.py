"""Every answer sold in a world of the reference market, for whoever wants to sell them again."""

from dataclasses import dataclass

import numpy as np

from headwater_simulations.draws import Draws, Int64s
from headwater_simulations.economy.reference import Sales, step
from headwater_simulations.economy.scenario import Economy
from headwater_simulations.economy.state import RUNS, SHARE, VAULT, State, found


@dataclass(frozen=True, slots=True)
class Sale:
    """One answer that was bought.

    Attributes:
        number: of the sale in its world, from 0.
        washing: whether the buyer is a contributor who buys an answer of its own.
        buyer: number of the buyer, or of that contributor.
        service: number of the service.
        vault: which of the service's vaults collects, from 0: new terms are a new vault.
        owner: number of the owner of the model that the service runs.
        owner_share: of the price, parts per 10^8.
        price: atomic units.
        rows: contributors whose rows came up and the scores of these, 1 to 1,000, in the order in
            which they came up.
    """

    number: int
    washing: bool
    buyer: int
    service: int
    vault: int
    owner: int
    owner_share: int
    price: int
    rows: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Traced:
    """A world's last state, `[T, metrics]` what its steps came to, and its sales step by step."""

    state: State
    history: Int64s
    steps: tuple[tuple[Sale, ...], ...]


def traced(economy: Economy, world: int = 0) -> Traced:
    """Run a world by the numpy engine and keep what was sold."""
    state, links = found(economy, world)
    draws = Draws(economy.seed, np.array([world]))
    steps: list[tuple[Sale, ...]] = []
    history = []
    sold = 0
    for at in range(economy.steps):
        told: list[tuple[Sales, Sales]] = []
        services, owners = state.services.copy(), state.owners.copy()
        history.append(step(economy, state, links, draws, at, told))
        [(bought, washed)] = told
        sales = _sales(bought, services, owners, sold, washing=False)
        sales += _sales(washed, services, owners, sold + len(sales), washing=True)
        sold += len(sales)
        steps.append(tuple(sales))
    return Traced(state, np.stack(history), tuple(steps))


def _sales(
    sales: Sales, services: Int64s, owners: Int64s, first: int, *, washing: bool
) -> list[Sale]:
    bought = np.flatnonzero(sales.price > 0)
    owner = services[RUNS][sales.service]
    return [
        Sale(
            first + number,
            washing,
            int(sales.buyer[at]),
            int(sales.service[at]),
            int(services[VAULT][sales.service[at]]),
            int(owner[at]),
            int(owners[SHARE][owner[at]]),
            int(sales.price[at]),
            tuple(
                (int(who), int(score))
                for who, score in zip(sales.slots[at], sales.scores[at], strict=True)
                if score > 0
            ),
        )
        for number, at in enumerate(bought)
    ]
