"""A seller's terms, and the way of paying that a wallet chooses among them."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from headwater_payments.address import parse_address
from headwater_payments.amount import Amount, Asset, parse_atomic
from headwater_payments.batch_payload import SCHEME as BATCH
from headwater_payments.channels import MAX_WITHDRAW_DELAY, MIN_WITHDRAW_DELAY, channel_id
from headwater_payments.exact import SCHEME as EXACT
from headwater_payments.extensions import CONCURRENT
from headwater_payments.structs import ChannelConfig
from headwater_payments.windows import WindowTerms, window_terms
from headwater_payments.x402 import (
    JsonObject,
    PaymentRequired,
    PaymentRequirements,
    chain_id_of,
)
from headwater_wallet.errors import PolicyRefusedError
from headwater_wallet.spend_records import ChannelTerms


@dataclass(frozen=True, slots=True)
class Terms:
    """One seller's terms for a route, and the extensions it advertised."""

    chosen: PaymentRequirements
    extensions: JsonObject

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
    """The cheapest way to pay by: a channel before a single transfer, in the wallet's asset.

    Raises:
        PolicyRefusedError: the seller takes nothing that this wallet pays in.
    """
    for scheme in (BATCH, EXACT):
        for terms in required.accepts:
            same_asset = terms.asset.lower() == asset.address.lower()
            method = terms.extra.get("assetTransferMethod", "eip3009")
            if (
                terms.scheme == scheme
                and terms.network == asset.network
                and same_asset
                and method == "eip3009"
            ):
                return Terms(terms, required.extensions or {})
    offers = ", ".join(f"{t.scheme} in {t.asset} on {t.network}" for t in required.accepts)
    raise PolicyRefusedError(
        f"The seller takes {offers or 'nothing'}; this wallet pays in {asset.address} on "
        f"{asset.network}.",
        offers=offers,
    )


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL; never the user name and password that may stand before."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def route_of(url: str) -> str:
    """A URL without credentials, query and fragment, where secrets like to travel."""
    return origin_of(url) + urlsplit(url).path
