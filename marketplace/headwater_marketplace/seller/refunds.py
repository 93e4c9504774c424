"""Giving escrow back to a payer that asks for it, before any withdrawal and without its delay.

While the chain is at work, what is to be returned is reserved in the books like a request's price,
so that nothing is sold on it. A process that dies, or hears nothing of the chain, leaves it
reserved until the chain shows the refund nonce risen (`refund_holds`); the payer may ask again.
What was charged is claimed by the same transaction: a refund never takes from the seller.

Source: x402 `batch-settlement` on EVM, payload type `refund`; error codes as in the package.
"""

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import anyio
from sqlalchemy import Connection

from headwater_marketplace.facilitator import ChannelReader, Facilitator
from headwater_marketplace.seller.bill import PENDING, may_have_moved
from headwater_marketplace.seller.channel_json import channel_state
from headwater_marketplace.seller.payment_checks import PREFIX, PaymentRejectedError, check_channel
from headwater_marketplace.seller.records import REFUND, UNREAD, ChannelRecord, NewRequest
from headwater_marketplace.seller.refund_holds import end_refund, holds_of
from headwater_marketplace.seller.rows import (
    channel_of,
    insert_payment,
    write_channel,
    write_payment,
)
from headwater_marketplace.seller.store import SellerStore
from headwater_payments.batch_payload import BatchPayload, config_to_json, parse_refund_payload
from headwater_payments.channels import channel_domain
from headwater_payments.eip712 import TypedData
from headwater_payments.errors import HeadwaterError
from headwater_payments.hexadecimal import to_hex
from headwater_payments.signing import Signer
from headwater_payments.structs import ClaimBatch, ClaimEntry, Refund
from headwater_payments.x402 import (
    JsonObject,
    PaymentPayload,
    PaymentRequirements,
    SettlementResponse,
    chain_id_of,
)

_NO_BALANCE = PREFIX + "refund_no_balance"


@dataclass(frozen=True, slots=True)
class RefundDesk:
    """Refunds of one seller.

    Args:
        store: the seller's books.
        signer: the account that authorizes claims and refunds.
        facilitator: puts them on chain.
        chain: reads channels.
        now: Unix time in seconds.
    """

    store: SellerStore
    signer: Signer
    facilitator: Facilitator
    chain: ChannelReader
    now: Callable[[], int]

    async def refund(
        self, payload: PaymentPayload, terms: PaymentRequirements, route: str
    ) -> SettlementResponse:
        """Return what a payer asks for of its escrow, or all that is not charged.

        Cancelled, it goes on to its end: money is on its way.

        Raises:
            InvalidInputError: it is malformed.
            PaymentRejectedError: it is not the payer's, its voucher is not for just what is
                charged, a request is under way on the channel, nothing is left, or the chain
                refuses: nothing was returned. Or it is not known yet: `settlement_pending`.
        """
        batch, wanted = parse_refund_payload(payload.payload)
        check_channel(batch, terms)
        with anyio.CancelScope(shield=True):
            outcome = await self._refund(batch, wanted, terms, route)
        return outcome

    async def _refund(
        self, batch: BatchPayload, wanted: int | None, terms: PaymentRequirements, route: str
    ) -> SettlementResponse:
        identifier = batch.voucher.channel_id
        chain = await self.chain.channel(identifier)
        record = await self.store.sync_channel(identifier, batch.config, chain, self.now())
        if batch.voucher.max_claimable != record.state.charged:
            raise PaymentRejectedError(
                f"A refund's voucher is for the {record.state.charged} that is charged.",
                PREFIX + "cumulative_amount_mismatch",
                channel=record,
            )
        held = await self._hold(batch, wanted, terms, route)
        try:
            enriched = await self._enriched(batch, held, terms)
            outcome = await self._returned(PaymentPayload(accepted=terms, payload=enriched), terms)
            await self._end(held, outcome)
        finally:
            self.store.live.pop(held.payment_id, None)
        if not outcome.success:
            raise PaymentRejectedError(
                outcome.error_message or "The refund did not go through.",
                outcome.error_reason or PREFIX + "refund_transaction_failed",
                channel=await self.store.channel(identifier),
            )
        if held.record.state.charged > held.record.state.claimed:
            # What was claimed on the way is the receiver's; the next claim would send it too.
            sweep = {"type": "settle", "receiver": terms.pay_to, "token": terms.asset}
            with suppress(HeadwaterError):
                await self.facilitator.settle(PaymentPayload(accepted=terms, payload=sweep), terms)
        extra: JsonObject = {}
        # It is returned, whether the chain can be read just now or not; if not, the next request
        # that is to be paid from the channel has it read.
        with suppress(HeadwaterError):
            chain = await self.chain.channel(identifier)
            after = await self.store.sync_channel(identifier, batch.config, chain, self.now())
            extra = {"channelState": channel_state(after, after.state.charged)}
        amount = outcome.amount or str(held.amount)
        return outcome.model_copy(update={"amount": amount, "extra": extra})

    async def _end(self, held: "_Held", outcome: SettlementResponse) -> None:
        """Free what was held where the outcome is sure; what is in doubt stays held."""
        record = held.record
        if outcome.success:
            await self.store.database.write(
                lambda connection: end_refund(
                    connection, held.payment_id, record.identifier, record.refund_nonce
                )
            )
        elif not (held.asked_again or may_have_moved(outcome)):
            await self.store.release(held.payment_id)

    async def _returned(
        self, payment: PaymentPayload, terms: PaymentRequirements
    ) -> SettlementResponse:
        """What the facilitator says; where it says nothing, the refund may be under way."""
        try:
            return await self.facilitator.settle(payment, terms)
        except HeadwaterError as exc:
            return SettlementResponse(
                success=False,
                error_reason=PENDING,
                error_message=f"It is not known whether the escrow was returned: {exc.message}",
                network=terms.network,
            )

    async def _hold(
        self, batch: BatchPayload, wanted: int | None, terms: PaymentRequirements, route: str
    ) -> "_Held":
        payment_id, owner = "rfd_" + secrets.token_hex(16), self.store.instance

        def work(connection: Connection) -> _Held:
            identifier = batch.voucher.channel_id
            record = channel_of(connection, identifier)
            assert record is not None
            state, earlier = record.state, holds_of(connection, identifier)
            if len(earlier) == 1 and earlier[0].amount == state.reserved:
                [held] = earlier
                if held.payment_id not in self.store.live:
                    # It is signed once more with its nonce: of the two, one can be made.
                    write_payment(connection, held.payment_id, {"owner": owner})
                    most = held.amount if wanted is None else min(wanted, held.amount)
                    return _Held(held.payment_id, most, record, asked_again=True)
            if state.reserved:
                raise PaymentRejectedError(
                    "A request is under way on this channel.",
                    PREFIX + "channel_busy",
                    channel=record,
                )
            if state.charged != batch.voucher.max_claimable:
                raise PaymentRejectedError(
                    "The channel was charged meanwhile.",
                    PREFIX + "cumulative_amount_mismatch",
                    channel=record,
                )
            left = state.balance - state.charged
            amount = left if wanted is None else min(wanted, left)
            if amount <= 0:
                raise PaymentRejectedError("There is no escrow to return.", _NO_BALANCE)
            # Until the chain has been read again, nobody takes the balance for current.
            write_channel(connection, identifier, {"reserved": left, "synced_at": UNREAD})
            request = NewRequest(
                payment_id=payment_id,
                fingerprint="",
                payer=batch.config.payer,
                payee=terms.pay_to,
                route=route,
                asset=terms.asset,
                amount=left,
                created_at=self.now(),
            )
            insert_payment(
                connection,
                request,
                owner=owner,
                scheme=REFUND,
                channel_id=to_hex(identifier),
                max_claimable=0,
            )
            return _Held(payment_id, amount, record)

        self.store.live[payment_id] = self
        try:
            taken = await self.store.database.write(work)
        except BaseException:
            del self.store.live[payment_id]
            raise
        if taken.payment_id != payment_id:
            del self.store.live[payment_id]
            self.store.live[taken.payment_id] = self
        return taken

    async def _enriched(
        self, batch: BatchPayload, held: "_Held", terms: PaymentRequirements
    ) -> JsonObject:
        """The payload with what only the seller can add: its signatures, and the last claim."""
        record, chain_id = held.record, chain_id_of(terms.network)
        domain, identifier = channel_domain(chain_id), batch.voucher.channel_id
        refund = Refund(identifier, record.refund_nonce, held.amount)
        signature = await self.signer.sign_typed_data(TypedData(domain, refund))
        body: JsonObject = {
            "type": "refund",
            "channelConfig": config_to_json(batch.config),
            "voucher": batch.voucher.to_json(),
            "amount": str(held.amount),
            "refundNonce": str(record.refund_nonce),
            "refundAuthorizerSignature": to_hex(signature),
            "claims": [],
        }
        charged = record.state.charged
        if charged > record.state.claimed:
            claim = ClaimBatch((ClaimEntry(identifier, charged, charged),))
            claimed = await self.signer.sign_typed_data(TypedData(domain, claim))
            body["claimAuthorizerSignature"] = to_hex(claimed)
            body["claims"] = [
                {
                    "voucher": {
                        "channel": config_to_json(batch.config),
                        "maxClaimableAmount": str(charged),
                    },
                    "signature": to_hex(batch.voucher.signature),
                    "totalClaimed": str(charged),
                }
            ]
        return body


@dataclass(frozen=True, slots=True)
class _Held:
    payment_id: str
    amount: int
    record: ChannelRecord
    asked_again: bool = False
    """Whether an earlier refund with the same nonce may still be made."""
