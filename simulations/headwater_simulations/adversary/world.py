"""One kernel call: many conducts in many worlds under one rule, every atomic unit accounted for.

The rule is the object that closes epochs in production. It gets `RuleColumns` made of public
columns and receipts; who controls whom is in a column that it can't read.

Symbols: `C` conducts, `S` worlds, `W` = C × S of them side by side, `R` receipts, `A` accounts.
"""

from dataclasses import dataclass

import numpy as np

from headwater_attribution.columns import NO_ACCOUNT, RuleColumns
from headwater_attribution.rules import RewardRule
from headwater_payments.split import PARTS
from headwater_simulations.adversary.arena import MAX_PARTS, Arena
from headwater_simulations.adversary.books import Books
from headwater_simulations.adversary.conduct import Conducts
from headwater_simulations.adversary.evidence import (
    COPY,
    NOISE,
    ORIGINAL,
    SLOTS,
    Passages,
    shares,
    unchanged_words,
)
from headwater_simulations.adversary.nature import Nature, Queries
from headwater_simulations.adversary.rows import (
    Rows,
    account_of,
    copier_of,
    costs,
    hand_in,
    names,
)
from headwater_simulations.columns import Columns, PublicView
from headwater_simulations.draws import Bools, Int64s

HIDDEN = frozenset({"controller", "bad"})


@dataclass(frozen=True, slots=True)
class Ends:
    """How the worlds ended for the coalition, atomic units.

    Attributes:
        pay: `[C, S]` what the rule paid it.
        spent: `[C, S]` what rows, identities, its own purchases and lost stakes cost.
    """

    pay: Int64s
    spent: Int64s

    @property
    def net(self) -> Int64s:
        """`[C, S]` pay less what was spent."""
        return self.pay - self.spent


def play(
    arena: Arena,
    rule: RewardRule,
    conducts: Conducts,
    nature: Nature,
    epochs: tuple[Queries, ...],
) -> Ends:
    """Run every conduct in every world.

    Raises:
        ConservationError: money appeared or vanished in an epoch.
        UnsoundRuleError: the rule paid out more than came in.
    """
    rows = hand_in(arena, conducts, nature)
    shape = (len(conducts), len(nature.refused))
    books = Books(shape, arena.accounts)
    books.pay_suppliers(np.broadcast_to(costs(arena, conducts)[:, None], shape))
    books.hold_stake(np.broadcast_to(arena.stake * names(arena, conducts)[:, None], shape))
    expelled = np.zeros((*shape, arena.members * MAX_PARTS), dtype=np.bool_)
    for queries in epochs:
        passages, prices = _come_up(arena, conducts, rows, queries, expelled)
        washed = prices[:, :, arena.queries :].sum(axis=2)
        public = prices[:, :, : arena.queries].sum(axis=2)
        columns = _columns(arena, rows, expelled)
        view = rule_columns(arena, columns.public(), passages, prices.reshape(-1, arena.receipts))
        payout = rule.settle(view)
        books.collect(public, washed, view.charges.sum(axis=1).reshape(shape))
        books.pay_out(payout.accounts.reshape(*shape, -1), payout.unattributed.reshape(shape))
        found = _audited(arena, rows, queries, expelled)
        books.burn_stake(arena.stake * found.sum(axis=2))
        expelled |= found
        books.check()
    books.return_stake()
    books.check()
    return Ends(
        books.accounts[:, :, : arena.members * MAX_PARTS].sum(axis=2),
        books.spent_by_coalition(),
    )


def rule_columns(
    arena: Arena, public: PublicView, passages: Passages, prices: Int64s
) -> RuleColumns:
    """What the rule gets, from public columns and receipts only."""
    parts, low = shares(passages)
    accounts, parts, low, influence = (
        _slots_last(each) for each in (passages.accounts, parts, low, passages.scores)
    )
    money = prices * arena.contributors_share // PARTS
    return RuleColumns(money, accounts, parts, low, influence, np.asarray(public["rows"]))


def _come_up(
    arena: Arena, conducts: Conducts, rows: Rows, queries: Queries, expelled: Bools
) -> tuple[Passages, Int64s]:
    """The passages of every receipt, `[K, W, R]`, and its price, `[C, S, R]`."""
    receipt = np.arange(arena.receipts)
    own = receipt >= arena.queries
    bought = receipt - arena.queries < conducts.wash[:, None, None]
    asked = ~own | bought
    at = queries.author * arena.rows + queries.row
    written, copied, in_star = (
        _look_up(table, at) for table in (rows.written, rows.copied, rows.in_star)
    )
    edit = np.where(
        queries.author[:, :, 0] < arena.members,
        conducts.restate_edit[:, None, None],
        conducts.copy_edit[:, None, None],
    )
    accounts = np.empty((SLOTS, *edit.shape), dtype=np.int64)
    scores = np.empty_like(accounts)
    for place in range(3):
        author, row = queries.author[:, :, place], queries.row[:, :, place]
        accounts[place] = account_of(arena, conducts, author, row)
        scores[place] = queries.score[:, :, place] * written[:, :, :, place]
    subject, row = queries.author[:, :, 0], queries.row[:, :, 0]
    accounts[COPY] = copier_of(arena, conducts, subject, row)
    worth = queries.score[:, :, 0] * (PARTS - edit // 2) // PARTS * queries.copy_wobble // 1_000
    scores[COPY] = worth * copied[:, :, :, 0]
    member, part = np.divmod(queries.noise_identity, MAX_PARTS)
    accounts[NOISE] = account_of(arena, conducts, member, part)
    reach = rows.noise * arena.noise_reach + rows.strays * arena.stray_reach
    reach = np.minimum(reach, PARTS)[:, :, None]
    scores[NOISE] = queries.noise_score * (queries.noise_draw < reach)
    # A coalition words its own questions so that nobody else's rows come up.
    scores[ORIGINAL + 1 : COPY] *= ~own
    scores[NOISE] *= ~own
    scores *= asked & ~_look_up_account(expelled, accounts)
    washed = np.maximum(queries.price * conducts.wash_price[:, None, None] // PARTS, 1)
    price = np.where(own, washed, queries.price)
    worlds = (SLOTS, -1, arena.receipts)
    passages = Passages(
        np.where(scores > 0, accounts, NO_ACCOUNT).reshape(worlds),
        scores.reshape(worlds),
        (in_star[:, :, :, 0] & (scores[COPY] > 0) & (scores[ORIGINAL] > 0)).reshape(worlds[1:]),
        _each_world(queries.copy_draw < arena.precedence, scores),
        np.stack([_each_world(queries.new[:, :, i] < arena.says_more, scores) for i in range(2)]),
        unchanged_words(edit).reshape(worlds[1:]),
    )
    return passages, np.where(asked, price, 0)


def _columns(arena: Arena, rows: Rows, expelled: Bools) -> Columns:
    """Accounts as nature knows them, `[W, A]`."""
    own = expelled.shape[2]
    accepted = rows.accepted.copy()
    accepted[:, :, :own] *= ~expelled
    flat = accepted.reshape(-1, arena.accounts)
    controller = np.maximum(np.arange(arena.accounts) - own + 1, 0)
    return Columns(
        {
            "rows": flat,
            "controller": np.broadcast_to(controller, flat.shape),
            "bad": rows.bad.reshape(-1, own),
        },
        HIDDEN,
    )


def _audited(arena: Arena, rows: Rows, queries: Queries, expelled: Bools) -> Bools:
    """`[C, S, members × MAX_PARTS]` identities of which an audit drew a bad row."""
    total = np.maximum(rows.accepted[:, :, : expelled.shape[2]], 1)
    drawn = queries.audit_draw < arena.audit
    found = queries.found_draw * total < rows.bad * PARTS
    return np.asarray(drawn & found & ~expelled, dtype=np.bool_)


def _look_up(table: Bools, at: Int64s) -> Bools:
    """`[C, S, R, 3]` the table's `[C, S, n]` entries at `[S, R, 3]`."""
    world = np.arange(len(at))[:, None, None]
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


def _slots_last(slots: Int64s) -> Int64s:
    return np.ascontiguousarray(np.moveaxis(slots, 0, 2))
