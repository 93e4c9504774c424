"""A seller's terms, and the way of paying that a wallet chooses among them."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from headwater_payments.address import parse_address
from headwater_payments.amount import Amount, Asset, parse_atomic
from headwater_payments.batch_payload import SCHEME as BATCH
from headwater_payments.channels import MAX_WITHDRAW_DELAY, MIN_WITHDRAW_DELAY, channel_id
from headwater_payments.exact import MAX_VALIDITY_S
from headwater_payments.exact import SCHEME as EXACT
from headwater_payments.extensions import CONCURRENT
from headwater_payments.mpp import AUTHORIZATION, challenge_of, parse_challenges
from headwater_payments.mpp_evm import (
    MPP,
    challenge_nonce,
    credential_of,
    kept_challenge,
    terms_of_charge,
)
from headwater_payments.permit2_payload import PERMIT2_METHOD, UPTO
from headwater_payments.structs import ChannelConfig
from headwater_payments.windows import WindowTerms, window_terms
from headwater_payments.x402 import (
    PAYMENT_SIGNATURE,
    X402_VERSION,
    JsonObject,
    PaymentPayload,
    PaymentRequired,
    PaymentRequirements,
    chain_id_of,
)
from headwater_payments.x402_v1 import X_PAYMENT, payment_header_v1
from headwater_wallet.errors import PolicyRefusedError
from headwater_wallet.spend_records import ChannelTerms

_WAYS: Final = (
    (BATCH, "eip3009"),
    (EXACT, "eip3009"),
    (BATCH, PERMIT2_METHOD),
    (UPTO, PERMIT2_METHOD),
    (EXACT, PERMIT2_METHOD),
)
"""Schemes and methods of transfer, best first."""
_MPP_BINDING: Final = "mppx"


@dataclass(frozen=True, slots=True)
class Terms:
    """One seller's terms for a route, and the extensions it advertised."""

    chosen: PaymentRequirements
    extensions: JsonObject
    version: int = X402_VERSION
    """Of x402, that the seller speaks."""
    seller_ahead_s: int = 0
    """Seconds by which the seller's clock is ahead of ours, as it told; negative where behind."""

    @property
    def nonce(self) -> bytes | None:
        """The nonce that a transfer must have, where the seller's challenge binds it."""
        kept = self.extensions.get(MPP)
        if not isinstance(kept, dict):
            return None
        return challenge_nonce(challenge_of(kept.get("challenge")))

    @property
    def lasting(self) -> bool:
        """Whether another request may be paid under them without asking: a challenge is for one."""
        return MPP not in self.extensions

    def signing_time(self, now: int) -> int:
        """The Unix second from which a signature's time runs: by the seller's clock, where ahead.

        What is signed ends within `MAX_VALIDITY_S` by our own clock all the same, so that a seller
        that lies about the time gains nothing over one that asks for a long time-out.
        """
        longest = MAX_VALIDITY_S - min(self.chosen.max_timeout_seconds, MAX_VALIDITY_S)
        return now + max(0, min(self.seller_ahead_s, longest))

    def payment_headers(self, header: str) -> dict[str, str]:
        """What to send with a request, for a payment as the ledger keeps it.

        Raises:
            InvalidInputError: version 1 has no name for the network.
        """
        if MPP in self.extensions:
            return {AUTHORIZATION: credential_of(PaymentPayload.from_header(header)).to_header()}
        if self.version == 1:
            return {X_PAYMENT: payment_header_v1(header)}
        return {PAYMENT_SIGNATURE: header}

    @property
    def concurrent(self) -> bool:
        """Whether several requests may share the channel at once."""
        return self.advertises(CONCURRENT)

    def advertises(self, extension: str) -> bool:
        """Whether the seller offers an extension in a form that can be taken part in."""
        offered = self.extensions.get(extension)
        return isinstance(offered, dict) and isinstance(offered.get("info", {}), dict)

    @property
    def windows(self) -> WindowTerms | None:
        """How a stream is paid for a part at a time; None where it is paid for at once."""
        if not self.concurrent or self.chosen.scheme != BATCH:
            return None
        return window_terms(self.extensions)

    def price(self, asset: Asset) -> Amount:
        """The most that a request costs, in the wallet's asset."""
        return Amount(parse_atomic(self.chosen.amount), asset)

    def channel(
        self, payer: str, deposit_limit: int, lane: int = 0, *, authorizer: str | None = None
    ) -> ChannelTerms | None:
        """The channel to pay through, one for each lane's number; None for a single transfer.

        Its vouchers are signed by `authorizer`, the payer itself where that is None.

        Raises:
            PolicyRefusedError: the escrow would be locked for longer than the scheme allows.
            InvalidInputError: an address is malformed.
        """
        chosen = self.chosen
        if chosen.scheme != BATCH:
            return None
        delay = chosen.extra.get("withdrawDelay", MIN_WITHDRAW_DELAY)
        if not isinstance(delay, int) or not MIN_WITHDRAW_DELAY <= delay <= MAX_WITHDRAW_DELAY:
            raise PolicyRefusedError(f"The seller's withdrawal delay {delay!r} is out of range.")
        config = ChannelConfig(
            payer=parse_address(payer),
            payer_authorizer=parse_address(authorizer or payer),
            receiver=parse_address(chosen.pay_to),
            receiver_authorizer=parse_address(str(chosen.extra.get("receiverAuthorizer", ""))),
            token=parse_address(chosen.asset),
            withdraw_delay=delay,
            salt=lane.to_bytes(32, "big"),
        )
        chain_id = chain_id_of(chosen.network)
        return ChannelTerms(
            identifier=channel_id(config, chain_id),
            chain_id=chain_id,
            config=config,
            concurrent=self.concurrent,
            deposit_limit=deposit_limit,
        )


def choose_terms(required: PaymentRequired, asset: Asset) -> Terms:
    """The best way to pay by, in the wallet's asset.

    A channel comes before a single transfer, being cheapest; what needs no approval of Permit2 on
    chain before what does; and a transfer of what was used before one of the whole price.

    Raises:
        PolicyRefusedError: the seller takes nothing that this wallet pays in.
    """
    for way in _WAYS:
        for terms in required.accepts:
            same_asset = terms.asset.lower() == asset.address.lower()
            if (
                (terms.scheme, _method_of(terms)) == way
                and terms.network == asset.network
                and same_asset
            ):
                return Terms(terms, required.extensions or {}, required.x402_version)
    offers = ", ".join(f"{t.scheme} in {t.asset} on {t.network}" for t in required.accepts)
    raise PolicyRefusedError(
        f"The seller takes {offers or 'nothing'}; this wallet pays in {asset.address} on "
        f"{asset.network}.",
        offers=offers,
    )


def _method_of(terms: PaymentRequirements) -> object:
    usual = PERMIT2_METHOD if terms.scheme == UPTO else "eip3009"
    return terms.extra.get("assetTransferMethod", usual)


def read_mpp_terms(header: str, asset: Asset, now: int) -> PaymentRequired | None:
    """The first MPP challenge that can be paid in `asset`, as terms; None where there is none.

    Raises:
        InvalidInputError: a challenge is malformed, or has expired.
    """
    for challenge in parse_challenges(header):
        terms = terms_of_charge(challenge, asset, now)
        if terms is not None:
            return PaymentRequired(accepts=[terms], extensions=kept_challenge(challenge))
    return None


def needs_mpp(required: PaymentRequired) -> bool:
    """Whether a seller that offers both takes x402 only with MPP's own binding in it."""
    return _MPP_BINDING in (required.extensions or {})


def without_challenge(required: PaymentRequired) -> PaymentRequired:
    """x402's terms, without what only this wallet puts among extensions."""
    if MPP not in (required.extensions or {}):
        return required
    kept = {name: value for name, value in (required.extensions or {}).items() if name != MPP}
    return required.model_copy(update={"extensions": kept})


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL; never the user name and password that may stand before."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def route_of(url: str) -> str:
    """A URL without credentials, query and fragment, where secrets like to travel."""
    return origin_of(url) + urlsplit(url).path
