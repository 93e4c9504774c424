"""What comes up for an epoch's questions, given what a coalition handed in and what it buys.

Symbols: `C` conducts, `S` worlds, `R` receipts, `K` passages of an answer, `N` authors.
"""

from dataclasses import dataclass

import numpy as np

from headwater_attribution.columns import NO_ACCOUNT
from headwater_payments.split import PARTS
from headwater_simulations.adversary.arena import MAX_PARTS, Arena
from headwater_simulations.adversary.conduct import Conducts
from headwater_simulations.adversary.evidence import (
    COPY,
    NOISE,
    ORIGINAL,
    SLOTS,
    Passages,
    quoted_scores,
    unchanged_words,
)
from headwater_simulations.adversary.nature import Queries
from headwater_simulations.adversary.rows import Rows, account_of, copier_of
from headwater_simulations.adversary.tampering import Tampered
from headwater_simulations.draws import Bools, Int64s

_SURE = 1_000
"""The score of a passage that an operator makes up."""


@dataclass(frozen=True, slots=True)
class Market:
    """What stands between the rows and the answers.

    Attributes:
        expelled: `[C, S, members × MAX_PARTS]` identities whose rows are out.
        lost: `[C, S, N]` parts per 10^8 of the buyers of each author's subject who left.
        tampered: receipts that the operator left out or made up.
    """

    expelled: Bools
    lost: Int64s
    tampered: Tampered


def come_up(
    arena: Arena, conducts: Conducts, rows: Rows, queries: Queries, market: Market
) -> tuple[Passages, Int64s]:
    """The passages of every receipt, `[K, C × S, R]`, and its price, `[C, S, R]`."""
    receipt = np.arange(arena.receipts)
    own = receipt >= arena.queries
    bought = receipt - arena.queries < conducts.wash[:, None, None]
    asked = np.where(own, bought, queries.stay_draw >= _of_subject(market.lost, queries))
    accounts, scores = _found(arena, conducts, rows, queries)
    # A coalition words its own questions so that nobody else's rows come up.
    scores[ORIGINAL + 1 : COPY] *= ~own
    scores[NOISE] *= ~own
    _tamper(arena, conducts, queries, market.tampered, accounts, scores)
    scores *= asked & ~_look_up_account(market.expelled, accounts)
    washed = np.maximum(queries.price * conducts.wash_price[:, None, None] // PARTS, 1)
    price = np.where(own, washed, queries.price)
    return _passages(arena, conducts, rows, queries, accounts, scores), np.where(asked, price, 0)


def spoilt(rows: Rows, queries: Queries, passages: Passages, authors: int) -> Int64s:
    """`[C, S, N]` answers about each author's subject that quote a false statement."""
    at = queries.author[:, :, 0] * (rows.poisoned.shape[2] // authors) + queries.row[:, :, 0]
    false = _look_up(rows.poisoned, at)
    false &= (quoted_scores(passages)[COPY] > 0).reshape(false.shape)
    conduct, world, receipt = np.nonzero(false)
    counts = np.zeros((*rows.poisoned.shape[:2], authors), dtype=np.int64)
    np.add.at(counts, (conduct, world, queries.author[world, receipt, 0]), 1)
    return counts


def _found(arena: Arena, conducts: Conducts, rows: Rows, queries: Queries) -> tuple[Int64s, Int64s]:
    """Accounts and scores, `[K, C, S, R]`, of what there is to find."""
    at = queries.author * arena.rows + queries.row
    shape = (len(conducts), *at.shape[:2])
    accounts = np.empty((SLOTS, *shape), dtype=np.int64)
    scores = np.empty_like(accounts)
    written = _look_up(rows.written, at)
    for place in range(3):
        author, row = queries.author[:, :, place], queries.row[:, :, place]
        accounts[place] = account_of(arena, conducts, author, row)
        scores[place] = queries.score[:, :, place] * written[:, :, :, place]
    subject, row = queries.author[:, :, 0], queries.row[:, :, 0]
    accounts[COPY] = copier_of(arena, conducts, subject, row)
    worth = queries.score[:, :, 0] * (PARTS - _edit(arena, conducts, queries) // 2) // PARTS
    worth = worth * queries.copy_wobble // 1_000
    if rows.squatted.any() or rows.poisoned.any():
        worth = _worth_of_shadows(rows, queries, at[:, :, 0], worth)
        _stand_in(arena, conducts, rows, queries, accounts, scores)
    scores[COPY] = worth * _look_up(rows.copied & ~rows.blocked, at[:, :, 0])
    member, part = np.divmod(queries.noise_identity, MAX_PARTS)
    accounts[NOISE] = account_of(arena, conducts, member, part)
    reach = rows.noise * arena.noise_reach + rows.strays * arena.stray_reach
    reach = np.minimum(reach, PARTS)[:, :, None]
    scores[NOISE] = queries.noise_score * (queries.noise_draw < reach)
    return accounts, scores


def _worth_of_shadows(rows: Rows, queries: Queries, at: Int64s, worth: Int64s) -> Int64s:
    """`[C, S, R]` scores of copies, with those of lines and false statements in their places."""
    line = queries.score[:, :, 0] * rows.squats.scores[:, None, None] // PARTS
    false = queries.score[:, :, 0] * queries.copy_wobble // 1_000
    worth = np.where(_look_up(rows.squatted, at), line, worth)
    return np.where(_look_up(rows.poisoned, at), false, worth)


def _stand_in(
    arena: Arena,
    conducts: Conducts,
    rows: Rows,
    queries: Queries,
    accounts: Int64s,
    scores: Int64s,
) -> None:
    """Lines stand where the rows would that admission took for copies of them."""
    taken = _look_up(rows.blocked, queries.author * arena.rows + queries.row)
    for place in range(3):
        author, row = queries.author[:, :, place], queries.row[:, :, place]
        line = queries.score[:, :, place] * rows.squats.scores[:, None, None] // PARTS
        blocked = taken[:, :, :, place]
        line *= queries.line_draw < rows.squats.found[:, None, None]
        accounts[place] = np.where(
            blocked, copier_of(arena, conducts, author, row), accounts[place]
        )
        scores[place] = np.where(blocked, line, scores[place])


def _tamper(
    arena: Arena,
    conducts: Conducts,
    queries: Queries,
    tampered: Tampered,
    accounts: Int64s,
    scores: Int64s,
) -> None:
    """Receipts that are left out have no causes, those that are made up the operator's own."""
    if not arena.operator:
        return
    touched = tampered.omitted | tampered.fabricated
    scores *= ~touched
    member, row = queries.author[:, :, 0] % arena.members, queries.row[:, :, 0]
    own = account_of(arena, conducts, member, row)
    accounts[ORIGINAL] = np.where(tampered.fabricated, own, accounts[ORIGINAL])
    scores[ORIGINAL] = np.where(tampered.fabricated, _SURE, scores[ORIGINAL])


def _passages(
    arena: Arena,
    conducts: Conducts,
    rows: Rows,
    queries: Queries,
    accounts: Int64s,
    scores: Int64s,
) -> Passages:
    at = queries.author[:, :, 0] * arena.rows + queries.row[:, :, 0]
    star = _look_up(rows.in_star, at) & (scores[COPY] > 0) & (scores[ORIGINAL] > 0)
    follows = np.broadcast_to(queries.copy_draw < arena.precedence, star.shape)
    led = np.zeros_like(star)
    unchanged = unchanged_words(_edit(arena, conducts, queries))
    if rows.squatted.any():
        line = _look_up(rows.squatted, at)
        leads = rows.squats.leads[:, None, None]
        led = line & (queries.copy_draw < leads)
        silent = (queries.copy_draw >= leads) & (
            queries.copy_draw < PARTS - rows.squats.speaks[:, None, None]
        )
        follows, unchanged = np.where(line, silent, follows), np.where(line, 0, unchanged)
    if rows.poisoned.any():
        unchanged = np.where(_look_up(rows.poisoned, at), 0, unchanged)
    worlds = (SLOTS, -1, arena.receipts)
    return Passages(
        np.where(scores > 0, accounts, NO_ACCOUNT).reshape(worlds),
        scores.reshape(worlds),
        star.reshape(worlds[1:]),
        follows.reshape(worlds[1:]),
        np.stack([_each_world(queries.new[:, :, i] < arena.says_more, scores) for i in range(2)]),
        unchanged.reshape(worlds[1:]),
        led.reshape(worlds[1:]),
    )


def _edit(arena: Arena, conducts: Conducts, queries: Queries) -> Int64s:
    """`[C, S, R]` share of words replaced in what the coalition says about each question's row."""
    return np.where(
        queries.author[:, :, 0] < arena.members,
        conducts.restate_edit[:, None, None],
        conducts.copy_edit[:, None, None],
    )


def _of_subject(lost: Int64s, queries: Queries) -> Int64s:
    """`[C, S, R]` the part of its subject's buyers that left, for each question."""
    world = np.arange(lost.shape[1])[:, None]
    return np.asarray(lost[:, world, queries.author[:, :, 0]], dtype=np.int64)


def _look_up(table: Bools, at: Int64s) -> Bools:
    """`[C, S, R, 3]` the table's `[C, S, n]` entries at `[S, R, 3]`; `[C, S, R]` at `[S, R]`."""
    world = np.arange(len(at)).reshape(-1, *(1,) * (at.ndim - 1))
    return np.asarray(table[:, world, at], dtype=np.bool_)


def _look_up_account(expelled: Bools, accounts: Int64s) -> Bools:
    """`[K, C, S, R]` whether each passage's account was expelled."""
    if not expelled.any():
        return np.zeros(accounts.shape[-1], dtype=np.bool_)
    own = expelled.shape[2]
    conduct, world = np.ogrid[: expelled.shape[0], : expelled.shape[1]]
    at = np.minimum(accounts, own - 1)
    gone = expelled[conduct[:, :, None], world[:, :, None], at]
    return np.asarray(gone & (accounts < own), dtype=np.bool_)


def _each_world(drawn: Bools, scores: Int64s) -> Bools:
    """`[C × S, R]` what was drawn for `[S, R]`, the same for every conduct."""
    return np.broadcast_to(drawn, scores.shape[1:]).reshape(-1, scores.shape[3])
