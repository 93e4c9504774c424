"""The buying side of one HTTP request, without the HTTP: what to send, what an answer means.

A transport drives a `Purchase`: it asks for the headers to send, shows what came back, and is told
to send again or to hand the answer on. Every state is in the spend ledger before anything leaves,
so a crash or a cancellation anywhere leaves a payment that is released, settled, or waiting to be
reconciled, never one that is forgotten.

Source: x402 v2 over HTTP; schemes `batch-settlement`, `exact` and `upto` on EVM.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import anyio

from headwater_payments.address import parse_address
from headwater_payments.amount import Amount
from headwater_payments.batch_payload import SCHEME as BATCH
from headwater_payments.channels import ChannelBusyError, ChargeAboveCapError
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.extensions import LOOKUP_PATH, PAYMENT_IDENTIFIER, PAYMENT_RECEIPT
from headwater_payments.hexadecimal import to_hex
from headwater_payments.mpp import WWW_AUTHENTICATE, parse_receipt_header
from headwater_payments.windows import WindowTerms
from headwater_payments.x402 import (
    PAYMENT_REQUIRED,
    PAYMENT_RESPONSE,
    JsonObject,
    PaymentRequired,
    PaymentRequirements,
    SettlementResponse,
)
from headwater_payments.x402_v1 import X_PAYMENT_RESPONSE, read_terms_v1
from headwater_wallet.errors import (
    ApprovalPendingError,
    PaymentRefusedError,
    PaymentUnderWayError,
    PaymentUnknownError,
    SellerMisbehavedError,
)
from headwater_wallet.lanes import LanePool, lanes_for
from headwater_wallet.policy import PaymentRequest, SpendHistory
from headwater_wallet.seller_claims import (
    ChargeClaim,
    charge_claim,
    check_receipt,
    proven_by_chain,
    standing_of,
    stated_balance,
)
from headwater_wallet.spend_records import ChannelTerms, Intent, NewPayment
from headwater_wallet.stream_windows import check_need
from headwater_wallet.terms import (
    Terms,
    choose_terms,
    needs_mpp,
    origin_of,
    read_mpp_terms,
    route_of,
    without_challenge,
)

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
    ) -> None:
        self._buyer, self._payment_id, self._wants_stream = buyer, payment_id, wants_stream
        self._origin, self._url = origin_of(url), route_of(url)
        self._route = (method, self._url)
        self._terms: Terms | None = None
        self._windows: WindowTerms | None = None
        self._intent: Intent | None = None
        self._channel: bytes | None = None
        self._gate: anyio.Semaphore | None = None
        self._lane: tuple[LanePool, int] | None = None
        self._busy: set[int] = set()
        self._width = 1
        """How many lanes a request of this price may use."""
        self._request: PaymentRequest | None = None
        self._voucher: tuple[int, str] | None = None
        self.may_have_arrived = False
        """Whether an earlier request with this payment may have reached the seller."""
        self._joined = False
        """Whether the payment had left before this request, for one that may still be running."""
        self._pays = self._asked = self._corrected = self._counted = False

    @property
    def payment_id(self) -> str:
        """The id under which the ledger and the seller know this payment."""
        return self._payment_id

    @property
    def intent(self) -> Intent | None:
        """The payment as last recorded, once there is one."""
        return self._intent

    @property
    def repeatable(self) -> bool:
        """Whether the seller knows this payment by its id, so that sending it again is safe."""
        return self._terms is not None and self._terms.advertises(PAYMENT_IDENTIFIER)

    @property
    def under_way(self) -> bool:
        """Whether this request is paying: from before its reservation until its outcome."""
        return self._pays and (self._intent is None or self._intent.state in ("reserved", "sent"))

    @property
    def awaits_receipt(self) -> bool:
        """Whether the charge is still to come, at the end of a stream."""
        return self._intent is not None and self._intent.state in ("reserved", "sent", "unknown")

    @property
    def in_windows(self) -> bool:
        """Whether the price is covered a window at a time, while the answer streams."""
        return self._intent is not None and self._windows is not None

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
        return {} if terms is None else await self._pay(terms)

    async def answered(
        self, status: int, headers: Mapping[str, str], body: bytes = b""
    ) -> dict[str, str] | None:
        """What to do about an answer's head: headers to send again with, or None to hand it on.

        Args:
            status: the HTTP status.
            headers: looked up in any letter case.
            body: of a 402, in which version 1 of x402 has its terms.

        Raises:
            PaymentUnderWayError: another request makes this very payment; it is not disturbed.
            PolicyRefusedError: the policy or the budget refuses the terms asked for.
            PaymentRefusedError: the seller refused the payment; nothing was charged.
            SellerMisbehavedError: the answer breaks the terms; the channel is blocked.
        """
        if status == 402:
            return await self._asked_to_pay(headers, body)
        if self._intent is None:
            return None
        header = headers.get(PAYMENT_RESPONSE) or headers.get(X_PAYMENT_RESPONSE)
        by_mpp = self._terms is not None and not self._terms.lasting
        # MPP's receipt and the metering receipt are headers of one name.
        told = headers.get(PAYMENT_RECEIPT)
        if header is None and not (by_mpp and told):
            await self._not_told(status)
            return None
        settlement = await self._read(header, told)
        extra = settlement.extra or {}
        if not settlement.success:
            await self._refused(settlement.error_reason, settlement.error_message)
        if "reserved" in extra or (status >= 400 and extra.get("chargedAmount") == "0"):
            await self._note_deposit(extra)
            if status >= 400:
                await self._release()
            return None
        await self.settled(settlement, None if by_mpp else told)
        return None

    async def settled(self, settlement: SettlementResponse, receipt: str | None) -> None:
        """Record the charge that the seller reports, after checking it against the terms.

        Raises:
            SellerMisbehavedError: it exceeds the cap or contradicts itself; the channel is blocked.
        """
        if self._intent is None or self._terms is None:
            return
        extra = settlement.extra or {}
        try:
            claim = charge_claim(extra, self._terms, self._intent)
            await self._note_deposit(extra)
            check_receipt(receipt, self._terms, self._intent, claim.charge)
            self._intent = await self._record(self._intent, self._terms, claim, receipt)
            if self._buyer.policy.breaker is not None:
                self._buyer.ledger.circuits.succeeded_soon(self._origin)
        except (ChargeAboveCapError, InvalidInputError) as exc:
            await self._lost()
            await self._misbehaved(exc)
        finally:
            self._open_gate()

    async def _record(
        self, intent: Intent, terms: Terms, claim: ChargeClaim, receipt: str | None
    ) -> Intent:
        covered = claim.total is None or claim.total <= intent.max_claimable
        if terms.concurrent and covered:
            return self._buyer.ledger.settle_soon(intent, claim.charge, receipt)
        return await self._buyer.ledger.settle(
            intent.payment_id,
            claim.charge,
            None if terms.concurrent else claim.total,
            receipt,
            total_at_most_signed=claim.total,
        )

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
        terms, intent, buyer = self._terms, self._intent, self._buyer
        if terms is None or intent is None or self._request is None:
            raise InvalidInputError("There is no payment to extend.")
        window = 0 if self._windows is None else self._windows.window
        price = self._request.amount.atomic
        try:
            need = check_need(wanted, intent, window, price)
        except InvalidInputError as exc:
            await self._lost()
            await self._misbehaved(exc)
        if self._voucher is not None and need.required <= self._voucher[0]:
            return self._voucher[1]
        limit = buyer.policy.deposit_limit
        channel = terms.channel(buyer.signer.address, limit, authorizer=buyer.authorizer)
        if channel is None:
            raise InvalidInputError("Only a payment on a channel can be extended.")
        request, now = self._request, buyer.now()

        def permit(history: SpendHistory, newly_signed: int) -> None:
            buyer.policy.check(request, history, newly_signed=newly_signed, now=now)

        self._gate = self._gate or await self._closed_gate(channel)
        try:
            if need.required > intent.amount:
                self._intent = intent = await buyer.ledger.extend(
                    self._payment_id, need.required, price, limit, permit, now
                )
            header = await buyer.headers.sign(terms, channel, intent)
        except BaseException:
            self._open_gate()
            raise
        self._voucher = (need.required, header)
        if not intent.deposit:
            self._open_gate()
        return header

    async def extended(self, reply: JsonObject) -> None:
        """The seller has a voucher and its deposit, and states the channel as it is now.

        Raises:
            SellerMisbehavedError: it states nonsense; the channel is blocked.
        """
        await self._note_deposit(reply)

    def extension_over(self) -> None:
        """A voucher was sent, with or without success: others may use the channel again."""
        self._open_gate()

    async def ended(self) -> None:
        """The exchange is over, however it went; a charge that never came is left to reconcile."""
        with anyio.CancelScope(shield=True):
            try:
                if self.awaits_receipt:
                    await self._lost()
            finally:
                self._pays = False
                self._open_gate()

    async def abandon(self) -> None:
        """This request never reached the seller: give back what no earlier one may have used."""
        with anyio.CancelScope(shield=True):
            try:
                if self._intent is not None and self.may_have_arrived:
                    await self._lost()
                elif self._intent is not None:
                    self._intent = await self._buyer.ledger.release(
                        self._intent.payment_id, never_sent=True
                    )
            finally:
                self._pays = False
                self._open_gate()

    async def failed(self) -> None:
        """The seller failed to serve a payment: count it, once for each request."""
        breaker = self._buyer.policy.breaker
        if breaker is None or self._terms is None or self._counted:
            return
        self._counted = True
        with anyio.CancelScope(shield=True):
            await self._buyer.ledger.circuits.failed(self._origin, self._buyer.now())

    async def _asked_to_pay(
        self, headers: Mapping[str, str], content: bytes
    ) -> dict[str, str] | None:
        body = self._asked_for(headers, content)
        if body is None:
            # Terms that are none of x402's: hand them on, unpaid.
            await self._release()
            return None
        corrected = self._intent is not None and await self._resolve_refusal(body)
        allowed = not (self._corrected if corrected else self._asked)
        self._corrected |= corrected
        self._asked |= not corrected
        if not allowed:
            await self.failed()
            raise PaymentRefusedError(
                f"{self._origin} asks for another payment after one was made: {body.error}.",
                reason=body.error or "",
            )
        terms = choose_terms(body, self._buyer.policy.budget.asset)
        if terms.lasting:
            self._buyer.remember(self._route, terms)
        return await self._pay(terms)

    def _asked_for(self, headers: Mapping[str, str], content: bytes) -> PaymentRequired | None:
        """The terms of a 402, by whichever wire the seller speaks; None where it speaks none."""
        required, challenges = headers.get(PAYMENT_REQUIRED), headers.get(WWW_AUTHENTICATE)
        asset, now = self._buyer.policy.budget.asset, self._buyer.now()
        by_x402 = None if required is None else PaymentRequired.from_header(required)
        if by_x402 is not None and not needs_mpp(by_x402):
            return without_challenge(by_x402)
        by_mpp = None if challenges is None else read_mpp_terms(challenges, asset, now)
        return by_mpp or by_x402 or read_terms_v1(content)

    async def _resolve_refusal(self, body: PaymentRequired) -> bool:
        """End the refused payment, and raise where signing again cannot help.

        Returns:
            Whether it was refused for the channel's accounts, which are now the seller's.
        """
        error = body.error or ""
        await self._release()
        offered = next((terms for terms in body.accepts if terms.scheme == BATCH), None)
        if self._terms is not None and self._terms.chosen.scheme != BATCH:
            # A signed transfer stays good until it expires: a second one would be a second payment.
            self._buyer.known_terms.pop(self._route, None)
            await self._refused(error, None)
        # A ledger that was lost signs a voucher that has served, and hears so.
        desync = error.endswith(_DESYNC)
        if offered is not None and self._channel is not None:
            await self._take_standing(offered, self._channel, desync=desync)
        if not desync and self._terms is not None:
            chosen = self._terms.chosen
            if any(chosen.matches(terms) for terms in body.accepts):
                self._buyer.known_terms.pop(self._route, None)
                await self._refused(error, None)
        self._intent = None
        return desync

    async def _take_standing(
        self, offered: PaymentRequirements, channel: bytes, *, desync: bool
    ) -> None:
        """Believe of a corrective answer what our own signature covers, or the chain shows."""
        try:
            standing = standing_of(offered, channel, self._buyer.authorizer)
            if desync and self._buyer.escrow is not None:
                standing = proven_by_chain(standing, await self._buyer.escrow(channel))
            if standing is None:
                return
            await self._buyer.ledger.deposited(channel, standing.balance)
            if desync:
                await self._buyer.ledger.adopt(channel, standing.charged, standing.signed)
        except (InvalidInputError, SellerMisbehavedError) as exc:
            await self._misbehaved(exc)

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

    async def _pay(self, terms: Terms) -> dict[str, str]:
        self._begin()
        self._terms = terms
        buyer = self._buyer
        amount = terms.price(buyer.policy.budget.asset)
        payee = parse_address(terms.chosen.pay_to)
        self._request = request = PaymentRequest(amount, payee, self._origin, self._url)
        self._windows = terms.windows if terms.windows and self._wants_stream() else None
        if self._windows is not None:
            amount = Amount(min(amount.atomic, self._windows.window), amount.asset)
        channel = await self._enter(terms)
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

            self._intent = await self._reserve(request, payment, channel, seal)
            self._joined = self.may_have_arrived
            channel = self._channel_of(self._intent, terms, channel)
            header = self._intent.header or await self._sign(terms, channel, self._intent)
        except ChannelBusyError:
            # Another process uses this lane, or a payment without an outcome holds it.
            if not self._leave() or len(self._busy) >= self._width:
                raise
            return await self._pay(terms)
        except BaseException:
            await self._undo_reservation()
            raise
        if channel is not None and channel.concurrent and not self._intent.deposit:
            self._open_gate()
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

        lane = self._lane
        try:
            return await buyer.ledger.reserve(payment, channel, seal, permit)
        except ApprovalPendingError as pending:
            self._open_gate()
            await buyer.approval(request, str(pending.details["reason"]))
        if channel is not None:
            await self._enter_again(channel, lane)
        payment = replace(payment, created_at=buyer.now())
        return await buyer.ledger.reserve(payment, channel, seal, permit)

    async def _enter(self, terms: Terms) -> ChannelTerms | None:
        """The channel to pay through, held by this request: of several lanes, a free one."""
        buyer, limit = self._buyer, self._buyer.policy.deposit_limit
        channel = terms.channel(buyer.signer.address, limit, authorizer=buyer.authorizer)
        if channel is None:
            return None
        try:
            if not channel.concurrent:
                price = terms.price(buyer.policy.budget.asset).atomic
                pool = buyer.lane_pools.setdefault(channel.identifier, LanePool(buyer.lanes))
                self._width = lanes_for(pool.size, price, limit)
                number = await pool.take(self._busy | set(range(self._width, pool.size)))
                self._lane = (pool, number)
                share = max(1, limit // self._width)
                channel = terms.channel(
                    buyer.signer.address, share, number, authorizer=buyer.authorizer
                )
                assert channel is not None
                channel = replace(channel, seller_limit=limit)
            self._channel = channel.identifier
            self._gate = await self._closed_gate(channel)
        except BaseException:
            self._open_gate()
            raise
        return channel

    async def _enter_again(self, channel: ChannelTerms, lane: tuple[LanePool, int] | None) -> None:
        if lane is not None:
            pool, number = lane
            await pool.take(set(range(pool.size)) - {number})
            self._lane = lane
        self._gate = await self._closed_gate(channel)

    def _leave(self) -> bool:
        """Give up a lane that cannot be used now; whether there is one."""
        lane = self._lane
        self._open_gate()
        if lane is None:
            return False
        self._busy.add(lane[1])
        return True

    def _channel_of(
        self, intent: Intent, terms: Terms, channel: ChannelTerms | None
    ) -> ChannelTerms | None:
        """The channel of a payment that may have been begun before, on another lane.

        Raises:
            InvalidInputError: it is none of the lanes that this wallet keeps.
        """
        if channel is None or intent.channel_id in (None, to_hex(channel.identifier)):
            return channel
        payer = self._buyer.signer.address
        for number in range(self._buyer.lanes):
            known = terms.channel(
                payer, channel.deposit_limit, number, authorizer=self._buyer.authorizer
            )
            if known is not None and to_hex(known.identifier) == intent.channel_id:
                self._channel = known.identifier
                return known
        raise InvalidInputError(f"The payment {intent.payment_id} is on a lane of its own.")

    async def _closed_gate(self, channel: ChannelTerms) -> anyio.Semaphore:
        gate = self._buyer.gates.setdefault(channel.identifier, anyio.Semaphore(1))
        await gate.acquire()
        return gate

    async def _sign(self, terms: Terms, channel: ChannelTerms | None, intent: Intent) -> str:
        header = await self._buyer.headers.sign(terms, channel, intent)
        await self._buyer.ledger.mark_sent(intent.payment_id, header)
        self._intent = replace(intent, state="sent", header=header)
        return header

    async def _undo_reservation(self) -> None:
        with anyio.CancelScope(shield=True):
            try:
                if self._intent is not None and self._intent.state == "reserved":
                    await self._buyer.ledger.release(self._payment_id, never_sent=True)
                    self._intent = None
            finally:
                self._open_gate()

    async def _not_told(self, status: int) -> None:
        """An answer without a settlement: decide what became of the payment.

        An error of ours (4xx) costs nothing. One of theirs (5xx) may come from something in front
        of the seller, after the charge, so the payment stays open; a conflict says that the payment
        is known to the seller. On a sequential channel giving up the reservation is safe: the next
        voucher is the same one again, or the seller corrects it. Nothing is learned of a payment
        that had left before: only this request of it is over.
        """
        if status >= 500:
            await self.failed()
        sequential = self._channel is not None and not (self._terms and self._terms.concurrent)
        lost = status < 400 or status == _CONFLICT or (status >= 500 and not sequential)
        if lost or self._joined:
            await self._lost()
            self._open_gate()
        else:
            await self._release()

    async def _read(self, header: str | None, receipt: str | None) -> SettlementResponse:
        try:
            if header is not None:
                return SettlementResponse.from_header(header)
            told = parse_receipt_header(receipt or "")
            network = self._buyer.policy.budget.asset.network
            return SettlementResponse(
                success=told["status"] == "success",
                transaction=told["reference"],
                network=network,
            )
        except InvalidInputError as exc:
            await self._lost()
            await self._misbehaved(exc)

    async def _note_deposit(self, extra: JsonObject) -> None:
        if self._channel is None or self._intent is None or not self._intent.deposit:
            return
        try:
            balance = stated_balance(extra)
        except InvalidInputError as exc:
            await self._lost()
            await self._misbehaved(exc)
        await self._buyer.ledger.deposited(self._channel, balance)
        if self._terms is not None and self._terms.concurrent:
            self._open_gate()

    async def _misbehaved(self, cause: HeadwaterError) -> NoReturn:
        """Block the channel and say why."""
        await self.failed()
        if self._channel is not None:
            await self._buyer.ledger.block(self._channel, cause.message)
        raise SellerMisbehavedError(
            f"The seller at {self._origin} broke its terms: {cause.message}", **cause.details
        ) from cause

    async def _refused(self, reason: str | None, message: str | None) -> NoReturn:
        await self._release()
        await self.failed()
        raise PaymentRefusedError(
            f"{self._origin} refused the payment: {message or reason or 'no reason given'}.",
            reason=reason or "",
        )

    async def _release(self) -> None:
        try:
            if self._intent is not None:
                self._intent = await self._buyer.ledger.release(self._intent.payment_id)
        finally:
            self._open_gate()

    async def _lost(self) -> None:
        if self._intent is not None and self._intent.state != "settled":
            if not self._joined:
                # Another process may be at it; reconciling asks for what is `sent` just the same.
                await self._buyer.ledger.mark_unknown(self._intent.payment_id)
            self._intent = replace(self._intent, state="unknown")

    def _open_gate(self) -> None:
        if self._gate is not None:
            self._gate.release()
            self._gate = None
        if self._lane is not None:
            pool, number = self._lane
            self._lane = None
            pool.give_back(number)


def unknown_outcome(purchase: Purchase, cause: str) -> PaymentUnknownError:
    """The error for a payment that left and was not answered."""
    return PaymentUnknownError(
        f"The payment {purchase.payment_id} was sent and no answer came ({cause}); "
        "reconcile it before paying again.",
        payment_id=purchase.payment_id,
    )
