"""Trials: a coalition that deviates and the same coalition honest, on the same draws."""

from collections.abc import Sequence

import numpy as np

from headwater_attribution.rules import RewardRule
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.adversary.arena import CHALLENGER_SHARE, Arena
from headwater_simulations.adversary.conduct import HONEST, Conduct, Conducts, Int64s, stack
from headwater_simulations.adversary.deviation import Strategy
from headwater_simulations.adversary.deviations import conduct_of, fitted
from headwater_simulations.adversary.game import Trial
from headwater_simulations.adversary.nature import Nature, Queries, draw_nature, draw_queries
from headwater_simulations.adversary.rows import costs, names
from headwater_simulations.adversary.world import play
from headwater_simulations.draws import Draws
from headwater_simulations.errors import NothingEarnedError

_SIDE_BY_SIDE = 512
"""Worlds of one kernel call; its arrays then stay in a core's cache."""


class Ring:
    """Worlds `first` to `first + count - 1` of a seed, ready for any number of conducts.

    Nature's draws and the honest result are computed once. What a conduct gains doesn't depend on
    which others are tried beside it, nor on `side_by_side`.

    Args:
        arena: the market.
        rule: the rule under attack.
        seed: of nature.
        first: number of the first world.
        count: `S`.
        side_by_side: worlds of one kernel call; a matter of memory and speed only.

    Raises:
        NothingEarnedError: the rule pays the honest coalition nothing in any of these worlds.
    """

    def __init__(
        self,
        arena: Arena,
        rule: RewardRule,
        seed: int,
        first: int,
        count: int,
        side_by_side: int = _SIDE_BY_SIDE,
    ) -> None:
        if count < 1 or first < 0 or side_by_side < 1:
            raise InvalidInputError("A ring has at least one world, numbered from 0.")
        self.arena, self.rule, self.count = arena, rule, count
        self._side_by_side = side_by_side
        size = min(count, max(1, side_by_side))
        self._parts = [
            _draw(arena, seed, np.arange(start, min(start + size, first + count)))
            for start in range(first, first + count, size)
        ]
        honest = stack([HONEST], arena)
        ends = [play(arena, rule, honest, *part) for part in self._parts]
        self.honest_pay = np.concatenate([end.pay[0] for end in ends])
        self.honest_net = np.concatenate([end.net[0] for end in ends])
        self.honest_others = np.concatenate([end.others[0] for end in ends])
        if not self.honest_pay.any():
            raise NothingEarnedError(
                f"The rule {rule.rule_id} pays honest contributors nothing here, so there is no "
                "unit to measure a gain in."
            )

    def trial(self, conducts: Sequence[Conduct]) -> Trial:
        """Every conduct in every world."""
        if not conducts:
            raise InvalidInputError("A trial needs at least one conduct.")
        together = stack(conducts, self.arena)
        ends = [self._ends(together, *part) for part in self._parts]
        net, others = (np.concatenate(each, axis=1) for each in zip(*ends, strict=True))
        return Trial(net, self.honest_net, self.honest_pay, others, self.honest_others)

    def compare(self, strategies: Sequence[Strategy]) -> Trial:
        """Every strategy in every world."""
        return self.trial([conduct_of(strategy) for strategy in strategies])

    def limits_of(self, strategy: Strategy) -> tuple[int, int, int]:
        """What no draw can exceed: net at least, net at most, and honest pay at most."""
        return self.limits(conduct_of(strategy))

    def fitted(self, strategy: Strategy) -> Strategy:
        """The strategy with no more members, identities and epochs than the arena has."""
        return fitted(strategy, self.arena)

    def limits(self, conduct: Conduct) -> tuple[int, int, int]:
        """What no draw can exceed: net at least, net at most, and honest pay at most."""
        arena = self.arena
        one = stack([conduct], arena)
        money = arena.epochs * arena.queries * arena.price
        each = max(arena.price * int(one.wash_price[0]) // PARTS, 1)
        bought = arena.epochs * int(one.wash[0]) * each
        identities, accused = int(names(arena, one)[0]), int(one.accused[0])
        fixed = int(costs(arena, one)[0]) + bought
        staked = arena.stake * identities + accused * arena.challenge_bond
        staked += arena.operator_bond * arena.operator + self._returns(one, identities)
        share = arena.contributors_share + arena.operator_share * arena.operator
        won = accused * (arena.stake * CHALLENGER_SHARE // PARTS)
        most = (money + bought) * share // PARTS + won
        return -fixed - staked, most - fixed, money * share // PARTS

    def _returns(self, one: Conducts, identities: int) -> int:
        """The most that coming back under new names can cost."""
        arena, patience = self.arena, int(one.patience[0])
        if patience == 0 or arena.audit == 0:
            return 0
        rows = 2 * arena.authors * arena.rows + int(one.noise[0]) + int(one.filler[0])
        wave = identities * (arena.stake + arena.cost_identity) + rows * arena.cost_copied
        return (arena.epochs - 1) // patience * wave

    def _ends(
        self, conducts: Conducts, nature: Nature, epochs: tuple[Queries, ...]
    ) -> tuple[Int64s, Int64s]:
        each = max(1, self._side_by_side // len(nature.refused))
        ends = [
            play(self.arena, self.rule, _some(conducts, i, i + each), nature, epochs)
            for i in range(0, len(conducts), each)
        ]
        return (
            np.concatenate([end.net for end in ends]),
            np.concatenate([end.others for end in ends]),
        )


def _draw(arena: Arena, seed: int, worlds: Int64s) -> tuple[Nature, tuple[Queries, ...]]:
    draws = Draws(seed, worlds)
    return (
        draw_nature(arena, draws),
        tuple(draw_queries(arena, draws, epoch) for epoch in range(arena.epochs)),
    )


def _some(conducts: Conducts, start: int, stop: int) -> Conducts:
    return Conducts(
        **{name: getattr(conducts, name)[start:stop] for name in Conducts.__dataclass_fields__}
    )
