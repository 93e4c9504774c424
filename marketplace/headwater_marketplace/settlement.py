"""Claiming what was charged: many channels and payees in one transaction, none holding up another.

The chain decides what can be claimed, not the books: a payer may have withdrawn. Every channel is
read anew before it is claimed, claims are bounded in number, and a batch that the contract refuses
is divided until the channel at fault stands alone.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio

from headwater_contracts.clients.batch_settlement import BatchSettlementClient, VoucherClaim
from headwater_contracts.deployments import Deployment
from headwater_contracts.reverts import ContractRevertError
from headwater_marketplace.seller.store import ChannelRecord, SellerStore
from headwater_payments.address import Address
from headwater_wallet.transactions import TransactionSender

CLAIMS_PER_TRANSACTION = 50
READS_AT_ONCE = 16


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


@dataclass(frozen=True, slots=True)
class _Due:
    """A channel with something to claim: from what the chain has booked up to what it covers."""

    record: ChannelRecord
    claimed: int
    total: int

    @property
    def claim(self) -> VoucherClaim:
        return VoucherClaim(
            channel=self.record.config,
            max_claimable_amount=self.record.state.signed,
            signature=self.record.signature or b"",
            total_claimed=self.total,
        )


class SettlementWorker:
    """Turns charges into money on chain, for the receivers whose claims `sender` authorizes."""

    def __init__(
        self, store: SellerStore, sender: TransactionSender, deployment: Deployment
    ) -> None:
        self._store, self._sender = store, sender
        self._contract = BatchSettlementClient(sender.reader, deployment.batch_settlement)

    async def claim_all(self) -> Claimed | None:
        """Claim every charged and unclaimed unit that is in escrow, and send the receivers theirs.

        The books follow the chain only once a transaction is mined; run again after a crash, it
        claims what is left, which may be nothing.

        Returns:
            What was claimed, or None when nothing was due.
        """
        records = [record for record in await self._store.channels() if self._is_due(record)]
        result = Claimed()
        due = await self._collectable(records, result)
        for start in range(0, len(due), CLAIMS_PER_TRANSACTION):
            await self._claim(due[start : start + CLAIMS_PER_TRANSACTION], result)
        nothing = not (result.channels or result.uncollectable or result.refused)
        return None if nothing else result

    async def _collectable(self, records: Sequence[ChannelRecord], result: Claimed) -> list[_Due]:
        """Read each channel anew; what the chain has claimed already is noted in the books."""
        found: dict[bytes, _Due] = {}
        slots = anyio.Semaphore(READS_AT_ONCE)

        async def read(record: ChannelRecord) -> None:
            async with slots:
                chain = await self._contract.channel(record.identifier)
            total = min(record.state.charged, chain.balance)
            if record.state.charged > chain.balance:
                result.uncollectable[record.identifier] = record.state.charged - chain.balance
            if chain.total_claimed > record.state.claimed:
                await self._store.mark_claimed(record.identifier, chain.total_claimed)
            if total > chain.total_claimed:
                found[record.identifier] = _Due(record, chain.total_claimed, total)

        async with anyio.create_task_group() as group:
            for record in records:
                group.start_soon(read, record)
        return [found[r.identifier] for r in records if r.identifier in found]

    async def _claim(self, batch: Sequence[_Due], result: Claimed) -> None:
        receivers = sorted(
            {(each.record.config.receiver, each.record.config.token) for each in batch}
        )
        calls = [self._contract.claim([each.claim for each in batch])]
        calls += [self._contract.settle(receiver, token) for receiver, token in receivers]
        try:
            receipt = await self._sender.send(self._contract.multicall(calls))
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

    def _is_due(self, record: ChannelRecord) -> bool:
        authorized = record.config.receiver_authorizer == self._sender.address
        unclaimed = record.state.charged > record.state.claimed
        return authorized and unclaimed and record.signature is not None
