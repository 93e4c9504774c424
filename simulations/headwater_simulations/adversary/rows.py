"""Which rows a coalition's conduct puts into the corpus, and who is named as their author.

Beside each row of others at most one of the coalition's stands: a line that was squatted, a false
statement, or a copy, in that order as far as the shares that are wanted reach.

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
from headwater_simulations.adversary.squatting import Squats, squats
from headwater_simulations.draws import Bools, Int64s

Item = TypeVar("Item", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Rows:
    """The corpus of each conduct in each world.

    Attributes:
        written: `[C, S, N × rows]` the author's own row is there.
        copied: `[C, S, N × rows]` the coalition's row about it is there.
        in_star: `[C, S, N × rows]` that is a recognised copy, in the original's star.
        squatted: `[C, S, N × rows]` it is a line that came before the original.
        blocked: `[C, S, N × rows]` the original was refused as a copy of that line.
        poisoned: `[C, S, N × rows]` it is a false statement.
        accepted: `[C, S, A]` accepted rows by account.
        bad: `[C, S, members × MAX_PARTS]` those among them that an audit finds fault with.
        noise: `[C, S]` accepted rows of noise.
        strays: `[C, S]` accepted copies and second rows, by the share of words changed in them.
        squats: what the conducts' lines do.
    """

    written: Bools
    copied: Bools
    in_star: Bools
    squatted: Bools
    blocked: Bools
    poisoned: Bools
    accepted: Int64s
    bad: Int64s
    noise: Int64s
    strays: Int64s
    squats: Squats


def hand_in(arena: Arena, conducts: Conducts, nature: Nature) -> Rows:
    """Every row through admission."""
    author, row = np.divmod(np.arange(arena.authors * arena.rows), arena.rows)
    outside, refused = author >= arena.members, _flat(nature.refused)
    copied, known, to_squat, to_poison = _copies(arena, conducts, nature, author, row)
    lines = squats(conducts.squat_words)
    # A row that is refused anyway is nobody's loss.
    squatted = to_squat & ~refused & _flat(nature.foreseen)
    blocked = squatted & (_flat(nature.likeness) < lines.blocks[:, None, None])
    blocked &= arena.admission
    poisoned = to_poison & ~refused & (_flat(nature.likeness) >= arena.poison_recall)
    written = _planned(arena, conducts, author, row) & ~refused & ~blocked
    noise, filler = nature.noise[:, conducts.noise].T, nature.filler[:, conducts.filler].T
    honest = account_of(arena, conducts, author, row)
    accepted = _count(arena, np.broadcast_to(honest, written.shape), written)
    copier = np.broadcast_to(copier_of(arena, conducts, author, row), copied.shape)
    copies = _count(arena, copier, copied & outside)
    made_up = _count(arena, copier, squatted | poisoned)
    restated = _count(arena, copier, copied & ~outside)
    junk = _spread(arena, conducts, noise + filler)
    own = arena.members * MAX_PARTS
    accepted[:, :, :own] += junk
    return Rows(
        written,
        copied | squatted | poisoned,
        known & copied & written,
        squatted,
        blocked,
        poisoned,
        accepted + copies + made_up + restated,
        copies[:, :, :own] + made_up[:, :, :own] + junk,
        noise,
        _changed(conducts, copies, restated),
        lines,
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
    # Who is honest for a time has written everything by then.
    unwritten = np.where(conducts.scheduled(arena), 0, conducts.unwritten)
    written = own - arena.members * (arena.rows * unwritten // PARTS)
    squatted, poisoned, copied = _shadows(others, conducts)
    restated = own * conducts.restated // PARTS
    cost = written * arena.cost_honest
    cost += copied * (arena.cost_copied + arena.cost_reworded * conducts.copy_edit // PARTS)
    cost += restated * (arena.cost_copied + arena.cost_reworded * conducts.restate_edit // PARTS)
    # Lines are made of the rows that are foreseen, on average.
    cost += squatted * arena.foreseen // PARTS * arena.cost_copied + poisoned * arena.cost_poison
    cost += conducts.noise * arena.cost_noise + conducts.filler * arena.cost_filler
    extra = np.maximum(names(arena, conducts) - arena.members, 0)
    return np.asarray(cost + extra * arena.cost_identity, dtype=np.int64)


def names(arena: Arena, conducts: Conducts) -> Int64s:
    """`[C]` identities that the coalition publishes under, at the most."""
    deviating = -(-arena.members // conducts.joined) * conducts.identities
    honest = np.where(conducts.scheduled(arena), arena.members, 0)
    return np.asarray(np.maximum(deviating, honest), dtype=np.int64)


def _shadows(rows: int, conducts: Conducts) -> tuple[Int64s, Int64s, Int64s]:
    """`[C]` how many of others' rows are squatted, poisoned and copied."""
    squatted = rows * conducts.squatted // PARTS
    poisoned = np.minimum(rows * conducts.poisoned // PARTS, rows - squatted)
    copied = np.minimum(rows * conducts.copied // PARTS, rows - squatted - poisoned)
    return squatted, poisoned, copied


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
) -> tuple[Bools, Bools, Bools, Bools]:
    """`[C, S, N × rows]` copies that got in, those that likeness recognises, and `[C, 1, N × rows]`
    rows to squat and to poison."""
    own = author < arena.members
    others = arena.authors - arena.members
    # Copying goes round the authors row by row, so that a share is the same share of everybody.
    turn = np.where(own, row * arena.members + author, row * others + author - arena.members)
    squatted, poisoned, copied = (
        each[:, None, None] for each in _shadows(others * arena.rows, conducts)
    )
    restated = (arena.members * arena.rows * conducts.restated // PARTS)[:, None, None]
    to_squat = ~own & (turn < squatted)
    to_poison = ~own & ~to_squat & (turn < squatted + poisoned)
    to_copy = np.where(own, turn < restated, turn < squatted + poisoned + copied)
    to_copy &= ~(to_squat | to_poison)
    edit = np.where(own, conducts.restate_edit[:, None, None], conducts.copy_edit[:, None, None])
    sharpness = np.maximum(arena.blind_at - edit, 0)
    known = _flat(nature.likeness) < arena.dedup_recall * sharpness // arena.blind_at
    # Nobody sees the rows of others that were refused.
    shown = np.where(own, _planned(arena, conducts, author, row), ~_flat(nature.refused))
    made = to_copy & shown
    kept = made & ~(known & arena.admission)
    return kept, np.asarray(known, dtype=np.bool_), to_squat, to_poison


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
