"""Finding out what became of single transfers whose outcome was never heard.

A transfer is written down before a facilitator sees it, together with the answer that it pays for.
If the process dies, or the transaction is not mined in time, it is asked about here: the chain
first, then the facilitator, which is given the very same payload. The nonce under the signature, of
EIP-3009 or Permit2, makes sure that money moves once; the books make sure that it is charged once.

What was broadcast may be mined as long as the authorization is valid, whoever has forgotten it: a
transfer is given up only once nothing can make it any more.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import Protocol

from headwater_marketplace.facilitator import Facilitator
from headwater_marketplace.seller.bill import PENDING, UNDECIDED
from headwater_marketplace.seller.kept_answers import receipt_text
from headwater_marketplace.seller.records import Answer, Payment
from headwater_marketplace.seller.store import SellerStore
from headwater_marketplace.seller.transfers import TransferUnderWay
from headwater_payments.amount import parse_atomic
from headwater_payments.metering import parse_receipt
from headwater_payments.permit2_payload import UPTO
from headwater_payments.signing import Signer
from headwater_payments.x402 import (
    PaymentPayload,
    PaymentRequirements,
    SettlementResponse,
    chain_id_of,
)


class Prospect(StrEnum):
    """Whether a signed transfer can still be made: `OPEN` where that is possible, or not known.

    `CLOSED`: the chain accepts its authorization no more, which was used or cancelled or is past
    its time. `UNSENT`: it would, but nothing that was sent for it is still to be mined.
    """

    OPEN = "open"
    UNSENT = "unsent"
    CLOSED = "closed"


class TransferLookup(Protocol):
    """Finds transfers on chain."""

    async def transfer_prospect(
        self, payload: PaymentPayload, terms: PaymentRequirements
    ) -> Prospect:
        """Whether a signed transfer can still be made.

        Asked before `transfer_made`, so that what is not found then was never made.

        Raises:
            UnavailableError: the chain does not answer.
        """
        ...

    async def transfer_made(
        self, payload: PaymentPayload, terms: PaymentRequirements, since: int
    ) -> str | None:
        """The transaction that made a signed transfer, after `since` in Unix seconds.

        Raises:
            UnavailableError: the chain does not answer.
        """
        ...


class TransferResumer:
    """Ends single transfers that were left without an outcome.

    Args:
        store: the seller's books.
        facilitator: the one that transfers are given to.
        signer: signs receipts.
        lookup: finds transfers on chain; without it, one that the facilitator neither makes nor
            has made stays unresolved, since it may be on its way.
    """

    def __init__(
        self,
        store: SellerStore,
        facilitator: Facilitator,
        signer: Signer,
        lookup: TransferLookup | None = None,
    ) -> None:
        self._store, self._facilitator, self._signer = store, facilitator, signer
        self._lookup = lookup
        settles: object = facilitator
        self._looks_itself = lookup is settles

    async def resume(self, is_ours: Callable[[Payment], bool]) -> list[str]:
        """Ask about every transfer under way whose payment is `is_ours`; gives what is still open.

        Raises:
            UnavailableError: chain or database do not answer; what has an outcome keeps it.
        """
        left = []
        for transfer in await self._store.transfers():
            payment = await self._store.payment(transfer.payment_id)
            if payment is None or not is_ours(payment):
                continue
            if not await self._end(transfer, payment):
                left.append(transfer.payment_id)
        return left

    async def _end(self, transfer: TransferUnderWay, payment: Payment) -> bool:
        """Whether the transfer has an outcome now."""
        payload, terms = transfer.payload, transfer.terms
        # Where there is nothing to deliver for it, it is not made now, but may be on its way. A
        # stream that is paid by its use was delivered before it was written down.
        streamed = transfer.terms.scheme == UPTO and transfer.receipt is None
        delivered = streamed or payment.response is not None
        nothing_to_give = not delivered and transfer.transaction is None
        hopeless = (Prospect.CLOSED, Prospect.UNSENT) if nothing_to_give else (Prospect.CLOSED,)
        if await self._look(transfer, payment, hopeless):
            return True
        if nothing_to_give:
            return False
        outcome = await self._facilitator.settle(payload, terms)
        if outcome.success:
            await self._charge(transfer, payment, outcome.transaction)
            return True
        if outcome.error_reason == PENDING:
            await self._store.transfer_sent(payment.payment_id, outcome.transaction)
            return False
        undecided = outcome.error_reason in UNDECIDED
        hopeless = (Prospect.CLOSED,) if undecided else (Prospect.CLOSED, Prospect.UNSENT)
        return await self._look(transfer, payment, hopeless)

    async def _look(
        self, transfer: TransferUnderWay, payment: Payment, hopeless: tuple[Prospect, ...]
    ) -> bool:
        """Charge a transfer that was made, release one whose prospect is `hopeless`; else False."""
        if self._lookup is None:
            return False
        payload, terms = transfer.payload, transfer.terms
        prospect = await self._lookup.transfer_prospect(payload, terms)
        if prospect is Prospect.UNSENT and not self._looks_itself:
            prospect = Prospect.OPEN  # it knows what it sent itself, and not what another did
        made = await self._lookup.transfer_made(payload, terms, payment.created_at)
        if made is not None:
            await self._charge(transfer, payment, made)
            return True
        if prospect not in hopeless:
            return False
        await self._store.release(payment.payment_id, free_nonce=False)
        return True

    async def _charge(self, transfer: TransferUnderWay, payment: Payment, transaction: str) -> None:
        answer = await self._answer(transfer, payment, transaction)
        asset, charge = transfer.terms.asset, parse_atomic(transfer.terms.amount)
        await self._store.charge(payment.payment_id, charge, asset, lambda _: answer)

    async def _answer(
        self, transfer: TransferUnderWay, payment: Payment, transaction: str
    ) -> Answer:
        settlement = SettlementResponse(
            success=True,
            payer=payment.payer,
            transaction=transaction,
            network=transfer.terms.network,
            amount=transfer.terms.amount,
            extra={"chargedAmount": transfer.terms.amount},
        )
        answer = Answer(
            settlement=json.dumps(settlement.to_json()),
            evidence=payment.evidence,
            response_status=payment.response_status,
            response_type=payment.response_type,
            response_headers=payment.response_headers,
            response=payment.response,
        )
        if transfer.receipt is None:
            return answer
        receipt, _ = parse_receipt(json.loads(transfer.receipt))
        typed = receipt.to_sign(chain_id_of(transfer.terms.network))
        signature = await self._signer.sign_typed_data(typed)
        return replace(answer, receipt=receipt_text(receipt, signature))
