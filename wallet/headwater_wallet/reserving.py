"""Setting money aside for a payment: the budget, the rules and the channel, in one transaction."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from headwater_payments.address import Address
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import to_hex
from headwater_wallet import kill_switch
from headwater_wallet.books import Books
from headwater_wallet.budgets import budget_chain, refuse_beyond, take
from headwater_wallet.channel_rows import (
    channel_of,
    channel_row,
    open_channel,
    store_channel,
    unblocked,
)
from headwater_wallet.errors import PaymentError
from headwater_wallet.escrow import deposit_for
from headwater_wallet.headroom import Headroom, Loan, needed_of
from headwater_wallet.intent_rows import intent_of, log_intent, set_columns, still_good
from headwater_wallet.records import IntentRecord
from headwater_wallet.spend_history import LedgerHistory
from headwater_wallet.spend_records import ChannelTerms, Intent, NewPayment, Permit

FIRST_REQUESTS: Final = 10
"""Requests that a deposit covers at least, where nothing is known of their rate."""


def reserve_payment(
    books: Books,
    budget: str,
    payment: NewPayment,
    channel: ChannelTerms | None,
    seal: Callable[[Intent], str | None] | None,
    permit: Permit | None,
    *,
    past: str,
) -> Intent:
    """Reserve a payment, or give the one that is known under its id; see `SpendLedger.reserve`."""
    kill_switch.refuse_if_stopped(books)
    known = books.get(IntentRecord, payment.payment_id)
    if known is not None and known.budget != budget:
        raise InvalidInputError(
            f"The payment {payment.payment_id} belongs to the budget {known.budget!r}.",
            payment_id=payment.payment_id,
        )
    if known is not None and known.state != "released":
        return intent_of(known)
    if known is not None and still_good(known, payment.created_at):
        # A signed transfer cannot be taken back: the same one is tried again.
        set_columns(known, state="sent")
        log_intent(books.connection, known)
        return intent_of(known)
    row = _new_intent(books, budget, payment, channel, permit, past)
    if known is not None:
        books.remove(known)
        books.flush()
    if seal is not None and (header := seal(intent_of(row))) is not None:
        set_columns(row, state="sent", header=header)
    books.add(row)
    books.flush()
    log_intent(books.connection, row)
    return intent_of(row)


def extend_payment(
    books: Books,
    payment_id: str,
    required: int,
    price: int,
    deposit_limit: int,
    permit: Permit,
    now: int,
    *,
    past: str,
    deposit_ahead_s: int | None = None,
) -> Intent:
    """Set aside more for a payment under way; see `SpendLedger.extend`."""
    kill_switch.refuse_if_stopped(books)
    row = books.get(IntentRecord, payment_id)
    # Another that gave up on an answer may have marked it unknown; the stream goes on.
    if row is None or row.channel_id is None or row.state not in ("sent", "unknown"):
        raise PaymentError(f"The payment {payment_id} is not under way on a channel.")
    channel = unblocked(channel_row(books, row.channel_id))
    before, added = channel_of(channel), required - row.amount
    maximum = before.next_voucher(added, concurrent=True)
    newly_signed = max(0, maximum - before.signed)
    budgets = budget_chain(books, row.budget)
    headroom = Headroom(books, channel, row.budget)
    loans = headroom.loans(budgets, added, newly_signed)
    needed = needed_of(budgets, newly_signed, loans)
    refuse_beyond(budgets, needed)
    permit(LedgerHistory(books, past, using=payment_id, going_on=True), needed[0])
    missing = before.missing_deposit(maximum)
    history = LedgerHistory(books, past)
    at_a_time = _ahead(history, row.payee, added, deposit_limit, deposit_ahead_s, now)
    deposit = deposit_for(books, channel, missing, budgets, at_a_time=at_a_time, limit=None)
    store_channel(channel, before.with_reservation(added, maximum))
    set_columns(row, amount=required, max_claimable=maximum, deposit=row.deposit + deposit)
    headroom.take_over(row, budgets, loans, now)
    headroom.change(signed=newly_signed, committed=added)
    take(books, budgets, row, newly_signed, price=price, signed_at=now)
    log_intent(books.connection, row)
    return replace(intent_of(row), deposit=deposit)


def _ahead(
    history: LedgerHistory, payee: str, amount: int, limit: int, ahead_s: int | None, now: int
) -> int:
    """Escrow to place at a time: for about `ahead_s` seconds, at the rate of the last ones."""
    if ahead_s is None:
        return limit
    lately = history.signed_after(now - ahead_s, Address(payee)).atomic
    return min(limit, max(lately, FIRST_REQUESTS * amount))


def _new_intent(
    books: Books,
    budget: str,
    payment: NewPayment,
    channel: ChannelTerms | None,
    permit: Permit | None,
    past: str,
) -> IntentRecord:
    budgets = budget_chain(books, budget)
    amount = payment.amount.atomic
    max_claimable, deposit, newly_signed = 0, 0, amount
    loans: list[Loan] = []
    if channel is not None:
        row = open_channel(books, channel)
        before, headroom = channel_of(row), Headroom(books, row, budget)
        max_claimable = before.next_voucher(amount, concurrent=channel.concurrent)
        newly_signed = max(0, max_claimable - before.signed)
        loans = headroom.loans(budgets, amount, newly_signed)
    needed = needed_of(budgets, newly_signed, loans)
    refuse_beyond(budgets, needed)
    if permit is not None:
        permit(LedgerHistory(books, past, using=payment.payment_id), needed[0])
    if channel is not None:
        missing = before.missing_deposit(max_claimable)
        at_a_time = _ahead(
            LedgerHistory(books, past),
            payment.payee,
            amount,
            channel.deposit_limit,
            channel.deposit_ahead_s,
            payment.created_at,
        )
        deposit = deposit_for(
            books, row, missing, budgets, at_a_time=at_a_time, limit=channel.seller_limit
        )
        store_channel(row, before.with_reservation(amount, max_claimable))
    intent = IntentRecord(
        payment_id=payment.payment_id,
        state="reserved",
        budget=budget,
        scheme=payment.scheme,
        url=payment.url,
        payee=payment.payee,
        network=payment.amount.asset.network,
        asset=payment.amount.asset.address,
        amount=amount,
        budgeted=0,
        max_claimable=max_claimable,
        deposit=deposit,
        channel_id=None if channel is None else to_hex(channel.identifier),
        created_at=payment.created_at,
    )
    if channel is not None:
        headroom.take_over(intent, budgets, loans, payment.created_at)
        headroom.change(signed=newly_signed, committed=amount)
    take(books, budgets, intent, newly_signed, price=payment.price)
    return intent
