"""Claiming what was charged: every channel and every payee in one transaction."""

from collections import defaultdict
from dataclasses import dataclass

from headwater_contracts.clients.batch_settlement import BatchSettlementClient, VoucherClaim
from headwater_contracts.deployments import Deployment
from headwater_marketplace.seller.store import ChannelRecord, SellerStore
from headwater_payments.address import Address
from headwater_wallet.transactions import TransactionSender


@dataclass(frozen=True, slots=True)
class Claimed:
    """One settlement; amounts in atomic units, gas in gas units of the whole transaction."""

    transaction: str
    channels: int
    by_receiver: dict[Address, int]
    gas_used: int

    @property
    def total(self) -> int:
        """Everything that was claimed."""
        return sum(self.by_receiver.values())


class SettlementWorker:
    """Turns charges into money on chain, for the receivers whose claims `sender` authorizes."""

    def __init__(
        self, store: SellerStore, sender: TransactionSender, deployment: Deployment
    ) -> None:
        self._store, self._sender = store, sender
        self._contract = BatchSettlementClient(sender.reader, deployment.batch_settlement)

    async def claim_all(self) -> Claimed | None:
        """Claim every charged and unclaimed unit, and send each receiver its money.

        The books follow the chain only once the transaction is mined; run again after a crash, it
        claims what is left, which may be nothing.

        Returns:
            What was claimed, or None when there was nothing to claim.
        """
        due = [record for record in await self._store.channels() if self._is_due(record)]
        if not due:
            return None
        claims = [
            VoucherClaim(
                channel=record.config,
                max_claimable_amount=record.state.signed,
                signature=record.signature or b"",
                total_claimed=record.state.charged,
            )
            for record in due
        ]
        receivers = sorted({(record.config.receiver, record.config.token) for record in due})
        calls = [self._contract.claim(claims)]
        calls += [self._contract.settle(receiver, token) for receiver, token in receivers]
        receipt = await self._sender.send(self._contract.multicall(calls))
        by_receiver: dict[Address, int] = defaultdict(int)
        for record in due:
            by_receiver[record.config.receiver] += record.state.charged - record.state.claimed
            await self._store.mark_claimed(record.identifier, record.state.charged)
        return Claimed(receipt.transaction_hash, len(due), dict(by_receiver), receipt.gas_used)

    def _is_due(self, record: ChannelRecord) -> bool:
        authorized = record.config.receiver_authorizer == self._sender.address
        unclaimed = record.state.charged > record.state.claimed
        return authorized and unclaimed and record.signature is not None
