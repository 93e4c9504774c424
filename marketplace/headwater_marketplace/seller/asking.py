"""A seller's 402: what it asks for, by every wire and extension that it speaks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headwater_marketplace.seller.asgi import (
    Scope,
    Send,
    asked_of,
    header_in,
    send_json,
    send_problem,
    url_of,
)
from headwater_marketplace.seller.channel_json import channel_state, voucher_state
from headwater_marketplace.seller.mpp_wire import MppWire
from headwater_marketplace.seller.offered_terms import OfferedTerms
from headwater_marketplace.seller.offers import Offer
from headwater_marketplace.seller.payment_checks import PaymentRejectedError
from headwater_marketplace.seller.records import ChannelRecord
from headwater_marketplace.seller.sign_ins import SignIns
from headwater_payments.batch_payload import SCHEME as BATCH
from headwater_payments.errors import HeadwaterError
from headwater_payments.mpp import ACCEPT_PAYMENT, WWW_AUTHENTICATE, accepts_payment
from headwater_payments.mpp_evm import INTENT, METHOD
from headwater_payments.offer_receipt import OFFER_RECEIPT, Issuer, issue_offers
from headwater_payments.sign_in import SignInError
from headwater_payments.x402 import (
    PAYMENT_REQUIRED,
    JsonObject,
    PaymentRequired,
    PaymentRequirements,
    ResourceInfo,
)


@dataclass(slots=True)
class Asking:
    """Asks on behalf of one seller.

    Args:
        now: Unix time in seconds.
        sign_ins: offers to sign in instead; None where that is not offered.
        issuer: signs offers; None where they are not signed.
        mpp: asks by MPP too; None where it is not spoken.
    """

    now: Callable[[], int]
    sign_ins: SignIns | None = None
    issuer: Issuer | None = None
    mpp: MppWire | None = None

    def url(self, scope: Scope) -> str:
        """What a request is for, as its buyer sees it: at the seller's own origin, if it says."""
        return url_of(scope) if self.sign_ins is None else self.sign_ins.url(scope["path"])

    async def payment(
        self,
        scope: Scope,
        offer: Offer,
        terms: OfferedTerms,
        send: Send,
        error: PaymentRejectedError | None = None,
    ) -> None:
        """Ask for a payment, and say what was wrong with the last one."""
        try:
            accepts = list(await terms.of(offer))
            if error is not None and error.channel is not None:
                accepts = _corrected(accepts, error.channel)
            required = PaymentRequired(
                error=None if error is None else error.reason,
                resource=ResourceInfo(url=self.url(scope), description=offer.description or None),
                accepts=accepts,
                extensions=await self._extensions(scope, offer, accepts),
            )
        except HeadwaterError as exc:
            return await send_problem(send, exc)
        headers = [
            (PAYMENT_REQUIRED.encode(), required.to_header().encode()),
            (b"cache-control", b"no-store"),
            (b"access-control-expose-headers", b"PAYMENT-REQUIRED, PAYMENT-RESPONSE"),
        ]
        asks_by_mpp = accepts_payment(header_in(scope, ACCEPT_PAYMENT), METHOD, INTENT)
        if self.mpp is not None and asks_by_mpp:
            challenge = self.mpp.challenge(offer, accepts, asked_of(scope))
            if challenge is not None:
                headers.append((WWW_AUTHENTICATE.encode(), challenge.encode()))
        message = "Payment is required." if error is None else error.message
        await send_json(send, 402, {"detail": message, **required.to_json()}, headers)

    async def identity(
        self, scope: Scope, sign_ins: SignIns, networks: list[str], error: SignInError, send: Send
    ) -> None:
        """A 402 that nothing pays for: x402's way to ask who is there."""
        required = PaymentRequired(
            error=str(error.details["reason"]),
            resource=ResourceInfo(url=self.url(scope)),
            accepts=[],
            extensions=await sign_ins.extension(scope["path"], networks),
        )
        headers = [
            (PAYMENT_REQUIRED.encode(), required.to_header().encode()),
            (b"cache-control", b"no-store"),
        ]
        await send_json(send, 402, {"detail": error.message, **required.to_json()}, headers)

    async def _extensions(
        self, scope: Scope, offer: Offer, accepts: Sequence[PaymentRequirements]
    ) -> JsonObject:
        known = offer.extensions()
        if self.sign_ins is not None:
            networks = [offer.price.asset.network]
            known |= await self.sign_ins.extension(scope["path"], networks)
        if self.issuer is not None:
            url, now = self.url(scope), self.now()
            known[OFFER_RECEIPT] = await issue_offers(self.issuer, url, accepts, now)
        return known


def _corrected(
    accepts: Sequence[PaymentRequirements], channel: ChannelRecord
) -> list[PaymentRequirements]:
    """Terms that say how a channel stands, so that its payer can sign anew."""
    told = {
        "channelState": channel_state(channel, channel.state.charged),
        "voucherState": voucher_state(channel),
    }
    known = {key: value for key, value in told.items() if value is not None}
    return [
        terms.model_copy(update={"extra": {**terms.extra, **known}})
        if terms.scheme == BATCH
        else terms
        for terms in accepts
    ]
