"""Getting escrow back that a seller left: the contract's timed withdrawal, from the payer's side.

What the seller has charged stays in the channel for it to claim; the rest comes back. Between the
start and the end lies the channel's `withdraw_delay`, in which the seller can still claim. Each
step looks at the chain first, so it may be repeated after a crash or a failure at any point.
"""

from dataclasses import dataclass
from typing import Final, Literal

from headwater_contracts.clients.batch_settlement import BatchSettlementClient
from headwater_contracts.reverts import ContractRevertError
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.hexadecimal import to_hex
from headwater_wallet.books import in_books
from headwater_wallet.channel_book import (
    KnownChannel,
    begin_withdrawal,
    end_withdrawal,
    known_channels,
)
from headwater_wallet.database import Database
from headwater_wallet.transactions import TransactionSender

IDLE_S: Final = 7 * 86_400
"""A channel that was not used for this long is taken to be left behind."""

Stage = Literal["empty", "in use", "idle", "withdrawing", "ready"]


class TooEarlyError(HeadwaterError):
    """The withdrawal has not begun, or its delay has not passed yet."""

    code = "withdrawal_too_early"
    http_status = 409


@dataclass(frozen=True, slots=True)
class Escrow:
    """A channel's money, of the ledger and of the chain; atomic units, times in Unix seconds.

    Attributes:
        channel: the channel, as the ledger knows it.
        balance: what the chain has booked in all, claims included.
        claimed: what the seller has claimed.
        withdrawing: what is asked back, 0 where nothing is.
        ready_at: from when on it can be taken out; 0 where nothing is asked back.
        stage: `idle` may be asked back, `ready` can be taken out now.
    """

    channel: KnownChannel
    balance: int
    claimed: int
    withdrawing: int
    ready_at: int
    stage: Stage

    @property
    def free(self) -> int:
        """What is neither claimed nor charged, and so can be asked back."""
        return max(0, self.balance - max(self.claimed, self.channel.charged))


class Withdrawals:
    """Withdraws the escrow of one account's channels.

    Args:
        database: the wallet's ledger.
        sender: the account that pays, or that signs its vouchers; it pays the gas.
        contract: where the channels are.
    """

    def __init__(
        self, database: Database, sender: TransactionSender, contract: BatchSettlementClient
    ) -> None:
        self._database, self._sender, self._contract = database, sender, contract

    async def escrows(self, *, idle_s: int = IDLE_S) -> list[Escrow]:
        """Every channel of this account on this chain, with what stands in it.

        Args:
            idle_s: seconds without a payment after which a channel is idle.

        Raises:
            UnavailableError: chain or database do not answer.
        """
        reader = self._contract.reader
        now = (await reader.block()).timestamp
        return [
            await self._look(channel, now, idle_s)
            for channel in await self._database.read(in_books(known_channels))
            if channel.chain_id == reader.expected_chain_id
            and self._sender.address in (channel.config.payer, channel.config.payer_authorizer)
        ]

    async def start(self, escrow: Escrow) -> str:
        """Ask back what is free; from here on nothing more is signed on the channel.

        Returns:
            The transaction's hash; empty where a withdrawal is under way already.

        Raises:
            InvalidInputError: nothing is free, or a payment on the channel has no outcome yet.
            ContractRevertError: the contract refuses; the channel is as it was.
            TransactionError: it was not mined, or failed: look again, and start again.
        """
        identifier = to_hex(escrow.channel.identifier)
        await self._database.write(in_books(lambda s: begin_withdrawal(s, identifier)))
        pending = await self._contract.pending_withdrawal(escrow.channel.identifier)
        if pending.initiated_at:
            return ""
        now = (await self._contract.reader.block()).timestamp
        # Looked at anew: a payment may have ended between the two.
        [channel] = [
            each
            for each in await self._database.read(in_books(known_channels))
            if each.identifier == escrow.channel.identifier
        ]
        fresh = await self._look(channel, now, 0)
        if not fresh.free:
            await self._over(identifier, None)
            raise InvalidInputError(f"Nothing is free in the channel {identifier}.")
        call = self._contract.initiate_withdraw(channel.config, fresh.free)
        try:
            return (await self._sender.send(call)).transaction_hash
        except ContractRevertError:
            await self._over(identifier, None)
            raise

    async def finish(self, escrow: Escrow) -> int:
        """Take out what was asked back, once its delay has passed; the channel may be used again.

        Returns:
            What came back, in atomic units: less than was asked where the seller claimed more.

        Raises:
            TooEarlyError: it has not begun, or the delay has not passed.
            TransactionError: it was not mined, or failed: look again, and finish again.
        """
        identifier = escrow.channel.identifier
        before = await self._contract.channel(identifier)
        pending = await self._contract.pending_withdrawal(identifier)
        if pending.initiated_at:
            ready_at = pending.initiated_at + escrow.channel.config.withdraw_delay
            left = ready_at - (await self._contract.reader.block()).timestamp
            if left > 0:
                raise TooEarlyError(
                    f"The escrow can be taken out in {left} s.", ready_at=ready_at, left_s=left
                )
            await self._sender.send(self._contract.finalize_withdraw(escrow.channel.config))
        elif escrow.stage not in ("withdrawing", "ready"):
            raise TooEarlyError("No withdrawal has begun on this channel.")
        after = await self._contract.channel(identifier)
        await self._over(to_hex(identifier), after.balance)
        return before.balance - after.balance

    async def _over(self, channel_id: str, balance: int | None) -> None:
        await self._database.write(in_books(lambda s: end_withdrawal(s, channel_id, balance)))

    async def _look(self, channel: KnownChannel, now: int, idle_s: int) -> Escrow:
        state = await self._contract.channel(channel.identifier)
        pending = await self._contract.pending_withdrawal(channel.identifier)
        started = pending.initiated_at
        ready_at = started + channel.config.withdraw_delay if started else 0
        idle = now - channel.last_used_at >= idle_s and not channel.open_payments
        stage: Stage = "idle" if idle else "in use"
        if state.balance <= max(state.total_claimed, channel.charged):
            stage = "empty"
        if started:
            stage = "ready" if now >= ready_at else "withdrawing"
        return Escrow(channel, state.balance, state.total_claimed, pending.amount, ready_at, stage)
