"""Mechanisms of other economies as games that `attack_game` searches."""

from collections.abc import Callable, Mapping

from headwater_simulations.adversary.game import Game
from headwater_simulations.adversary.games.donors import Donors, SplitGift
from headwater_simulations.adversary.games.pages import LinkFarm, Pages
from headwater_simulations.adversary.games.peers import OneAnswer, Peers
from headwater_simulations.adversary.games.validators import SelfVote, Validators, WeightCopy
from headwater_simulations.mechanisms import correlated_agreement, determinant_pay

GAMES: Mapping[str, Callable[[], Game]] = {
    "yuma": Validators,
    "yuma-drifting": lambda: Validators(drift=0.6, cost=200_000),
    "yuma-majority": lambda: Validators(stake=0.6),
    "output-agreement": Peers,
    "correlated-agreement": lambda: Peers(correlated_agreement, cost=100),
    "determinant": lambda: Peers(determinant_pay, most=1 / 16, cost=2),
    "pagerank": Pages,
    "pagerank-seeded": lambda: Pages(seeds=4),
    "quadratic-funding": Donors,
    "quadratic-funding-named": lambda: Donors(cost_name=4_000_000),
}
"""By name, with the defaults of each and a setting in which its known cheat doesn't pay."""

__all__ = [
    "GAMES",
    "Donors",
    "LinkFarm",
    "OneAnswer",
    "Pages",
    "Peers",
    "SelfVote",
    "SplitGift",
    "Validators",
    "WeightCopy",
]
