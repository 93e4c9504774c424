"""What a coalition does in an arena, as plain numbers. The defaults are honest."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.adversary.arena import (
    MAX_ACCUSED,
    MAX_EPOCHS,
    MAX_PARTS,
    MAX_ROWS,
    MAX_TRIES,
    MAX_WASH,
    Arena,
)
from headwater_simulations.adversary.squatting import MOST_WORDS
from headwater_simulations.draws import Bools

Int64s = npt.NDArray[np.int64]
FOREVER = 10**6
"""Epochs of a deviation without an end."""


@dataclass(frozen=True, slots=True)
class Conduct:
    """The numbers that deviations set. Shares are parts per 10^8.

    Attributes:
        identities: under which each member publishes.
        joined: members who publish under one name.
        unwritten: share of the coalition's rows that it never writes.
        copied: share of all other authors' rows that it copies.
        copy_edit: share of words that it replaces in them.
        restated: share of its own rows that it says again in a second row.
        restate_edit: share of words that it replaces in these.
        noise: rows that are made to come up for anything.
        filler: plausible rows that never come up.
        wash: queries that it buys of itself in each epoch.
        wash_price: share of the ordinary price that such a query costs.
        squatted: share of all other authors' rows whose words it hands in before them.
        squat_words: how many of a row's rarest words.
        poisoned: share of all other authors' rows beside which it states something false.
        patience: epochs after which an expelled identity comes back under a new name; 0 for never.
        accused: honest authors whom it accuses.
        omitted: as operator, share of the receipts about others that it leaves out of an epoch.
        fabricated: as operator, share of them whose evidence it makes up for itself.
        tries: as operator, seeds of which it takes the one it likes best.
        begin: epochs before the deviation begins.
        lasting: epochs that it lasts.
    """

    identities: int = 1
    joined: int = 1
    unwritten: int = 0
    copied: int = 0
    copy_edit: int = 0
    restated: int = 0
    restate_edit: int = 0
    noise: int = 0
    filler: int = 0
    wash: int = 0
    wash_price: int = PARTS
    squatted: int = 0
    squat_words: int = 0
    poisoned: int = 0
    patience: int = 0
    accused: int = 0
    omitted: int = 0
    fabricated: int = 0
    tries: int = 1
    begin: int = 0
    lasting: int = FOREVER

    def __post_init__(self) -> None:
        limits = [(getattr(self, name), 0, PARTS) for name in _SHARES]
        limits += [(self.identities, 1, MAX_PARTS), (self.joined, 1, 1_000)]
        limits += [(self.squat_words, 0, MOST_WORDS), (self.patience, 0, MAX_EPOCHS)]
        limits += [(self.accused, 0, MAX_ACCUSED), (self.tries, 1, MAX_TRIES)]
        limits += [(self.begin, 0, MAX_EPOCHS - 1), (self.lasting, 1, FOREVER)]
        limits += [(self.noise, 0, MAX_ROWS), (self.filler, 0, MAX_ROWS), (self.wash, 0, MAX_WASH)]
        if not all(low <= value <= high for value, low, high in limits):
            raise InvalidInputError("A conduct's numbers lie outside what an arena has room for.")


_SHARES = (
    *("unwritten", "copied", "copy_edit", "restated", "restate_edit", "wash_price"),
    *("squatted", "poisoned", "omitted", "fabricated"),
)
HONEST = Conduct()


_THROUGHOUT = frozenset({"patience", "accused", "begin", "lasting"})
"""What a schedule doesn't touch."""


@dataclass(frozen=True, slots=True)
class Conducts:
    """Many conducts beside each other: `[C]` arrays with the meaning of `Conduct`'s fields."""

    identities: Int64s
    joined: Int64s
    unwritten: Int64s
    copied: Int64s
    copy_edit: Int64s
    restated: Int64s
    restate_edit: Int64s
    noise: Int64s
    filler: Int64s
    wash: Int64s
    wash_price: Int64s
    squatted: Int64s
    squat_words: Int64s
    poisoned: Int64s
    patience: Int64s
    accused: Int64s
    omitted: Int64s
    fabricated: Int64s
    tries: Int64s
    begin: Int64s
    lasting: Int64s

    def __len__(self) -> int:
        return len(self.identities)

    def scheduled(self, arena: Arena) -> Bools:
        """`[C]` whose deviation doesn't hold from the first epoch to the last."""
        return np.asarray((self.begin > 0) | (self.lasting < arena.epochs), dtype=np.bool_)

    def in_epoch(self, epoch: int) -> "Conducts":
        """The conducts as they are in an epoch: honest before they begin and after they end."""
        active = (self.begin <= epoch) & (epoch < self.begin + self.lasting)
        if active.all():
            return self
        honest = {
            each.name: np.where(active, getattr(self, each.name), getattr(HONEST, each.name))
            for each in fields(Conduct)
            if each.name not in _THROUGHOUT
        }
        return replace(self, **honest)


def stack(conducts: Sequence[Conduct], arena: Arena) -> Conducts:
    """The conducts as arrays, within what the arena admits of members and identities."""
    columns = {
        each.name: np.array([getattr(one, each.name) for one in conducts], dtype=np.int64)
        for each in fields(Conduct)
    }
    columns["joined"] = np.minimum(columns["joined"], arena.members)
    columns["identities"] = np.minimum(columns["identities"], arena.cap_identities)
    columns["accused"] = np.minimum(columns["accused"], arena.authors - arena.members)
    return Conducts(**columns)
