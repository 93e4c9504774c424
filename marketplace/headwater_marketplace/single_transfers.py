"""Single transfers on chain: whether one would settle now, and the call that settles it.

Source: x402 `exact` and `upto` on EVM; error codes as in the published package.
"""

from headwater_contracts.calls import Call
from headwater_contracts.clients.settlement_token import (
    SettlementTokenClient,
    TransferAuthorization,
)
from headwater_contracts.reader import ChainReader
from headwater_marketplace.permit2_settlement import Permit2Settlement
from headwater_payments.address import Address
from headwater_payments.amount import parse_atomic
from headwater_payments.exact import ExactPayload, ExactPaymentError
from headwater_payments.permit2_payload import Permit2Payload
from headwater_payments.transfers import SignedTransfer, check_transfer, outline
from headwater_payments.x402 import PaymentRequirements


class SingleTransfers:
    """Checks and settles transfers, signed for EIP-3009 or for Permit2.

    Args:
        reader: the chain.
        permit2: what knows of payments by Permit2.
    """

    def __init__(self, reader: ChainReader, permit2: Permit2Settlement) -> None:
        self._reader, self._permit2 = reader, permit2

    async def check(
        self, payment: SignedTransfer, terms: PaymentRequirements, *, now: int
    ) -> Address:
        """Check a transfer against the full price and the chain; gives the payer.

        Raises:
            SignedTransferError: the first thing that does not hold.
            InvalidInputError: the signature or the terms are malformed.
            UnavailableError: the chain does not answer.
        """
        check_transfer(payment, terms, now=now)
        if isinstance(payment, Permit2Payload):
            await self._permit2.check_payment(payment)
        else:
            await self._check_authorization(payment, terms)
        return outline(payment, terms).payer

    def call(self, payment: SignedTransfer, terms: PaymentRequirements) -> Call:
        """What settles the amount of the terms."""
        if isinstance(payment, Permit2Payload):
            return self._permit2.payment_call(payment, parse_atomic(terms.amount))
        signed = payment.authorization
        token = SettlementTokenClient(self._reader, terms.asset)
        return token.transfer_with_authorization(
            TransferAuthorization(
                signed.sender,
                signed.to,
                signed.value,
                signed.valid_after,
                signed.valid_before,
                signed.nonce,
            ),
            payment.signature,
        )

    async def _check_authorization(self, payment: ExactPayload, terms: PaymentRequirements) -> None:
        token = SettlementTokenClient(self._reader, terms.asset)
        signed = payment.authorization
        if await token.authorization_used(signed.sender, signed.nonce):
            raise ExactPaymentError(
                "The transfer has been made already.", reason="invalid_exact_evm_nonce_already_used"
            )
        if await token.balance(signed.sender) < signed.value:
            raise ExactPaymentError(
                "The payer does not hold the price.", reason="insufficient_funds"
            )
