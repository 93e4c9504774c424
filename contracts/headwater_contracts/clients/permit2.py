"""Permit2 and x402's two proxies for it: what is left of a payer's approval, and settling."""

from typing import Never

from headwater_contracts.calls import Call, require_uint
from headwater_contracts.clients.base import ContractClient
from headwater_payments.address import Address, parse_address
from headwater_payments.permit2 import UptoPermit
from headwater_payments.permit2_payload import Permit2Payload


class Permit2Client(ContractClient[Never]):
    """Reads which nonces are spent. Approving is the token's `approve` with Permit2 as spender."""

    contract = "Permit2"

    async def nonce_used(self, owner: Address, nonce: int) -> bool:
        """Whether a nonce of an owner's is spent or cancelled."""
        require_uint("nonce", nonce, 256)
        word = await self._view_int("nonceBitmap", parse_address(owner), nonce >> 8)
        return bool(word >> (nonce & 0xFF) & 1)

    def cancel(self, nonce: int) -> Call:
        """Spend a nonce of the sender's without moving anything."""
        require_uint("nonce", nonce, 256)
        return self._build(
            "cancel a permit", "invalidateUnorderedNonces", nonce >> 8, 1 << (nonce & 0xFF)
        )


class ExactPermit2ProxyClient(ContractClient[Never]):
    """Settles `exact` payments by Permit2; anyone may send it."""

    contract = "ExactPermit2Proxy"

    def settle(self, payment: Permit2Payload) -> Call:
        """Move what the payer signed to the payee."""
        permit = payment.permit
        return self._build(
            f"move {permit.permitted.amount} as {payment.payer} signed",
            "settle",
            _permit(payment),
            payment.payer,
            (permit.witness.to, permit.witness.valid_after),
            payment.signature,
        )


class UptoPermit2ProxyClient(ContractClient[Never]):
    """Settles `upto` payments by Permit2; only the facilitator that was signed for may send it."""

    contract = "UptoPermit2Proxy"

    def settle(self, payment: Permit2Payload, permit: UptoPermit, amount: int) -> Call:
        """Move `amount`, in atomic units and at most what the payer signed, to the payee."""
        require_uint("amount", amount, 256)
        witness = permit.witness
        return self._build(
            f"move {amount} of the {permit.permitted.amount} that {payment.payer} signed",
            "settle",
            _permit(payment),
            amount,
            payment.payer,
            (witness.to, witness.facilitator, witness.valid_after),
            payment.signature,
        )


def _permit(payment: Permit2Payload) -> tuple[object, ...]:
    permit = payment.permit
    permitted = permit.permitted
    return ((permitted.token, permitted.amount), permit.nonce, permit.deadline)
