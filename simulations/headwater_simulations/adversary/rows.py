"""Which rows a coalition's conduct puts into the corpus, and who is named as their author.

Symbols: `C` conducts, `S` worlds, `N` authors, `A` accounts.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from headwater_payments.split import PARTS
from headwater_simulations.adversary.arena import MAX_PARTS, Arena
from headwater_simulations.adversary.conduct import Conducts
from headwater_simulations.adversary.nature import Nature
from headwater_simulations.draws import Bools, Int64s

Item = TypeVar("Item", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Rows:
    """The corpus of each conduct in each world.

    Attributes:
        written: `[C, S, N × rows]` the author's own row is there.
        copied: `[C, S, N × rows]` a copy of it, or the coalition's second row, is there.
        in_star: `[C, S, N × rows]` that copy is recognised and stands in the original's star.
        accepted: `[C, S, A]` accepted rows by account.
        bad: `[C, S, members × MAX_PARTS]` copies, noise and filler among them.
        noise: `[C, S]` accepted rows of noise.
        strays: `[C, S]` accepted copies and second rows, by the share of words changed in them.
    """

    written: Bools
    copied: Bools
    in_star: Bools
    accepted: Int64s
    bad: Int64s
    noise: Int64s
    strays: Int64s


def hand_in(arena: Arena, conducts: Conducts, nature: Nature) -> Rows:
    """Every row through admission."""
    author, row = np.divmod(np.arange(arena.authors * arena.rows), arena.rows)
    written = _planned(arena, conducts, author, row) & ~_flat(nature.refused)
    copied, known = _copies(arena, conducts, nature, author, row)
    noise, filler = nature.noise[:, conducts.noise].T, nature.filler[:, conducts.filler].T
    honest = account_of(arena, conducts, author, row)
    accepted = _count(arena, np.broadcast_to(honest, written.shape), written)
    outside = author >= arena.members
    copier = copier_of(arena, conducts, author, row)
    of_others = _count(arena, np.broadcast_to(copier, copied.shape), copied & outside)
    restated = _count(arena, np.broadcast_to(copier, copied.shape), copied & ~outside)
    junk = _spread(arena, conducts, noise + filler)
    own = arena.members * MAX_PARTS
    accepted[:, :, :own] += junk
    return Rows(
        written,
        copied,
        known & copied & written,
        accepted + of_others + restated,
        of_others[:, :, :own] + junk,
        noise,
        _changed(conducts, of_others, restated),
    )


def account_of(arena: Arena, conducts: Conducts, author: Int64s, row: Int64s) -> Int64s:
    """The account of an author's row: `[C, 1, n]` for `[n]`, and `[C, S, R]` for `[S, R]`."""
    joined, identities = conducts.joined[:, None, None], conducts.identities[:, None, None]
    own = author // joined * MAX_PARTS + row % identities
    return np.where(author < arena.members, own, arena.members * (MAX_PARTS - 1) + author)


def copier_of(arena: Arena, conducts: Conducts, author: Int64s, row: Int64s) -> Int64s:
    """The coalition's account that files a copy of the row: another identity, where it has one."""
    return account_of(arena, conducts, author % arena.members, row + 1)


def costs(arena: Arena, conducts: Conducts) -> Int64s:
    """`[C]` what making the rows and the identities costs, atomic units."""
    own, others = arena.members * arena.rows, (arena.authors - arena.members) * arena.rows
    written = own - arena.members * (arena.rows * conducts.unwritten // PARTS)
    copied, restated = others * conducts.copied // PARTS, own * conducts.restated // PARTS
    cost = written * arena.cost_honest
    cost += copied * (arena.cost_copied + arena.cost_reworded * conducts.copy_edit // PARTS)
    cost += restated * (arena.cost_copied + arena.cost_reworded * conducts.restate_edit // PARTS)
    cost += conducts.noise * arena.cost_noise + conducts.filler * arena.cost_filler
    extra = np.maximum(names(arena, conducts) - arena.members, 0)
    return np.asarray(cost + extra * arena.cost_identity, dtype=np.int64)


def names(arena: Arena, conducts: Conducts) -> Int64s:
    """`[C]` identities that the coalition publishes under."""
    return -(-arena.members // conducts.joined) * conducts.identities


def _changed(conducts: Conducts, of_others: Int64s, restated: Int64s) -> Int64s:
    """`[C, S]` rows that the words changed in copies and second rows would fill."""
    words = of_others.sum(axis=2) * conducts.copy_edit[:, None]
    words += restated.sum(axis=2) * conducts.restate_edit[:, None]
    return np.asarray(words // PARTS, dtype=np.int64)


def _planned(arena: Arena, conducts: Conducts, author: Int64s, row: Int64s) -> Bools:
    left_out = (arena.rows * conducts.unwritten // PARTS)[:, None, None]
    return np.asarray((author >= arena.members) | (row >= left_out), dtype=np.bool_)


def _copies(
    arena: Arena, conducts: Conducts, nature: Nature, author: Int64s, row: Int64s
) -> tuple[Bools, Bools]:
    """`[C, S, N × rows]` copies that got in, and those that likeness recognises."""
    own = author < arena.members
    others = arena.authors - arena.members
    # Copying goes round the authors row by row, so that a share is the same share of everybody.
    turn = np.where(own, row * arena.members + author, row * others + author - arena.members)
    wanted = np.where(
        own,
        (arena.members * arena.rows * conducts.restated // PARTS)[:, None, None],
        (others * arena.rows * conducts.copied // PARTS)[:, None, None],
    )
    edit = np.where(own, conducts.restate_edit[:, None, None], conducts.copy_edit[:, None, None])
    sharpness = np.maximum(arena.blind_at - edit, 0)
    known = _flat(nature.likeness) < arena.dedup_recall * sharpness // arena.blind_at
    # Nobody sees the rows of others that were refused.
    shown = np.where(own, _planned(arena, conducts, author, row), ~_flat(nature.refused))
    made = (turn < wanted) & shown
    return made & ~(known & arena.admission), np.asarray(known, dtype=np.bool_)


def _spread(arena: Arena, conducts: Conducts, junk: Int64s) -> Int64s:
    """`[C, S, members × MAX_PARTS]` rows dealt out evenly over the coalition's identities."""
    member, part = np.divmod(np.arange(arena.members * MAX_PARTS), MAX_PARTS)
    groups = -(-arena.members // conducts.joined)
    used = (member < groups[:, None]) & (part < conducts.identities[:, None])
    place = np.where(used, np.cumsum(used, axis=1) - 1, 0)[:, None, :]
    total = used.sum(axis=1)[:, None, None]
    dealt = junk[:, :, None] // total + (place < junk[:, :, None] % total)
    return np.asarray(np.where(used[:, None, :], dealt, 0), dtype=np.int64)


def _count(arena: Arena, accounts: Int64s, there: Bools) -> Int64s:
    """`[C, S, A]` how many of the rows that are there each account has."""
    worlds = there.shape[0] * there.shape[1]
    world = np.arange(worlds)[:, None] * arena.accounts
    flat = (world + accounts.reshape(worlds, -1))[there.reshape(worlds, -1)]
    counted = np.bincount(flat, minlength=worlds * arena.accounts)
    return counted.reshape(*there.shape[:2], arena.accounts).astype(np.int64)


def _flat(table: npt.NDArray[Item]) -> npt.NDArray[Item]:
    return table.reshape(len(table), -1)
