"""Every answer sold in a world of the reference market, for whoever wants to sell them again."""

from dataclasses import dataclass

import numpy as np

from headwater_simulations.draws import Draws
from headwater_simulations.economy.reference import Sales, step
from headwater_simulations.economy.scenario import Economy
from headwater_simulations.economy.state import State, found


@dataclass(frozen=True, slots=True)
class Sale:
    """One answer that was bought.

    Attributes:
        number: of the sale in its world, from 0.
        washing: whether the buyer is a contributor who buys an answer of its own.
        buyer: number of the buyer, or of that contributor.
        service: number of the service.
        price: atomic units.
        rows: contributors whose rows came up and the scores of these, 1 to 1,000, in the order in
            which they came up.
    """

    number: int
    washing: bool
    buyer: int
    service: int
    price: int
    rows: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Traced:
    """A world's last state, and its sales step by step."""

    state: State
    steps: tuple[tuple[Sale, ...], ...]


def traced(economy: Economy, world: int = 0) -> Traced:
    """Run a world by the numpy engine and keep what was sold."""
    state, links = found(economy, world)
    draws = Draws(economy.seed, np.array([world]))
    steps: list[tuple[Sale, ...]] = []
    sold = 0
    for at in range(economy.steps):
        told: list[tuple[Sales, Sales]] = []
        step(economy, state, links, draws, at, told)
        [(bought, washed)] = told
        sales = [*_sales(bought, sold, washing=False)]
        sales += _sales(washed, sold + len(sales), washing=True)
        sold += len(sales)
        steps.append(tuple(sales))
    return Traced(state, tuple(steps))


def _sales(sales: Sales, first: int, *, washing: bool) -> list[Sale]:
    bought = np.flatnonzero(sales.price > 0)
    return [
        Sale(
            first + number,
            washing,
            int(sales.buyer[at]),
            int(sales.service[at]),
            int(sales.price[at]),
            tuple(
                (int(who), int(score))
                for who, score in zip(sales.slots[at], sales.scores[at], strict=True)
                if score > 0
            ),
        )
        for number, at in enumerate(bought)
    ]
