"""Claiming what was charged: many channels and payees in one transaction, none holding up another.

The chain decides what can be claimed, not the books: a payer may have withdrawn. Every channel is
read anew before it is claimed, claims are bounded in number, and a batch that the contract refuses
is divided until the channel at fault stands alone. A claim is written down before it leaves: while
one is not mined no other is sent, whichever process asks.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from headwater_contracts.calls import Call
from headwater_contracts.clients.batch_settlement import (
    BatchSettlementClient,
    ChannelState,
    VoucherClaim,
)
from headwater_contracts.clients.receipt_desk import SignedReceipt
from headwater_contracts.deployments import Deployment
from headwater_contracts.reverts import ContractRevertError
from headwater_marketplace.at_once import for_each
from headwater_marketplace.outbox import Outbox
from headwater_marketplace.seller.records import ChannelRecord
from headwater_marketplace.seller.store import SellerStore
from headwater_payments.address import Address
from headwater_wallet.errors import TransactionPendingError, TransactionReplacedError
from headwater_wallet.transactions import SignedTransaction, TransactionSender

CLAIM = "claim"
"""The purpose under which claims stand in the outbox."""
CLAIMS_PER_TRANSACTION = 50


@dataclass(slots=True)
class Claimed:
    """What was claimed; amounts in atomic units, gas in gas units of whole transactions.

    `uncollectable` is what was charged and is no longer in escrow, by channel: the payer withdrew
    before the claim. `refused` are channels whose claim the contract does not accept.
    """

    transactions: list[str] = field(default_factory=list)
    channels: int = 0
    by_receiver: dict[Address, int] = field(default_factory=lambda: defaultdict(int))
    gas_used: int = 0
    uncollectable: dict[bytes, int] = field(default_factory=dict)
    refused: list[bytes] = field(default_factory=list)

    @property
    def transaction(self) -> str:
        """The first transaction."""
        return self.transactions[0] if self.transactions else ""

    @property
    def total(self) -> int:
        """Everything that was claimed."""
        return sum(self.by_receiver.values())

    def add(self, other: "Claimed") -> None:
        """Count what another run claimed, of other channels, into this."""
        self.transactions += other.transactions
        self.channels += other.channels
        for receiver, amount in other.by_receiver.items():
            self.by_receiver[receiver] += amount
        self.gas_used += other.gas_used
        self.uncollectable |= other.uncollectable
        self.refused += other.refused


@dataclass(frozen=True, slots=True)
class Due:
    """A channel with something to claim: from what the chain has booked up to what it covers.

    `receipt` charges just `total`, where it is a receipt that a claim goes by.
    """

    record: ChannelRecord
    claimed: int
    total: int
    receipt: SignedReceipt | None = None

    @property
    def claim(self) -> VoucherClaim:
        """The row of a claim."""
        return VoucherClaim(
            channel=self.record.config,
            max_claimable_amount=self.record.state.signed,
            signature=self.record.signature or b"",
            total_claimed=self.total,
        )


class SettlementWorker:
    """Turns charges into money on chain, for the receivers whose claims `sender` authorizes.

    Args:
        store: the seller's books.
        sender: the account that authorizes claims, and pays their gas.
        deployment: where the contracts are.
        now: Unix time in seconds.
    """

    def __init__(
        self,
        store: SellerStore,
        sender: TransactionSender,
        deployment: Deployment,
        now: Callable[[], int] = lambda: int(time.time()),
    ) -> None:
        self._store, self._sender, self._now = store, sender, now
        self._outbox = Outbox(store.database)
        self._contract = BatchSettlementClient(sender.reader, deployment.batch_settlement)

    async def claim_all(self) -> Claimed | None:
        """Claim every charged and unclaimed unit that is in escrow, and send the receivers theirs.

        The books follow the chain only once a transaction is mined; run again after a crash, it
        claims what is left, which may be nothing.

        Returns:
            What was claimed, or None when nothing was due.

        Raises:
            TransactionPendingError: one that was sent before is not mined yet; none was sent.
            UnavailableError: the chain does not answer; the books are unchanged.
        """
        return await self._claim_those(await self._store.unclaimed())

    async def claim(self, channels: Collection[bytes]) -> Claimed | None:
        """Like `claim_all`, for these channels alone."""
        wanted = set(channels)
        records = await self._store.unclaimed()
        return await self._claim_those([r for r in records if r.identifier in wanted])

    async def _claim_those(self, channels: Sequence[ChannelRecord]) -> Claimed | None:
        await self._finish_earlier()
        records = [record for record in channels if await self._is_due(record)]
        result = Claimed()
        for due in self._together(await self._collectable(records, result)):
            for start in range(0, len(due), CLAIMS_PER_TRANSACTION):
                await self._claim(due[start : start + CLAIMS_PER_TRANSACTION], result)
        nothing = not (result.channels or result.uncollectable or result.refused)
        return None if nothing else result

    async def _finish_earlier(self) -> None:
        """Learn what became of claims that an earlier run sent; reading the chain books them."""
        kept = await self._outbox.find(CLAIM, self._sender.address)
        for _, each in groupby(kept, key=lambda signed: signed.nonce):
            versions = list(each)
            try:
                receipt = await self._sender.outcome(*versions, before_broadcast=self._write_down)
            except TransactionReplacedError:
                receipt = None
            else:
                if receipt is None:
                    raise TransactionPendingError(
                        "An earlier claim was sent and is not mined yet.",
                        transaction=versions[-1].transaction_hash,
                    )
            await self._outbox.forget(*(signed.transaction_hash for signed in versions))

    async def _write_down(self, signed: SignedTransaction) -> None:
        await self._outbox.write(CLAIM, self._sender.address, signed, self._now())

    async def _collectable(self, records: Sequence[ChannelRecord], result: Claimed) -> list[Due]:
        """Read each channel anew; what the chain has claimed already is noted in the books."""
        found: dict[bytes, Due] = {}

        async def read(record: ChannelRecord) -> None:
            chain = await self._contract.channel(record.identifier)
            if chain.total_claimed > record.state.claimed:
                await self._store.mark_claimed(record.identifier, chain.total_claimed)
            due = await self._due(record, chain)
            if due is not None:
                found[record.identifier] = due
            missing = record.state.charged - (due.total if due else chain.total_claimed)
            if missing > 0:
                result.uncollectable[record.identifier] = missing

        await for_each(read, records)
        return [found[r.identifier] for r in records if r.identifier in found]

    async def _claim(self, batch: Sequence[Due], result: Claimed) -> None:
        try:
            receipt = await self._sender.send(self._call(batch), before_broadcast=self._write_down)
        except ContractRevertError:
            if len(batch) == 1:
                result.refused.append(batch[0].record.identifier)
                return
            middle = len(batch) // 2
            await self._claim(batch[:middle], result)
            await self._claim(batch[middle:], result)
            return
        result.transactions.append(receipt.transaction_hash)
        result.gas_used += receipt.gas_used
        result.channels += len(batch)
        for each in batch:
            result.by_receiver[each.record.config.receiver] += each.total - each.claimed
            await self._store.mark_claimed(each.record.identifier, each.total)
        versions = await self._outbox.find(CLAIM, self._sender.address)
        await self._outbox.forget(*(signed.transaction_hash for signed in versions))

    async def _is_due(self, record: ChannelRecord) -> bool:
        authorized = record.config.receiver_authorizer == self._sender.address
        return authorized and record.signature is not None

    async def _due(self, record: ChannelRecord, chain: ChannelState) -> Due | None:
        """The most that a channel can be claimed up to; None where nothing is left to claim."""
        total = min(record.state.charged, chain.balance)
        return Due(record, chain.total_claimed, total) if total > chain.total_claimed else None

    def _together(self, due: Sequence[Due]) -> Iterable[Sequence[Due]]:
        """The channels apart by what one transaction can claim."""
        return [due]

    def _call(self, batch: Sequence[Due]) -> Call:
        receivers = sorted(
            {(each.record.config.receiver, each.record.config.token) for each in batch}
        )
        calls = [self._contract.claim([each.claim for each in batch])]
        calls += [self._contract.settle(receiver, token) for receiver, token in receivers]
        return self._contract.multicall(calls)
