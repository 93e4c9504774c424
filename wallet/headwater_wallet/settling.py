"""How a payment ends: charged or released, as changes of its row and its channel's."""

from headwater_payments.channels import ChargeAboveCapError
from headwater_payments.errors import InvalidInputError
from headwater_wallet.books import Books
from headwater_wallet.budgets import budget_chain, give_back, lessen, take
from headwater_wallet.channel_rows import channel_of, channel_row, store_channel
from headwater_wallet.headroom import Headroom
from headwater_wallet.intent_rows import Change, set_columns
from headwater_wallet.records import IntentRecord
from headwater_wallet.spend_records import OPEN_STATES


def settling(
    charge: int,
    receipt: str | None,
    seller_total: int | None = None,
    total_at_most_signed: int | None = None,
) -> Change:
    """The change that records a charge; see `SpendLedger.settle`."""

    def settle(books: Books, row: IntentRecord) -> None:
        if row.state == "settled":
            return
        if row.state == "released":
            _reserve_again(books, row)
        if row.channel_id is not None:
            channel = channel_row(books, row.channel_id)
            headroom = Headroom(books, channel, row.budget)
            after = channel_of(channel).settled(row.amount, charge, seller_total)
            if (total_at_most_signed or 0) > after.signed:
                raise ChargeAboveCapError(
                    f"The seller's running total {total_at_most_signed} exceeds the "
                    f"{after.signed} that were signed.",
                    seller_total=str(total_at_most_signed),
                )
            store_channel(channel, after)
            headroom.change(committed=charge - row.amount)
            if headroom.short > 0:
                # Charged after its release, when others may have used its headroom.
                budgets = budget_chain(books, row.budget)
                headroom.take_over(row, budgets, headroom.loans(budgets, 0, 0), row.created_at)
        elif charge > row.amount:
            raise ChargeAboveCapError(
                f"The seller charged {charge} atomic units where {row.amount} were agreed.",
                charge=str(charge),
                cap=str(row.amount),
            )
        set_columns(row, state="settled", charge=charge, receipt=receipt)

    return settle


def releasing(*, never_sent: bool) -> Change:
    """The change that ends a payment without a charge; see `SpendLedger.release`."""

    def release(books: Books, row: IntentRecord) -> None:
        if row.state not in OPEN_STATES:
            return None
        channel = channel_row(books, row.channel_id) if row.channel_id else None
        headroom = None
        if channel is not None:
            headroom = Headroom(books, channel, row.budget)
            headroom.change(committed=-row.amount)
            store_channel(channel, channel_of(channel).released(row.amount))
        if never_sent:
            if channel is not None and channel.signed != row.max_claimable:
                # A later voucher stands on this one: its headroom is reused, not returned.
                return set_columns(row, state="released")
            if channel is not None and headroom is not None:
                channel.signed -= row.budgeted
                headroom.change(signed=-row.budgeted)
            give_back(books, row)
        return set_columns(row, state="released")

    return release


def ending(taken: int, header: str) -> Change:
    """The change that counts a single transfer as the chain shows it; see `SpendLedger.end`."""

    def end(books: Books, row: IntentRecord) -> None:
        if row.header != header:
            return  # Signed again while the chain was asked: what it told is of another signature.
        if row.channel_id is not None:
            raise InvalidInputError("A payment on a channel ends with its channel.")
        if row.budgeted > taken:
            lessen(books, row, row.budgeted - taken)
        elif row.budgeted < taken:
            take(books, budget_chain(books, row.budget), row, taken - row.budgeted)
        if taken or row.state == "settled":
            set_columns(row, state="settled", charge=taken)
        else:
            set_columns(row, state="released")

    return end


def _reserve_again(books: Books, row: IntentRecord) -> None:
    """Undo a release; what had been given back is taken again, whatever the limit says."""
    regained = 0 if row.channel_id is not None or row.budgeted else row.amount
    if row.channel_id is not None:
        channel = channel_row(books, row.channel_id)
        before, headroom = channel.signed, Headroom(books, channel, row.budget)
        store_channel(channel, channel_of(channel).with_reservation(row.amount, row.max_claimable))
        regained = channel.signed - before
        headroom.change(signed=regained, committed=row.amount)
    take(books, budget_chain(books, row.budget), row, regained)
