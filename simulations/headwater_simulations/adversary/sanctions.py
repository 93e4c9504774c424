"""Who is out, who comes back under a new name, and what accusers win and lose.

Symbols: `C` conducts, `S` worlds, `I` = members × `MAX_PARTS` identities of the coalition.

Source: `ContributionBond` and `ContributionCases`: what a challenger stakes and is paid.
"""

from dataclasses import dataclass

import numpy as np

from headwater_payments.split import PARTS
from headwater_simulations.adversary.arena import CHALLENGER_SHARE, MAX_PARTS, Arena
from headwater_simulations.adversary.conduct import Conducts
from headwater_simulations.adversary.nature import Nature
from headwater_simulations.adversary.rows import Rows
from headwater_simulations.draws import Bools, Int64s

_NEVER = -1


class Register:
    """The identities of `[C, S]` worlds: when each was expelled."""

    def __init__(self, arena: Arena, shape: tuple[int, int]) -> None:
        self._expelled_in = np.full((*shape, arena.members * MAX_PARTS), _NEVER, dtype=np.int64)

    @property
    def expelled(self) -> Bools:
        """`[C, S, I]` who is out now."""
        return np.asarray(self._expelled_in != _NEVER, dtype=np.bool_)

    def expel(self, found: Bools, epoch: int) -> None:
        """Put out who was found in this epoch."""
        self._expelled_in = np.where(found, epoch, self._expelled_in)

    def come_back(self, conducts: Conducts, epoch: int) -> Bools:
        """`[C, S, I]` who is back at the start of this epoch, under a new name."""
        patience = conducts.patience[:, None, None]
        due = self._expelled_in + patience <= epoch
        back = self.expelled & (patience > 0) & due
        self._expelled_in = np.where(back, _NEVER, self._expelled_in)
        return np.asarray(back, dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class Cases:
    """What accusations came to, `[C, S]` atomic units.

    Attributes:
        taken: from authors who were found guilty.
        rewards: of that, to the accusers.
        forfeited: by accusers who lost.
    """

    taken: Int64s
    rewards: Int64s
    forfeited: Int64s


def cost_of_return(arena: Arena, rows: Rows, back: Bools) -> Int64s:
    """`[C, S]` new names, and the rows of the old ones handed in once more."""
    again = rows.accepted[:, :, : back.shape[2]] * arena.cost_copied + arena.cost_identity
    return np.asarray((back * again).sum(axis=2), dtype=np.int64)


def accuse(arena: Arena, conducts: Conducts, nature: Nature) -> Cases:
    """Cases against the first authors outside the coalition, one each."""
    against = np.arange(nature.convicted.shape[1]) < conducts.accused[:, None, None]
    won = (against & nature.convicted).sum(axis=2)
    lost = conducts.accused[:, None] - won
    taken = won * arena.stake
    return Cases(
        taken,
        won * (arena.stake * CHALLENGER_SHARE // PARTS),
        lost * arena.challenge_bond,
    )
