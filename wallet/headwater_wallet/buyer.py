"""The buying side of a wallet: what its purchases share, and how a request becomes a purchase."""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import anyio

from headwater_payments.eip712 import Domain, TypedData
from headwater_payments.extensions import (
    CONCURRENT,
    PAYMENT_IDENTIFIER,
    PAYMENT_RECEIPT,
    RECEIPT_EVENT,
)
from headwater_payments.signing import Signer
from headwater_payments.structs import WalletSecret
from headwater_wallet.payment_header import HeaderSigner
from headwater_wallet.policy import SpendPolicy
from headwater_wallet.purchase import Purchase, unknown_outcome
from headwater_wallet.seller_claims import check_receipt
from headwater_wallet.spend_ledger import SpendLedger
from headwater_wallet.terms import Terms, origin_of, route_of

MAX_CACHED_TERMS: Final = 4096


@dataclass(slots=True)
class Buyer:
    """Everything that one wallet's purchases share.

    Args:
        signer: the payer; it signs vouchers too.
        policy: what may be paid.
        ledger: where payments are reserved and recorded.
        now: Unix time in seconds.
        random_bytes: a source of unpredictable bytes, for nonces and payment ids.
        id_secret: makes the ids of keyed payments this wallet's own, so that nobody who guesses a
            key can look them up or take them.
    """

    signer: Signer
    policy: SpendPolicy
    ledger: SpendLedger
    now: Callable[[], int]
    random_bytes: Callable[[int], bytes] = secrets.token_bytes
    id_secret: bytes = b""
    known_terms: dict[tuple[str, str], Terms] = field(default_factory=dict)
    gates: dict[bytes, anyio.Semaphore] = field(default_factory=dict)

    def purchase(self, method: str, url: str, headers: Mapping[str, str]) -> Purchase:
        """The payment side of one request that is about to be sent."""
        key = next((v for k, v in headers.items() if k.lower() == "idempotency-key"), None)
        payment_id = (
            "pay_" + self.random_bytes(16).hex() if key is None else self.keyed_id(key, method, url)
        )
        return Purchase(self, method, url, payment_id)

    def keyed_id(self, key: str, method: str, url: str) -> str:
        """The payment id that a request with this `Idempotency-Key` is paid under here."""
        return keyed_payment_id(key, method, url, self.id_secret)

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

    The same key on another route, or under another secret, is another payment; a query string makes
    no difference.
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
