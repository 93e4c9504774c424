"""A facilitator of one's own: deposits, transfers and channel state straight from the chain.

Source: x402 v2, facilitator interface; schemes `batch-settlement`, `exact` and `upto` on EVM.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress

from headwater_contracts.calls import Call
from headwater_contracts.clients.batch_settlement import BatchSettlementClient
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.deployments import Deployment
from headwater_contracts.reverts import ContractRevertError
from headwater_marketplace.facilitator import ChainChannel
from headwater_marketplace.outbox import Outbox
from headwater_marketplace.permit2_settlement import Permit2Settlement, signed_terms
from headwater_marketplace.seller.resume import Prospect
from headwater_marketplace.sent_payments import SentPayments
from headwater_marketplace.server_actions import KINDS as SERVER_ACTIONS
from headwater_marketplace.server_actions import ServerActions
from headwater_marketplace.single_transfers import SingleTransfers
from headwater_marketplace.transfer_finder import TransferFinder
from headwater_payments.amount import parse_atomic
from headwater_payments.batch_payload import SCHEME as BATCH
from headwater_payments.batch_payload import (
    BatchPayload,
    parse_batch_payload,
    parse_config,
    parse_refund_payload,
)
from headwater_payments.channels import channel_id, deposit_collector_data, voucher_to_sign
from headwater_payments.errors import HeadwaterError, InvalidInputError, UnavailableError
from headwater_payments.exact import SCHEME as EXACT
from headwater_payments.hexadecimal import to_hex
from headwater_payments.permit2_deposit import Permit2Deposit
from headwater_payments.permit2_payload import UPTO, Permit2Payload
from headwater_payments.signing import Signer, recover
from headwater_payments.transfers import outline, parse_transfer
from headwater_payments.x402 import (
    JsonObject,
    PaymentPayload,
    PaymentRequirements,
    SettlementResponse,
    SupportedKind,
    SupportedResponse,
    VerifyResponse,
    chain_id_of,
)
from headwater_wallet.errors import TransactionPendingError, TransactionReplacedError
from headwater_wallet.transactions import SignedTransaction, TransactionSender

_PREFIX = "invalid_batch_settlement_evm_"
_SINGLE = (EXACT, UPTO)


class ChainFacilitator:
    """Verifies against the chain and sends from one account, which pays the gas.

    Args:
        sender: the account that submits deposits and transfers.
        deployment: where the contracts are.
        now: Unix time in seconds.
        authorizer: signs claims and refunds for sellers that name it as their receivers'
            authorizer and leave the signature out; None signs for nobody.
        outbox: keeps transactions that were sent, so that a payment given again after a crash is
            looked up rather than sent again; without it they are known to this process only.
    """

    def __init__(
        self,
        sender: TransactionSender,
        deployment: Deployment,
        now: Callable[[], int],
        *,
        authorizer: Signer | None = None,
        outbox: Outbox | None = None,
    ) -> None:
        self._sender, self._deployment, self._now = sender, deployment, now
        self._authorizer = authorizer
        self._settlement = BatchSettlementClient(sender.reader, deployment.batch_settlement)
        self._sent = SentPayments(sender, outbox, now)
        self._permit2 = Permit2Settlement(sender.reader, deployment, sender.address)
        self._transfers = SingleTransfers(sender.reader, self._permit2)
        self._finder = TransferFinder(sender.reader, self._permit2.nonce_used)
        self._actions = ServerActions(self._settlement, deployment.chain_id, authorizer)

    async def channel(self, identifier: bytes) -> ChainChannel:
        """The channel as the chain shows it."""
        state = await self._settlement.channel(identifier)
        withdrawal = await self._settlement.pending_withdrawal(identifier)
        return ChainChannel(
            balance=state.balance,
            claimed=state.total_claimed,
            withdraw_requested_at=withdrawal.initiated_at,
            refund_nonce=await self._settlement.refund_nonce(identifier),
        )

    async def supported(self) -> SupportedResponse:
        """Every scheme on this one chain; `upto` payments are to name this account."""
        network = f"eip155:{self._deployment.chain_id}"
        authorizer = self._authorizer
        signs = None if authorizer is None else {"receiverAuthorizer": authorizer.address}
        kinds = [
            SupportedKind(scheme=BATCH, network=network, extra=signs),
            SupportedKind(scheme=EXACT, network=network),
            SupportedKind(
                scheme=UPTO, network=network, extra={"facilitatorAddress": self._sender.address}
            ),
        ]
        return SupportedResponse(kinds=kinds, signers={"eip155:*": [self._sender.address]})

    async def verify(
        self, payload: PaymentPayload, requirements: PaymentRequirements
    ) -> VerifyResponse:
        """Whether the payment would settle now.

        Raises:
            UnavailableError: the chain does not answer; that says nothing about the payment.
        """
        try:
            self._require_network(requirements)
            if requirements.scheme in _SINGLE:
                payment = parse_transfer(payload.payload)
                payer = await self._transfers.check(payment, requirements, now=self._now())
                return VerifyResponse(is_valid=True, payer=payer)
            if payload.payload.get("type") == "refund":
                batch, _ = parse_refund_payload(payload.payload)
                return await self._verify_batch(batch, requirements, refund=True)
            return await self._verify_batch(parse_batch_payload(payload.payload), requirements)
        except UnavailableError:
            raise
        except HeadwaterError as exc:
            reason = str(exc.details.get("reason", "invalid_payload"))
            return VerifyResponse(
                is_valid=False, invalid_reason=reason, invalid_message=exc.message
            )

    async def settle(
        self, payload: PaymentPayload, requirements: PaymentRequirements
    ) -> SettlementResponse:
        """Put a transfer, deposit or seller's action on chain; a voucher needs no transaction.

        Of an `upto` payment the amount of the requirements is settled: what was used.
        """
        if requirements.scheme == BATCH and payload.payload.get("type") in SERVER_ACTIONS:
            return await self._act(payload, requirements)
        key = _key(payload)
        if sent := await self._sent.find(key):
            earlier = await self._look_again(key, sent, requirements)
            if earlier is not None:
                return earlier
        if requirements.scheme in _SINGLE:
            return await self._settle_transfer(payload, requirements, key)
        verdict = await self.verify(payload, requirements)
        if not verdict.is_valid:
            return _failed(requirements, verdict.invalid_reason, verdict.invalid_message)
        try:
            batch = parse_batch_payload(payload.payload)
            if batch.deposit is None:
                return self._settled(requirements, verdict.payer, "", verdict.extra)
            call = self._deposit_call(batch)
            return await self._send(call, requirements, verdict.payer, batch, key)
        except HeadwaterError as exc:
            return _failed(requirements, "unexpected_settle_error", exc.message)

    async def _settle_transfer(
        self, payload: PaymentPayload, terms: PaymentRequirements, key: str
    ) -> SettlementResponse:
        signed_for = terms
        try:
            payment = parse_transfer(payload.payload)
            if isinstance(payment, Permit2Payload):
                signed_for = signed_terms(payload, payment, terms)
        except HeadwaterError as exc:
            reason = str(exc.details.get("reason", "invalid_payload"))
            return _failed(terms, reason, exc.message)
        verdict = await self.verify(payload, signed_for)
        if not verdict.is_valid:
            return _failed(terms, verdict.invalid_reason, verdict.invalid_message)
        if terms.scheme == UPTO and parse_atomic(terms.amount) == 0:
            return self._settled(terms, verdict.payer, "", None)
        try:
            call = self._transfers.call(payment, terms)
            return await self._send(call, terms, verdict.payer, None, key)
        except HeadwaterError as exc:
            return _failed(terms, "unexpected_settle_error", exc.message)

    async def _act(
        self, payload: PaymentPayload, requirements: PaymentRequirements
    ) -> SettlementResponse:
        kind = str(payload.payload.get("type"))
        try:
            self._require_network(requirements)
            if kind == "refund":
                return await self._refund(payload, requirements)
            call = await self._actions.call(payload.payload)
            receipt = await self._sender.send(call)
        except TransactionPendingError as exc:
            return _still_pending(requirements, str(exc.details["transaction"]))
        except ContractRevertError as exc:
            return _failed(requirements, f"{_PREFIX}{kind}_simulation_failed", exc.message)
        except HeadwaterError as exc:
            reason = str(exc.details.get("reason", f"{_PREFIX}{kind}_transaction_failed"))
            return _failed(requirements, reason, exc.message)
        return self._settled(requirements, None, receipt.transaction_hash, None)

    async def _refund(
        self, payload: PaymentPayload, terms: PaymentRequirements
    ) -> SettlementResponse:
        """Return escrow; the answer says how much, which may be less than was asked for."""
        call = await self._actions.call(payload.payload)
        config = parse_config(payload.payload["channelConfig"])
        identifier = channel_id(config, self._deployment.chain_id)
        receipt = await self._sender.send(call)
        extra = await self._state_if_told(identifier)
        outcome = self._settled(terms, config.payer, receipt.transaction_hash, extra)
        returned = self._settlement.refunded(receipt, identifier)
        return outcome.model_copy(update={"amount": str(returned)})

    async def _state_if_told(self, identifier: bytes) -> JsonObject | None:
        """A channel after a transaction of ours, which stands where this can't be read."""
        with suppress(HeadwaterError):
            return {"channelState": _chain_state(identifier, await self.channel(identifier))}
        return None

    async def _verify_batch(
        self, batch: BatchPayload, terms: PaymentRequirements, *, refund: bool = False
    ) -> VerifyResponse:
        chain_id = chain_id_of(terms.network)
        voucher, config = batch.voucher, batch.config
        if channel_id(config, chain_id) != voucher.channel_id:
            raise _invalid("channel_id_mismatch", "The channel id is not that of its terms.")
        if config.receiver.lower() != terms.pay_to.lower():
            raise _invalid("receiver_mismatch", "The channel pays another receiver.")
        if config.token.lower() != terms.asset.lower():
            raise _invalid("token_mismatch", "The channel holds another token.")
        typed = voucher_to_sign(voucher.channel_id, voucher.max_claimable, chain_id)
        if recover(typed, voucher.signature) != config.payer_authorizer:
            raise _invalid("voucher_signature", "The voucher is signed by another account.")
        state = await self.channel(voucher.channel_id)
        added = 0 if batch.deposit is None else batch.deposit.amount
        if voucher.max_claimable > state.balance + added:
            raise _invalid("cumulative_exceeds_balance", "The voucher exceeds the escrow.")
        if voucher.max_claimable < state.claimed + (not refund):
            raise _invalid("cumulative_below_claimed", "The voucher is below what is claimed.")
        if batch.deposit is not None:
            await self._check_deposit(batch)
        return VerifyResponse(
            is_valid=True, payer=config.payer, extra=_chain_state(voucher.channel_id, state)
        )

    async def _check_deposit(self, batch: BatchPayload) -> None:
        deposit = batch.deposit
        assert deposit is not None
        if isinstance(deposit, Permit2Deposit):
            await self._permit2.check_deposit(batch, deposit, self._now())
            return
        if self._now() >= deposit.valid_before:
            raise _invalid(
                "payload_authorization_valid_before", "The deposit's authorization has expired."
            )
        token = SettlementTokenClient(self._sender.reader, batch.config.token)
        if await token.balance(batch.config.payer) < deposit.amount:
            raise _invalid("insufficient_balance", "The payer does not hold the deposit.")

    def _deposit_call(self, batch: BatchPayload) -> Call:
        deposit = batch.deposit
        assert deposit is not None
        if isinstance(deposit, Permit2Deposit):
            collector, data = self._deployment.permit2_deposit_collector, deposit.collector_data()
        else:
            collector = self._deployment.deposit_collector
            data = deposit_collector_data(
                deposit.valid_after, deposit.valid_before, deposit.salt, deposit.signature
            )
        return self._settlement.deposit(batch.config, deposit.amount, collector, data)

    async def _send(
        self,
        call: Call,
        terms: PaymentRequirements,
        payer: str | None,
        batch: BatchPayload | None,
        key: str,
    ) -> SettlementResponse:
        try:
            receipt = await self._sent.send(key, call)
        except TransactionPendingError as exc:
            return _still_pending(terms, str(exc.details["transaction"]))
        except ContractRevertError as exc:
            reason = (
                _PREFIX + "deposit_simulation_failed"
                if batch
                else f"invalid_{terms.scheme}_evm_transaction_simulation_failed"
            )
            return _failed(terms, reason, exc.message)
        extra = None if batch is None else await self._state_if_told(batch.voucher.channel_id)
        return self._settled(terms, payer, receipt.transaction_hash, extra)

    async def _look_again(
        self, key: str, sent: tuple[SignedTransaction, ...], terms: PaymentRequirements
    ) -> SettlementResponse | None:
        """A payment whose transaction was sent before: what became of it, never a second one.

        None where another transaction took its place, so that it will never be mined.
        """
        try:
            receipt = await self._sent.outcome(key, sent)
        except TransactionReplacedError:
            await self._sent.forget(key)
            return None
        if receipt is None:
            return _still_pending(terms, sent[-1].transaction_hash)
        await self._sent.forget(key)
        if receipt.succeeded:
            return self._settled(terms, None, receipt.transaction_hash, None)
        return _failed(terms, "invalid_transaction_state", "The transaction was mined and failed.")

    async def transfer_prospect(
        self, payload: PaymentPayload, terms: PaymentRequirements
    ) -> Prospect:
        """Whether a signed transfer can still be made, as the chain and the outbox tell.

        Without an outbox, what an earlier process sent is not known: it may be under way.
        """
        if await self._finder.is_closed(outline(parse_transfer(payload.payload), terms)):
            return Prospect.CLOSED
        return Prospect.UNSENT if await self._sent.none_under_way(_key(payload)) else Prospect.OPEN

    async def transfer_made(
        self, payload: PaymentPayload, terms: PaymentRequirements, since: int
    ) -> str | None:
        """The transaction that made a signed transfer, whoever sent it; None where there is none.

        Args:
            payload: the payment.
            terms: what it was accepted under.
            since: Unix seconds before which it was not made.
        """
        transfer = outline(parse_transfer(payload.payload), terms)
        return await self._finder.find(transfer, terms, since)

    def _settled(
        self,
        terms: PaymentRequirements,
        payer: str | None,
        transaction: str,
        extra: JsonObject | None,
    ) -> SettlementResponse:
        return SettlementResponse(
            success=True,
            payer=payer,
            transaction=transaction,
            network=terms.network,
            amount=terms.amount,
            extra=extra,
        )

    def _require_network(self, terms: PaymentRequirements) -> None:
        if chain_id_of(terms.network) != self._deployment.chain_id:
            raise InvalidInputError(
                f"This facilitator serves chain {self._deployment.chain_id}, not {terms.network}.",
                reason="network_mismatch",
            )


def _key(payload: PaymentPayload) -> str:
    """What a payment's transaction is remembered under."""
    return hashlib.sha256(payload.to_header().encode()).hexdigest()


def _chain_state(identifier: bytes, state: ChainChannel) -> JsonObject:
    return {
        "channelId": to_hex(identifier),
        "balance": str(state.balance),
        "totalClaimed": str(state.claimed),
        "withdrawRequestedAt": state.withdraw_requested_at,
        "refundNonce": str(state.refund_nonce),
    }


def _invalid(reason: str, sentence: str) -> InvalidInputError:
    return InvalidInputError(sentence, reason=_PREFIX + reason)


def _still_pending(terms: PaymentRequirements, transaction: str) -> SettlementResponse:
    return SettlementResponse(
        success=False,
        error_reason="settlement_pending",
        error_message="The transaction was sent and is not mined yet.",
        transaction=transaction,
        network=terms.network,
    )


def _failed(
    terms: PaymentRequirements, reason: str | None, message: str | None
) -> SettlementResponse:
    return SettlementResponse(
        success=False, error_reason=reason, error_message=message, network=terms.network
    )
