"""What one request is charged: its settlement, the charge in the books, and the answer kept."""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

import anyio

from headwater_marketplace.facilitator import Facilitator
from headwater_marketplace.seller.admission import Admission
from headwater_marketplace.seller.channel_json import channel_state
from headwater_marketplace.seller.kept_answers import (
    MAX_KEPT_HEADERS,
    MAX_KEPT_RESPONSE,
    Message,
    content_type,
    kept_headers,
    receipt_text,
)
from headwater_marketplace.seller.records import Answer
from headwater_marketplace.seller.store import SellerStore
from headwater_marketplace.seller.transfers import TransferUnderWay
from headwater_marketplace.seller.windows import StreamCover
from headwater_payments.errors import HeadwaterError
from headwater_payments.metering import MeteringReceipt
from headwater_payments.offer_receipt import OFFER_RECEIPT, Issuer, issue_receipt
from headwater_payments.permit2_payload import UPTO
from headwater_payments.signing import Signer, signs_now
from headwater_payments.x402 import (
    JsonObject,
    PaymentRequirements,
    SettlementResponse,
    chain_id_of,
)

PENDING: Final = "settlement_pending"

UNDECIDED: Final = (
    "unexpected_settle_error",
    "unexpected_verify_error",
    "invalid_exact_evm_nonce_already_used",
    "permit2_invalid_nonce",
)
"""Refusals that do not say whether this transfer moved the money."""


class SettlementFailedError(HeadwaterError):
    """The transfer did not settle after the handler had run; nothing is delivered or charged."""

    code = "settlement_failed"
    http_status = 402


class Bill:
    """The money of one admitted request, and what is told and kept of it.

    Args:
        admission: what was reserved.
        body: of the request.
        cover: what vouchers cover, where a stream is paid for in windows.
        store: the seller's books.
        signer: signs receipts.
        facilitator: settles single transfers.
        now: Unix time in seconds.
        issuer: signs x402's receipts, where they are given.
        url: where the request went, for those.

    Attributes:
        start: the head of the answer, once the handler has given it.
        response_hash: takes in what is sent.
        streaming: whether the head has left.
        finished: whether the payment is charged or released, or left to the housekeeper.
        transaction: what placed a deposit or settled a transfer.
    """

    def __init__(
        self,
        admission: Admission,
        body: bytes,
        *,
        cover: StreamCover | None = None,
        store: SellerStore,
        signer: Signer,
        facilitator: Facilitator,
        now: Callable[[], int],
        issuer: Issuer | None = None,
        url: str = "",
    ) -> None:
        self._admission, self._store, self._cover = admission, store, cover
        self._signer, self._facilitator, self._now = signer, facilitator, now
        self._issuer, self._url = issuer, url
        self._proof: JsonObject | None = None
        self._request_hash = hashlib.sha256(body).digest()
        self.response_hash = hashlib.sha256()
        self.start: Message = {}
        self.streaming = self.finished = False
        self._in_doubt = False
        self.transaction = admission.transaction

    async def settle_transfer(self, body: bytes | None) -> None:
        """Settle a single transfer; what it pays for is kept first, so that a crash loses neither.

        Raises:
            SettlementFailedError: it did not settle, or is not confirmed yet.
        """
        if self._admission.channel is not None:
            return
        payment_id = self._admission.payment_id
        await self._store.begin_transfer(*self._transfer(body))
        self._in_doubt = True
        outcome = await self._facilitator.settle(self._admission.payload, self._terms_due)
        if outcome.error_reason == PENDING:
            outcome = await self._facilitator.settle(self._admission.payload, self._terms_due)
        if may_have_moved(outcome):
            # Nothing is released, and its nonce stays taken: the housekeeper finds out.
            self.finished = True
            if outcome.transaction:
                await self._store.transfer_sent(payment_id, outcome.transaction)
            raise SettlementFailedError(
                "The transfer may have been sent and is not confirmed yet; do not pay again.",
                reason=PENDING,
                transaction=outcome.transaction,
            )
        self._in_doubt = False
        if not outcome.success:
            raise SettlementFailedError(
                outcome.error_message or "The transfer did not settle.",
                reason=outcome.error_reason,
            )
        self.transaction = outcome.transaction

    async def settle_used(self) -> None:
        """Settle what a stream used, at its end, where its payment is for that and not the price.

        Raises:
            SettlementFailedError: it did not settle, or is not confirmed yet.
        """
        if self.pays_what_was_used and not self.transaction:
            with anyio.CancelScope(shield=True):
                await self.settle_transfer(None)

    async def unsettled(self, error: SettlementFailedError) -> bool:
        """End a request whose transfer did not settle; whether it may still be mined."""
        pending = error.details.get("reason") == PENDING
        if not pending:
            await self.release()
        return pending

    async def charge(self, *, kept: bytes | None) -> tuple[SettlementResponse, str | None]:
        """Charge what is due, once; what was served is kept with it where it can be given again.

        Args:
            kept: the body, where it was sent in one piece.

        Returns:
            The settlement to send, and the signed receipt; None where signing failed.
        """
        with anyio.CancelScope(shield=True):
            await self._prove()
            outcome = await self._commit(kept)
        return outcome

    async def cut_short(self, *, failed: bool) -> None:
        """End a request that did not come to its end; money that has moved stays charged."""
        if self._in_doubt:
            # Nobody said whether the transfer was made; the housekeeper finds out.
            self.finished = True
            return
        on_channel = self._admission.channel is not None
        moved = bool(self.transaction) and not on_channel
        # A handler that does not meter sells at its price: what was begun is due.
        delivered = (on_channel or self.pays_what_was_used) and self.streaming
        if delivered and not failed:
            try:
                await self.settle_used()
            except SettlementFailedError as exc:
                await self.unsettled(exc)
                return
        if moved or (delivered and not failed):
            await self._commit(None)
        else:
            await self.release()

    async def release(self) -> None:
        """End the payment without a charge."""
        await self._store.release(self._admission.payment_id, free_nonce=not self.transaction)
        self.finished = True

    def settlement(self, extra: JsonObject) -> SettlementResponse:
        """What the buyer is told of its payment, with `extra` of its scheme."""
        on_channel = self._admission.channel is not None
        return SettlementResponse(
            success=True,
            payer=self._admission.meter.payer,
            transaction=self.transaction,
            network=self._admission.terms.network,
            amount="" if on_channel else self._terms_due.amount,
            extensions=None if self._proof is None else {OFFER_RECEIPT: self._proof},
            extra=extra,
        )

    @property
    def pays_what_was_used(self) -> bool:
        """Whether this is paid by one transfer of what was used, once that is known."""
        return self._admission.terms.scheme == UPTO

    @property
    def most(self) -> int:
        """What may be charged as things stand: all of the price, or what vouchers cover of it."""
        return self._admission.meter.cap if self._cover is None else self._cover.covered

    def _transfer(self, body: bytes | None) -> tuple[TransferUnderWay, Answer]:
        admission, charge, evidence = self._admission, self._due, self._evidence()
        unsigned = None
        if body is not None:
            receipt = self._receipt(charge, charge, evidence)
            unsigned = receipt_text(receipt, bytes(65))
        transfer = TransferUnderWay(
            admission.payment_id, admission.payload, self._terms_due, unsigned, None
        )
        settlement = self.settlement(self._charged_extra(charge, charge))
        return transfer, self._answer(settlement, evidence, body, None)

    @property
    def _due(self) -> int:
        """What is charged now: what was metered, or the whole of a transfer that moves whole."""
        meter, cover = self._admission.meter, self._cover
        if cover is not None:
            return cover.delivered if self.streaming else min(meter.due, cover.covered)
        metered = self._admission.channel is not None or self.pays_what_was_used
        return meter.due if metered else meter.cap

    @property
    def _terms_due(self) -> PaymentRequirements:
        """What a transfer is settled under: its price, or what was used of it."""
        terms = self._admission.terms
        if not self.pays_what_was_used:
            return terms
        return terms.model_copy(update={"amount": str(self._due)})

    async def _prove(self) -> None:
        """Sign that the payer was served; where signing fails, it is served without."""
        if self._issuer is None:
            return
        with suppress(HeadwaterError):
            self._proof = await issue_receipt(
                self._issuer,
                self._url,
                self._admission.meter.payer,
                self._admission.terms.network,
                self._now(),
            )

    async def _commit(self, kept: bytes | None) -> tuple[SettlementResponse, str | None]:
        admission, charge, evidence = self._admission, self._due, self._evidence()
        sealed: Answer | None = None
        settlement: SettlementResponse | None = None

        def seal(cumulative: int) -> Answer:
            nonlocal sealed, settlement
            settlement = self.settlement(self._charged_extra(charge, cumulative))
            if signs_now(self._signer):
                typed = self._receipt(charge, cumulative, evidence)
                signature = self._signer.sign_now(typed.to_sign(self._chain_id))
                sealed = self._answer(settlement, evidence, kept, (typed, signature))
                return sealed
            # Its receipt is signed once the charge is certain; until then the answer is kept.
            return self._answer(settlement, evidence, kept, None)

        cumulative = await self._store.charge(
            admission.payment_id, charge, admission.terms.asset, seal
        )
        self.finished = True
        if settlement is None:
            settlement = self.settlement(self._charged_extra(charge, cumulative))
        if sealed is not None:
            return settlement, sealed.receipt
        signed = None
        # From here the buyer has paid: it gets its answer even where signing or keeping fails.
        with suppress(HeadwaterError):
            receipt = self._receipt(charge, cumulative, evidence)
            signature = await self._signer.sign_typed_data(receipt.to_sign(self._chain_id))
            signed = (receipt, signature)
        answer = self._answer(settlement, evidence, kept, signed)
        with suppress(HeadwaterError):
            await self._store.keep(admission.payment_id, answer)
        return settlement, answer.receipt

    def _answer(
        self,
        settlement: SettlementResponse,
        evidence: str | None,
        body: bytes | None,
        signed: tuple[MeteringReceipt, bytes] | None,
    ) -> Answer:
        """What to keep of this request, so that a buyer that asks again gets the same."""
        headers = kept_headers(self.start)
        fits = len(headers or "") <= MAX_KEPT_HEADERS
        small = body if body is not None and fits and len(body) <= MAX_KEPT_RESPONSE else None
        return Answer(
            settlement=json.dumps(settlement.to_json()),
            receipt=None if signed is None else receipt_text(*signed),
            evidence=evidence,
            response_status=self.start.get("status"),
            response_type=content_type(self.start),
            response_headers=headers if fits else None,
            response=small,
        )

    def _charged_extra(self, charge: int, cumulative: int) -> JsonObject:
        extra: JsonObject = {"chargedAmount": str(charge)}
        if self._admission.channel is not None:
            extra["channelState"] = channel_state(self._admission.channel, cumulative)
        if self._cover is not None and self._cover.stopped:
            extra["stopped"] = True
        return extra

    def _receipt(self, charge: int, cumulative: int, evidence: str | None) -> MeteringReceipt:
        admission = self._admission
        receipt = MeteringReceipt(
            payment_id=hashlib.sha256(admission.payment_id.encode()).digest(),
            channel_id=admission.channel.identifier if admission.channel else bytes(32),
            payee=admission.offer.pay_to,
            request_hash=self._request_hash,
            response_hash=self.response_hash.digest(),
            cap=self.most,
            charge=charge,
            cumulative=cumulative,
            asset_version=admission.offer.asset_version,
            attribution=hashlib.sha256(evidence.encode()).digest() if evidence else bytes(32),
            issued_at=self._now(),
        )
        commit = admission.meter.attribution
        return receipt if commit is None else replace(receipt, attribution=commit(receipt))

    @property
    def _chain_id(self) -> int:
        return chain_id_of(self._admission.terms.network)

    def _evidence(self) -> str | None:
        gather = self._admission.meter.evidence
        if gather is None:
            return None
        return json.dumps(gather(), separators=(",", ":"), sort_keys=True)


def may_have_moved(outcome: SettlementResponse) -> bool:
    """Whether a settlement leaves open what became of the money; so does one without a reason."""
    undecided = (None, "", PENDING, *UNDECIDED)
    return not outcome.success and outcome.error_reason in undecided
