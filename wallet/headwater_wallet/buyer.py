"""The buying side of a wallet: what its purchases share, and how a request becomes a purchase."""

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

import anyio

from headwater_contracts.clients.batch_settlement import ChannelState
from headwater_payments.address import Address, parse_address
from headwater_payments.amount import Amount
from headwater_payments.eip712 import Domain, TypedData
from headwater_payments.extensions import (
    CONCURRENT,
    PAYMENT_IDENTIFIER,
    PAYMENT_RECEIPT,
    RECEIPT_EVENT,
)
from headwater_payments.mpp import ACCEPT_PAYMENT
from headwater_payments.mpp_evm import INTENT, METHOD
from headwater_payments.pricing import TokenPrice
from headwater_payments.signing import Signer
from headwater_payments.structs import WalletSecret
from headwater_payments.windows import asks_for_stream
from headwater_wallet.approvals import Approval, Approver
from headwater_wallet.errors import ApprovalPendingError, BudgetExceededError, WalletStoppedError
from headwater_wallet.lanes import DEFAULT_LANES, LanePool
from headwater_wallet.payment_header import HeaderSigner
from headwater_wallet.policy import PaymentRequest, SpendPolicy, Verdict, denied
from headwater_wallet.purchase import Purchase, unknown_outcome
from headwater_wallet.reputation import ReputationSource
from headwater_wallet.retries import Attempts
from headwater_wallet.seller_claims import check_receipt
from headwater_wallet.session_keys import voucher_address
from headwater_wallet.spend_ledger import SpendLedger
from headwater_wallet.terms import Terms, origin_of, route_of
from headwater_wallet.transfer_ends import TransferEnds

MAX_CACHED_TERMS: Final = 4096
_ASKING: Final = {ACCEPT_PAYMENT: f"{METHOD}/{INTENT}"}
"""What of MPP this wallet pays."""


@dataclass(slots=True)
class Buyer:
    """Everything that one wallet's purchases share.

    Args:
        signer: the payer; it signs vouchers too, unless it is a `SessionSigner`.
        policy: what may be paid.
        ledger: where payments are reserved and recorded.
        now: Unix time in seconds.
        random_bytes: a source of unpredictable bytes, for nonces and payment ids.
        id_secret: makes the ids of keyed payments this wallet's own, so that nobody who guesses a
            key can look them up or take them.
        approver: asks a person where the policy wants one; None leaves the question in the ledger
            and refuses with `approval_pending` until it is answered there.
        lanes: how many channels to keep with a seller that serves one request at a time on each.
        escrow: reads a channel from the chain, for when neither side remembers it; without it such
            a seller is not believed.
        reputations: tells reputations, for policies that look at them; None knows of nobody's.
        transfer_ends: finds out on chain how single transfers ended; None leaves what was signed
            for them counted in full.
    """

    signer: Signer
    policy: SpendPolicy
    ledger: SpendLedger
    now: Callable[[], int]
    random_bytes: Callable[[int], bytes] = secrets.token_bytes
    id_secret: bytes = field(default=b"", repr=False)
    known_terms: dict[tuple[str, str], Terms] = field(default_factory=dict)
    gates: dict[bytes, anyio.Semaphore] = field(default_factory=dict)
    approver: Approver | None = None
    lanes: int = DEFAULT_LANES
    lane_pools: dict[bytes, LanePool] = field(default_factory=dict)
    escrow: Callable[[bytes], Awaitable[ChannelState]] | None = None
    transfer_ends: TransferEnds | None = None
    reputations: ReputationSource | None = None
    attempts: Attempts = field(default_factory=Attempts, repr=False)
    asking: set[str] = field(default_factory=set)
    paying: WeakValueDictionary[str, Purchase] = field(default_factory=WeakValueDictionary)
    """Who makes or made a payment, by its id; one that was dropped half-way is forgotten."""

    def purchase(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Purchase:
        """The payment side of one request that is about to be sent."""
        key = next((v for k, v in headers.items() if k.lower() == "idempotency-key"), None)
        asked = (self.ledger.budget_name, method, url, headers, body)
        if key is not None:
            payment_id = self.keyed_id(key, method, url)
        elif (failed := self.attempts.take_failed(*asked)) is not None:
            payment_id = failed.payment_id
        else:
            payment_id = "pay_" + self.random_bytes(16).hex()
        accept = next((v for k, v in headers.items() if k.lower() == "accept"), "")
        said = any(name.lower() == ACCEPT_PAYMENT.lower() for name in headers)
        purchase = Purchase(
            self,
            method,
            url,
            payment_id,
            wants_stream=lambda: asks_for_stream(accept, body),
            asking_headers={} if said else _ASKING,
        )
        if key is None:
            self.attempts.note(purchase, *asked)
        return purchase

    def keyed_id(self, key: str, method: str, url: str) -> str:
        """The payment id that a request with this `Idempotency-Key` is paid under here."""
        return keyed_payment_id(key, method, url, self.id_secret)

    async def asked_for(
        self,
        amount: Amount,
        payee: Address,
        origin: str,
        resource: str,
        token_price: TokenPrice | None,
    ) -> PaymentRequest:
        """A payment as policy judges it, with the payee's reputation where a rule looks at it.

        Raises:
            HeadwaterError: the reputation cannot be told now.
        """
        known = None
        if self.reputations is not None and self.policy.asks_reputation:
            known = await self.reputations.reputation(payee, origin)
        return PaymentRequest(amount, payee, origin, resource, token_price, known)

    async def would_pay(
        self, amount: Amount, payee: Address, url: str, token_price: TokenPrice | None = None
    ) -> Verdict:
        """What the policy, as the ledger stands, says about a payment; nothing is signed or asked.

        A payment on a channel may pass where this says no: it can reuse headroom signed before.

        Raises:
            InvalidInputError: there is no such budget.
        """
        request = await self.asked_for(
            amount, parse_address(payee), origin_of(url), route_of(url), token_price
        )
        try:
            verdict = await self.ledger.consider(
                lambda history: self.policy.explain(request, history, now=self.now())
            )
        except WalletStoppedError as stopped:
            return Verdict("deny", None, stopped.message, stopped.code)
        left = (await self.ledger.budget()).left
        if verdict.outcome != "deny" and amount.atomic > left:
            short = f"The budget has {left} atomic units left, and this takes {amount.atomic}."
            return Verdict("deny", verdict.rule, short, BudgetExceededError.code)
        return verdict

    async def approval(self, request: PaymentRequest, reason: str) -> None:
        """Have a person asked, and return once the payment is approved.

        Cancelled while the person thinks, the question stays in the ledger.

        Raises:
            ApprovalPendingError: nobody here can be asked; the details name the question.
            ApprovalDeniedError: the person said no.
        """
        asked = await self._question(request, reason)
        if self.approver is None:
            raise ApprovalPendingError(
                f"{request.amount} to {request.payee} waits for a person to approve {asked.id}: "
                f"{reason}.",
                approval=asked.id,
                reason=reason,
            )
        self.asking.add(asked.id)
        try:
            decision = await self.approver(asked)
        finally:
            self.asking.discard(asked.id)
        await self.ledger.approvals.decide(asked.id, decision, self.now())
        if not decision.approved:
            raise denied(request, decision.reason)

    async def _question(self, request: PaymentRequest, reason: str) -> Approval:
        """One that an earlier process left open, or a new one; never one being asked right now."""
        return await self.ledger.approvals.ask(
            "ask_" + self.random_bytes(6).hex(),
            request.payee,
            request.resource,
            request.amount.atomic,
            reason,
            self.now(),
            apart_from=self.asking,
        )

    @property
    def authorizer(self) -> Address:
        """The account that vouchers recover to: a session key's, or the payer's own."""
        return voucher_address(self.signer)

    @property
    def headers(self) -> HeaderSigner:
        """Signs what the ledger has reserved."""
        return HeaderSigner(self.signer, self.now, self.random_bytes)

    def remember(self, route: tuple[str, str], terms: Terms) -> None:
        """Keep a route's terms, so that the next request pays without being asked."""
        if len(self.known_terms) >= MAX_CACHED_TERMS:
            self.known_terms.pop(next(iter(self.known_terms)))
        self.known_terms[route] = terms


def keyed_payment_id(key: str, method: str, url: str, secret: bytes) -> str:
    """The payment id that a request with this `Idempotency-Key` is paid under.

    The same key on another route, or under another secret, is another payment. Another query string
    or body under the same key is the same payment, which a seller refuses as a conflict.
    """
    parts = urlsplit(url)
    text = "\n".join((method, f"{parts.scheme}://{parts.netloc}{parts.path}", key))
    return "key_" + hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()[:32]


async def secret_of(signer: Signer, chain_id: int) -> bytes:
    """A secret of the signer's, the same each time: a signature that never leaves the wallet."""
    typed = TypedData(Domain("Headwater Wallet", "1", chain_id, None), WalletSecret("payment ids"))
    return hashlib.sha256(await signer.sign_typed_data(typed)).digest()


__all__ = [
    "CONCURRENT",
    "MAX_CACHED_TERMS",
    "PAYMENT_IDENTIFIER",
    "PAYMENT_RECEIPT",
    "RECEIPT_EVENT",
    "Buyer",
    "Purchase",
    "Terms",
    "check_receipt",
    "keyed_payment_id",
    "origin_of",
    "route_of",
    "unknown_outcome",
]
