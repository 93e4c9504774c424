"""What an attack needs of the worlds it plays in, and any mechanism as such worlds.

A reward rule in its arena is one game; other economies' mechanisms are others, with deviations of
their own. Each is a pure function of (strategies, seed, worlds), so that a strategy and honest play
meet the same draws.

Symbols: `C` strategies, `S` worlds. Amounts are atomic units.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from headwater_payments.errors import InvalidInputError
from headwater_simulations.adversary.deviation import Deviation, Strategy
from headwater_simulations.draws import Draws, Int64s
from headwater_simulations.errors import NothingEarnedError
from headwater_simulations.metrics import Floats


@dataclass(frozen=True, slots=True)
class Trial:
    """Strategies beside honest play, atomic units.

    Attributes:
        net: `[C, S]` pay less what was spent, as the strategy goes.
        honest_net: `[S]` the same coalition's, honest.
        honest_pay: `[S]` what it is paid, honest: the unit of a gain.
        others: `[C, S]` what others are paid less what is taken from them, as it goes.
        honest_others: `[S]` the same beside the honest coalition.
    """

    net: Int64s
    honest_net: Int64s
    honest_pay: Int64s
    others: Int64s
    honest_others: Int64s

    @property
    def gains(self) -> Floats:
        """`[C]` mean net gain ÷ mean honest pay."""
        difference = (self.net - self.honest_net).mean(axis=1)
        return np.asarray(difference / self.honest_pay.mean(), dtype=np.float64)

    @property
    def damages(self) -> Floats:
        """`[C]` what others lose on average ÷ the coalition's mean honest pay."""
        lost = (self.honest_others - self.others).mean(axis=1)
        return np.asarray(lost / self.honest_pay.mean(), dtype=np.float64)

    def excess(self, gain: float) -> Floats:
        """`[C, S]` net gain less `gain` × honest pay, atomic units: 0 on average at the gain."""
        return np.asarray(self.net - self.honest_net - gain * self.honest_pay, dtype=np.float64)


class Worlds(Protocol):
    """Some worlds of a game, ready for any number of strategies."""

    count: int
    honest_pay: Int64s
    honest_net: Int64s

    def compare(self, strategies: Sequence[Strategy]) -> Trial:
        """Every strategy in every world."""
        ...

    def limits_of(self, strategy: Strategy) -> tuple[int, int, int]:
        """What no draw can exceed: net at least, net at most, and honest pay at most."""
        ...

    def fitted(self, strategy: Strategy) -> Strategy:
        """The strategy with no parameter beyond what the game has room for."""
        ...


@dataclass(frozen=True, slots=True)
class Played:
    """How strategies ended, `[C, S]` atomic units.

    Attributes:
        pay: of the coalition.
        spent: by it.
        others: pay of everybody else.
    """

    pay: Int64s
    spent: Int64s
    others: Int64s


class Game(Protocol):
    """A mechanism with somebody in it who may deviate: implement this to attack your own."""

    @property
    def kinds(self) -> tuple[type[Deviation], ...]:
        """The deviations that it knows."""
        ...

    def play(self, strategies: Sequence[Strategy], draws: Draws) -> Played:
        """Every strategy in every world of `draws`; the empty strategy is honest.

        What a strategy ends with must not depend on which others are tried beside it.
        """
        ...

    def limits(self, strategy: Strategy) -> tuple[int, int, int]:
        """As `Worlds.limits_of`."""
        ...


def parameter(strategy: Strategy, kind: type[Deviation], name: str, otherwise: int) -> int:
    """A parameter of the strategy's deviation of this kind; `otherwise` where there is none."""
    found = (int(getattr(each, name)) for each in strategy if isinstance(each, kind))
    return next(found, otherwise)


class Stage:
    """Worlds `first` to `first + count - 1` of a game and a seed.

    Raises:
        NothingEarnedError: the game pays the honest coalition nothing in any of them.
    """

    def __init__(self, game: Game, seed: int, first: int, count: int) -> None:
        if count < 1 or first < 0:
            raise InvalidInputError("A stage has at least one world, numbered from 0.")
        self.count = count
        self._game, self._draws = game, Draws(seed, np.arange(first, first + count))
        honest = game.play([()], self._draws)
        self.honest_pay = honest.pay[0]
        self.honest_net = honest.pay[0] - honest.spent[0]
        self._honest_others = honest.others[0]
        if not self.honest_pay.any():
            raise NothingEarnedError(
                "The game pays the honest coalition nothing, so there is no unit to measure in."
            )

    def compare(self, strategies: Sequence[Strategy]) -> Trial:
        """Every strategy in every world."""
        if not strategies:
            raise InvalidInputError("A trial needs at least one strategy.")
        for strategy in strategies:
            for deviation in strategy:
                if type(deviation) not in self._game.kinds:
                    raise InvalidInputError(
                        f"The game knows no {type(deviation).__name__}.",
                        deviation=type(deviation).__name__,
                    )
        ends = self._game.play(strategies, self._draws)
        return Trial(
            ends.pay - ends.spent,
            self.honest_net,
            self.honest_pay,
            ends.others,
            self._honest_others,
        )

    def limits_of(self, strategy: Strategy) -> tuple[int, int, int]:
        """What no draw can exceed: net at least, net at most, and honest pay at most."""
        return self._game.limits(strategy)

    def fitted(self, strategy: Strategy) -> Strategy:
        """The strategy as it is: a game's deviations name their own ranges."""
        return strategy
