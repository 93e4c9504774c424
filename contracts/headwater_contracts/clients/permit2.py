"""Permit2 and x402's two proxies for it: what is left of a payer's approval, and settling."""

from dataclasses import dataclass, replace

from headwater_contracts.calls import Call, require_uint
from headwater_contracts.clients.base import ContractClient, as_address, as_int, as_tuple
from headwater_contracts.events.permits import (
    PERMIT2_EVENTS,
    PROXY_EVENTS,
    ProxyEvent,
    UnorderedNonceInvalidation,
)
from headwater_contracts.reader import BlockName
from headwater_payments.address import Address, parse_address
from headwater_payments.permit2 import UptoPermit
from headwater_payments.permit2_payload import Permit2Payload


class Permit2Client(ContractClient[UnorderedNonceInvalidation]):
    """Reads which nonces are spent. Approving is the token's `approve` with Permit2 as spender."""

    contract = "Permit2"
    event_kinds = PERMIT2_EVENTS

    async def nonce_used(self, owner: Address, nonce: int, *, block: BlockName = "latest") -> bool:
        """Whether a nonce of an owner's is spent or cancelled."""
        require_uint("nonce", nonce, 256)
        word = await self._view_int("nonceBitmap", parse_address(owner), nonce >> 8, block=block)
        return bool(word >> (nonce & 0xFF) & 1)

    def cancel(self, nonce: int) -> Call:
        """Spend a nonce of the sender's without moving anything."""
        require_uint("nonce", nonce, 256)
        return self._build(
            "cancel a permit", "invalidateUnorderedNonces", nonce >> 8, 1 << (nonce & 0xFF)
        )


@dataclass(frozen=True, slots=True)
class PermitSettled:
    """What a call of a proxy's `settle` takes by a permit; `amount` in atomic units."""

    owner: Address
    nonce: int
    amount: int


class ExactPermit2ProxyClient(ContractClient[ProxyEvent]):
    """Settles `exact` payments by Permit2; anyone may send it."""

    contract = "ExactPermit2Proxy"
    event_kinds = PROXY_EVENTS

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

    def read_settle(self, data: bytes) -> PermitSettled | None:
        """What a call of `settle` or `settleWithPermit` takes; None for another call."""
        plain = self._abi.decode_call("settle", data)
        sponsored = self._abi.decode_call("settleWithPermit", data)
        arguments = plain or (sponsored and sponsored[1:])
        if not arguments:
            return None
        permit, owner, _, _ = arguments
        return _settled(permit, owner)


class UptoPermit2ProxyClient(ContractClient[ProxyEvent]):
    """Settles `upto` payments by Permit2; only the facilitator that was signed for may send it."""

    contract = "UptoPermit2Proxy"
    event_kinds = PROXY_EVENTS

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

    def read_settle(self, data: bytes) -> PermitSettled | None:
        """What a call of `settle` or `settleWithPermit` takes; None for another call."""
        plain = self._abi.decode_call("settle", data)
        sponsored = self._abi.decode_call("settleWithPermit", data)
        arguments = plain or (sponsored and sponsored[1:])
        if not arguments:
            return None
        permit, amount, owner, _, _ = arguments
        return replace(_settled(permit, owner), amount=as_int(amount))


def _settled(permit: object, owner: object) -> PermitSettled:
    permitted, nonce, _ = as_tuple(permit)
    _, amount = as_tuple(permitted)
    return PermitSettled(as_address(owner), as_int(nonce), as_int(amount))


def _permit(payment: Permit2Payload) -> tuple[object, ...]:
    permit = payment.permit
    permitted = permit.permitted
    return ((permitted.token, permitted.amount), permit.nonce, permit.deadline)
