"""The reference market for reinforcement learning: some contributors are played from outside.

What a learner does in a step is a conduct, what it sees is what it could see in production, and its
reward is what it nets. All others go on adapting as they do, under the rule that is tested: where a
learned policy earns clearly more than honest work, the rule has a hole.
"""

from dataclasses import replace
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from headwater_payments.errors import InvalidInputError, needing
from headwater_simulations.draws import Draws, Int64s
from headwater_simulations.economy.reference import step
from headwater_simulations.economy.scenario import ABSENT, Conduct, Economy
from headwater_simulations.economy.state import (
    BALANCE,
    CONDUCT,
    FINE,
    PAID,
    PRICE,
    REPUTATION,
    Links,
    State,
    found,
)

with needing("The environment for learners", "reinforcement"):
    from gymnasium import spaces
    from pettingzoo import ParallelEnv

Observation: TypeAlias = npt.NDArray[np.float32]
Told: TypeAlias = dict[str, dict[str, Any]]

SEEN = 5
"""What a learner sees: what the rule paid it in the last step and its balance, both in units of the
price that services start with; the mean price in such units, the mean reputation as a part of
1,000, and the part of the episode that is over."""


class MarketEnv(ParallelEnv[str, Observation, int]):
    """A PettingZoo `ParallelEnv` over worlds of a market.

    Actions are conducts (`Conduct`), rewards what a learner netted in the step, in units of the
    price that services start with. A learner that can't pay for its rows has left: it is
    terminated. After the market's steps all are truncated.

    Args:
        economy: the market; the numpy engine runs it, so it may have any rule.
        learners: contributors who are played, the first ones by number.

    Raises:
        InvalidInputError: fewer than one learner, or more than there are contributors.
    """

    metadata: ClassVar[dict[str, Any]] = {"name": "headwater_market_v0", "render_modes": []}

    def __init__(self, economy: Economy, learners: int = 3) -> None:
        if not 1 <= learners <= economy.contributors:
            raise InvalidInputError(
                f"There are 1 to {economy.contributors} learners, not {learners}."
            )
        self.economy = economy
        self.possible_agents = [f"contributor_{number}" for number in range(learners)]
        self.agents: list[str] = []
        self.observation_spaces = {
            agent: spaces.Box(-np.inf, np.inf, (SEEN,), np.float32)
            for agent in self.possible_agents
        }
        self.action_spaces = {
            agent: spaces.Discrete(len(Conduct)) for agent in self.possible_agents
        }
        self._number = {agent: number for number, agent in enumerate(self.possible_agents)}
        self._seed, self._world, self._at = economy.seed, -1, 0
        self._state: State
        self._links: Links
        self._draws: Draws
        self._paid: Int64s

    def observation_space(self, agent: str) -> spaces.Box:
        """Five real numbers; see `SEEN`."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Discrete:
        """One of the conducts."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Observation], Told]:
        """Begin the next world, or the first one under `seed`; `options` are not used."""
        if seed is None:
            self._world += 1
        else:
            self._seed, self._world = seed, 0
        self._at = 0
        self._state, self._links = found(replace(self.economy, seed=self._seed), self._world)
        mine = self._state.contributors
        learning = slice(len(self.possible_agents))
        mine[CONDUCT, learning] = Conduct.HONEST
        mine[BALANCE, learning] = self.economy.endowment
        self._draws = Draws(self._seed, np.array([self._world]))
        self.agents = list(self.possible_agents)
        self._paid = mine[PAID].copy()
        return self._seen(self.agents), {agent: {} for agent in self.agents}

    def step(
        self, actions: dict[str, int]
    ) -> tuple[dict[str, Observation], dict[str, float], dict[str, bool], dict[str, bool], Told]:
        """Everybody in the market acts once, learners as told.

        Raises:
            InvalidInputError: a learner who is there has no action, or one that is no conduct.
        """
        mine = self._state.contributors
        for agent in self.agents:
            if agent not in actions or not 0 <= int(actions[agent]) < len(Conduct):
                raise InvalidInputError(f"{agent} takes one of {len(Conduct)} actions.")
            mine[CONDUCT, self._number[agent]] = int(actions[agent])
        balance, self._paid = mine[BALANCE].copy(), mine[PAID].copy()
        step(self.economy, self._state, self._links, self._draws, self._at)
        self._at += 1
        seen = self._seen(self.agents)
        over = self._at >= self.economy.steps
        rewards, terminated = {}, {}
        for agent in self.agents:
            number = self._number[agent]
            rewards[agent] = float(mine[BALANCE, number] - balance[number]) / self.economy.price
            terminated[agent] = bool(mine[CONDUCT, number] == ABSENT)
        truncated = {agent: over and not terminated[agent] for agent in self.agents}
        told: Told = {agent: {} for agent in self.agents}
        self.agents = [] if over else [agent for agent in self.agents if not terminated[agent]]
        return seen, rewards, terminated, truncated, told

    def render(self) -> None:
        """There is nothing to be seen."""

    def state(self) -> npt.NDArray[np.float32]:
        """What all learners see together, those who have left included."""
        return np.concatenate(list(self._seen(self.possible_agents).values()))

    def _seen(self, agents: list[str]) -> dict[str, Observation]:
        market, services, mine = self.economy, self._state.services, self._state.contributors
        price, reputation = services[PRICE].mean(), (services[REPUTATION] >> FINE).mean()
        shared = (price / market.price, reputation / 1_000, self._at / market.steps)
        return {
            agent: np.array(
                [
                    (mine[PAID, number] - self._paid[number]) / market.price,
                    mine[BALANCE, number] / market.price,
                    *shared,
                ],
                dtype=np.float32,
            )
            for agent, number in ((agent, self._number[agent]) for agent in agents)
        }
