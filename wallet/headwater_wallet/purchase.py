"""The buying side of one HTTP request, without the HTTP: what to send, what an answer means.

A transport drives a `Purchase`: it asks for the headers to send, shows what came back, and is told
to send again or to hand the answer on. Every state is in the spend ledger before anything leaves,
so a crash or a cancellation anywhere leaves a payment that is released, settled, or waiting to be
reconciled, never one that is forgotten.

Source: x402 v2 over HTTP; schemes `batch-settlement`, `exact` and `upto` on EVM.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import anyio

from headwater_payments.address import parse_address
from headwater_payments.amount import Amount
from headwater_payments.batch_payload import SCHEME as BATCH
from headwater_payments.channels import ChannelBusyError
from headwater_payments.errors import InvalidInputError
from headwater_payments.extensions import LOOKUP_PATH, PAYMENT_IDENTIFIER, PAYMENT_RECEIPT
from headwater_payments.unit_price import stated_token_price
from headwater_payments.windows import WindowTerms
from headwater_payments.x402 import (
    PAYMENT_RESPONSE,
    JsonObject,
    PaymentRequired,
    SettlementResponse,
)
from headwater_payments.x402_v1 import X_PAYMENT_RESPONSE
from headwater_wallet.addresses import refuse_private
from headwater_wallet.channel_hold import ChannelHold
from headwater_wallet.clocks import seller_ahead
from headwater_wallet.errors import (
    ApprovalPendingError,
    PaymentRefusedError,
    PaymentUnderWayError,
    PaymentUnknownError,
    PolicyRefusedError,
    PrivateAddressError,
)
from headwater_wallet.payment_record import PaymentRecord
from headwater_wallet.policy import PaymentRequest, SpendHistory
from headwater_wallet.spend_records import ChannelTerms, Intent, NewPayment
from headwater_wallet.stream_windows import check_need
from headwater_wallet.terms import Terms, choose_terms, origin_of, route_of
from headwater_wallet.told import terms_told

if TYPE_CHECKING:
    from headwater_wallet.buyer import Buyer

_CONFLICT = 409
_DESYNC = ("cumulative_amount_mismatch", "cumulative_below_claimed", "voucher_replayed")


class Purchase:
    """One request and its payment. Used once, by one task at a time."""

    def __init__(
        self,
        buyer: "Buyer",
        method: str,
        url: str,
        payment_id: str,
        *,
        wants_stream: Callable[[], bool] = lambda: False,
        asking_headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.asking_headers = dict(asking_headers)
        """What a request without a payment says, so that the seller asks for one that is made."""
        self._buyer, self._payment_id, self._wants_stream = buyer, payment_id, wants_stream
        self._origin, self._url = origin_of(url), route_of(url)
        self._route = (method, self._url)
        self._windows: WindowTerms | None = None
        self._hold = ChannelHold(buyer)
        self._record = PaymentRecord(buyer, payment_id, self._origin, self._hold)
        self._request: PaymentRequest | None = None
        self._voucher: tuple[int, str] | None = None
        self.may_have_arrived = False
        """Whether an earlier request with this payment may have reached the seller."""
        self.awaits_answer = True
        """Whether this request has neither been answered, with all payments made, nor failed."""
        self._pays = self._asked = self._corrected = False

    @property
    def payment_id(self) -> str:
        """The id under which the ledger and the seller know this payment."""
        return self._payment_id

    @property
    def intent(self) -> Intent | None:
        """The payment as last recorded, once there is one."""
        return self._record.intent

    @property
    def repeatable(self) -> bool:
        """Whether the seller knows this payment by its id, so that sending it again is safe."""
        terms = self._record.terms
        return terms is not None and terms.advertises(PAYMENT_IDENTIFIER)

    @property
    def under_way(self) -> bool:
        """Whether this request is paying: from before its reservation until its outcome."""
        return self._pays and (
            self._record.intent is None or self._record.intent.state in ("reserved", "sent")
        )

    @property
    def awaits_receipt(self) -> bool:
        """Whether the charge is still to come, at the end of a stream."""
        return self._record.intent is not None and self._record.intent.state in (
            "reserved",
            "sent",
            "unknown",
        )

    @property
    def in_windows(self) -> bool:
        """Whether the price is covered a window at a time, while the answer streams."""
        return self.intent is not None and self._windows is not None

    @property
    def beside_url(self) -> str:
        """Where the seller tells of this payment, and takes further vouchers for it."""
        path = LOOKUP_PATH if self._windows is None else self._windows.path
        return f"{self._origin}{path}{self._payment_id}"

    async def first_headers(self) -> dict[str, str]:
        """What to add to the first request: a payment where the route's terms are known.

        Raises:
            PaymentUnderWayError: another request makes this very payment; it is not disturbed.
            PolicyRefusedError: the policy or the budget says no; nothing was signed.
        """
        terms = self._buyer.known_terms.get(self._route)
        return {} if terms is None else await self._pay_under(terms)

    async def answered(
        self,
        status: int,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        peer: str | None = None,
    ) -> dict[str, str] | None:
        """What to do about an answer's head: headers to send again with, or None to hand it on.

        Args:
            status: the HTTP status.
            headers: looked up in any letter case.
            body: of a 402, in which version 1 of x402 has its terms.
            peer: the address that it came from, where that is known.

        Raises:
            PaymentUnderWayError: another request makes this very payment; it is not disturbed.
            PolicyRefusedError: the policy or the budget refuses the terms asked for.
            PaymentRefusedError: the seller refused the payment; nothing was charged.
            SellerMisbehavedError: the answer breaks the terms; the channel is blocked.
            PaymentUnknownError: a payment under known terms has left for a private network.
        """
        if self._record.intent is not None:
            self._refuse_moved(peer)
        if status == 402:
            return await self._asked_to_pay(headers, body, peer)
        if self._record.intent is None:
            return None
        header = headers.get(PAYMENT_RESPONSE) or headers.get(X_PAYMENT_RESPONSE)
        by_mpp = self._record.terms is not None and not self._record.terms.lasting
        # MPP's receipt and the metering receipt are headers of one name.
        told = headers.get(PAYMENT_RECEIPT)
        if header is None and not (by_mpp and told):
            await self._not_told(status)
            return None
        settlement = await self._record.read(header, told)
        extra = settlement.extra or {}
        if not settlement.success:
            await self._record.refused(settlement.error_reason, settlement.error_message)
        if "reserved" in extra or (status >= 400 and extra.get("chargedAmount") == "0"):
            await self._record.note_deposit(extra)
            if status >= 400:
                await self._record.release()
            return None
        await self._record.settled(settlement, None if by_mpp else told)
        return None

    async def settled(self, settlement: SettlementResponse, receipt: str | None) -> None:
        """Record the charge that the seller reports, after checking it against the terms.

        Raises:
            SellerMisbehavedError: it exceeds the cap or contradicts itself; the channel is blocked.
        """
        await self._record.settled(settlement, receipt)

    async def failed(self) -> None:
        """The seller failed to serve a payment: count it, once for each request."""
        await self._record.failed()

    async def extend(self, wanted: object) -> str:
        """Reserve and sign the next window of a stream, as its seller asks for it.

        Asked once more for what is reserved already, it gives the same voucher again.

        Args:
            wanted: the seller's request, as JSON.

        Returns:
            The value of `PAYMENT-SIGNATURE` to send; then `extended` or `extension_over` follows.

        Raises:
            PolicyRefusedError: the policy or the budget says no; nothing more was signed.
            SellerMisbehavedError: it asks for more than was agreed; the same, and the channel is
                blocked.
        """
        terms, intent, buyer = self._record.terms, self._record.intent, self._buyer
        if terms is None or intent is None or self._request is None:
            raise InvalidInputError("There is no payment to extend.")
        window = 0 if self._windows is None else self._windows.window
        price = self._request.amount.atomic
        try:
            need = check_need(wanted, intent, window, price)
        except InvalidInputError as exc:
            await self._record.lost()
            await self._record.misbehaved(exc)
        if self._voucher is not None and need.required <= self._voucher[0]:
            return self._voucher[1]
        limit = buyer.policy.deposit_limit
        channel = self._hold.named(terms, limit)
        if channel is None:
            raise InvalidInputError("Only a payment on a channel can be extended.")
        request, now = self._request, buyer.now()

        def permit(history: SpendHistory, newly_signed: int) -> None:
            buyer.policy.check(request, history, newly_signed=newly_signed, now=now)

        await self._hold.close(channel)
        try:
            if need.required > intent.amount:
                self._record.intent = intent = await buyer.ledger.extend(
                    self._payment_id,
                    need.required,
                    price,
                    limit,
                    permit,
                    now,
                    deposit_ahead_s=buyer.policy.deposit_ahead_s,
                )
            header = await buyer.headers.sign(terms, channel, intent)
        except BaseException:
            self._hold.open()
            raise
        self._voucher = (need.required, header)
        if not intent.deposit:
            self._hold.open()
        return header

    async def extended(self, reply: JsonObject) -> None:
        """The seller has a voucher and its deposit, and states the channel as it is now.

        Raises:
            SellerMisbehavedError: it states nonsense; the channel is blocked.
        """
        await self._record.note_deposit(reply)

    def extension_over(self) -> None:
        """A voucher was sent, with or without success: others may use the channel again."""
        self._hold.open()

    async def ended(self) -> None:
        """The exchange is over, however it went; a charge that never came is left to reconcile."""
        with anyio.CancelScope(shield=True):
            try:
                if self.awaits_receipt:
                    await self._record.lost()
            finally:
                self.awaits_answer = self._pays = False
                self._hold.open()

    async def abandon(self) -> None:
        """This request never reached the seller: give back what no earlier one may have used."""
        with anyio.CancelScope(shield=True):
            try:
                if self._record.intent is not None and self.may_have_arrived:
                    await self._record.lost()
                elif self._record.intent is not None:
                    self._record.intent = await self._buyer.ledger.release(
                        self._record.intent.payment_id, never_sent=True
                    )
            finally:
                self.awaits_answer = self._pays = False
                self._hold.open()

    async def _asked_to_pay(
        self, headers: Mapping[str, str], content: bytes, peer: str | None
    ) -> dict[str, str] | None:
        buyer = self._buyer
        self._record.seller_ahead_s = ahead = seller_ahead(headers, buyer.now())
        seller_time = buyer.now() + (ahead or 0)
        body = terms_told(headers, content, buyer.policy.budget.asset, seller_time)
        if body is None:
            # Terms that are none of x402's: hand them on, unpaid.
            await self._record.release()
            return None
        corrected = self._record.intent is not None and await self._resolve_refusal(body)
        allowed = not (self._corrected if corrected else self._asked)
        self._corrected |= corrected
        self._asked |= not corrected
        if not allowed:
            await self._record.failed()
            raise PaymentRefusedError(
                f"{self._origin} asks for another payment after one was made: {body.error}.",
                reason=body.error or "",
            )
        refuse_private(self._origin, peer, buyer.policy.private_hosts)
        terms = replace(choose_terms(body, buyer.policy.budget.asset), seller_ahead_s=ahead or 0)
        if terms.lasting:
            self._buyer.remember(self._route, terms)
        return await self._pay_under(terms, body)

    def _refuse_moved(self, peer: str | None) -> None:
        """Refuse what a name answers that points into a private network since it was asked."""
        try:
            refuse_private(self._origin, peer, self._buyer.policy.private_hosts)
        except PrivateAddressError as moved:
            # Asked again, it is refused before anything is signed.
            self._buyer.known_terms.pop(self._route, None)
            raise PaymentUnknownError(
                f"{self._origin} has moved to {moved.details['address']}, which is in no public "
                f"network: its answer is not handed on. The payment {self._payment_id} had left; "
                "reconcile it before paying again.",
                payment_id=self._payment_id,
            ) from moved

    async def _resolve_refusal(self, body: PaymentRequired) -> bool:
        """End the refused payment, and raise where signing again cannot help.

        Returns:
            Whether it was refused for the channel's accounts, which are now the seller's.
        """
        error = body.error or ""
        await self._record.release()
        offered = next((terms for terms in body.accepts if terms.scheme == BATCH), None)
        if self._record.terms is not None and self._record.terms.chosen.scheme != BATCH:
            # A signed transfer stays good until it expires: a second one would be a second payment.
            self._buyer.known_terms.pop(self._route, None)
            await self._record.refused(error, None)
        # A ledger that was lost signs a voucher that has served, and hears so.
        desync = error.endswith(_DESYNC)
        if offered is not None and self._hold.identifier is not None:
            await self._record.take_standing(offered, self._hold.identifier, desync=desync)
        if not desync and self._record.terms is not None:
            chosen = self._record.terms.chosen
            if any(chosen.matches(terms) for terms in body.accepts):
                self._buyer.known_terms.pop(self._route, None)
                await self._record.refused(error, None)
        self._record.intent = None
        return desync

    def _begin(self) -> None:
        """Be the one who makes this payment, of all requests of this wallet."""
        other = self._buyer.paying.get(self._payment_id)
        if other is not None and other is not self and other.under_way:
            raise PaymentUnderWayError(
                f"The payment {self._payment_id} is being made by another request with the same "
                "key; await its answer.",
                payment_id=self._payment_id,
            )
        self._buyer.paying[self._payment_id] = self
        self._pays = True

    async def _pay_under(self, terms: Terms, told: PaymentRequired | None = None) -> dict[str, str]:
        try:
            return await self._pay(terms, told)
        except PolicyRefusedError as refusal:
            if refusal.code == PolicyRefusedError.code:
                # The seller may come to ask for less: it is asked again next time.
                self._buyer.known_terms.pop(self._route, None)
            raise

    async def _pay(self, terms: Terms, told: PaymentRequired | None = None) -> dict[str, str]:
        self._begin()
        self._record.terms = terms
        buyer = self._buyer
        amount = terms.price(buyer.policy.budget.asset)
        payee = parse_address(terms.chosen.pay_to)
        self._request = request = await buyer.asked_for(
            amount, payee, self._origin, self._url, stated_token_price(terms.extensions)
        )
        self._windows = terms.windows if terms.windows and self._wants_stream() else None
        if self._windows is not None:
            amount = Amount(min(amount.atomic, self._windows.window), amount.asset)
        channel = await self._hold.enter(terms)
        try:
            payment = NewPayment(
                self._payment_id,
                terms.chosen.scheme,
                self._url,
                payee,
                amount,
                buyer.now(),
                request.amount.atomic,
            )
            self.may_have_arrived = True

            def seal(intent: Intent) -> str | None:
                self.may_have_arrived = False
                return buyer.headers.seal(terms, channel, intent)

            intent = await self._reserve(request, payment, channel, seal)
            self._record.intent, self._record.joined = intent, self.may_have_arrived
            channel = self._hold.channel_of(intent, terms, channel)
            if told is not None:
                self._record.keep_offer(told, terms, self._url)
            header = intent.header or await self._sign(terms, channel, intent)
        except ChannelBusyError:
            # Another process uses this lane, or a payment without an outcome holds it.
            if not self._hold.try_another_lane():
                raise
            return await self._pay(terms, told)
        except BaseException:
            await self._record.undo()
            raise
        if channel is not None and channel.concurrent and not intent.deposit:
            self._hold.open()
        return terms.payment_headers(header)

    async def _reserve(
        self,
        request: PaymentRequest,
        payment: NewPayment,
        channel: ChannelTerms | None,
        seal: Callable[[Intent], str | None],
    ) -> Intent:
        """Reserve what the policy allows; where a person must be asked, ask and try once more."""
        buyer = self._buyer

        def permit(history: SpendHistory, newly_signed: int) -> None:
            buyer.policy.check(request, history, newly_signed=newly_signed, now=buyer.now())

        lane = self._hold.lane
        try:
            return await buyer.ledger.reserve(payment, channel, seal, permit)
        except ApprovalPendingError as pending:
            self._hold.open()
            await buyer.approval(request, str(pending.details["reason"]))
        if channel is not None:
            await self._hold.enter_again(channel, lane)
        payment = replace(payment, created_at=buyer.now())
        return await buyer.ledger.reserve(payment, channel, seal, permit)

    async def _sign(self, terms: Terms, channel: ChannelTerms | None, intent: Intent) -> str:
        header = await self._buyer.headers.sign(terms, channel, intent)
        await self._buyer.ledger.mark_sent(intent.payment_id, header)
        self._record.intent = replace(intent, state="sent", header=header)
        return header

    async def _not_told(self, status: int) -> None:
        """An answer without a settlement: decide what became of the payment.

        An error of ours (4xx) costs nothing. One of theirs (5xx) may come from something in front
        of the seller, after the charge, so the payment stays open; a conflict says that the payment
        is known to the seller. On a sequential channel giving up the reservation is safe: the next
        voucher is the same one again, or the seller corrects it. Nothing is learned of a payment
        that had left before: only this request of it is over.
        """
        if status >= 500:
            await self._record.failed()
        sequential = self._hold.identifier is not None and not (
            self._record.terms and self._record.terms.concurrent
        )
        lost = status < 400 or status == _CONFLICT or (status >= 500 and not sequential)
        if lost or self._record.joined:
            await self._record.lost()
            self._hold.open()
        else:
            await self._record.release()


def unknown_outcome(purchase: Purchase, cause: str) -> PaymentUnknownError:
    """The error for a payment that left and was not answered."""
    return PaymentUnknownError(
        f"The payment {purchase.payment_id} was sent and no answer came ({cause}); "
        "reconcile it before paying again.",
        payment_id=purchase.payment_id,
    )
