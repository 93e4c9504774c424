"""What becomes of one payment: each thing the seller says of it, checked and written down.

Whatever ends it, the hold on its channel is opened, so that the next payment can go on.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import anyio

from headwater_payments.channels import ChargeAboveCapError
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.x402 import (
    JsonObject,
    PaymentRequired,
    PaymentRequirements,
    SettlementResponse,
)
from headwater_wallet.channel_hold import ChannelHold
from headwater_wallet.clocks import clocks_apart, is_about_time
from headwater_wallet.errors import PaymentRefusedError, SellerMisbehavedError
from headwater_wallet.seller_claims import (
    ChargeClaim,
    charge_claim,
    check_receipt,
    proven_by_chain,
    standing_of,
    stated_balance,
)
from headwater_wallet.spend_records import Intent
from headwater_wallet.statements import offer_told, receipt_told
from headwater_wallet.terms import Terms
from headwater_wallet.told import settlement_told

if TYPE_CHECKING:
    from headwater_wallet.buyer import Buyer


class PaymentRecord:
    """One request's payment, as far as it has come.

    Args:
        buyer: the wallet's buying side.
        payment_id: under which the ledger and the seller know it.
        origin: the seller.
        hold: on the payment's channel.

    Attributes:
        terms: what was agreed; None before anything was.
        intent: the payment as last written down; None before it was reserved.
        seller_ahead_s: seconds by which the seller's clock was ahead, by its last answer; None
            where that told no time.
        joined: whether it had left before this request, for one that may still be running.
    """

    def __init__(self, buyer: "Buyer", payment_id: str, origin: str, hold: ChannelHold) -> None:
        self._buyer, self._payment_id, self._origin = buyer, payment_id, origin
        self._hold = hold
        self.terms: Terms | None = None
        self.intent: Intent | None = None
        self.seller_ahead_s: int | None = None
        self.joined = False
        self._counted = False

    async def settled(self, settlement: SettlementResponse, receipt: str | None) -> None:
        """Record the charge that the seller reports, after checking it against the terms.

        Raises:
            SellerMisbehavedError: it exceeds the cap or contradicts itself; the channel is blocked.
        """
        if self.intent is None or self.terms is None:
            return
        extra = settlement.extra or {}
        try:
            claim = charge_claim(extra, self.terms, self.intent)
            await self.note_deposit(extra)
            check_receipt(receipt, self.terms, self.intent, claim.charge)
            self.intent = await self._write(self.intent, self.terms, claim, receipt)
            self._keep_receipt(settlement, self.intent, self.terms)
            if self._buyer.policy.breaker is not None:
                self._buyer.ledger.circuits.succeeded_soon(self._origin)
        except (ChargeAboveCapError, InvalidInputError) as exc:
            await self.lost()
            await self.misbehaved(exc)
        finally:
            self._hold.open()

    def keep_offer(self, required: PaymentRequired, terms: Terms, url: str) -> None:
        """Keep the seller's signed offer of what is about to be paid, where it signed one."""
        if self.intent is None or self.joined or required.extensions is None:
            return
        now = self._buyer.now()
        offer = offer_told(required, terms.chosen, url, self.intent.payment_id, now)
        if offer is not None:
            self._buyer.ledger.keep_soon(offer)

    def _keep_receipt(self, settlement: SettlementResponse, intent: Intent, terms: Terms) -> None:
        if settlement.extensions is None:
            return
        payer, now = self._buyer.signer.address, self._buyer.now()
        receipt = receipt_told(settlement, intent, terms.chosen, payer, now)
        if receipt is not None:
            self._buyer.ledger.keep_soon(receipt)

    async def _write(
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

    async def failed(self) -> None:
        """The seller failed to serve a payment: count it, once for each request."""
        breaker = self._buyer.policy.breaker
        if breaker is None or self.terms is None or self._counted:
            return
        self._counted = True
        with anyio.CancelScope(shield=True):
            await self._buyer.ledger.circuits.failed(self._origin, self._buyer.now())

    async def take_standing(
        self, offered: PaymentRequirements, channel: bytes, *, desync: bool
    ) -> None:
        """Believe of a corrective answer what our own signature covers, or the chain shows.

        Raises:
            SellerMisbehavedError: it shows what this wallet never signed; the channel is blocked.
        """
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
            await self.misbehaved(exc)

    async def undo(self) -> None:
        """Give back a reservation of which nothing was signed."""
        with anyio.CancelScope(shield=True):
            try:
                if self.intent is not None and self.intent.state == "reserved":
                    await self._buyer.ledger.release(self._payment_id, never_sent=True)
                    self.intent = None
            finally:
                self._hold.open()

    async def read(self, header: str | None, receipt: str | None) -> SettlementResponse:
        """The settlement that an answer tells of; raises SellerMisbehavedError for nonsense."""
        try:
            return settlement_told(header, receipt, self._buyer.policy.budget.asset.network)
        except InvalidInputError as exc:
            await self.lost()
            await self.misbehaved(exc)

    async def note_deposit(self, extra: JsonObject) -> None:
        """Take over what the seller says of the escrow, once a deposit has gone with the payment.

        Raises:
            SellerMisbehavedError: it says nonsense; the channel is blocked.
        """
        if self._hold.identifier is None or self.intent is None or not self.intent.deposit:
            return
        try:
            balance = stated_balance(extra)
        except InvalidInputError as exc:
            await self.lost()
            await self.misbehaved(exc)
        await self._buyer.ledger.deposited(self._hold.identifier, balance)
        if self.terms is not None and self.terms.concurrent:
            self._hold.open()

    async def misbehaved(self, cause: HeadwaterError) -> NoReturn:
        """Block the channel and raise SellerMisbehavedError, which says why."""
        await self.failed()
        if self._hold.identifier is not None:
            await self._buyer.ledger.block(self._hold.identifier, cause.message)
        raise SellerMisbehavedError(
            f"The seller at {self._origin} broke its terms: {cause.message}", **cause.details
        ) from cause

    async def refused(self, reason: str | None, message: str | None) -> NoReturn:
        """End the payment without a charge and raise PaymentRefusedError."""
        await self.release()
        await self.failed()
        if is_about_time(reason or ""):
            raise clocks_apart(self._origin, reason or "", self.seller_ahead_s)
        raise PaymentRefusedError(
            f"{self._origin} refused the payment: {message or reason or 'no reason given'}.",
            reason=reason or "",
        )

    async def release(self) -> None:
        """End the payment without a charge."""
        try:
            if self.intent is not None:
                self.intent = await self._buyer.ledger.release(self.intent.payment_id)
        finally:
            self._hold.open()

    async def lost(self) -> None:
        """The payment's outcome is not known: it is left to be reconciled."""
        if self.intent is not None and self.intent.state != "settled":
            if not self.joined:
                # Another process may be at it; reconciling asks for what is `sent` just the same.
                await self._buyer.ledger.mark_unknown(self.intent.payment_id)
            self.intent = replace(self.intent, state="unknown")
