"""The buying side of one HTTP request, without the HTTP: what to send, what an answer means.

A transport drives a `Purchase`: it asks for the headers to send, shows what came back, and is told
to send again or to hand the answer on. Every state is in the spend ledger before anything leaves,
so a crash or a cancellation anywhere leaves a payment that is released, settled, or waiting to be
reconciled, never one that is forgotten.

Source: x402 v2 over HTTP; scheme `batch-settlement` and `exact` on EVM.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

import anyio

from headwater_payments.address import parse_address
from headwater_payments.amount import Amount, Asset, parse_atomic
from headwater_payments.batch_payload import SCHEME as BATCH
from headwater_payments.batch_payload import (
    BatchPayload,
    Deposit,
    SignedVoucher,
    deposit_to_sign,
    token_domain,
)
from headwater_payments.channels import (
    MAX_WITHDRAW_DELAY,
    MIN_WITHDRAW_DELAY,
    ChargeAboveCapError,
    channel_id,
    voucher_to_sign,
)
from headwater_payments.errors import InvalidInputError
from headwater_payments.exact import SCHEME as EXACT
from headwater_payments.exact import sign_exact
from headwater_payments.hexadecimal import parse_hex
from headwater_payments.metering import parse_receipt
from headwater_payments.signing import Signer, recover
from headwater_payments.structs import ChannelConfig
from headwater_payments.x402 import (
    PAYMENT_REQUIRED,
    PAYMENT_RESPONSE,
    PAYMENT_SIGNATURE,
    JsonObject,
    PaymentPayload,
    PaymentRequired,
    PaymentRequirements,
    SettlementResponse,
    chain_id_of,
)
from headwater_wallet.errors import (
    PaymentRefusedError,
    PaymentUnknownError,
    PolicyRefusedError,
    SellerMisbehavedError,
)
from headwater_wallet.policy import PaymentRequest, SpendPolicy
from headwater_wallet.spend_ledger import ChannelTerms, Intent, NewPayment, SpendLedger

CONCURRENT: Final = "concurrent-vouchers"
PAYMENT_IDENTIFIER: Final = "payment-identifier"
PAYMENT_RECEIPT: Final = "PAYMENT-RECEIPT"
RECEIPT_EVENT: Final = "payment-receipt"
MAX_CACHED_TERMS: Final = 4096


@dataclass(frozen=True, slots=True)
class Terms:
    """One seller's terms for a route, and the extensions it advertised."""

    chosen: PaymentRequirements
    extensions: JsonObject


@dataclass(slots=True)
class Buyer:
    """Everything that one wallet's purchases share.

    Args:
        signer: the payer; it signs vouchers too.
        policy: what may be paid.
        ledger: where payments are reserved and recorded.
        now: Unix time in seconds.
        random_bytes: a source of unpredictable bytes, for nonces and payment ids.
    """

    signer: Signer
    policy: SpendPolicy
    ledger: SpendLedger
    now: Callable[[], int]
    random_bytes: Callable[[int], bytes] = secrets.token_bytes
    known_terms: dict[tuple[str, str], Terms] = field(default_factory=dict)
    gates: dict[bytes, anyio.Semaphore] = field(default_factory=dict)

    def purchase(self, method: str, url: str, headers: Mapping[str, str]) -> "Purchase":
        """The payment side of one request that is about to be sent."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        key = next((v for k, v in headers.items() if k.lower() == "idempotency-key"), None)
        payment_id = (
            "pay_" + self.random_bytes(16).hex()
            if key is None
            else keyed_payment_id(key, method, url)
        )
        return Purchase(self, (method, f"{origin}{parts.path}"), origin, url, payment_id)

    def remember(self, route: tuple[str, str], terms: Terms) -> None:
        """Keep a route's terms, so that the next request pays without being asked."""
        if len(self.known_terms) >= MAX_CACHED_TERMS:
            self.known_terms.pop(next(iter(self.known_terms)))
        self.known_terms[route] = terms


class Purchase:
    """One request and its payment. Used once, by one task at a time."""

    def __init__(
        self, buyer: Buyer, route: tuple[str, str], origin: str, url: str, payment_id: str
    ) -> None:
        self._buyer, self._route, self._origin, self._url = buyer, route, origin, url
        self._payment_id = payment_id
        self._terms: Terms | None = None
        self._intent: Intent | None = None
        self._channel: bytes | None = None
        self._gate: anyio.Semaphore | None = None
        self._retried = False

    @property
    def payment_id(self) -> str:
        """The id under which the ledger and the seller know this payment."""
        return self._payment_id

    @property
    def intent(self) -> Intent | None:
        """The payment as last recorded, once there is one."""
        return self._intent

    async def first_headers(self) -> dict[str, str]:
        """What to add to the first request: a payment where the route's terms are known.

        Raises:
            PolicyRefusedError: the policy or the budget says no; nothing was signed.
        """
        terms = self._buyer.known_terms.get(self._route)
        return {} if terms is None else await self._pay(terms)

    async def answered(self, status: int, headers: Mapping[str, str]) -> dict[str, str] | None:
        """What to do about an answer's head: headers to send again with, or None to hand it on.

        Raises:
            PolicyRefusedError: the policy or the budget refuses the terms asked for.
            PaymentRefusedError: the seller refused the payment; nothing was charged.
            SellerMisbehavedError: the answer breaks the terms; the channel is blocked.
        """
        if status == 402:
            return await self._asked_to_pay(headers)
        if self._intent is None:
            return None
        header = headers.get(PAYMENT_RESPONSE)
        if header is None:
            # An error without a settlement: the seller charged nothing, and says so by silence.
            # A conflict is no such word: the payment is being served, or its answer was not kept.
            if status >= 400 and status != 409:
                await self._release()
            else:
                await self._lost()
            return None
        settlement = _settlement(header)
        extra = settlement.extra or {}
        if not settlement.success:
            await self._refused(settlement.error_reason, settlement.error_message)
        if "reserved" in extra or (status >= 400 and extra.get("chargedAmount") == "0"):
            await self._note_deposit(extra)
            if status >= 400:
                await self._release()
            return None
        await self.settled(settlement, headers.get(PAYMENT_RECEIPT))
        return None

    @property
    def repeatable(self) -> bool:
        """Whether the seller knows this payment by its id, so that sending it again is safe."""
        return self._terms is not None and PAYMENT_IDENTIFIER in self._terms.extensions

    @property
    def awaits_receipt(self) -> bool:
        """Whether the charge is still to come, at the end of a stream."""
        return self._intent is not None and self._intent.state in ("reserved", "sent", "unknown")

    async def settled(self, settlement: SettlementResponse, receipt: str | None) -> None:
        """Record the charge that the seller reports, after checking it against the terms.

        Raises:
            SellerMisbehavedError: it exceeds the cap or contradicts itself; the channel is blocked.
        """
        if self._intent is None or self._terms is None:
            return
        extra = settlement.extra or {}
        try:
            charge, seller_total = _charge(extra, self._terms, self._intent)
            await self._note_deposit(extra)
            check_receipt(receipt, self._terms, self._intent, charge)
            self._intent = await self._buyer.ledger.settle(
                self._intent.payment_id, charge, seller_total, receipt
            )
        except (ChargeAboveCapError, InvalidInputError) as exc:
            await self._lost()
            if self._channel is not None:
                await self._buyer.ledger.block(self._channel, exc.message)
            raise SellerMisbehavedError(
                f"The seller at {self._origin} broke its terms: {exc.message}", **exc.details
            ) from exc
        finally:
            self._open_gate()

    async def ended(self) -> None:
        """The exchange is over, however it went; a charge that never came is left to reconcile."""
        with anyio.CancelScope(shield=True):
            if self.awaits_receipt:
                await self._lost()
            self._open_gate()

    async def abandon(self) -> None:
        """Nothing reached the seller: give everything back."""
        with anyio.CancelScope(shield=True):
            if self._intent is not None:
                self._intent = await self._buyer.ledger.release(
                    self._intent.payment_id, never_sent=True
                )
            self._open_gate()

    async def _asked_to_pay(self, headers: Mapping[str, str]) -> dict[str, str] | None:
        required = headers.get(PAYMENT_REQUIRED)
        if required is None:
            # A version 1 seller: hand its 402 on, unpaid.
            await self._release()
            return None
        body = PaymentRequired.from_header(required)
        if self._intent is not None:
            await self._resolve_refusal(body)
        self._retried, first = True, not self._retried
        if not first:
            raise PaymentRefusedError(
                f"{self._origin} asks for another payment after one was made: {body.error}.",
                reason=body.error or "",
            )
        terms = Terms(_choose(body, self._buyer.policy.budget.asset), body.extensions or {})
        self._buyer.remember(self._route, terms)
        return await self._pay(terms)

    async def _resolve_refusal(self, body: PaymentRequired) -> None:
        """End the refused payment; return where signing again can help, raise where it cannot."""
        error = body.error or ""
        await self._release()
        offered = [terms for terms in body.accepts if terms.scheme == BATCH]
        if error.endswith("cumulative_amount_mismatch") and offered and self._channel is not None:
            await self._adopt(offered[0])
        elif self._terms is not None and any(
            self._terms.chosen.matches(terms) for terms in body.accepts
        ):
            self._buyer.known_terms.pop(self._route, None)
            await self._refused(error, None)
        self._intent = None

    async def _pay(self, terms: Terms) -> dict[str, str]:
        self._terms = terms
        chosen = terms.chosen
        buyer = self._buyer
        amount = _price(chosen, buyer.policy.budget.asset)
        payee = parse_address(chosen.pay_to)
        buyer.policy.check(PaymentRequest(amount, payee, self._origin, self._url))
        channel = self._channel_terms(chosen, terms.extensions) if chosen.scheme == BATCH else None
        if channel is not None:
            self._channel = channel.identifier
            self._gate = buyer.gates.setdefault(channel.identifier, anyio.Semaphore(1))
            await self._gate.acquire()
        try:
            self._intent = await buyer.ledger.reserve(
                NewPayment(self._payment_id, chosen.scheme, self._url, payee, amount, buyer.now()),
                channel,
            )
            header = self._intent.header or await self._sign(terms, channel, self._intent)
        except BaseException:
            with anyio.CancelScope(shield=True):
                if self._intent is not None and self._intent.state == "reserved":
                    await buyer.ledger.release(self._payment_id, never_sent=True)
                    self._intent = None
            self._open_gate()
            raise
        if channel is not None and channel.concurrent and not self._intent.deposit:
            self._open_gate()
        return {PAYMENT_SIGNATURE: header}

    async def _sign(self, terms: Terms, channel: ChannelTerms | None, intent: Intent) -> str:
        chosen, buyer = terms.chosen, self._buyer
        chain_id = chain_id_of(chosen.network)
        token = token_domain(chosen.extra, parse_address(chosen.asset), chain_id)
        if channel is None:
            nonce = buyer.random_bytes(32)
            payment = await sign_exact(buyer.signer, chosen, token, now=buyer.now(), nonce=nonce)
            payload = payment.to_json()
        else:
            deposit = None
            if intent.deposit:
                deposit = await self._sign_deposit(channel, intent.deposit, chosen)
            signature = await buyer.signer.sign_typed_data(
                voucher_to_sign(channel.identifier, intent.max_claimable, chain_id)
            )
            voucher = SignedVoucher(channel.identifier, intent.max_claimable, signature)
            payload = BatchPayload(channel.config, voucher, deposit).to_json()
        header = PaymentPayload(
            accepted=chosen, payload=payload, extensions=self._extensions(terms, channel)
        ).to_header()
        await buyer.ledger.mark_sent(intent.payment_id, header)
        self._intent = replace(intent, state="sent", header=header)
        return header

    async def _sign_deposit(
        self, channel: ChannelTerms, amount: int, chosen: PaymentRequirements
    ) -> Deposit:
        buyer = self._buyer
        salt = int.from_bytes(buyer.random_bytes(32), "big")
        valid_before = buyer.now() + chosen.max_timeout_seconds
        token = token_domain(chosen.extra, channel.config.token, channel.chain_id)
        signature = await buyer.signer.sign_typed_data(
            deposit_to_sign(
                channel.config,
                channel.identifier,
                token,
                amount=amount,
                valid_after=0,
                valid_before=valid_before,
                salt=salt,
            )
        )
        return Deposit(amount, 0, valid_before, salt, signature)

    def _channel_terms(self, chosen: PaymentRequirements, extensions: JsonObject) -> ChannelTerms:
        delay = chosen.extra.get("withdrawDelay", MIN_WITHDRAW_DELAY)
        if not isinstance(delay, int) or not MIN_WITHDRAW_DELAY <= delay <= MAX_WITHDRAW_DELAY:
            raise PolicyRefusedError(f"The seller's withdrawal delay {delay!r} is out of range.")
        payer = self._buyer.signer.address
        config = ChannelConfig(
            payer=payer,
            payer_authorizer=payer,
            receiver=parse_address(chosen.pay_to),
            receiver_authorizer=parse_address(chosen.extra.get("receiverAuthorizer", "")),
            token=parse_address(chosen.asset),
            withdraw_delay=delay,
            salt=bytes(32),
        )
        chain_id = chain_id_of(chosen.network)
        return ChannelTerms(
            identifier=channel_id(config, chain_id),
            chain_id=chain_id,
            config=config,
            concurrent=CONCURRENT in extensions,
            deposit_limit=self._buyer.policy.deposit_limit,
        )

    def _extensions(self, terms: Terms, channel: ChannelTerms | None) -> JsonObject | None:
        """The seller's extensions, echoed; where we take part, our own member is added."""
        echoed: JsonObject = json.loads(json.dumps(terms.extensions))
        if PAYMENT_IDENTIFIER in echoed:
            echoed[PAYMENT_IDENTIFIER].setdefault("info", {})["id"] = self._payment_id
        if channel is not None and channel.concurrent:
            echoed[CONCURRENT].setdefault("info", {})["use"] = True
        return echoed or None

    async def _note_deposit(self, extra: JsonObject) -> None:
        if self._channel is None or self._intent is None or not self._intent.deposit:
            return
        state = extra.get("channelState")
        balance = parse_atomic(state.get("balance")) if isinstance(state, dict) else 0
        await self._buyer.ledger.deposited(self._channel, balance)
        if CONCURRENT in (self._terms.extensions if self._terms else {}):
            self._open_gate()

    async def _adopt(self, offered: PaymentRequirements) -> None:
        """Take over the seller's charged total, if it can show a voucher of ours that covers it."""
        state, proof = offered.extra.get("channelState"), offered.extra.get("voucherState")
        if not isinstance(state, dict) or self._channel is None:
            return
        charged = parse_atomic(state.get("chargedCumulativeAmount"))
        if isinstance(proof, dict):
            signed = parse_atomic(proof.get("signedMaxClaimable"))
            voucher = voucher_to_sign(self._channel, signed, chain_id_of(offered.network))
            signer = recover(voucher, parse_hex(proof.get("signature")))
            if signer != self._buyer.signer.address or charged > signed:
                raise SellerMisbehavedError(
                    f"{self._origin} shows a voucher that this wallet never signed."
                )
        await self._buyer.ledger.adopt(self._channel, charged)

    async def _refused(self, reason: str | None, message: str | None) -> None:
        await self._release()
        raise PaymentRefusedError(
            f"{self._origin} refused the payment: {message or reason or 'no reason given'}.",
            reason=reason or "",
        )

    async def _release(self) -> None:
        if self._intent is not None:
            self._intent = await self._buyer.ledger.release(self._intent.payment_id)
        self._open_gate()

    async def _lost(self) -> None:
        if self._intent is not None:
            await self._buyer.ledger.mark_unknown(self._intent.payment_id)
            self._intent = replace(self._intent, state="unknown")

    def _open_gate(self) -> None:
        if self._gate is not None:
            self._gate.release()
            self._gate = None


def check_receipt(header: str | None, terms: Terms, intent: Intent, charge: int) -> None:
    """Check a metering receipt against the payment it is for; sellers need not give one.

    Raises:
        InvalidInputError: it is malformed, signed by another, or about another payment or charge.
    """
    if header is None:
        return
    receipt, signature = parse_receipt(json.loads(header))
    chain_id = chain_id_of(terms.chosen.network)
    signer = receipt.signed_by(signature, chain_id)
    announced = str(terms.chosen.extra.get("receiverAuthorizer", signer))
    if signer.lower() != announced.lower():
        raise InvalidInputError("The receipt is signed by another than the seller's authorizer.")
    expected = hashlib.sha256(intent.payment_id.encode()).digest()
    if receipt.payment_id != expected or receipt.charge != charge:
        raise InvalidInputError("The receipt is about another payment or another charge.")


def unknown_outcome(purchase: Purchase, cause: str) -> PaymentUnknownError:
    """The error for a payment that left and was not answered."""
    return PaymentUnknownError(
        f"The payment {purchase.payment_id} was sent and no answer came ({cause}); "
        "reconcile it before paying again.",
        payment_id=purchase.payment_id,
    )


def _choose(required: PaymentRequired, asset: Asset) -> PaymentRequirements:
    """The cheapest way to pay by: a channel before a single transfer, in the wallet's asset."""
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
                return terms
    offers = ", ".join(f"{t.scheme} in {t.asset} on {t.network}" for t in required.accepts)
    raise PolicyRefusedError(
        f"The seller takes {offers or 'nothing'}; this wallet pays in {asset.address} on "
        f"{asset.network}.",
        offers=offers,
    )


def _price(terms: PaymentRequirements, asset: Asset) -> Amount:
    return Amount(parse_atomic(terms.amount), asset)


def _charge(extra: JsonObject, terms: Terms, intent: Intent) -> tuple[int, int | None]:
    """The charge and the seller's running total, where it is one that must follow from ours."""
    stated = extra.get("chargedAmount")
    charge = intent.amount if stated is None else parse_atomic(stated)
    if charge > intent.amount:
        raise ChargeAboveCapError(
            f"it charged {charge} atomic units where at most {intent.amount} were agreed.",
            charge=str(charge),
            cap=str(intent.amount),
        )
    state = extra.get("channelState")
    if CONCURRENT in terms.extensions or not isinstance(state, dict):
        return charge, None
    return charge, parse_atomic(state.get("chargedCumulativeAmount"))


def _settlement(header: str) -> SettlementResponse:
    return SettlementResponse.from_header(header)


def keyed_payment_id(key: str, method: str, url: str) -> str:
    """The payment id that a request with this `Idempotency-Key` is paid under.

    The same key on another route is another payment; a query string makes no difference.
    """
    parts = urlsplit(url)
    text = "\n".join((method, f"{parts.scheme}://{parts.netloc}{parts.path}", key))
    return "key_" + hashlib.sha256(text.encode()).hexdigest()[:32]
