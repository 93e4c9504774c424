"""What a coalition does in an arena, as plain numbers. The defaults are honest."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.adversary.arena import MAX_PARTS, MAX_ROWS, MAX_WASH, Arena

Int64s = npt.NDArray[np.int64]


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

    def __post_init__(self) -> None:
        shares = (self.unwritten, self.copied, self.copy_edit, self.restated, self.restate_edit)
        limits = [(value, 0, PARTS) for value in (*shares, self.wash_price)]
        limits += [(self.identities, 1, MAX_PARTS), (self.joined, 1, 1_000)]
        limits += [(self.noise, 0, MAX_ROWS), (self.filler, 0, MAX_ROWS), (self.wash, 0, MAX_WASH)]
        if not all(low <= value <= high for value, low, high in limits):
            raise InvalidInputError("A conduct's numbers lie outside what an arena has room for.")


HONEST = Conduct()


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

    def __len__(self) -> int:
        return len(self.identities)


def stack(conducts: Sequence[Conduct], arena: Arena) -> Conducts:
    """The conducts as arrays, within what the arena admits of members and identities."""
    columns = {
        each.name: np.array([getattr(one, each.name) for one in conducts], dtype=np.int64)
        for each in fields(Conduct)
    }
    columns["joined"] = np.minimum(columns["joined"], arena.members)
    columns["identities"] = np.minimum(columns["identities"], arena.cap_identities)
    return Conducts(**columns)
