"""The spend ledger: every payment is reserved against a budget before anything is signed.

A reservation is one transaction, so it holds across tasks, threads, processes and sub-agents that
share the database. What counts against the budget is what has been *signed*: a voucher can be
claimed up to its maximum for ever, so headroom that a seller left unused is spent money until a
later voucher on the same channel reuses it.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Literal, TypeVar

from sqlalchemy import Connection, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from headwater_payments.amount import Amount
from headwater_payments.batch_payload import config_to_json
from headwater_payments.channels import BuyerChannel, ChargeAboveCapError
from headwater_payments.errors import InvalidInputError
from headwater_payments.exact import SCHEME as EXACT
from headwater_payments.exact import parse_exact_payload
from headwater_payments.hexadecimal import to_hex
from headwater_payments.structs import ChannelConfig
from headwater_payments.x402 import PaymentPayload
from headwater_wallet import audit, kill_switch
from headwater_wallet.approvals import ApprovalBook
from headwater_wallet.budgets import (
    adopt_parent,
    budget_chain,
    give_back,
    refuse_beyond,
    take,
    with_children,
)
from headwater_wallet.channel_book import WITHDRAWING
from headwater_wallet.circuits import CircuitBook
from headwater_wallet.database import Database
from headwater_wallet.errors import PaymentError, PolicyRefusedError, SellerMisbehavedError
from headwater_wallet.escrow import deposit_for
from headwater_wallet.headroom import Headroom, Loan, keep_shares, needed_of
from headwater_wallet.policy_history import SpendHistory
from headwater_wallet.sessions import in_session, joined_session
from headwater_wallet.spend_history import LedgerHistory
from headwater_wallet.tables import MAX_STORED, BudgetRow, ChannelRow, IntentRow

T = TypeVar("T")
Permit = Callable[[SpendHistory, int], object]
"""Raises to refuse a payment, by what was signed before and what it would newly sign."""
INTENT_STATES = ("reserved", "sent", "settled", "released", "unknown")
OPEN_STATES = ("reserved", "sent", "unknown")


@dataclass(frozen=True, slots=True)
class Intent:
    """A payment as the ledger knows it; amounts in atomic units, `created_at` in Unix seconds."""

    payment_id: str
    state: Literal["reserved", "sent", "settled", "released", "unknown"]
    scheme: str
    url: str
    payee: str
    amount: int
    max_claimable: int
    deposit: int
    charge: int | None
    channel_id: str | None
    header: str | None
    receipt: str | None
    created_at: int


@dataclass(frozen=True, slots=True)
class NewPayment:
    """What a payment is for, before the ledger has agreed to it."""

    payment_id: str
    scheme: str
    url: str
    payee: str
    amount: Amount
    created_at: int
    price: int | None = None
    """Atomic units that it costs at most in all, where `amount` is only the first part."""


@dataclass(frozen=True, slots=True)
class ChannelTerms:
    """The channel that a payment would use, how it may be used, and how much escrow to place.

    Attributes:
        identifier: the channel's id.
        chain_id: where it is.
        config: what makes it.
        concurrent: whether several requests may share it at once.
        deposit_limit: atomic units of escrow to place at a time, beyond what a payment is missing.
        seller_limit: atomic units that may lie uncharged in all lanes with the seller after a
            deposit, beyond what a payment is missing; None where there are no lanes.
    """

    identifier: bytes
    chain_id: int
    config: ChannelConfig
    concurrent: bool
    deposit_limit: int
    seller_limit: int | None = None


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A budget in atomic units: what is signed away can be claimed, so `left` is the rest."""

    name: str
    limit: int
    used: int
    charged: int
    left_above: int | None = field(default=None, repr=False)
    """What the budgets that it spends from have left; None where there are none."""

    @property
    def left(self) -> int:
        """What may still be signed, under this budget and those above it."""
        own = self.limit - self.used
        return own if self.left_above is None else min(own, self.left_above)


class SpendLedger:
    """Payments of one wallet under one named budget."""

    def __init__(self, database: Database, budget: str) -> None:
        self._database = database
        self._budget = budget

    async def set_limit(self, limit: Amount) -> None:
        """Create the budget or change its limit; what is used stays used."""
        _storable(limit.atomic)

        def work(connection: Connection) -> None:
            with joined_session(connection) as session:
                row = session.get(BudgetRow, self._budget, with_for_update=True)
                if row is not None and row.limit == limit.atomic:
                    return
                if row is None:
                    session.add(BudgetRow(name=self._budget, limit=limit.atomic))
                else:
                    row.limit = limit.atomic
                audit.append(connection, "limit", self._budget, {"limit": limit.atomic})

        await self._database.write(work)

    async def spend_from(self, parent: str) -> None:
        """Make this budget part of another: what it uses is used of both, within both limits.

        Raises:
            InvalidInputError: no such budget, a circle, another parent, or it has spent already.
        """
        await self._database.write(in_session(lambda s: adopt_parent(s, self._budget, parent)))

    async def stop(self, reason: str) -> None:
        """Pay nothing from this database, under any budget and in any process, until `resume`."""
        await self._database.write(in_session(lambda session: kill_switch.stop(session, reason)))

    async def resume(self) -> None:
        """Release the kill switch."""
        await self._database.write(in_session(kill_switch.resume))

    async def stopped(self) -> str | None:
        """Why the kill switch is on; None where it is off."""
        return await self._database.read(in_session(kill_switch.reason))

    @property
    def database(self) -> Database:
        """Where the ledger is."""
        return self._database

    @property
    def approvals(self) -> ApprovalBook:
        """Payments that people are asked about."""
        return ApprovalBook(self._database, self._budget)

    @property
    def circuits(self) -> CircuitBook:
        """Failures in a row, by seller."""
        return CircuitBook(self._database)

    async def consider(self, permit: Callable[[SpendHistory], T]) -> T:
        """What `permit` makes of the ledger as it stands; nothing is written.

        Raises:
            WalletStoppedError: the kill switch is on.
        """

        def look(session: Session) -> T:
            kill_switch.refuse_if_stopped(session)
            return permit(LedgerHistory(session, self._budget))

        return await self._database.read(in_session(look))

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
        _storable(payment.amount.atomic)

        def work(connection: Connection) -> Intent:
            with joined_session(connection) as session:
                kill_switch.refuse_if_stopped(session)
                known = session.get(IntentRow, payment.payment_id, with_for_update=True)
                if known is not None and known.budget != self._budget:
                    raise InvalidInputError(
                        f"The payment {payment.payment_id} belongs to the budget {known.budget!r}.",
                        payment_id=payment.payment_id,
                    )
                if known is not None and known.state != "released":
                    return _intent(known)
                if known is not None and _still_good(known, payment.created_at):
                    # A signed transfer cannot be taken back: the same one is tried again.
                    _set(known, state="sent")
                    _log(connection, known)
                    return _intent(known)
                row = self._new_intent(session, payment, channel, permit)
                if known is not None:
                    session.delete(known)
                    session.flush()
                if seal is not None and (header := seal(_intent(row))) is not None:
                    _set(row, state="sent", header=header)
                session.add(row)
                session.flush()
                _log(connection, row)
                return _intent(row)

        return await self._database.write(work)

    async def extend(
        self,
        payment_id: str,
        required: int,
        price: int,
        deposit_limit: int,
        permit: Permit,
        now: int,
    ) -> Intent:
        """Set aside more for a payment under way on a channel of rising vouchers, atomically.

        Args:
            payment_id: which payment; it has been sent.
            required: atomic units that it may cost from now on.
            price: atomic units that it may cost at most in all.
            deposit_limit: atomic units of escrow to place at a time.
            permit: raises to refuse, as for `reserve`.
            now: Unix seconds.

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
        _storable(required)

        def extend(connection: Connection, session: Session) -> Intent:
            kill_switch.refuse_if_stopped(session)
            row = session.get(IntentRow, payment_id, with_for_update=True)
            # Another that gave up on an answer may have marked it unknown; the stream goes on.
            if row is None or row.channel_id is None or row.state not in ("sent", "unknown"):
                raise PaymentError(f"The payment {payment_id} is not under way on a channel.")
            channel = _unblocked(_channel_row(session, row.channel_id))
            before, added = _view(channel), required - row.amount
            maximum = before.next_voucher(added, concurrent=True)
            newly_signed = max(0, maximum - before.signed)
            budgets = budget_chain(session, row.budget)
            headroom = Headroom(session, channel, row.budget)
            loans = headroom.loans(budgets, added, newly_signed)
            needed = needed_of(budgets, newly_signed, loans)
            refuse_beyond(budgets, needed)
            permit(LedgerHistory(session, row.budget, using=payment_id, going_on=True), needed[0])
            missing = before.missing_deposit(maximum)
            deposit = deposit_for(
                session, channel, missing, budgets, at_a_time=deposit_limit, limit=None
            )
            _store(channel, before.with_reservation(added, maximum))
            _set(row, amount=required, max_claimable=maximum, deposit=row.deposit + deposit)
            headroom.take_over(row, budgets, loans, now)
            headroom.change(signed=newly_signed, committed=added)
            take(session, budgets, row, newly_signed, price=price, signed_at=now)
            _log(connection, row)
            return replace(_intent(row), deposit=deposit)

        def work(connection: Connection) -> Intent:
            with joined_session(connection) as session:
                return extend(connection, session)

        return await self._database.write(work)

    async def mark_sent(self, payment_id: str, header: str) -> None:
        """Record the signed header before it leaves, so that it can be sent again and found.

        Raises:
            PaymentError: the reservation was released in the meantime; the header must not leave.
            WalletStoppedError: the kill switch is on; the same.
        """

        def sent(session: Session, row: IntentRow) -> None:
            kill_switch.refuse_if_stopped(session)
            if row.state not in OPEN_STATES:
                raise PaymentError(
                    f"The reservation of {payment_id} is {row.state}; it is not sent.",
                    payment_id=payment_id,
                )
            _set(row, state="sent", header=header)

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

        settling = self._settling(charge, receipt, seller_total, total_at_most_signed)
        return await self._update(payment_id, settling)

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
        self._database.submit(self._changed(intent.payment_id, self._settling(charge, receipt)))
        return replace(intent, state="settled", charge=charge, receipt=receipt)

    async def release(self, payment_id: str, *, never_sent: bool = False) -> Intent:
        """End a payment without a charge.

        The budget is given back only what the seller can no longer claim: everything when nothing
        left this wallet, nothing of a voucher that did. Headroom that was taken over from another
        budget stays with this one, which may reuse it.
        """

        def release(session: Session, row: IntentRow) -> None:
            if row.state not in OPEN_STATES:
                return None
            channel = _channel_row(session, row.channel_id) if row.channel_id else None
            headroom = None
            if channel is not None:
                headroom = Headroom(session, channel, row.budget)
                headroom.change(committed=-row.amount)
                _store(channel, _view(channel).released(row.amount))
            if never_sent:
                if channel is not None and channel.signed != row.max_claimable:
                    # A later voucher stands on this one: its headroom is reused, not returned.
                    return _set(row, state="released")
                if channel is not None and headroom is not None:
                    channel.signed -= row.budgeted
                    headroom.change(signed=-row.budgeted)
                give_back(session, row)
            return _set(row, state="released")

        return await self._update(payment_id, release)

    async def mark_unknown(self, payment_id: str) -> None:
        """A payment left and no answer came: it stays reserved until it is reconciled."""

        def unknown(_session: Session, row: IntentRow) -> None:
            if row.state in ("reserved", "sent"):
                _set(row, state="unknown")

        await self._update(payment_id, unknown)

    async def deposited(self, channel_id: bytes, balance: int) -> None:
        """The chain holds at least `balance` for the channel (a lower figure is old news).

        It is the seller's figure, so one beyond all reason is cut to what the ledger can hold.
        """

        def work(connection: Connection) -> None:
            with joined_session(connection) as session:
                row = _channel_row(session, to_hex(channel_id))
                row.balance = min(max(row.balance, balance), MAX_STORED)

        await self._database.write(work)

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
        _storable(signed)

        def work(connection: Connection) -> None:
            with joined_session(connection) as session:
                row = _channel_row(session, to_hex(channel_id))
                if signed > row.signed or charged != row.charged:
                    keep_shares(session, row)
                row.signed = max(row.signed, signed)
                if charged > row.signed:
                    raise SellerMisbehavedError(
                        "The seller's charged total exceeds everything that was signed.",
                        charged=str(charged),
                        signed=str(row.signed),
                    )
                row.charged = charged

        await self._database.write(work)

    async def block(self, channel_id: bytes, reason: str) -> None:
        """Sign nothing more on this channel."""

        def work(connection: Connection) -> None:
            with joined_session(connection) as session:
                _channel_row(session, to_hex(channel_id)).blocked = reason

        await self._database.write(work)

    async def intents(self, *states: str) -> list[Intent]:
        """Payments in any of the states, oldest first; all of them when none is named."""

        def work(connection: Connection) -> list[Intent]:
            query = select(IntentRow).order_by(col(IntentRow.created_at))
            if states:
                query = query.where(col(IntentRow.state).in_(states))
            with Session(bind=connection) as session:
                return [_intent(row) for row in session.scalars(query)]

        return await self._database.read(work)

    async def channels(self) -> dict[bytes, BuyerChannel]:
        """Every channel by id."""

        def work(connection: Connection) -> dict[bytes, BuyerChannel]:
            with Session(bind=connection) as session:
                rows = session.scalars(select(ChannelRow))
                return {bytes.fromhex(row.channel_id[2:]): _view(row) for row in rows}

        return await self._database.read(work)

    async def note_claim(self, channel_id: bytes, total_claimed: int, transaction: str) -> bool:
        """Log that a seller has claimed up to `total_claimed` of a channel on chain.

        Returns:
            Whether it was new: a total that was noted before is not noted again.

        Raises:
            InvalidInputError: the channel is not of this ledger.
        """
        subject = to_hex(channel_id)
        body = {"total_claimed": str(total_claimed), "transaction": transaction}

        def work(connection: Connection) -> bool:
            with joined_session(connection) as session:
                _channel_row(session, subject)
                return audit.append_once(connection, "claimed", subject, body)

        return await self._database.write(work)

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
        return await self._database.read(in_session(lambda s: _budget_state(s, self._budget)))

    async def budgets(self) -> list[BudgetState]:
        """Every budget of the database, by name."""

        def work(session: Session) -> list[BudgetState]:
            names = session.scalars(select(col(BudgetRow.name)).order_by(col(BudgetRow.name)))
            return [_budget_state(session, name) for name in names.all()]

        return await self._database.read(in_session(work))

    def _new_intent(
        self,
        session: Session,
        payment: NewPayment,
        channel: ChannelTerms | None,
        permit: Permit | None,
    ) -> IntentRow:
        budgets = budget_chain(session, self._budget)
        amount = payment.amount.atomic
        max_claimable, deposit, newly_signed = 0, 0, amount
        loans: list[Loan] = []
        if channel is not None:
            row = _open_channel(session, channel)
            before, headroom = _view(row), Headroom(session, row, self._budget)
            max_claimable = before.next_voucher(amount, concurrent=channel.concurrent)
            newly_signed = max(0, max_claimable - before.signed)
            loans = headroom.loans(budgets, amount, newly_signed)
        needed = needed_of(budgets, newly_signed, loans)
        refuse_beyond(budgets, needed)
        if permit is not None:
            permit(LedgerHistory(session, self._budget, using=payment.payment_id), needed[0])
        if channel is not None:
            missing = before.missing_deposit(max_claimable)
            deposit = deposit_for(
                session,
                row,
                missing,
                budgets,
                at_a_time=channel.deposit_limit,
                limit=channel.seller_limit,
            )
            _store(row, before.with_reservation(amount, max_claimable))
        intent = IntentRow(
            payment_id=payment.payment_id,
            state="reserved",
            budget=self._budget,
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
        take(session, budgets, intent, newly_signed, price=payment.price)
        return intent

    def _settling(
        self,
        charge: int,
        receipt: str | None,
        seller_total: int | None = None,
        total_at_most_signed: int | None = None,
    ) -> "_Change":
        def settle(session: Session, row: IntentRow) -> None:
            if row.state == "settled":
                return
            if row.state == "released":
                self._reserve_again(session, row)
            if row.channel_id is not None:
                channel = _channel_row(session, row.channel_id)
                headroom = Headroom(session, channel, row.budget)
                after = _view(channel).settled(row.amount, charge, seller_total)
                if (total_at_most_signed or 0) > after.signed:
                    raise ChargeAboveCapError(
                        f"The seller's running total {total_at_most_signed} exceeds the "
                        f"{after.signed} that were signed.",
                        seller_total=str(total_at_most_signed),
                    )
                _store(channel, after)
                headroom.change(committed=charge - row.amount)
                if headroom.short > 0:
                    # Charged after its release, when others may have used its headroom.
                    budgets = budget_chain(session, row.budget)
                    headroom.take_over(row, budgets, headroom.loans(budgets, 0, 0), row.created_at)
            elif charge > row.amount:
                raise ChargeAboveCapError(
                    f"The seller charged {charge} atomic units where {row.amount} were agreed.",
                    charge=str(charge),
                    cap=str(row.amount),
                )
            _set(row, state="settled", charge=charge, receipt=receipt)

        return settle

    def _reserve_again(self, session: Session, row: IntentRow) -> None:
        """Undo a release; what had been given back is taken again, whatever the limit says."""
        regained = 0 if row.channel_id is not None or row.budgeted else row.amount
        if row.channel_id is not None:
            channel = _channel_row(session, row.channel_id)
            before, headroom = channel.signed, Headroom(session, channel, row.budget)
            _store(channel, _view(channel).with_reservation(row.amount, row.max_claimable))
            regained = channel.signed - before
            headroom.change(signed=regained, committed=row.amount)
        take(session, budget_chain(session, row.budget), row, regained)

    async def _update(self, payment_id: str, change: "_Change") -> Intent:
        return await self._database.write(self._changed(payment_id, change))

    def _changed(self, payment_id: str, change: "_Change") -> Callable[[Connection], Intent]:
        def work(connection: Connection) -> Intent:
            with joined_session(connection) as session:
                row = session.get(IntentRow, payment_id, with_for_update=True)
                if row is None:
                    raise InvalidInputError(f"There is no payment {payment_id!r} in this ledger.")
                before = _shown(row)
                change(session, row)
                if _shown(row) != before:
                    _log(connection, row)
                return _intent(row)

        return work


_Change = Callable[[Session, IntentRow], None]


def _budget_state(session: Session, name: str) -> BudgetState:
    own, *above = budget_chain(session, name)
    charges = select(func.coalesce(func.sum(col(IntentRow.charge)), 0))
    family = with_children(session, name)
    charged = session.scalar(charges.where(col(IntentRow.budget).in_(family)))
    left_above = min((each.limit - each.used for each in above), default=None)
    return BudgetState(name, own.limit, own.used, int(charged or 0), left_above)


def _open_channel(session: Session, terms: ChannelTerms) -> ChannelRow:
    identifier = to_hex(terms.identifier)
    row = session.get(ChannelRow, identifier, with_for_update=True)
    if row is None:
        row = ChannelRow(
            channel_id=identifier,
            chain_id=terms.chain_id,
            receiver=terms.config.receiver,
            config=json.dumps(config_to_json(terms.config)),
        )
        session.add(row)
        session.flush()
    return _unblocked(row)


def _unblocked(row: ChannelRow) -> ChannelRow:
    if row.blocked == WITHDRAWING:
        raise PolicyRefusedError(
            f"Nothing is signed on the channel to {row.receiver}: {WITHDRAWING}.",
            channel=row.channel_id,
        )
    if row.blocked is not None:
        raise SellerMisbehavedError(
            f"The channel to {row.receiver} is blocked: {row.blocked}.", channel=row.channel_id
        )
    return row


def _channel_row(session: Session, channel_id: str) -> ChannelRow:
    row = session.get(ChannelRow, channel_id, with_for_update=True)
    if row is None:
        raise InvalidInputError(f"There is no channel {channel_id} in this ledger.")
    return row


def _view(row: ChannelRow) -> BuyerChannel:
    return BuyerChannel(row.balance, row.charged, row.reserved, row.signed)


def _store(row: ChannelRow, channel: BuyerChannel) -> None:
    for name, value in asdict(channel).items():
        setattr(row, name, value)


def _shown(row: IntentRow) -> tuple[object, ...]:
    """What of a payment may change after it was agreed."""
    return row.state, row.header, row.charge, row.receipt, row.budgeted


def _log(connection: Connection, row: IntentRow) -> None:
    audit.append(connection, row.state, row.payment_id, audit.payment_body(row))


def _set(row: IntentRow, **values: object) -> None:
    for name, value in values.items():
        setattr(row, name, value)


def _intent(row: IntentRow) -> Intent:
    return Intent(**{name: getattr(row, name) for name in Intent.__dataclass_fields__})


def _still_good(row: IntentRow, now: int) -> bool:
    """Whether a released payment is a signed transfer that its payee could still submit."""
    if row.scheme != EXACT or row.header is None:
        return False
    payload = PaymentPayload.from_header(row.header).payload
    return parse_exact_payload(payload).authorization.valid_before > now


def _storable(atomic: int) -> None:
    if atomic > MAX_STORED:
        raise InvalidInputError(f"The ledger holds amounts up to {MAX_STORED} atomic units.")
