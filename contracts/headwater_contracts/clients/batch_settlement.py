"""Payment channels of x402's `batch-settlement` scheme."""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater_contracts.calls import Call, require_bytes32, require_uint
from headwater_contracts.clients.base import ContractClient, as_bytes, as_int
from headwater_contracts.clients.channel_config import config_as_tuple
from headwater_contracts.events.channels import SETTLEMENT_EVENTS, Refunded, SettlementEvent
from headwater_contracts.reader import Receipt
from headwater_payments.address import Address, parse_address
from headwater_payments.structs import ChannelConfig


@dataclass(frozen=True, slots=True)
class VoucherClaim:
    """A row of a claim: the payer's voucher and what is claimed under it, atomic units."""

    channel: ChannelConfig
    max_claimable_amount: int
    signature: bytes
    total_claimed: int

    def as_tuple(self) -> tuple[object, ...]:
        """In the order of the ABI."""
        return (
            (
                config_as_tuple(self.channel),
                require_uint("max_claimable_amount", self.max_claimable_amount, 128),
            ),
            self.signature,
            require_uint("total_claimed", self.total_claimed, 128),
        )


@dataclass(frozen=True, slots=True)
class ChannelState:
    """A channel's books; `balance` counts what was claimed too, so `balance - total_claimed` is
    what a claim or refund can still move."""

    balance: int
    total_claimed: int

    @property
    def unclaimed(self) -> int:
        """What is still the payer's."""
        return self.balance - self.total_claimed


@dataclass(frozen=True, slots=True)
class PendingWithdrawal:
    """A payer's way out; `initiated_at` in unix seconds, 0 when there is none."""

    amount: int
    initiated_at: int


@dataclass(frozen=True, slots=True)
class ReceiverState:
    """What was claimed for a receiver in one token, and what of it was sent."""

    total_claimed: int
    total_settled: int


class BatchSettlementClient(ContractClient[SettlementEvent]):
    """Amounts are atomic units of the channel's token."""

    contract = "BatchSettlement"
    event_kinds = SETTLEMENT_EVENTS

    async def channel_id(self, config: ChannelConfig) -> bytes:
        """The channel's identity, as the contract computes it."""
        (value,) = await self._view("getChannelId", config_as_tuple(config))
        return as_bytes(value)

    async def channel(self, channel_id: bytes) -> ChannelState:
        """A channel's books; zeros for one that was never funded."""
        balance, claimed = await self._view("channels", require_bytes32("channel_id", channel_id))
        return ChannelState(as_int(balance), as_int(claimed))

    async def pending_withdrawal(self, channel_id: bytes) -> PendingWithdrawal:
        """The withdrawal under way."""
        amount, at = await self._view(
            "pendingWithdrawals", require_bytes32("channel_id", channel_id)
        )
        return PendingWithdrawal(as_int(amount), as_int(at))

    async def receiver(self, receiver: Address, token: Address) -> ReceiverState:
        """What was claimed and settled for a receiver."""
        claimed, settled = await self._view(
            "receivers", parse_address(receiver), parse_address(token)
        )
        return ReceiverState(as_int(claimed), as_int(settled))

    async def refund_nonce(self, channel_id: bytes) -> int:
        """The nonce that the next refund signature must name."""
        return await self._view_int("refundNonce", require_bytes32("channel_id", channel_id))

    async def voucher_digest(self, channel_id: bytes, max_claimable_amount: int) -> bytes:
        """What a payer signs."""
        (value,) = await self._view(
            "getVoucherDigest",
            require_bytes32("channel_id", channel_id),
            require_uint("max_claimable_amount", max_claimable_amount, 128),
        )
        return as_bytes(value)

    async def refund_digest(self, channel_id: bytes, nonce: int, amount: int) -> bytes:
        """What a receiverAuthorizer signs for a refund."""
        (value,) = await self._view(
            "getRefundDigest",
            require_bytes32("channel_id", channel_id),
            require_uint("nonce", nonce, 256),
            require_uint("amount", amount, 128),
        )
        return as_bytes(value)

    async def claim_batch_digest(self, claims: Sequence[VoucherClaim]) -> bytes:
        """What a receiverAuthorizer signs for a batch of claims."""
        (value,) = await self._view("getClaimBatchDigest", [c.as_tuple() for c in claims])
        return as_bytes(value)

    def deposit(
        self, config: ChannelConfig, amount: int, collector: Address, collector_data: bytes
    ) -> Call:
        """Fund a channel through a collector; anyone may send it."""
        require_uint("amount", amount, 128)
        return self._build(
            f"deposit {amount} into a channel to {config.receiver}",
            "deposit",
            config_as_tuple(config),
            amount,
            parse_address(collector),
            collector_data,
        )

    def claim(self, claims: Sequence[VoucherClaim]) -> Call:
        """Book vouchers, as the receiver's side."""
        rows = [claim.as_tuple() for claim in claims]
        return self._build(f"claim {len(rows)} channels", "claim", rows)

    def claim_with_signature(self, claims: Sequence[VoucherClaim], signature: bytes) -> Call:
        """Book vouchers under the receiverAuthorizer's signature; anyone may send it."""
        rows = [claim.as_tuple() for claim in claims]
        return self._build(f"claim {len(rows)} channels", "claimWithSignature", rows, signature)

    def settle(self, receiver: Address, token: Address) -> Call:
        """Send a receiver what was claimed; anyone may send it."""
        return self._build(
            f"settle with {receiver}", "settle", parse_address(receiver), parse_address(token)
        )

    def refund(self, config: ChannelConfig, amount: int) -> Call:
        """Return unclaimed units, as the receiver's side."""
        require_uint("amount", amount, 128)
        return self._build(
            f"refund up to {amount} to {config.payer}", "refund", config_as_tuple(config), amount
        )

    def refund_with_signature(
        self, config: ChannelConfig, amount: int, nonce: int, signature: bytes
    ) -> Call:
        """Return unclaimed units under the receiverAuthorizer's signature; anyone may send it."""
        return self._build(
            f"refund up to {amount} to {config.payer}",
            "refundWithSignature",
            config_as_tuple(config),
            require_uint("amount", amount, 128),
            require_uint("nonce", nonce, 256),
            signature,
        )

    def refunded(self, receipt: Receipt, channel_id: bytes) -> int:
        """Atomic units that a transaction returned to a channel's payer."""
        events = (self.decode_log(log) for log in receipt.logs)
        return sum(
            event.amount
            for event in events
            if isinstance(event, Refunded) and event.channel_id == channel_id
        )

    def initiate_withdraw(self, config: ChannelConfig, amount: int) -> Call:
        """Start the payer's way out."""
        require_uint("amount", amount, 128)
        return self._build(
            f"start to withdraw {amount}", "initiateWithdraw", config_as_tuple(config), amount
        )

    def finalize_withdraw(self, config: ChannelConfig) -> Call:
        """Take out what is unclaimed, after the delay."""
        return self._build("finish a withdrawal", "finalizeWithdraw", config_as_tuple(config))

    def multicall(self, calls: Sequence[Call]) -> Call:
        """Several calls to this contract in one transaction: all happen or none."""
        return self._build(
            "; ".join(call.description for call in calls),
            "multicall",
            [call.data for call in calls],
        )
