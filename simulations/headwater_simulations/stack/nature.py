"""What nature draws in a market on chain: whose rows come up, and how good an answer was."""

import zlib

import numpy as np

from headwater_simulations.draws import Draws
from headwater_simulations.economy.behaviour import BASE, SLOPE, SLOTS, UP, behaviours
from headwater_simulations.economy.scenario import Economy
from headwater_simulations.economy.state import CONDUCT, NOISY, PRICE, RUNS, State, found
from headwater_simulations.economy.trace import Sale


class Nature(dict[str, Sale]):
    """Draws the rows that come up for a question when it is first asked."""

    def __init__(self, economy: Economy, world: int) -> None:
        self.state: State
        self.state, self.links = found(economy, world)
        self._economy, self._draws = economy, Draws(economy.seed, np.array([world]))
        self._table = behaviours(economy)

    def __missing__(self, question: str) -> Sale:
        at = zlib.crc32(question.encode())
        who = self._draws.below(self._economy.contributors, "asked", at, np.arange(SLOTS))[0]
        drawn = self._draws.below(2**16, "shown", at, np.arange(SLOTS))[0]
        up, base, slope = self._table[[UP, BASE, SLOPE]][:, self.state.contributors[CONDUCT][who]]
        scores = base + (drawn * slope >> 16)
        there = {int(one): int(score) for one, score in zip(who, scores, strict=True)}
        comes = {int(one) for one, shown, most in zip(who, drawn, up, strict=True) if shown < most}
        rows = tuple((one, score) for one, score in there.items() if one in comes and score)
        self[question] = sale = self.offer(0, rows)
        return sale

    def offer(self, service: int, rows: tuple[tuple[int, int], ...] = ()) -> Sale:
        """What a service sells now."""
        price, model = (int(self.state.services[row, service]) for row in (PRICE, RUNS))
        return Sale(0, False, 0, service, 0, model, self._economy.owner_share, price, rows)

    def quality(self, service: int, question: str) -> int:
        """How good an answer is, 0 to 1,000."""
        market = self._economy
        noisy = self.state.services[NOISY, service] == 1
        at = zlib.crc32(question.encode())
        luck = self._draws.below(2 * market.wobble + 1, "luck", at, np.arange(1))[0, 0]
        good = (market.noise_quality if noisy else market.quality) + int(luck) - market.wobble
        return min(max(good, 0), 1_000)
