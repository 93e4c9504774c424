"""The seller's books: reservations and charges, each durable before anybody is told of it."""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    bindparam,
    func,
    insert,
    select,
    update,
)

from headwater_marketplace.facilitator import ChainChannel
from headwater_marketplace.seller import journal, transfers
from headwater_marketplace.seller.tables import (
    NonceRow,
    PaymentRow,
    SellerChannelRow,
    SellerTable,
    WindowRow,
)
from headwater_marketplace.seller.transfers import TransferUnderWay
from headwater_payments.batch_payload import SignedVoucher, config_to_json, parse_config
from headwater_payments.channels import SellerChannel, VoucherReplayedError
from headwater_payments.errors import HeadwaterError
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.ledger import Entry, Posting, transfer
from headwater_payments.structs import ChannelConfig
from headwater_payments.windows import next_cover
from headwater_wallet.database import Database
from headwater_wallet.tables import MAX_STORED

_channels: Table = SellerChannelRow.__table__  # type: ignore[attr-defined]
_payments: Table = PaymentRow.__table__  # type: ignore[attr-defined]
_nonces: Table = NonceRow.__table__  # type: ignore[attr-defined]
_windows: Table = WindowRow.__table__  # type: ignore[attr-defined]


MAX_REMEMBERED = 65_536
"""Channels whose last reading of the chain is kept in memory."""


class PaymentConflictError(HeadwaterError):
    """This payment id is taken by a request under way or by another payment."""

    code = "payment_conflict"
    http_status = 409


class PaymentBodyError(PaymentConflictError):
    """This payment was made for another request; nothing further was served or charged.

    Another is one with another method, path, query string or body.
    """

    code = "payment_body_conflict"


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """A channel, its configuration, and the highest voucher held for it."""

    identifier: bytes
    config: ChannelConfig
    state: SellerChannel
    signature: bytes | None
    withdraw_requested_at: int
    refund_nonce: int
    synced_at: int
    concurrent: bool


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A paid request that wants to be served."""

    payment_id: str
    fingerprint: str
    payer: str
    payee: str
    route: str
    asset: str
    amount: int
    created_at: int
    method: str | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment as recorded."""

    payment_id: str
    fingerprint: str
    owner: str | None
    state: str
    scheme: str
    payer: str
    payee: str
    route: str
    method: str | None
    channel_id: str | None
    amount: int
    charge: int
    cumulative: int
    settlement: str | None
    receipt: str | None
    evidence: str | None
    response_status: int | None
    response_type: str | None
    response_headers: str | None
    response: bytes | None
    created_at: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a charged request was answered with, kept for a buyer that asks again."""

    settlement: str
    receipt: str | None = None
    evidence: str | None = None
    response_status: int | None = None
    response_type: str | None = None
    response_headers: str | None = None
    response: bytes | None = None


# Statements of the paid path, built once: building one anew costs more than running it.
_PAYMENTS = select(*(_payments.c[name] for name in Payment.__dataclass_fields__))
_PAYMENT = _PAYMENTS.where(_payments.c.payment_id == bindparam("payment"))
_PAYMENT_LOCKED = _PAYMENT.with_for_update()
_INSERT_PAYMENT = insert(_payments)
_UPDATE_PAYMENT = update(_payments).where(_payments.c.payment_id == bindparam("payment"))
_CHANNEL = select(_channels).where(_channels.c.channel_id == bindparam("channel"))
_CHANNEL_LOCKED = _CHANNEL.with_for_update()
_UPDATE_CHANNEL = update(_channels).where(_channels.c.channel_id == bindparam("channel"))
_VOUCHER_SERVED = (
    select(_payments.c.payment_id)
    .where(
        _payments.c.channel_id == bindparam("channel"),
        _payments.c.max_claimable == bindparam("maximum"),
    )
    .limit(1)
)
_WINDOW_OF = select(_windows.c.payment_id).where(
    _windows.c.channel_id == bindparam("channel"),
    _windows.c.max_claimable == bindparam("maximum"),
)


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
        return await self._database.read(lambda connection: _payment(connection, payment_id))

    async def payments(self, *states: str) -> list[Payment]:
        """Payments in any of these states, oldest first."""

        def work(connection: Connection) -> list[Payment]:
            query = _PAYMENTS.where(_payments.c.state.in_(states)).order_by(
                _payments.c.created_at, _payments.c.payment_id
            )
            return [_as_payment(row) for row in connection.execute(query)]

        return await self._database.read(work)

    async def channel(self, identifier: bytes) -> ChannelRecord | None:
        """A channel by its id."""
        return await self._database.read(lambda connection: _channel(connection, identifier))

    async def as_synced(self, identifier: bytes) -> ChannelRecord | None:
        """A channel as it was when it was last read from the chain; its charges are not current."""
        record = self._synced.get(identifier) or await self.channel(identifier)
        return None if record is None else self._remember(record)

    async def channels(self) -> list[ChannelRecord]:
        """Every channel."""

        def work(connection: Connection) -> list[ChannelRecord]:
            return [_as_channel(row) for row in connection.execute(select(_channels))]

        return await self._database.read(work)

    async def unclaimed(self) -> list[ChannelRecord]:
        """The channels of which something is charged and not claimed."""
        return await self._channels_where(_channels.c.charged > _channels.c.claimed)

    async def at_stake(self) -> list[ChannelRecord]:
        """The channels of which something is charged and not claimed, or about to be charged."""
        pending = _channels.c.charged + _channels.c.reserved > _channels.c.claimed
        return await self._channels_where(pending)

    async def _channels_where(self, condition: ColumnElement[bool]) -> list[ChannelRecord]:
        query = select(_channels).where(condition)

        def work(connection: Connection) -> list[ChannelRecord]:
            return [_as_channel(row) for row in connection.execute(query)]

        return await self._database.read(work)

    async def unclaimed_since(self, record: ChannelRecord) -> int | None:
        """When the oldest charge that is not claimed was admitted, in Unix seconds."""
        query = select(func.min(_payments.c.created_at)).where(
            _payments.c.channel_id == to_hex(record.identifier),
            _payments.c.state == "charged",
            _payments.c.cumulative > record.state.claimed,
        )
        return await self._database.read(lambda connection: connection.scalar(query))

    async def sync_channel(
        self, identifier: bytes, config: ChannelConfig, chain: ChainChannel, now: int
    ) -> ChannelRecord:
        """Record what the chain shows of a channel; unknown ones start at what is claimed.

        Of a balance beyond what the books can hold, that much is recorded: a seller that knows of
        less accepts less.
        """
        balance, claimed = min(chain.balance, MAX_STORED), min(chain.claimed, MAX_STORED)

        def work(connection: Connection) -> ChannelRecord:
            known = _channel(connection, identifier, lock=True)
            values: dict[str, Any] = {
                "balance": balance,
                "claimed": claimed,
                "withdraw_requested_at": chain.withdraw_requested_at,
                "refund_nonce": chain.refund_nonce,
                "synced_at": now,
            }
            if known is None:
                values |= {
                    "channel_id": to_hex(identifier),
                    "config": json.dumps(config_to_json(config)),
                    "receiver": config.receiver,
                    "charged": claimed,
                    "reserved": 0,
                    "signed": claimed,
                    "concurrent": False,
                }
                connection.execute(insert(_channels).values(values))
            else:
                # A claim of ours may have been mined since the chain was read: it only ever rises.
                values["claimed"] = max(known.state.claimed, claimed)
                floor = max(known.state.charged, claimed)
                values["charged"] = floor
                if floor > known.state.signed:
                    # These books are older than the claim: its voucher is not in them.
                    values |= {"signed": floor, "signature": None}
                _write_channel(connection, identifier, values)
            record = _channel(connection, identifier)
            assert record is not None
            return record

        return self._remember(await self._database.write(work))

    async def reserve(
        self, request: NewRequest, voucher: SignedVoucher, *, concurrent: bool
    ) -> ChannelRecord:
        """Admit a request paid by a channel voucher. Durable on return.

        Raises:
            PaymentConflictError: the payment id is in use.
            VoucherReplayedError: the voucher has served already.
            ChannelError: the voucher does not fit the channel's accounting.
        """

        def work(connection: Connection) -> ChannelRecord:
            _claim_id(connection, request)
            record = _channel(connection, voucher.channel_id, lock=True)
            if record is None:
                raise VoucherReplayedError("The channel is unknown.")
            if record.concurrent and not concurrent:
                # The payer does not sign which mode a voucher is for: a thief could strip the mark
                # off one that has served, and pass for a sequential payer that tries again.
                raise VoucherReplayedError(
                    "This channel's vouchers rise; one that does not say so is not accepted."
                )
            if concurrent and _voucher_served(connection, voucher):
                raise VoucherReplayedError(
                    "This voucher has served already; each request needs one of its own.",
                    max_claimable=str(voucher.max_claimable),
                )
            after = record.state.reserve(
                voucher.max_claimable, request.amount, concurrent=concurrent
            )
            values: dict[str, Any] = {
                "reserved": after.reserved,
                "signed": after.signed,
                "concurrent": concurrent,
            }
            if after.signed == voucher.max_claimable:
                values["signature"] = to_hex(voucher.signature)
            _write_channel(connection, voucher.channel_id, values)
            _insert_payment(
                connection,
                request,
                owner=self.instance,
                scheme="batch-settlement",
                channel_id=to_hex(voucher.channel_id),
                max_claimable=voucher.max_claimable,
            )
            return record

        return await self._database.write(work)

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

        def work(connection: Connection) -> tuple[int, ChannelRecord]:
            payment = _payment(connection, payment_id, lock=True)
            record = _channel(connection, voucher.channel_id, lock=True)
            if payment is None or payment.channel_id != to_hex(voucher.channel_id) or not record:
                raise PaymentConflictError("This voucher is for another payment.")
            if _window_of(connection, voucher) == payment_id:
                return payment.amount, record
            covered = next_cover(payment.amount, window, price)
            if payment.state != "reserved" or covered <= payment.amount:
                raise PaymentConflictError("This payment wants no further voucher.")
            if _voucher_served(connection, voucher):
                raise VoucherReplayedError("This voucher has served already.")
            after = record.state.reserve(
                voucher.max_claimable, covered - payment.amount, concurrent=True
            )
            values: dict[str, Any] = {"reserved": after.reserved, "signed": after.signed}
            if after.signed == voucher.max_claimable:
                values["signature"] = to_hex(voucher.signature)
            _write_channel(connection, voucher.channel_id, values)
            connection.execute(
                insert(_windows).values(
                    channel_id=payment.channel_id,
                    max_claimable=voucher.max_claimable,
                    payment_id=payment_id,
                )
            )
            _write_payment(connection, payment_id, {"amount": covered})
            return covered, record

        return await self._database.write(work)

    async def reserve_exact(
        self, request: NewRequest, asset: str, payer: str, nonce: bytes
    ) -> None:
        """Admit a request paid by a single transfer: its nonce buys one thing once.

        Raises:
            PaymentConflictError: the payment id is in use.
            VoucherReplayedError: the authorization has served already, or is being served.
        """

        def work(connection: Connection) -> None:
            _claim_id(connection, request)
            key = {"asset": asset.lower(), "payer": payer.lower(), "nonce": to_hex(nonce)}
            taken = connection.execute(
                select(_nonces.c.payment_id).where(*(_nonces.c[k] == v for k, v in key.items()))
            ).first()
            if taken is not None:
                raise VoucherReplayedError("This authorization has served already.")
            connection.execute(insert(_nonces).values(**key, payment_id=request.payment_id))
            _insert_payment(
                connection,
                request,
                owner=self.instance,
                scheme="exact",
                channel_id=None,
                max_claimable=0,
            )

        await self._database.write(work)

    async def begin_transfer(self, transfer: TransferUnderWay, answer: Answer) -> None:
        """Keep a transfer and what it pays for, before it is given to a facilitator; durable."""

        def work(connection: Connection) -> None:
            transfers.write_down(connection, transfer)
            _keep(connection, transfer.payment_id, answer)

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

        def work(connection: Connection) -> int:
            payment = _payment(connection, payment_id, lock=True)
            if payment is None or payment.state == "charged":
                return 0 if payment is None else payment.cumulative
            cumulative = charge
            source = f"payer:{payment.payer}"
            if payment.channel_id is None:
                transfers.strike_out(connection, payment_id)
            if payment.channel_id is not None:
                identifier = parse_hex(payment.channel_id)
                record = _channel(connection, identifier, lock=True)
                assert record is not None
                state = record.state
                if payment.state == "released":
                    # The voucher is held already, so it adds nothing to what is signed.
                    state = state.reserve(state.signed, payment.amount, concurrent=True)
                after = state.commit(payment.amount, charge)
                _write_channel(
                    connection, identifier, {"charged": after.charged, "reserved": after.reserved}
                )
                cumulative, source = after.charged, f"channel:{payment.channel_id}"
            answer = None if seal is None else seal(cumulative)
            kept = {} if answer is None else asdict(answer)
            values = {"state": "charged", "charge": charge, "cumulative": cumulative, **kept}
            _write_payment(connection, payment_id, values)
            destination = f"receivable:{payment.payee}"
            postings = transfer(source, destination, asset, charge)
            journal.append(connection, "charge", payment_id, postings)
            return cumulative

        return await self._database.write(work)

    async def keep(self, payment_id: str, answer: Answer) -> None:
        """Remember what a charged request was answered with."""
        await self._database.write(lambda connection: _keep(connection, payment_id, answer))

    async def release(self, payment_id: str, *, free_nonce: bool = True) -> None:
        """End a request without a charge: what was reserved is free again."""

        def work(connection: Connection) -> None:
            payment = _payment(connection, payment_id, lock=True)
            if payment is None or payment.state != "reserved":
                return
            if payment.channel_id is not None:
                identifier = parse_hex(payment.channel_id)
                record = _channel(connection, identifier, lock=True)
                assert record is not None
                freed = record.state.commit(payment.amount, 0)
                _write_channel(connection, identifier, {"reserved": freed.reserved})
            else:
                transfers.strike_out(connection, payment_id)
                if free_nonce:
                    connection.execute(_nonces.delete().where(_nonces.c.payment_id == payment_id))
            _write_payment(connection, payment_id, {"state": "released"})

        await self._database.write(work)

    async def release_abandoned(self, before: int) -> list[str]:
        """Release every request admitted before a time, whoever serves it.

        For a seller that is known to be stopped; `Housekeeper` tells live calls from dead ones.

        Args:
            before: Unix seconds; requests admitted earlier than this are abandoned.
        """
        stale = [p.payment_id for p in await self.payments("reserved") if p.created_at < before]
        for payment_id in stale:
            await self.release(payment_id, free_nonce=False)
        return stale

    async def mark_claimed(self, identifier: bytes, total_claimed: int) -> None:
        """The chain has credited the payee up to `total_claimed` on this channel."""

        def work(connection: Connection) -> None:
            record = _channel(connection, identifier, lock=True)
            if record is not None and record.state.claimed < total_claimed:
                _write_channel(connection, identifier, {"claimed": total_claimed})

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


def _claim_id(connection: Connection, request: NewRequest) -> None:
    known = _payment(connection, request.payment_id, lock=True)
    if known is None:
        return
    if known.state != "released":
        raise PaymentConflictError(
            f"The payment id {request.payment_id} is in use; a new request needs a new id.",
            payment_id=request.payment_id,
        )
    connection.execute(_payments.delete().where(_payments.c.payment_id == request.payment_id))


def _keep(connection: Connection, payment_id: str, answer: Answer) -> None:
    _write_payment(connection, payment_id, asdict(answer))


def _voucher_served(connection: Connection, voucher: SignedVoucher) -> bool:
    if voucher.max_claimable > MAX_STORED:
        return False  # beyond any escrow, and beyond what a column can be compared with
    if _window_of(connection, voucher) is not None:
        return True
    named = {"channel": to_hex(voucher.channel_id), "maximum": voucher.max_claimable}
    return connection.execute(_VOUCHER_SERVED, named).first() is not None


def _window_of(connection: Connection, voucher: SignedVoucher) -> str | None:
    """The payment of which this voucher covered a further window."""
    if voucher.max_claimable > MAX_STORED:
        return None
    named = {"channel": to_hex(voucher.channel_id), "maximum": voucher.max_claimable}
    found = connection.execute(_WINDOW_OF, named).first()
    return None if found is None else str(found.payment_id)


def _insert_payment(
    connection: Connection,
    request: NewRequest,
    *,
    owner: str,
    scheme: str,
    channel_id: str | None,
    max_claimable: int,
) -> None:
    values = asdict(request)
    del values["asset"]
    values |= {
        "owner": owner,
        "state": "reserved",
        "scheme": scheme,
        "channel_id": channel_id,
        "max_claimable": max_claimable,
        "charge": 0,
        "cumulative": 0,
    }
    connection.execute(_INSERT_PAYMENT, values)


def _payment(connection: Connection, payment_id: str, *, lock: bool = False) -> Payment | None:
    query = _PAYMENT_LOCKED if lock else _PAYMENT
    row = connection.execute(query, {"payment": payment_id}).first()
    return None if row is None else _as_payment(row)


def _as_payment(row: Row[Any]) -> Payment:
    return Payment(*tuple(row))


def _channel(
    connection: Connection, identifier: bytes, *, lock: bool = False
) -> ChannelRecord | None:
    query = _CHANNEL_LOCKED if lock else _CHANNEL
    row = connection.execute(query, {"channel": to_hex(identifier)}).first()
    return None if row is None else _as_channel(row)


def _as_channel(row: Row[Any]) -> ChannelRecord:
    return ChannelRecord(
        identifier=parse_hex(row.channel_id),
        config=_parsed_config(row.config),
        state=SellerChannel(row.balance, row.claimed, row.charged, row.reserved, row.signed),
        signature=None if row.signature is None else parse_hex(row.signature),
        withdraw_requested_at=row.withdraw_requested_at,
        refund_nonce=row.refund_nonce,
        synced_at=row.synced_at,
        concurrent=row.concurrent,
    )


@lru_cache(maxsize=1024)
def _parsed_config(text: str) -> ChannelConfig:
    return parse_config(json.loads(text))


def _write_channel(connection: Connection, identifier: bytes, values: dict[str, Any]) -> None:
    connection.execute(_UPDATE_CHANNEL, {"channel": to_hex(identifier), **values})


def _write_payment(connection: Connection, payment_id: str, values: dict[str, Any]) -> None:
    connection.execute(_UPDATE_PAYMENT, {"payment": payment_id, **values})
