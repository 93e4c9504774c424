"""Deciding whether a request is paid for: everything up to the reservation.

Vouchers are verified here without asking the chain: the signer is recovered, and the channel's
mirrored state is trusted for a third of its withdrawal delay.

Source: x402 `batch-settlement`, `exact` and `upto` on EVM; error codes as in the published package.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeVar

import anyio

from headwater_marketplace.facilitator import ChannelReader, Facilitator
from headwater_marketplace.seller.channel_json import channel_state
from headwater_marketplace.seller.offered_terms import OfferedTerms
from headwater_marketplace.seller.offers import Meter, Offer
from headwater_marketplace.seller.payment_checks import (
    PREFIX,
    PaymentRejectedError,
    checked_batch,
    first_amount,
    identifier_of,
    refuse_withdrawing,
    takes_part,
)
from headwater_marketplace.seller.records import (
    UNREAD,
    ChannelRecord,
    ChannelUnreadError,
    NewRequest,
    Payment,
    PaymentConflictError,
)
from headwater_marketplace.seller.repeats import PaidRequest
from headwater_marketplace.seller.store import SellerStore
from headwater_payments.address import Address
from headwater_payments.batch_payload import SCHEME as BATCH
from headwater_payments.batch_payload import BatchPayload, SignedVoucher
from headwater_payments.channels import (
    ChannelBusyError,
    ChannelFundsError,
    VoucherMismatchError,
    VoucherReplayedError,
)
from headwater_payments.errors import HeadwaterError
from headwater_payments.exact import SignedTransferError
from headwater_payments.hexadecimal import to_hex
from headwater_payments.transfers import check_transfer, outline, parse_transfer, uses_permit2
from headwater_payments.x402 import PaymentPayload, PaymentRequirements

T = TypeVar("T")
_REASONS: Final[tuple[tuple[type[HeadwaterError], str], ...]] = (
    (VoucherMismatchError, PREFIX + "cumulative_amount_mismatch"),
    (ChannelBusyError, PREFIX + "channel_busy"),
    (ChannelFundsError, PREFIX + "cumulative_exceeds_balance"),
    (VoucherReplayedError, "voucher_replayed"),
)
_USED: Final = {False: "invalid_exact_evm_nonce_already_used", True: "permit2_invalid_nonce"}
"""What is said of a signature that served before: by Permit2, and otherwise."""
_REFUSALS: Final = tuple(kind for kind, _ in _REASONS)


@dataclass(frozen=True, slots=True)
class Admission:
    """A request whose payment is reserved."""

    payment_id: str
    offer: Offer
    terms: PaymentRequirements
    payload: PaymentPayload
    meter: Meter
    channel: ChannelRecord | None
    transaction: str
    covered: int | None = None
    """Atomic units that the first voucher covers, where a stream is paid for in windows."""
    synced: bool = True
    """Whether the reservation is on the disk: of an answer in one piece, its charge puts it there,
    before a byte leaves."""


@dataclass(slots=True)
class Gate:
    """Admits requests on behalf of one seller.

    Args:
        store: the seller's books.
        authorizer: the account that signs the seller's claims and receipts.
        facilitator: puts deposits and transfers on chain.
        chain: reads channels.
        now: Unix time in seconds.
    """

    store: SellerStore
    authorizer: Address
    facilitator: Facilitator
    chain: ChannelReader
    now: Callable[[], int]
    terms: OfferedTerms = field(init=False)

    def __post_init__(self) -> None:
        self.terms = OfferedTerms(self.authorizer, self.facilitator, self.now)

    async def admit(
        self, offer: Offer, asked: PaidRequest, *, wants_stream: bool = False
    ) -> Admission:
        """Verify a payment and reserve what the request may cost: of a stream, the first window.

        Raises:
            InvalidInputError: the header is malformed.
            PaymentRejectedError: the payment does not pay for this request.
            PaymentConflictError: its id belongs to another payment, or one under way.
        """
        payload = PaymentPayload.from_header(asked.header)
        terms = await self._matching(offer, payload)
        payment_id = identifier_of(payload)
        amount = first_amount(offer, payload, wants_stream=wants_stream)
        request = self._request(offer, asked, payment_id, amount)
        if terms.scheme == BATCH:
            return await self._admit_voucher(offer, payload, terms, request, synced=wants_stream)
        return await self._admit_transfer(offer, payload, terms, request)

    async def _matching(self, offer: Offer, payload: PaymentPayload) -> PaymentRequirements:
        for terms in await self.terms.of(offer):
            if payload.accepted.matches(terms):
                return terms
        raise PaymentRejectedError(
            "The payment accepts terms that are not offered here.", "invalid_payment_requirements"
        )

    async def _admit_voucher(
        self,
        offer: Offer,
        payload: PaymentPayload,
        terms: PaymentRequirements,
        request: NewRequest,
        *,
        synced: bool,
    ) -> Admission:
        batch = checked_batch(payload, terms)
        transaction = ""
        if batch.deposit is None:
            known = await self._refresh(batch)
        else:
            await self._refuse_known(request.payment_id)
            await self._refuse_worthless(batch, request.amount)
            transaction, known = await self._place_deposit(payload, terms, batch)
        refuse_withdrawing(known)
        request = replace(request, payer=batch.config.payer)
        concurrent = takes_part(payload)
        try:
            record = await self._once_read(
                batch, partial(self.store.reserve, request, concurrent=concurrent, synced=synced)
            )
        except _REFUSALS as e:
            raise await self._rejected(e, batch) from e
        price = offer.price.atomic
        meter = Meter(request.payment_id, batch.config.payer, price)
        covered = request.amount if request.amount < price else None
        return Admission(
            request.payment_id, offer, terms, payload, meter, record, transaction, covered, synced
        )

    async def extend(
        self, offer: Offer, payment: Payment, header: str
    ) -> tuple[int, ChannelRecord]:
        """Verify a further voucher of a stream under way, and cover one more window by it.

        Returns:
            Atomic units that the stream is covered for now, and its channel.

        Raises:
            InvalidInputError: the header is malformed.
            PaymentRejectedError: the voucher does not cover the window.
            PaymentConflictError: the payment wants no further voucher; the details tell of the
                channel, in which a deposit may have been placed.
        """
        payload = PaymentPayload.from_header(header)
        terms = await self._matching(offer, payload)
        batch = checked_batch(payload, terms)
        if to_hex(batch.voucher.channel_id) != payment.channel_id or offer.window is None:
            raise PaymentConflictError("This voucher is for another payment.")
        if payment.state != "reserved":
            batch = replace(batch, deposit=None)
        window = offer.window.atomic
        known = await self._refresh(batch)
        if batch.deposit is not None and known.state.balance < batch.voucher.max_claimable:
            await self._refuse_worthless(batch, window)
            _, known = await self._place_deposit(payload, terms, batch)
        refuse_withdrawing(known)
        more = partial(
            self.store.extend, payment.payment_id, window=window, price=offer.price.atomic
        )
        try:
            covered, record = await self._once_read(batch, more)
        except _REFUSALS as e:
            raise await self._rejected(e, batch) from e
        except PaymentConflictError as e:
            # The stream may have ended while the deposit was mined: the payer must hear of it.
            state = channel_state(known, known.state.charged)
            raise PaymentConflictError(e.message, channelState=state) from e
        return covered, record

    async def _rejected(self, error: HeadwaterError, batch: BatchPayload) -> PaymentRejectedError:
        reason = next(code for kind, code in _REASONS if isinstance(error, kind))
        latest = await self.store.channel(batch.voucher.channel_id)
        return PaymentRejectedError(error.message, reason, channel=latest)

    async def _admit_transfer(
        self,
        offer: Offer,
        payload: PaymentPayload,
        terms: PaymentRequirements,
        request: NewRequest,
    ) -> Admission:
        payment_id = request.payment_id
        payment = parse_transfer(payload.payload)
        try:
            check_transfer(payment, terms, now=self.now())
        except SignedTransferError as exc:
            raise PaymentRejectedError(exc.message, str(exc.details["reason"])) from exc
        signed = outline(payment, terms)
        request = replace(request, payer=signed.payer)
        try:
            await self.store.reserve_exact(
                request, signed.nonce_book, signed.payer, signed.nonce, terms.scheme
            )
        except VoucherReplayedError as exc:
            raise PaymentRejectedError(exc.message, _USED[uses_permit2(terms)]) from exc
        try:
            verdict = await self.facilitator.verify(payload, terms)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.store.release(payment_id)
            raise
        if not verdict.is_valid:
            await self.store.release(payment_id)
            raise PaymentRejectedError(
                verdict.invalid_message or "The transfer would not settle.",
                verdict.invalid_reason or "unexpected_verify_error",
            )
        meter = Meter(payment_id, signed.payer, request.amount)
        return Admission(payment_id, offer, terms, payload, meter, None, "")

    async def _refuse_known(self, payment_id: str) -> None:
        """A payment sent again must not reach the chain again: its deposit has been used.

        Raises:
            PaymentConflictError: the id belongs to a payment under way or done.
        """
        known = await self.store.payment(payment_id)
        if known is not None and known.state != "released":
            raise PaymentConflictError(
                f"The payment id {payment_id} is in use; a new request needs a new id.",
                payment_id=payment_id,
            )

    async def _refuse_worthless(self, batch: BatchPayload, amount: int) -> None:
        """The seller pays the gas of a deposit, so it must be one that `amount` can be paid by.

        Raises:
            PaymentRejectedError: the voucher does not cover the price, or the deposit not the
                voucher.
        """
        known = await self.store.as_synced(batch.voucher.channel_id)
        charged, held = (known.state.charged, known.state.balance) if known else (0, 0)
        deposit = 0 if batch.deposit is None else batch.deposit.amount
        if batch.voucher.max_claimable < charged + amount and known is None:
            raise PaymentRejectedError(
                f"The voucher covers {batch.voucher.max_claimable}, less than the price.",
                PREFIX + "cumulative_amount_mismatch",
            )
        missing = batch.voucher.max_claimable - held
        if deposit < (missing if missing > 0 else amount):
            raise PaymentRejectedError(
                f"A deposit of {deposit} does not pay for this request.",
                PREFIX + "deposit_below_min_deposit",
            )

    async def _place_deposit(
        self, payload: PaymentPayload, terms: PaymentRequirements, batch: BatchPayload
    ) -> tuple[str, ChannelRecord]:
        settlement = await self.facilitator.settle(payload, terms)
        if settlement.success:
            return settlement.transaction, await self._sync(batch)
        rejected = PaymentRejectedError(
            settlement.error_message or "The deposit did not go through.",
            settlement.error_reason or PREFIX + "deposit_transaction_failed",
        )
        try:
            # The escrow decides, not the answer: an attempt that was cut off may have placed it.
            record = await self._sync(batch)
        except PaymentRejectedError:
            raise rejected from None
        if record.state.balance < batch.voucher.max_claimable:
            raise rejected
        return "", record

    async def _refresh(self, batch: BatchPayload) -> ChannelRecord:
        known = await self.store.as_synced(batch.voucher.channel_id)
        trust = min(300, max(30, batch.config.withdraw_delay // 3))
        if known is None or known.synced_at == UNREAD or self.now() - known.synced_at > trust:
            return await self._sync(batch)
        return known

    async def _once_read(
        self, batch: BatchPayload, admit: Callable[[SignedVoucher], Awaitable[T]]
    ) -> T:
        """Admit a voucher, reading its channel from the chain first where the books ask for that.

        Raises:
            ChannelUnreadError: the chain's answer is older than what the books know of.
        """
        try:
            return await admit(batch.voucher)
        except ChannelUnreadError:
            refuse_withdrawing(await self._sync(batch))
            return await admit(batch.voucher)

    async def _sync(self, batch: BatchPayload) -> ChannelRecord:
        identifier = batch.voucher.channel_id
        chain = await self.chain.channel(identifier)
        if not chain.balance:
            raise PaymentRejectedError(
                "The chain holds no escrow for this channel.", PREFIX + "channel_not_found"
            )
        return await self.store.sync_channel(identifier, batch.config, chain, self.now())

    def _request(
        self, offer: Offer, asked: PaidRequest, payment_id: str, amount: int
    ) -> NewRequest:
        return NewRequest(
            payment_id=payment_id,
            fingerprint=asked.fingerprint,
            payer="",
            payee=offer.pay_to,
            route=asked.path,
            asset=offer.price.asset.address,
            amount=amount,
            created_at=self.now(),
            method=asked.method,
        )
