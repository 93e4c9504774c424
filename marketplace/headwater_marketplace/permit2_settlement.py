"""Payments and deposits by Permit2, checked against the chain and turned into calls.

Source: x402 `exact`, `upto` and `batch-settlement` on EVM; error codes as in the published package.
"""

from headwater_contracts.calls import Call
from headwater_contracts.clients.permit2 import (
    ExactPermit2ProxyClient,
    Permit2Client,
    UptoPermit2ProxyClient,
)
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.deployments import Deployment
from headwater_contracts.reader import ChainReader
from headwater_payments.address import Address
from headwater_payments.amount import parse_atomic
from headwater_payments.batch_payload import BatchPayload
from headwater_payments.permit2 import UptoPermit
from headwater_payments.permit2_deposit import Permit2Deposit, check_permit2_deposit
from headwater_payments.permit2_payload import UPTO, Permit2Payload, Permit2PaymentError
from headwater_payments.x402 import PaymentPayload, PaymentRequirements

_BATCH = "invalid_batch_settlement_evm_"


class Permit2Settlement:
    """Settles by Permit2 on one chain.

    Args:
        reader: the chain.
        deployment: where the contracts are.
        account: who sends; `upto` payments must name it.
    """

    def __init__(self, reader: ChainReader, deployment: Deployment, account: Address) -> None:
        self._reader, self._deployment, self._account = reader, deployment, account
        self._permit2 = Permit2Client(reader, deployment.permit2)
        self._exact = ExactPermit2ProxyClient(reader, deployment.exact_permit2_proxy)
        self._upto = UptoPermit2ProxyClient(reader, deployment.upto_permit2_proxy)

    async def nonce_used(self, owner: Address, nonce: bytes) -> bool:
        """Whether a permit was used or cancelled."""
        return await self._permit2.nonce_used(owner, int.from_bytes(nonce, "big"))

    async def check_payment(self, payment: Permit2Payload) -> None:
        """Check what only the chain knows of a payment: nonce, approval and funds.

        Raises:
            Permit2PaymentError: the first thing that does not hold.
            UnavailableError: the chain does not answer.
        """
        permit = payment.permit
        if isinstance(permit, UptoPermit) and permit.witness.facilitator != self._account:
            raise Permit2PaymentError(
                f"The payment names {permit.witness.facilitator} as its facilitator, and this is "
                f"{self._account}.",
                reason="upto_facilitator_mismatch",
            )
        if await self._permit2.nonce_used(payment.payer, permit.nonce):
            raise Permit2PaymentError(
                "The permit has been used already.", reason="permit2_invalid_nonce"
            )
        await self._check_funds(
            payment.payer, permit.permitted.token, permit.permitted.amount, "", "permit2_"
        )

    async def check_deposit(self, batch: BatchPayload, deposit: Permit2Deposit, now: int) -> None:
        """Check a deposit as far as possible without sending it.

        Raises:
            Permit2PaymentError: the first thing that does not hold.
            UnavailableError: the chain does not answer.
        """
        payer, token = batch.config.payer, batch.config.token
        check_permit2_deposit(
            deposit,
            batch.voucher.channel_id,
            payer=payer,
            token=token,
            chain_id=self._deployment.chain_id,
            now=now,
        )
        await self._check_funds(payer, token, deposit.amount, _BATCH, "")

    async def _check_funds(
        self, payer: Address, token: Address, amount: int, prefix: str, balance_prefix: str
    ) -> None:
        asset = SettlementTokenClient(self._reader, token)
        if await asset.allowance(payer, self._permit2.address) < amount:
            raise Permit2PaymentError(
                f"{payer} has not approved Permit2 for the token: let it call approve() there for "
                f"{self._permit2.address}.",
                reason=prefix + "permit2_allowance_required",
            )
        if await asset.balance(payer) < amount:
            raise Permit2PaymentError(
                "The payer does not hold the amount.",
                reason=prefix + balance_prefix + "insufficient_balance",
            )

    def payment_call(self, payment: Permit2Payload, amount: int) -> Call:
        """What settles a payment: all of it, or `amount` atomic units of an `upto` one."""
        if isinstance(payment.permit, UptoPermit):
            return self._upto.settle(payment, payment.permit, amount)
        return self._exact.settle(payment)


def signed_terms(
    payload: PaymentPayload, payment: Permit2Payload, terms: PaymentRequirements
) -> PaymentRequirements:
    """The terms that a signature was made for: with its ceiling, where less is to be settled.

    Raises:
        Permit2PaymentError: more is to be settled than was signed.
    """
    if payload.accepted.scheme != UPTO or terms.scheme != UPTO:
        return terms
    ceiling = payment.permit.permitted.amount
    if parse_atomic(terms.amount) > ceiling:
        raise Permit2PaymentError(
            f"The payer signed for {ceiling} atomic units at most, not {terms.amount}.",
            reason="invalid_upto_evm_payload_settlement_exceeds_amount",
        )
    return terms.model_copy(update={"amount": str(ceiling)})
