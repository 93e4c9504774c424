"""What a seller needs of the chain, as two small protocols; a facilitator may be local or remote.

Source: x402 v2, facilitator interface.
"""

from dataclasses import dataclass
from typing import Protocol

from headwater_payments.x402 import (
    PaymentPayload,
    PaymentRequirements,
    SettlementResponse,
    SupportedResponse,
    VerifyResponse,
)


@dataclass(frozen=True, slots=True)
class ChainChannel:
    """A channel as the chain shows it; atomic units, `withdraw_requested_at` in Unix seconds."""

    balance: int
    claimed: int
    withdraw_requested_at: int = 0
    refund_nonce: int = 0


class Facilitator(Protocol):
    """Checks payments against the chain and submits them to it."""

    async def verify(
        self, payload: PaymentPayload, requirements: PaymentRequirements
    ) -> VerifyResponse:
        """Whether the payment would settle now; a refusal is an answer, not an error."""
        ...

    async def settle(
        self, payload: PaymentPayload, requirements: PaymentRequirements
    ) -> SettlementResponse:
        """Put the payment on chain and wait for its receipt; a refusal is an answer."""
        ...

    async def supported(self) -> SupportedResponse:
        """The schemes and networks that this facilitator handles."""
        ...


class ChannelReader(Protocol):
    """Reads payment channels from the chain."""

    async def channel(self, identifier: bytes) -> ChainChannel:
        """The channel as the chain shows it; all zero where it was never funded.

        Raises:
            UnavailableError: the chain does not answer.
        """
        ...
