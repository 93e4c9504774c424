"""The spend ledger: every payment is reserved against a budget before anything is signed.

A reservation is one transaction, so it holds across tasks, threads, processes and sub-agents that
share the database. What counts against the budget is what has been *signed*: a voucher can be
claimed up to its maximum for ever, so headroom that a seller left unused is spent money until a
later voucher on the same channel reuses it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from sqlalchemy import select

from headwater_payments.amount import Amount
from headwater_payments.channels import BuyerChannel, ChargeAboveCapError
from headwater_payments.hexadecimal import to_hex
from headwater_wallet import audit, kill_switch
from headwater_wallet.approvals import ApprovalBook
from headwater_wallet.books import Books, in_books, selecting
from headwater_wallet.budgets import adopt_parent, budget_state
from headwater_wallet.channel_rows import channel_of, channel_row
from headwater_wallet.circuits import CircuitBook
from headwater_wallet.database import Database
from headwater_wallet.errors import PaymentError, SellerMisbehavedError
from headwater_wallet.headroom import keep_shares
from headwater_wallet.intent_rows import Change, changed, intent_of, refuse_unstorable, set_columns
from headwater_wallet.policy_history import SpendHistory
from headwater_wallet.records import BUDGETS, INTENTS, BudgetRecord, ChannelRecord, IntentRecord
from headwater_wallet.reserving import extend_payment, reserve_payment
from headwater_wallet.settling import ending, releasing, settling
from headwater_wallet.spend_history import LedgerHistory
from headwater_wallet.spend_records import (
    OPEN_STATES,
    BudgetState,
    ChannelTerms,
    Intent,
    NewPayment,
    Permit,
)
from headwater_wallet.statement_rows import keep, read_statements
from headwater_wallet.statements import KeptStatement
from headwater_wallet.tables import MAX_STORED
from headwater_wallet.texts import printable

T = TypeVar("T")


class SpendLedger:
    """Payments of one wallet under one named budget.

    Args:
        database: where the ledger is.
        budget: its name.
        looks_back_on: the budget whose past and whose approvals policies see: a budget above this
            one, for a part of its work; None for its own.
    """

    def __init__(
        self, database: Database, budget: str, *, looks_back_on: str | None = None
    ) -> None:
        self._database = database
        self._budget = budget
        self._past = looks_back_on or budget

    async def set_limit(self, limit: Amount) -> None:
        """Create the budget or change its limit; what is used stays used."""
        refuse_unstorable(limit.atomic)

        def work(books: Books) -> None:
            row = books.get(BudgetRecord, self._budget)
            if row is not None and row.limit == limit.atomic:
                return
            if row is None:
                books.add(BudgetRecord(name=self._budget, limit=limit.atomic))
            else:
                row.limit = limit.atomic
            audit.append(books.connection, "limit", self._budget, {"limit": limit.atomic})

        await self._database.write(in_books(work))

    async def spend_from(self, parent: str) -> None:
        """Make this budget part of another: what it uses is used of both, within both limits.

        Raises:
            InvalidInputError: no such budget, a circle, another parent, or it has spent already.
        """
        await self._database.write(in_books(lambda s: adopt_parent(s, self._budget, parent)))

    async def stop(self, reason: str) -> None:
        """Pay nothing from this database, under any budget and in any process, until `resume`."""
        await self._database.write(in_books(lambda books: kill_switch.stop(books, reason)))

    async def resume(self) -> None:
        """Release the kill switch."""
        await self._database.write(in_books(kill_switch.resume))

    async def stopped(self) -> str | None:
        """Why the kill switch is on; None where it is off."""
        return await self._database.read(in_books(kill_switch.reason))

    @property
    def budget_name(self) -> str:
        """Which budget its payments count against."""
        return self._budget

    @property
    def database(self) -> Database:
        """Where the ledger is."""
        return self._database

    @property
    def approvals(self) -> ApprovalBook:
        """Payments that people are asked about."""
        return ApprovalBook(self._database, self._past)

    @property
    def circuits(self) -> CircuitBook:
        """Failures in a row, by seller."""
        return CircuitBook(self._database)

    async def consider(self, permit: Callable[[SpendHistory], T]) -> T:
        """What `permit` makes of the ledger as it stands; nothing is written.

        Raises:
            WalletStoppedError: the kill switch is on.
        """

        def look(books: Books) -> T:
            kill_switch.refuse_if_stopped(books)
            return permit(LedgerHistory(books, self._past))

        return await self._database.read(in_books(look))

    async def reserve(
        self,
        payment: NewPayment,
        channel: ChannelTerms | None,
        seal: Callable[[Intent], str | None] | None = None,
        permit: Permit | None = None,
    ) -> Intent:
        """Set the most that a payment may cost aside, atomically.

        `permit` is shown what was signed before and what this payment would newly sign, inside the
        same transaction, so that what it decides still holds when the payment is written; it raises
        to refuse.

        Where `seal` can give the signed header of the new payment at once, it is stored in the same
        commit, and the payment is `sent` from then on.

        A payment that is known under this id and has left already is returned as it stands, so a
        caller that retries sends the same signature again instead of a second payment.

        Raises:
            BudgetExceededError: this budget or one above does not cover it; nothing was written.
            WalletStoppedError: the kill switch is on.
            PolicyRefusedError: `permit` says no.
            SellerMisbehavedError: the channel is blocked.
            ChannelBusyError: a sequential channel has a request under way.
        """
        refuse_unstorable(payment.amount.atomic)

        def work(books: Books) -> Intent:
            return reserve_payment(
                books, self._budget, payment, channel, seal, permit, past=self._past
            )

        return await self._database.write(in_books(work))

    async def extend(
        self,
        payment_id: str,
        required: int,
        price: int,
        deposit_limit: int,
        permit: Permit,
        now: int,
        *,
        deposit_ahead_s: int | None = None,
    ) -> Intent:
        """Set aside more for a payment under way on a channel of rising vouchers, atomically.

        Args:
            payment_id: which payment; it has been sent.
            required: atomic units that it may cost from now on.
            price: atomic units that it may cost at most in all.
            deposit_limit: atomic units of escrow to place at a time.
            permit: raises to refuse, as for `reserve`.
            now: Unix seconds.
            deposit_ahead_s: seconds of spending to place at a time, within that limit.

        Returns:
            The payment; `max_claimable` is what the next voucher says, and `deposit` the escrow
            that must come with it. Unless that voucher leaves, the next one reuses its headroom.

        Raises:
            PaymentError: the payment is over; nothing was written.
            BudgetExceededError: this budget or one above does not cover it; the same.
            WalletStoppedError: the kill switch is on; the same.
            PolicyRefusedError: `permit` says no; the same.
            SellerMisbehavedError: the channel is blocked; the same.
        """
        refuse_unstorable(required)

        def work(books: Books) -> Intent:
            return extend_payment(
                books,
                payment_id,
                required,
                price,
                deposit_limit,
                permit,
                now,
                past=self._past,
                deposit_ahead_s=deposit_ahead_s,
            )

        return await self._database.write(in_books(work))

    async def mark_sent(self, payment_id: str, header: str) -> None:
        """Record the signed header before it leaves, so that it can be sent again and found.

        Raises:
            PaymentError: the reservation was released in the meantime; the header must not leave.
            WalletStoppedError: the kill switch is on; the same.
        """

        def sent(books: Books, row: IntentRecord) -> None:
            kill_switch.refuse_if_stopped(books)
            if row.state not in OPEN_STATES:
                raise PaymentError(
                    f"The reservation of {payment_id} is {row.state}; it is not sent.",
                    payment_id=payment_id,
                )
            set_columns(row, state="sent", header=header)

        await self._update(payment_id, sent)

    async def settle(
        self,
        payment_id: str,
        charge: int,
        seller_total: int | None,
        receipt: str | None,
        *,
        total_at_most_signed: int | None = None,
    ) -> Intent:
        """Record what was charged. Settling twice is settling once.

        A charge that arrives after its payment was released counts all the same: the voucher was
        out.

        Args:
            payment_id: which payment.
            charge: atomic units.
            seller_total: the seller's charged total, where it must follow from ours.
            receipt: the seller's signed receipt.
            total_at_most_signed: the seller's charged total, where others may be under way: it
                cannot exceed what was signed.

        Raises:
            ChargeAboveCapError: the charge does not follow from the terms; nothing was written.
        """
        settle = settling(charge, receipt, seller_total, total_at_most_signed)
        return await self._update(payment_id, settle)

    def settle_soon(self, intent: Intent, charge: int, receipt: str | None) -> Intent:
        """Record a charge in its turn, without waiting for the disk.

        Only for a charge that cannot be refused: within the cap, and at a total that this very
        voucher covers. Were it lost in a crash, the seller could be asked again.

        Raises:
            ChargeAboveCapError: the charge exceeds the cap; nothing is written.
        """
        if not 0 <= charge <= intent.amount:
            raise ChargeAboveCapError(
                f"The seller charged {charge} atomic units where {intent.amount} were agreed.",
                charge=str(charge),
                cap=str(intent.amount),
            )
        self._database.submit(changed(intent.payment_id, settling(charge, receipt)))
        return replace(intent, state="settled", charge=charge, receipt=receipt)

    async def release(self, payment_id: str, *, never_sent: bool = False) -> Intent:
        """End a payment without a charge.

        The budget is given back only what the seller can no longer claim: everything when nothing
        left this wallet, nothing of a voucher that did. Headroom that was taken over from another
        budget stays with this one, which may reuse it.
        """
        return await self._update(payment_id, releasing(never_sent=never_sent))

    async def end(self, payment_id: str, taken: int, header: str) -> Intent:
        """Count a single transfer as the chain shows it, finally: no more of it can be taken.

        What the budget held beyond `taken` is given back, and the charge is what was taken,
        whatever the seller said.

        Args:
            payment_id: which payment.
            taken: atomic units that its signature took.
            header: the payment as it was signed, of which the chain was asked. Nothing changes
                where the payment has been signed again since: that signature is live.

        Raises:
            InvalidInputError: there is no such payment, or it is on a channel.
        """
        return await self._update(payment_id, ending(taken, header))

    async def mark_unknown(self, payment_id: str) -> None:
        """A payment left and no answer came: it stays reserved until it is reconciled."""

        def unknown(_books: Books, row: IntentRecord) -> None:
            if row.state in ("reserved", "sent"):
                set_columns(row, state="unknown")

        await self._update(payment_id, unknown)

    async def deposited(self, channel_id: bytes, balance: int) -> None:
        """The chain holds at least `balance` for the channel (a lower figure is old news).

        It is the seller's figure, so one beyond all reason is cut to what the ledger can hold.
        """

        def work(books: Books) -> None:
            row = channel_row(books, to_hex(channel_id))
            row.balance = min(max(row.balance, balance), MAX_STORED)

        await self._database.write(in_books(work))

    async def adopt(self, channel_id: bytes, charged: int, signed: int = 0) -> None:
        """Take over a charged total for which the seller has shown our own signed voucher.

        Args:
            channel_id: which channel.
            charged: the seller's total.
            signed: the maximum of the voucher shown, whose signature the caller has checked; a
                ledger that was lost learns again what had been signed.

        Raises:
            SellerMisbehavedError: the total exceeds what was ever signed on this channel.
        """
        refuse_unstorable(signed)

        def work(books: Books) -> None:
            row = channel_row(books, to_hex(channel_id))
            if signed > row.signed or charged != row.charged:
                keep_shares(books, row)
            row.signed = max(row.signed, signed)
            if charged > row.signed:
                raise SellerMisbehavedError(
                    "The seller's charged total exceeds everything that was signed.",
                    charged=str(charged),
                    signed=str(row.signed),
                )
            row.charged = charged

        await self._database.write(in_books(work))

    async def block(self, channel_id: bytes, reason: str) -> None:
        """Sign nothing more on this channel."""

        def work(books: Books) -> None:
            channel_row(books, to_hex(channel_id)).blocked = printable(reason)

        await self._database.write(in_books(work))

    async def keep(self, statement: KeptStatement) -> bool:
        """Keep what a seller signed about a payment, bound to it by the audit log.

        Returns:
            Whether it was new: the same statement is kept once.
        """
        return await self._database.write(lambda connection: keep(connection, statement))

    def keep_soon(self, statement: KeptStatement) -> None:
        """Like `keep`, before every later write, without waiting for the disk."""
        self._database.submit(lambda connection: keep(connection, statement))

    async def statements(
        self, payment_id: str | None = None, *, wrong_only: bool = False
    ) -> list[KeptStatement]:
        """What sellers signed, oldest first: about one payment, or about all.

        `wrong_only` leaves those that contradict what was agreed or paid.
        """
        return await self._database.read(
            lambda connection: read_statements(connection, payment_id, wrong_only=wrong_only)
        )

    async def intents(self, *states: str) -> list[Intent]:
        """Payments in any of the states, oldest first; all of them when none is named."""

        def work(books: Books) -> list[Intent]:
            query = selecting(IntentRecord).order_by(INTENTS.created_at)
            if states:
                query = query.where(INTENTS.state.in_(states))
            return [intent_of(row) for row in books.found(IntentRecord, query)]

        return await self._database.read(in_books(work))

    async def channels(self) -> dict[bytes, BuyerChannel]:
        """Every channel by id."""

        def work(books: Books) -> dict[bytes, BuyerChannel]:
            rows = books.found(ChannelRecord, selecting(ChannelRecord))
            return {bytes.fromhex(row.channel_id[2:]): channel_of(row) for row in rows}

        return await self._database.read(in_books(work))

    async def note_claim(self, channel_id: bytes, total_claimed: int, transaction: str) -> bool:
        """Log that a seller has claimed up to `total_claimed` of a channel on chain.

        Returns:
            Whether it was new: a total that was noted before is not noted again.

        Raises:
            InvalidInputError: the channel is not of this ledger.
        """
        subject = to_hex(channel_id)
        body = {"total_claimed": str(total_claimed), "transaction": transaction}

        def work(books: Books) -> bool:
            channel_row(books, subject)
            return audit.append_once(books.connection, "claimed", subject, body)

        return await self._database.write(in_books(work))

    async def check_audit(self, head: str | None = None) -> audit.AuditState:
        """Check the audit log, and the payments against it.

        Args:
            head: a head that was noted before; the log must still hold it.

        Raises:
            AuditBrokenError: names the first entry or payment that does not hold.
        """
        return await self._database.read(lambda connection: audit.check(connection, head))

    async def audit_log(self) -> list[audit.AuditEntry]:
        """The audit log, in order, unchecked."""
        return await self._database.read(audit.read_log)

    async def budget(self) -> BudgetState:
        """The budget as it stands; what its children were charged is part of it.

        Raises:
            InvalidInputError: there is no such budget.
        """
        return await self._database.read(in_books(lambda s: budget_state(s, self._budget)))

    async def budgets(self) -> list[BudgetState]:
        """Every budget of the database, by name."""

        def work(books: Books) -> list[BudgetState]:
            names = books.rows(select(BUDGETS.name).order_by(BUDGETS.name))
            return [budget_state(books, name) for (name,) in names]

        return await self._database.read(in_books(work))

    async def _update(self, payment_id: str, change: Change) -> Intent:
        return await self._database.write(changed(payment_id, change))
