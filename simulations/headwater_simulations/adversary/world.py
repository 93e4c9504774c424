"""One kernel call: many conducts in many worlds under one rule, every atomic unit accounted for.

The rule is the object that closes epochs in production. It gets `RuleColumns` made of public
columns and receipts; who controls whom is in a column that it can't read.

Symbols: `C` conducts, `S` worlds, `W` = C × S of them side by side, `R` receipts, `A` accounts.
"""

from dataclasses import dataclass

import numpy as np

from headwater_attribution.columns import RuleColumns
from headwater_attribution.rules import RewardRule
from headwater_payments.split import PARTS
from headwater_simulations.adversary.arena import MAX_PARTS, Arena
from headwater_simulations.adversary.books import Books
from headwater_simulations.adversary.conduct import Conducts
from headwater_simulations.adversary.evidence import Passages, shares
from headwater_simulations.adversary.nature import Nature, Queries
from headwater_simulations.adversary.retrieval import Market, come_up, spoilt
from headwater_simulations.adversary.rows import Rows, costs, hand_in, names
from headwater_simulations.adversary.sanctions import Register, accuse, cost_of_return
from headwater_simulations.adversary.tampering import check
from headwater_simulations.columns import Columns, PublicView
from headwater_simulations.draws import Bools, Int64s

HIDDEN = frozenset({"controller", "bad"})


@dataclass(frozen=True, slots=True)
class Ends:
    """How the worlds ended for the coalition, atomic units.

    Attributes:
        pay: `[C, S]` what the rule paid it, and what it earned as operator.
        spent: `[C, S]` what rows, identities, its own purchases and lost stakes and bonds cost,
            less what accusations won.
        others: `[C, S]` what the rule paid the other authors, less the stakes taken from them.
    """

    pay: Int64s
    spent: Int64s
    others: Int64s

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
    shape = (len(conducts), len(nature.refused))
    books, register = Books(shape, arena.accounts), Register(arena, shape)
    books.pay_suppliers(np.broadcast_to(costs(arena, conducts)[:, None], shape))
    books.hold_stake(np.broadcast_to(arena.stake * names(arena, conducts)[:, None], shape))
    books.try_cases(accuse(arena, conducts, nature))
    lost, believed = np.zeros((*shape, arena.authors), np.int64), np.ones(shape, np.bool_)
    spoilt_so_far, scheduled = lost.copy(), conducts.scheduled(arena).any()
    acting = conducts.in_epoch(0)
    rows = hand_in(arena, acting, nature)
    for epoch, queries in enumerate(epochs):
        if epoch and scheduled:
            acting = conducts.in_epoch(epoch)
            rows = hand_in(arena, acting, nature)
        back = register.come_back(conducts, epoch)
        books.pay_suppliers(cost_of_return(arena, rows, back))
        books.hold_stake(arena.stake * back.sum(axis=2))
        expelled = register.expelled
        checked = check(arena, acting, rows, queries, expelled, believed)
        market = Market(expelled, lost, checked.tampered)
        passages, prices = come_up(arena, acting, rows, queries, market)
        washed = prices[:, :, arena.queries :].sum(axis=2)
        public = prices[:, :, : arena.queries].sum(axis=2)
        columns = _columns(arena, rows, expelled)
        view = rule_columns(arena, columns.public(), passages, prices.reshape(-1, arena.receipts))
        payout = rule.settle(view)
        books.collect(public, washed, view.charges.sum(axis=1).reshape(shape), arena)
        books.pay_out(payout.accounts.reshape(*shape, -1), payout.unattributed.reshape(shape))
        books.burn_stake(arena.stake * checked.audited.sum(axis=2))
        books.lose_bond(arena.operator_bond * checked.caught)
        register.expel(checked.audited, epoch)
        believed &= ~checked.caught
        if rows.poisoned.any():
            spoilt_so_far += spoilt(rows, queries, passages, arena.authors)
            asked = np.maximum(_asked_about(arena, epochs[: epoch + 1]), 1)
            lost = arena.turnoff * spoilt_so_far // asked
        books.check()
    books.return_stake()
    books.check()
    own = arena.members * MAX_PARTS
    return Ends(
        books.accounts[:, :, :own].sum(axis=2) + books.operator,
        books.spent_by_coalition(),
        books.accounts[:, :, own:].sum(axis=2) - books.taken,
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


def _asked_about(arena: Arena, epochs: tuple[Queries, ...]) -> Int64s:
    """`[S, N]` questions of the public about each author's subject in these epochs."""
    subjects = np.concatenate([each.author[:, : arena.queries, 0] for each in epochs], axis=1)
    world = np.arange(len(subjects))[:, None] * arena.authors
    counts = np.bincount((world + subjects).ravel(), minlength=len(subjects) * arena.authors)
    return counts.reshape(len(subjects), arena.authors).astype(np.int64)


def _slots_last(slots: Int64s) -> Int64s:
    return np.ascontiguousarray(np.moveaxis(slots, 0, 2))
