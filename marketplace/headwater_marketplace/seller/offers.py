"""What a seller offers on a route, and the meter by which a handler says what it used."""

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from headwater_payments.address import Address
from headwater_payments.amount import Amount
from headwater_payments.batch_payload import SCHEME as BATCH
from headwater_payments.bazaar import BAZAAR
from headwater_payments.channels import MAX_WITHDRAW_DELAY, MIN_WITHDRAW_DELAY
from headwater_payments.errors import InvalidInputError
from headwater_payments.exact import SCHEME as EXACT
from headwater_payments.extensions import CONCURRENT, PAYMENT_IDENTIFIER, RECEIPT_SIGNER
from headwater_payments.metering import MeteringReceipt
from headwater_payments.permit2_payload import PERMIT2_METHOD, UPTO
from headwater_payments.pricing import TokenPrice
from headwater_payments.unit_price import TOKEN_PRICE, token_price_extension
from headwater_payments.windows import VOUCHER_WINDOWS, window_extension
from headwater_payments.x402 import JsonObject, PaymentRequirements

SCOPE_KEY: Final = "headwater.meter"
EIP3009_METHOD: Final = "eip3009"


@dataclass(frozen=True, slots=True)
class Offer:
    """The terms of one paid route.

    Args:
        path: a regular expression that the whole path must match.
        price: the most that one request can cost; a handler may charge less by its `Meter`.
        pay_to: who is paid: an account, or a revenue vault.
        method: the HTTP method.
        description: one sentence for the buyer.
        schemes: the ways to pay, best first: `batch-settlement`, `exact`, and `upto`, by which one
            transfer pays what was used.
        transfer_method: `eip3009`, or `permit2` for a token without it, whose payers must have
            approved Permit2; `upto` is always paid by Permit2.
        withdraw_delay: seconds a buyer must wait to withdraw escrow; 900 to 2,592,000.
        asset_version: what is sold, 32 bytes, for the receipt; zero where there is none.
        discovery: x402's `bazaar` extension, as `headwater_payments.bazaar` makes it.
        window: how much of a stream a buyer pays for at a time, where it can; None asks for the
            whole price at the start. An answer in one piece to a request for a stream is charged
            one window at most.
        token_price: stated in the terms, for buyers that limit what a token may cost.
        vault_authorizes: `pay_to` is a revenue vault that authorizes its channels itself. What
            receipts charge is claimed by a running `ClaimScheduler`, or by anybody that holds the
            books (`claim_by_receipts`); it is lost where neither does so within the withdrawal
            delay. Buyers get the rest back by withdrawing: this seller refunds nothing for a vault.
            The signer is the vault's operator, and the terms name it as `receiptSigner`.
    """

    path: str
    price: Amount
    pay_to: Address
    method: str = "POST"
    description: str = ""
    schemes: tuple[str, ...] = (BATCH, EXACT)
    withdraw_delay: int = MIN_WITHDRAW_DELAY
    asset_version: bytes = bytes(32)
    timeout_seconds: int = 120
    discovery: JsonObject | None = None
    window: Amount | None = None
    transfer_method: str = EIP3009_METHOD
    token_price: TokenPrice | None = None
    vault_authorizes: bool = False

    def __post_init__(self) -> None:
        if not MIN_WITHDRAW_DELAY <= self.withdraw_delay <= MAX_WITHDRAW_DELAY:
            raise InvalidInputError(
                f"A withdrawal delay of {self.withdraw_delay} s is not allowed."
            )
        if self.price.atomic <= 0:
            raise InvalidInputError("An offer needs a price above zero.")
        if not set(self.schemes) <= {BATCH, EXACT, UPTO} or not self.schemes:
            raise InvalidInputError(f"Unknown payment schemes: {self.schemes}.")
        if self.transfer_method not in (EIP3009_METHOD, PERMIT2_METHOD):
            raise InvalidInputError(f"Unknown transfer method: {self.transfer_method!r}.")
        if self.window is not None and (
            self.window.asset != self.price.asset
            or not 0 < self.window.atomic <= self.price.atomic
            or BATCH not in self.schemes
        ):
            raise InvalidInputError(
                "A window is a part of the price, in its asset, paid through a channel."
            )

    def matches(self, method: str, path: str) -> bool:
        """Whether a request falls under this offer; `HEAD` falls under a `GET` offer.

        The pattern's dot matches line ends too: a path is not bounded by them.
        """
        asked = "GET" if method == "HEAD" else method
        return asked == self.method and self.covers(path)

    def covers(self, path: str) -> bool:
        """Whether a path falls under this offer, whatever the method."""
        return re.fullmatch(self.path, path, re.DOTALL) is not None

    def extensions(self) -> JsonObject:
        """What the offer's terms advertise beside the ways to pay."""
        known: JsonObject = {
            PAYMENT_IDENTIFIER: {"info": {"required": False}, "schema": {"type": "object"}},
            CONCURRENT: {"info": {"version": "1"}, "schema": {"type": "object"}},
        }
        if self.window is not None:
            known[VOUCHER_WINDOWS] = window_extension(self.window.atomic)
        if self.token_price is not None:
            known[TOKEN_PRICE] = token_price_extension(self.token_price)
        if self.discovery is not None:
            known[BAZAAR] = self.discovery
        return known

    def requirements(
        self, authorizer: Address, facilitator: Address | None = None
    ) -> list[PaymentRequirements]:
        """The offer as x402 payment requirements, best first.

        Args:
            authorizer: signs the seller's claims.
            facilitator: may settle `upto` payments; without one they are not offered.
        """
        asset = self.price.asset
        return [
            PaymentRequirements(
                scheme=scheme,
                network=asset.network,
                amount=str(self.price.atomic),
                asset=asset.address,
                pay_to=self.pay_to,
                max_timeout_seconds=self.timeout_seconds,
                extra=self._extra(scheme, authorizer, facilitator),
            )
            for scheme in self.schemes
            if scheme != UPTO or facilitator is not None
        ]

    def _extra(self, scheme: str, authorizer: Address, facilitator: Address | None) -> JsonObject:
        asset = self.price.asset
        extra: JsonObject = {"name": asset.name, "version": asset.version}
        if scheme == UPTO or self.transfer_method == PERMIT2_METHOD:
            extra["assetTransferMethod"] = PERMIT2_METHOD
        if scheme == UPTO:
            extra["facilitatorAddress"] = facilitator
        if scheme == BATCH:
            extra["receiverAuthorizer"] = self.pay_to if self.vault_authorizes else authorizer
            if self.vault_authorizes:
                extra[RECEIPT_SIGNER] = authorizer
            extra["withdrawDelay"] = self.withdraw_delay
        return extra


@dataclass(slots=True)
class Meter:
    """What a request has used so far; a handler raises the charge as it works.

    `cap` is the most that may be charged, in atomic units. Left alone, a request costs its cap.
    The receipt commits to the `evidence` of the answer. Where there is an `attribution`, it is
    given that receipt, not signed yet, and the 32 bytes it returns stand in its place. It runs
    while the seller's books are locked: work out beforehand what takes time.
    """

    payment_id: str
    payer: Address
    cap: int
    charge: int | None = None
    evidence: Callable[[], Mapping[str, Any]] | None = None
    attribution: Callable[[MeteringReceipt], bytes] | None = None

    def set_charge(self, atomic: int) -> None:
        """State what has been used so far, in atomic units.

        Raises:
            InvalidInputError: negative, or above the cap that was agreed.
        """
        if not 0 <= atomic <= self.cap:
            raise InvalidInputError(
                f"A charge of {atomic} atomic units is outside the 0 to {self.cap} agreed.",
                cap=str(self.cap),
            )
        self.charge = atomic

    @property
    def due(self) -> int:
        """What is charged if the request ends now."""
        return self.cap if self.charge is None else self.charge


_current: ContextVar[Meter | None] = ContextVar("headwater_meter", default=None)


def current_meter() -> Meter | None:
    """The meter of the request being handled, or None outside a paid request."""
    return _current.get()


def bind_meter(scope: dict[str, Any], meter: Meter) -> None:
    """Make a meter known to the handler, in its ASGI scope and in its context."""
    scope[SCOPE_KEY] = meter
    _current.set(meter)
