"""Whose money a channel's headroom is: the budgets' shares of what is signed on one channel.

A voucher covers a channel, not a budget, so a request of one budget may reuse headroom that another
has signed. It then takes that headroom over: it counts against the budget that uses it, and the one
that signed it is credited. So for every budget and channel

    charged + under way  ≤  share of what is signed,

while the shares of all budgets never exceed what is counted against them together: a budget above
both has counted the headroom once and counts it no second time.

What nobody here has counted, such as what a lost ledger had signed and learned again from its
seller, has no owner; who reuses it counts it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, case, func, select

from headwater_wallet.books import Books, selecting
from headwater_wallet.budgets import budget_chain, move
from headwater_wallet.prepared import Prepared
from headwater_wallet.records import (
    INTENTS,
    SHARES,
    BudgetRecord,
    ChannelRecord,
    IntentRecord,
    ShareRecord,
)


@dataclass(frozen=True, slots=True)
class Loan:
    """Headroom that a payment takes over: from these budgets, nearest first, or from nobody's."""

    giver: str | None
    above: tuple[str, ...]
    """The giver and all that it spends from."""
    atomic: int


_IN_CHANNEL: Final = Prepared(
    selecting(ShareRecord).where(SHARES.channel_id == bindparam("channel")).order_by(SHARES.budget)
)


class Headroom:
    """The shares in one channel, read and written inside the caller's transaction.

    While a budget is alone on a channel, all that is signed there is its own and nothing is kept
    of it. Made before the channel is changed, and told of each change after it.

    Args:
        books: in a write.
        channel: which channel, locked.
        budget: who pays.
    """

    def __init__(self, books: Books, channel: ChannelRecord, budget: str) -> None:
        self._books, self._channel, self._budget = books, channel, budget
        self._shares = {row.budget: row for row in _rows(books, channel)}
        if budget not in self._shares:
            _keep(self._shares.values(), channel)
            alone = not self._shares and not channel.signed
            row = ShareRecord(
                channel_id=channel.channel_id, budget=budget, signed=None if alone else 0
            )
            books.add(row)
            self._shares[budget] = row

    @property
    def short(self) -> int:
        """Atomic units by which the payer's charges and payments under way exceed its share."""
        row = self._shares[self._budget]
        if row.signed is None:
            return self._channel.charged + self._channel.reserved - self._channel.signed
        return row.committed - row.signed

    def loans(self, budgets: Sequence[BudgetRecord], added: int, newly_signed: int) -> list[Loan]:
        """What the payer must take over before it may sign: nothing where its share suffices.

        Those that share most of the budgets above give first, so that the fewest count anything.

        Args:
            budgets: the budget that pays and those above it.
            added: atomic units that it may be charged in addition.
            newly_signed: atomic units that its voucher adds to what is signed.
        """
        missing = added - newly_signed + self.short
        if missing <= 0:
            return []
        _keep(self._shares.values(), self._channel)
        names = [each.name for each in budgets]
        givers = []
        for row in self._shares.values():
            free = (row.signed or 0) - row.committed
            if row.budget != self._budget and free > 0:
                above = tuple(each.name for each in budget_chain(self._books, row.budget))
                taking = sum(name not in above for name in names)
                givers.append((taking, row.budget, Loan(row.budget, above, free)))
        found = []
        for *_, loan in sorted(givers, key=lambda each: each[:2]):
            part = min(missing, loan.atomic)
            found.append(Loan(loan.giver, loan.above, part))
            missing -= part
            if not missing:
                return found
        return [*found, Loan(None, (), missing)]

    def take_over(
        self, intent: IntentRecord, budgets: Sequence[BudgetRecord], loans: Sequence[Loan], now: int
    ) -> None:
        """Count headroom against the budgets that use it, and credit those that signed it."""
        for loan in loans:
            giving = [] if loan.giver is None else budget_chain(self._books, loan.giver)
            move(self._books, intent, giving, budgets, loan.atomic, now)
            self._change(self._budget, loan.atomic, 0)
            if loan.giver is not None:
                self._change(loan.giver, -loan.atomic, 0)

    def change(self, *, signed: int = 0, committed: int = 0) -> None:
        """Add to the payer's share, and to what of it is charged or under way."""
        self._change(self._budget, signed, committed)

    def _change(self, budget: str, signed: int, committed: int) -> None:
        row = self._shares[budget]
        if row.signed is not None:
            row.signed += signed
            row.committed += committed


def keep_shares(books: Books, channel: ChannelRecord) -> None:
    """Keep the shares in a channel, before something other than a payment changes it."""
    _keep(_rows(books, channel), channel)


def needed_of(
    budgets: Sequence[BudgetRecord], newly_signed: int, loans: Sequence[Loan]
) -> list[int]:
    """What a payment takes of each of its budgets."""
    return [
        newly_signed + sum(loan.atomic for loan in loans if each.name not in loan.above)
        for each in budgets
    ]


def _keep(rows: Iterable[ShareRecord], channel: ChannelRecord) -> None:
    for row in rows:
        if row.signed is None:
            row.signed, row.committed = channel.signed, channel.charged + channel.reserved


def _rows(books: Books, channel: ChannelRecord) -> list[ShareRecord]:
    rows = books.found(ShareRecord, _IN_CHANNEL, channel=channel.channel_id)
    if not rows:
        rows = _from_payments(books, channel)
        books.add(*rows)
    return rows


def _from_payments(books: Books, channel: ChannelRecord) -> list[ShareRecord]:
    """The shares in a channel of a ledger in which none are kept."""
    committed = case(
        (INTENTS.state == "settled", func.coalesce(INTENTS.charge, 0)),
        (INTENTS.state == "released", 0),
        else_=INTENTS.amount,
    )
    query = (
        select(INTENTS.budget, func.sum(INTENTS.budgeted), func.sum(committed))
        .where(INTENTS.channel_id == channel.channel_id)
        .group_by(INTENTS.budget)
    )
    return [
        ShareRecord(
            channel_id=channel.channel_id, budget=budget, signed=int(signed), committed=int(used)
        )
        for budget, signed, used in books.rows(query)
    ]
