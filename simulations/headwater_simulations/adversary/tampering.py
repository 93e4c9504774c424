"""What a coalition that operates the market does to receipts and seeds, and when it is caught.

It leaves receipts about others out of an epoch, or states that its own rows caused them. Whoever
recomputes such a receipt shows it: the epoch is put right before it pays, the operator's bond is
lost, and nobody believes that operator again. Which receipts are recomputed, and which identities
are audited, follows from a seed. While the seed is made of the receipts alone, the operator tries
orders of them until it likes what follows.

Symbols: `C` conducts, `S` worlds, `R` receipts, `T` seeds that can be had.

Source: `EpochCourt` and `AttributorBonds`; the seed of an epoch in `headwater_attribution`.
"""

from dataclasses import dataclass

import numpy as np

from headwater_payments.split import PARTS
from headwater_simulations.adversary.arena import Arena
from headwater_simulations.adversary.conduct import Conducts
from headwater_simulations.adversary.nature import Queries
from headwater_simulations.adversary.rows import Rows
from headwater_simulations.draws import Bools, Int64s


@dataclass(frozen=True, slots=True)
class Tampered:
    """Receipts that stay tampered with, `[C, S, R]`."""

    omitted: Bools
    fabricated: Bools


@dataclass(frozen=True, slots=True)
class Checked:
    """What an epoch's seed brings to light.

    Attributes:
        tampered: receipts that nobody put right.
        caught: `[C, S]` operators who are shown to have tampered.
        audited: `[C, S, members × MAX_PARTS]` identities of which an audit drew a bad row.
    """

    tampered: Tampered
    caught: Bools
    audited: Bools


def check(
    arena: Arena,
    conducts: Conducts,
    rows: Rows,
    queries: Queries,
    expelled: Bools,
    believed: Bools,
) -> Checked:
    """Tamper, draw the seed or choose it, and see what it shows.

    Args:
        arena: the market.
        conducts: as they are in this epoch.
        rows: of the coalition, with the bad ones among them.
        queries: of the epoch.
        expelled: `[C, S, members × MAX_PARTS]` identities that are out already.
        believed: `[C, S]` operators who were never caught.
    """
    omitted, fabricated = _wanted(arena, conducts, queries, believed)
    touched = omitted | fabricated
    caught, audited = _seen(arena, rows, queries, touched, 0)
    loss = _loss(arena, caught, audited & ~expelled)
    for seed in range(1, len(queries.check_draw)):
        other = _seen(arena, rows, queries, touched, seed)
        other_loss = _loss(arena, other[0], other[1] & ~expelled)
        better = (conducts.tries[:, None] > seed) & (other_loss < loss)
        caught = np.where(better, other[0], caught)
        audited = np.where(better[:, :, None], other[1], audited)
        loss = np.where(better, other_loss, loss)
    kept = ~caught[:, :, None]
    return Checked(Tampered(omitted & kept, fabricated & kept), caught, audited & ~expelled)


def _wanted(
    arena: Arena, conducts: Conducts, queries: Queries, believed: Bools
) -> tuple[Bools, Bools]:
    """`[C, S, R]` receipts to leave out and to make up: of the public, about others' subjects."""
    shape = (len(conducts), *queries.price.shape)
    if not arena.operator:
        nothing = np.zeros(shape, dtype=np.bool_)
        return nothing, nothing
    public = np.arange(arena.receipts) < arena.queries
    others = public & (queries.author[:, :, 0] >= arena.members) & believed[:, :, None]
    omitted = others & (queries.tamper_draw < conducts.omitted[:, None, None])
    above = PARTS - conducts.fabricated[:, None, None]
    return omitted, others & ~omitted & (queries.tamper_draw >= above)


def _seen(
    arena: Arena, rows: Rows, queries: Queries, touched: Bools, seed: int
) -> tuple[Bools, Bools]:
    """`[C, S]` operators and `[C, S, members × MAX_PARTS]` identities that this seed exposes."""
    checked = queries.check_draw[seed] < arena.recompute
    own = rows.bad.shape[2]
    total = np.maximum(rows.accepted[:, :, :own], 1)
    drawn = queries.audit_draw[seed] < arena.audit
    found = queries.found_draw[seed] * total < rows.bad * PARTS
    return (touched & checked).any(axis=2), np.asarray(drawn & found, dtype=np.bool_)


def _loss(arena: Arena, caught: Bools, audited: Bools) -> Int64s:
    """`[C, S]` what the coalition loses; a name counts even where nothing is staked on it."""
    loss = caught * (arena.operator_bond + 1) + audited.sum(axis=2) * (arena.stake + 1)
    return np.asarray(loss, dtype=np.int64)
