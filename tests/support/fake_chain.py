"""A chain of dictionaries: deposits and transfers that check out are believed at once."""

from dataclasses import dataclass, field

from headwater_marketplace.facilitator import ChainChannel
from headwater_marketplace.seller.resume import Prospect
from headwater_payments.address import Address, parse_address
from headwater_payments.batch_payload import deposit_to_sign, parse_batch_payload, token_domain
from headwater_payments.channels import deposit_nonce
from headwater_payments.exact import parse_exact_payload
from headwater_payments.signing import recover
from headwater_payments.x402 import (
    PaymentPayload,
    PaymentRequirements,
    SettlementResponse,
    SupportedResponse,
    VerifyResponse,
    chain_id_of,
)


@dataclass
class FakeChain:
    """Balances of tokens and channels in memory; a facilitator and a channel reader."""

    wallets: dict[Address, int] = field(default_factory=dict)
    channels: dict[bytes, ChainChannel] = field(default_factory=dict)
    paid: dict[Address, int] = field(default_factory=dict)
    deposits: int = 0
    nonces: set[bytes] = field(default_factory=set)
    time: int = 0

    async def channel(self, identifier: bytes) -> ChainChannel:
        return self.channels.get(identifier, ChainChannel(0, 0))

    async def verify(
        self, payload: PaymentPayload, requirements: PaymentRequirements
    ) -> VerifyResponse:
        payment = parse_exact_payload(payload.payload).authorization
        if payment.nonce in self.nonces:
            reason = "invalid_exact_evm_nonce_already_used"
            return VerifyResponse(is_valid=False, invalid_reason=reason)
        enough = self.wallets.get(payment.sender, 0) >= payment.value
        return VerifyResponse(
            is_valid=enough, invalid_reason=None if enough else "insufficient_funds"
        )

    async def settle(
        self, payload: PaymentPayload, requirements: PaymentRequirements
    ) -> SettlementResponse:
        network = requirements.network
        if requirements.scheme == "exact":
            transfer = parse_exact_payload(payload.payload).authorization
            if transfer.nonce in self.nonces:
                return _failed("invalid_exact_evm_nonce_already_used", network)
            self.nonces.add(transfer.nonce)
            self.wallets[transfer.sender] -= transfer.value
            self.paid[transfer.to] = self.paid.get(transfer.to, 0) + transfer.value
            return SettlementResponse(success=True, transaction="0x01", network=network)
        batch = parse_batch_payload(payload.payload)
        deposit = batch.deposit
        assert deposit is not None
        domain = token_domain(
            requirements.extra, parse_address(requirements.asset), chain_id_of(network)
        )
        typed = deposit_to_sign(
            batch.config,
            batch.voucher.channel_id,
            domain,
            amount=deposit.amount,
            valid_after=deposit.valid_after,
            valid_before=deposit.valid_before,
            salt=deposit.salt,
        )
        payer = batch.config.payer
        if (
            recover(typed, deposit.signature) != payer
            or self.wallets.get(payer, 0) < deposit.amount
        ):
            return _failed("invalid_batch_settlement_evm_insufficient_balance", network)
        nonce = deposit_nonce(batch.voucher.channel_id, deposit.salt)
        if nonce in self.nonces:
            return _failed("invalid_batch_settlement_evm_deposit_simulation_failed", network)
        self.nonces.add(nonce)
        self.wallets[payer] -= deposit.amount
        before = await self.channel(batch.voucher.channel_id)
        self.channels[batch.voucher.channel_id] = ChainChannel(
            before.balance + deposit.amount, before.claimed
        )
        self.deposits += 1
        return SettlementResponse(success=True, transaction="0x02", network=network)

    async def transfer_prospect(
        self, payload: PaymentPayload, requirements: PaymentRequirements
    ) -> Prospect:
        signed = parse_exact_payload(payload.payload).authorization
        closed = signed.nonce in self.nonces or self.time >= signed.valid_before
        return Prospect.CLOSED if closed else Prospect.OPEN

    async def transfer_made(
        self, payload: PaymentPayload, requirements: PaymentRequirements, since: int
    ) -> str | None:
        nonce = parse_exact_payload(payload.payload).authorization.nonce
        return "0x01" if nonce in self.nonces else None

    async def supported(self) -> SupportedResponse:
        return SupportedResponse(kinds=[])


def _failed(reason: str, network: str) -> SettlementResponse:
    return SettlementResponse(success=False, error_reason=reason, network=network)
