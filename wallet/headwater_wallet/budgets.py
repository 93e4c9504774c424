"""Budgets that spend from other budgets: what is used of one is used of all above it.

Every change of `used` passes through here, together with the row that says which payment made it,
so the rows of a budget always add up to what is used of it.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, func, select

from headwater_payments.errors import InvalidInputError
from headwater_wallet.books import Books, selecting
from headwater_wallet.errors import BudgetExceededError
from headwater_wallet.prepared import Prepared
from headwater_wallet.records import (
    INTENTS,
    PARENTS,
    SIGNED,
    BudgetParentRecord,
    BudgetRecord,
    IntentRecord,
    SignedRecord,
)
from headwater_wallet.spend_records import BudgetState

_TAKEN_OVER: Final = ""
"""The URL of rows that newly sign nothing."""
_BEFORE_ALL_TIME: Final = -(2**62)
_CHILDREN: Final = Prepared(select(PARENTS.name).where(PARENTS.parent == bindparam("parent")))
_TAKEN_BY: Final = Prepared(
    selecting(SignedRecord)
    .where(SIGNED.payment_id == bindparam("payment"), SIGNED.budget == bindparam("budget"))
    .where(SIGNED.url != _TAKEN_OVER)
    .order_by(SIGNED.id.desc())
)


def budget_chain(books: Books, name: str) -> list[BudgetRecord]:
    """The budget and those that it spends from, nearest first.

    Raises:
        InvalidInputError: there is no such budget.
    """
    chain = [_budget(books, name)]
    while (link := books.get(BudgetParentRecord, chain[-1].name)) is not None:
        chain.append(_budget(books, link.parent))
    return chain


def with_children(books: Books, name: str) -> list[str]:
    """The name, and those of all budgets that spend from it."""
    found = [name]
    for each in found:
        found.extend(name for (name,) in books.rows(_CHILDREN, parent=each))
    return found


def adopt_parent(books: Books, child: str, parent: str) -> None:
    """Let `child` spend from `parent` from now on; a link that stands is left as it is.

    Raises:
        InvalidInputError: no such budget, a circle, another parent, or `child` has spent already,
            which its parent's books could not show.
    """
    link = books.get(BudgetParentRecord, child)
    if link is not None and link.parent == parent:
        return
    if link is not None:
        raise InvalidInputError(f"The budget {child!r} spends from {link.parent!r} already.")
    if child in {row.name for row in budget_chain(books, parent)}:
        raise InvalidInputError(f"The budget {child!r} cannot spend from itself.")
    if _budget(books, child).used:
        raise InvalidInputError(f"The budget {child!r} has spent already; give it a parent first.")
    books.add(BudgetParentRecord(name=child, parent=parent))


def refuse_beyond(budgets: Sequence[BudgetRecord], needed: Sequence[int]) -> None:
    """Refuse what any of the budgets cannot cover, given what each would have to.

    Raises:
        BudgetExceededError: naming the nearest one that cannot.
    """
    for budget, atomic in zip(budgets, needed, strict=True):
        left = budget.limit - budget.used
        if atomic > left:
            raise BudgetExceededError(
                f"The budget {budget.name!r} has {left} atomic units left, "
                f"and this payment may take {atomic}.",
                budget=budget.name,
                left=str(left),
                needed=str(atomic),
            )


def take(
    books: Books,
    budgets: Sequence[BudgetRecord],
    intent: IntentRecord,
    newly_signed: int,
    *,
    price: int | None = None,
    signed_at: int | None = None,
) -> None:
    """Count what a payment newly signs against each of the budgets.

    `price` is the most that it costs in all, and `signed_at` the Unix second, where they are not
    the reservation's own because it is made a part at a time.
    """
    intent.budgeted += newly_signed
    for budget in budgets:
        budget.used += newly_signed
        books.add(
            SignedRecord(
                payment_id=intent.payment_id,
                budget=budget.name,
                payee=intent.payee,
                url=intent.url,
                price=intent.amount if price is None else price,
                signed=newly_signed,
                signed_at=intent.created_at if signed_at is None else signed_at,
            )
        )


def move(
    books: Books,
    intent: IntentRecord,
    giving: Sequence[BudgetRecord],
    using: Sequence[BudgetRecord],
    atomic: int,
    now: int,
) -> None:
    """Count signed headroom that a payment takes over against those that use it.

    Those that signed it are credited; who is above both has counted it and goes on doing so.
    """
    takers, givers = {each.name for each in using}, {each.name for each in giving}
    for budget, signed, payee, at in (
        *((each, atomic, intent.payee, now) for each in using if each.name not in givers),
        *((each, -atomic, "", _BEFORE_ALL_TIME) for each in giving if each.name not in takers),
    ):
        budget.used += signed
        books.add(
            SignedRecord(
                payment_id=intent.payment_id,
                budget=budget.name,
                payee=payee,
                url=_TAKEN_OVER,
                price=intent.amount,
                signed=signed,
                signed_at=at,
            )
        )


def give_back(books: Books, intent: IntentRecord) -> None:
    """Undo `take` for a payment of which nothing left this wallet."""
    for budget in budget_chain(books, intent.budget):
        # Rows of an earlier life of this id, whose signature did leave, stay.
        left = intent.budgeted
        for row in books.found(
            SignedRecord, _TAKEN_BY, payment=intent.payment_id, budget=budget.name
        ):
            if row.signed > left:
                break
            left -= row.signed
            books.remove(row)
            if not left:
                break
        budget.used -= intent.budgeted
    intent.budgeted = 0


def lessen(books: Books, intent: IntentRecord, atomic: int) -> None:
    """Count so much less of a payment, of which that part can never be taken.

    That it was signed for its payee, and when, stays known.
    """
    for budget in budget_chain(books, intent.budget):
        left = atomic
        for row in books.found(
            SignedRecord, _TAKEN_BY, payment=intent.payment_id, budget=budget.name
        ):
            part = min(left, row.signed)
            row.signed -= part
            left -= part
        budget.used -= atomic
    intent.budgeted -= atomic


def _budget(books: Books, name: str) -> BudgetRecord:
    row = books.get(BudgetRecord, name)
    if row is None:
        raise InvalidInputError(f"There is no budget named {name!r}.")
    return row


def budget_state(books: Books, name: str) -> BudgetState:
    """A budget as it stands; what its children were charged is part of it."""
    own, *above = budget_chain(books, name)
    charges = select(func.coalesce(func.sum(INTENTS.charge), 0))
    family = with_children(books, name)
    charged = books.value(charges.where(INTENTS.budget.in_(family)))
    left_above = min((each.limit - each.used for each in above), default=None)
    return BudgetState(name, own.limit, own.used, int(charged or 0), left_above)
