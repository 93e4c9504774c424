"""The seller's books: reservations and charges, each durable before anybody is told of it."""

import secrets
from collections.abc import Callable, Sequence

from sqlalchemy import ColumnElement, Connection, func, select

from headwater_marketplace.facilitator import ChainChannel
from headwater_marketplace.seller import journal, transfers
from headwater_marketplace.seller.admitting import admit_transfer, admit_voucher, admit_window
from headwater_marketplace.seller.chain_sync import record_chain
from headwater_marketplace.seller.charging import charge_payment, release_payment
from headwater_marketplace.seller.records import REFUND, Answer, ChannelRecord, NewRequest, Payment
from headwater_marketplace.seller.rows import (
    ALL_CHANNELS,
    ALL_PAYMENTS,
    CHANNELS,
    PAYMENTS,
    as_channel,
    as_payment,
    channel_of,
    keep_answer,
    payment_of,
    write_channel,
    write_payment,
)
from headwater_marketplace.seller.tables import SellerTable
from headwater_marketplace.seller.transfers import TransferUnderWay
from headwater_payments.batch_payload import SignedVoucher
from headwater_payments.hexadecimal import to_hex
from headwater_payments.ledger import Entry, Posting
from headwater_payments.structs import ChannelConfig
from headwater_wallet.database import Database

MAX_REMEMBERED = 65_536
"""Channels whose last reading of the chain is kept in memory."""
RECEIPTS_AT_ONCE = 16
"""Of a channel's receipts one is enough to claim it; the others stand by for one that is broken."""


class SellerStore:
    """Channels and payments of one seller.

    Args:
        database: where they are.
        instance: tells this store from others over the same database; another for each life of
            each process. Left out, it is random.

    Attributes:
        live: the payments that this store's process is serving now, and who serves each.
    """

    metadata = SellerTable.metadata

    def __init__(self, database: Database, instance: str | None = None) -> None:
        self._database = database
        self.instance = instance or secrets.token_hex(8)
        self.live: dict[str, object] = {}
        self._synced: dict[bytes, ChannelRecord] = {}

    @property
    def database(self) -> Database:
        """Where the books are."""
        return self._database

    async def payment(self, payment_id: str) -> Payment | None:
        """A payment by its id."""
        return await self._database.read(lambda connection: payment_of(connection, payment_id))

    async def payments(self, *states: str) -> list[Payment]:
        """Payments in any of these states, oldest first."""

        def work(connection: Connection) -> list[Payment]:
            query = ALL_PAYMENTS.where(PAYMENTS.c.state.in_(states)).order_by(
                PAYMENTS.c.created_at, PAYMENTS.c.payment_id
            )
            return [as_payment(row) for row in connection.execute(query)]

        return await self._database.read(work)

    async def channel(self, identifier: bytes) -> ChannelRecord | None:
        """A channel by its id."""
        return await self._database.read(lambda connection: channel_of(connection, identifier))

    async def as_synced(self, identifier: bytes) -> ChannelRecord | None:
        """A channel as it was when it was last read from the chain; its charges are not current."""
        record = self._synced.get(identifier) or await self.channel(identifier)
        return None if record is None else self._remember(record)

    async def channels(self) -> list[ChannelRecord]:
        """Every channel."""

        def work(connection: Connection) -> list[ChannelRecord]:
            return [as_channel(row) for row in connection.execute(ALL_CHANNELS)]

        return await self._database.read(work)

    async def unclaimed(self) -> list[ChannelRecord]:
        """The channels of which something is charged and not claimed."""
        return await self._channels_where(CHANNELS.c.charged > CHANNELS.c.claimed)

    async def at_stake(self) -> list[ChannelRecord]:
        """The channels of which something is charged and not claimed, or about to be charged."""
        pending = CHANNELS.c.charged + CHANNELS.c.reserved > CHANNELS.c.claimed
        return await self._channels_where(pending)

    async def _channels_where(self, condition: ColumnElement[bool]) -> list[ChannelRecord]:
        query = ALL_CHANNELS.where(condition)

        def work(connection: Connection) -> list[ChannelRecord]:
            return [as_channel(row) for row in connection.execute(query)]

        return await self._database.read(work)

    async def unclaimed_since(self, record: ChannelRecord) -> int | None:
        """When the oldest charge that is not claimed was admitted, in Unix seconds."""
        query = select(func.min(PAYMENTS.c.created_at)).where(
            PAYMENTS.c.channel_id == to_hex(record.identifier),
            PAYMENTS.c.state == "charged",
            PAYMENTS.c.cumulative > record.state.claimed,
        )
        return await self._database.read(lambda connection: connection.scalar(query))

    async def receipts(self, identifier: bytes, above: int, up_to: int) -> list[str]:
        """The last receipts of a channel whose charged total is within bounds, highest first."""
        query = (
            select(PAYMENTS.c.receipt)
            .where(
                PAYMENTS.c.channel_id == to_hex(identifier),
                PAYMENTS.c.state == "charged",
                PAYMENTS.c.receipt.is_not(None),
                PAYMENTS.c.cumulative > above,
                PAYMENTS.c.cumulative <= up_to,
            )
            .order_by(PAYMENTS.c.cumulative.desc())
            .limit(RECEIPTS_AT_ONCE)
        )
        return await self._database.read(
            lambda connection: [str(receipt) for receipt in connection.scalars(query)]
        )

    async def sync_channel(
        self, identifier: bytes, config: ChannelConfig, chain: ChainChannel, now: int
    ) -> ChannelRecord:
        """Record what the chain shows of a channel; unknown ones start at what is claimed."""
        record = await self._database.write(
            lambda connection: record_chain(connection, identifier, config, chain, now)
        )
        return self._remember(record)

    async def reserve(
        self,
        request: NewRequest,
        voucher: SignedVoucher,
        *,
        concurrent: bool,
        synced: bool = True,
    ) -> ChannelRecord:
        """Admit a request paid by a channel voucher. Durable on return.

        Without `synced` the end of this process can't undo it, and a power cut can, until the
        request is charged or its answer is begun here: nobody may be told anything before that.

        Raises:
            PaymentConflictError: the payment id is in use.
            VoucherReplayedError: the voucher has served already.
            ChannelError: the voucher does not fit the channel's accounting.
        """

        return await self._database.write(
            lambda connection: admit_voucher(
                connection, request, voucher, self.instance, concurrent=concurrent
            ),
            synced=synced,
        )

    async def begin_answer(self, payment_id: str, status: int) -> None:
        """Note the status that an answer begins with, and with it make the reservation durable."""
        # It is the change that syncs: a transaction that leaves all as it was writes nothing.
        await self._database.write(
            lambda connection: write_payment(connection, payment_id, {"response_status": status})
        )

    async def extend(
        self, payment_id: str, voucher: SignedVoucher, *, window: int, price: int
    ) -> tuple[int, ChannelRecord]:
        """Cover one more window of a request under way by a further voucher. Durable on return.

        The same voucher again changes nothing.

        Args:
            payment_id: the request.
            voucher: a rising voucher of its channel.
            window: atomic units to cover more.
            price: atomic units to cover at most in all.

        Returns:
            What the request is covered for now, and its channel.

        Raises:
            PaymentConflictError: the request is over, is covered in full, or pays otherwise.
            VoucherReplayedError: the voucher has served already.
            ChannelError: the voucher does not fit the channel's accounting.
        """

        return await self._database.write(
            lambda connection: admit_window(
                connection, payment_id, voucher, window=window, price=price
            )
        )

    async def reserve_exact(
        self, request: NewRequest, book: str, payer: str, nonce: bytes, scheme: str = "exact"
    ) -> None:
        """Admit a request paid by a single transfer: its nonce buys one thing once.

        `book` is the contract that keeps the nonce: the token, or Permit2.

        Raises:
            PaymentConflictError: the payment id is in use.
            VoucherReplayedError: the authorization has served already, or is being served.
        """

        authorization = (book, payer, nonce)
        await self._database.write(
            lambda connection: admit_transfer(
                connection, request, self.instance, authorization, scheme
            )
        )

    async def begin_transfer(self, transfer: TransferUnderWay, answer: Answer) -> None:
        """Keep a transfer and what it pays for, before it is given to a facilitator; durable."""

        def work(connection: Connection) -> None:
            transfers.write_down(connection, transfer)
            keep_answer(connection, transfer.payment_id, answer)

        await self._database.write(work)

    async def transfer_sent(self, payment_id: str, transaction: str) -> None:
        """Note the transaction that carries a transfer which is not confirmed yet."""
        await self._database.write(
            lambda connection: transfers.name_transaction(connection, payment_id, transaction)
        )

    async def transfers(self) -> list[TransferUnderWay]:
        """The transfers that have no outcome yet."""
        return await self._database.read(transfers.under_way)

    async def charge(
        self,
        payment_id: str,
        charge: int,
        asset: str,
        seal: Callable[[int], Answer | None] | None = None,
    ) -> int:
        """Turn a reservation into a charge; durable on return, and once only.

        A process that was held up for so long that another took it for dead and released its
        reservation charges all the same, as long as the vouchers held cover it.

        Where `seal` can give the answer for a charged total at once, it is kept by the same commit.

        Returns:
            The channel's charged total after this request; the charge itself outside a channel.

        Raises:
            ChargeAboveCapError: the charge exceeds what was reserved; nothing was written.
            ChannelError: the reservation was released, and what it stood on serves another.
        """

        return await self._database.write(
            lambda connection: charge_payment(connection, payment_id, charge, asset, seal)
        )

    async def keep(self, payment_id: str, answer: Answer) -> None:
        """Remember what a charged request was answered with."""
        await self._database.write(lambda connection: keep_answer(connection, payment_id, answer))

    async def release(self, payment_id: str, *, free_nonce: bool = True) -> None:
        """End a request without a charge: what was reserved is free again."""

        await self._database.write(
            lambda connection: release_payment(connection, payment_id, free_nonce=free_nonce)
        )

    async def release_abandoned(self, before: int) -> list[str]:
        """Release every request admitted before a time, whoever serves it; no refund's hold.

        For a seller that is known to be stopped; `Housekeeper` tells live calls from dead ones.

        Args:
            before: Unix seconds; requests admitted earlier than this are abandoned.
        """
        stale = [
            p.payment_id
            for p in await self.payments("reserved")
            if p.created_at < before and p.scheme != REFUND
        ]
        for payment_id in stale:
            await self.release(payment_id, free_nonce=False)
        return stale

    async def mark_claimed(self, identifier: bytes, total_claimed: int) -> None:
        """The chain has credited the payee up to `total_claimed` on this channel."""

        def work(connection: Connection) -> None:
            record = channel_of(connection, identifier)
            if record is not None and record.state.claimed < total_claimed:
                write_channel(connection, identifier, {"claimed": total_claimed})

        await self._database.write(work)

    async def post(self, memo: str, reference: str, postings: Sequence[Posting]) -> None:
        """Record a movement of money that happened elsewhere, such as on chain.

        Raises:
            InvalidInputError: the postings do not balance.
        """
        await self._database.write(
            lambda connection: journal.append(connection, memo, reference, postings)
        )

    def _remember(self, record: ChannelRecord) -> ChannelRecord:
        if len(self._synced) >= MAX_REMEMBERED:
            self._synced.pop(next(iter(self._synced)))
        self._synced[record.identifier] = record
        return record

    async def journal(self) -> list[Entry]:
        """Every movement of money recorded here."""
        return await self._database.read(journal.read_journal)
