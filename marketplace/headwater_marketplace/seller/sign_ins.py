"""Payers that sign in: asking them to, believing them once, and what they then may see.

A nonce is this seller's own, which takes no memory to tell, and serves once, which does.

Source: x402's extension `sign-in-with-x`.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, urlsplit

from sqlalchemy import Connection, insert, select

from headwater_marketplace.seller.records import Payment
from headwater_marketplace.seller.repeats import PaidRequest
from headwater_marketplace.seller.rows import ALL_PAYMENTS, NONCES, PAYMENTS, as_payment
from headwater_marketplace.seller.store import SellerStore
from headwater_payments.address import Address
from headwater_payments.eip712 import Domain, TypedData
from headwater_payments.errors import InvalidInputError
from headwater_payments.sign_in import (
    SIGN_IN,
    SignInError,
    check_sign_in,
    parse_sign_in,
    rfc3339,
    sign_in_extension,
)
from headwater_payments.signing import Signer
from headwater_payments.structs import WalletSecret
from headwater_payments.web_url import require_web_url
from headwater_payments.x402 import JsonObject

MOST_LISTED: Final = 100
_HALF: Final = 16


class SignIns:
    """One seller's sign-ins.

    Args:
        store: the seller's books, which remember nonces.
        signer: makes the secret behind nonces, the same in every process that has it.
        origin: where buyers reach the seller, as `https://api.example.com`.
        now: Unix time in seconds.

    Raises:
        InvalidInputError: the origin is no origin.
    """

    def __init__(
        self, store: SellerStore, signer: Signer, origin: str, now: Callable[[], int]
    ) -> None:
        parts = urlsplit(require_web_url(origin, "the origin of a seller"))
        if parts.username or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise InvalidInputError(f"{origin!r} is more than an origin: give scheme and host.")
        self._store, self._signer, self._now = store, signer, now
        self._origin = f"{parts.scheme}://{parts.netloc}".lower()
        self._secret: bytes | None = None

    def url(self, path: str) -> str:
        """A path of this seller's as buyers see it."""
        return self._origin + quote(path, safe="/:@!$&'()*+,;=~%")

    async def extension(self, path: str, networks: list[str]) -> JsonObject:
        """What a 402 for a path asks for."""
        now = self._now()
        random = secrets.token_hex(_HALF // 2)
        nonce = random + await self._mark(random, rfc3339(now), path)
        return {SIGN_IN: sign_in_extension(self.url(path), networks, nonce, now)}

    async def payer(self, header: str, path: str) -> Address:
        """The account that signs in for a path; its nonce is spent.

        Raises:
            SignInError: it does not hold, or has served already.
            InvalidInputError: it is malformed.
        """
        message, signature = parse_sign_in(header)
        check_sign_in(message, signature, self.url(path), now=self._now())
        random, mark = message.nonce[:_HALF], message.nonce[_HALF:]
        ours = await self._mark(random, message.issued_at, path)
        fresh = hmac.compare_digest(ours, mark) and await self._store.database.write(
            lambda connection: _spend(connection, message.address, message.nonce)
        )
        if not fresh:
            raise SignInError(
                "The sign-in does not hold. Its nonce is not this seller's, or has served already.",
                reason="invalid_siwx_nonce",
            )
        return message.address

    async def payments(self, payer: Address) -> list[Payment]:
        """What a payer paid, newest first, `MOST_LISTED` at most."""
        query = (
            ALL_PAYMENTS.where(PAYMENTS.c.payer == payer)
            .order_by(PAYMENTS.c.created_at.desc(), PAYMENTS.c.payment_id)
            .limit(MOST_LISTED)
        )
        return await self._store.database.read(
            lambda connection: [as_payment(row) for row in connection.execute(query)]
        )

    async def kept(self, payer: Address, payment_id: str) -> Payment | None:
        """A payment of this payer's whose answer was kept; another's is not told of."""
        payment = await self._store.payment(payment_id)
        if payment is None or payment.payer != payer or payment.state != "charged":
            return None
        return payment if payment.response is not None else None

    async def answered(self, payer: Address, request: PaidRequest) -> Payment | None:
        """The newest payment of a payer's for this very request whose answer was kept."""
        _, asked = request.fingerprint.split(":", 1)
        query = (
            ALL_PAYMENTS.where(
                PAYMENTS.c.payer == payer,
                PAYMENTS.c.state == "charged",
                PAYMENTS.c.response.is_not(None),
                PAYMENTS.c.fingerprint.endswith(":" + asked),
            )
            .order_by(PAYMENTS.c.created_at.desc(), PAYMENTS.c.payment_id)
            .limit(1)
        )

        def work(connection: Connection) -> Payment | None:
            row = connection.execute(query).first()
            return None if row is None else as_payment(row)

        return await self._store.database.read(work)

    async def _mark(self, random: str, issued_at: str, path: str) -> str:
        if self._secret is None:
            domain = Domain("Headwater Seller", "1", 1, None)
            typed = TypedData(domain, WalletSecret("sign-in nonces"))
            signature = await self._signer.sign_typed_data(typed)
            self._secret = hashlib.sha256(signature).digest()
        text = "\n".join((random, issued_at, path)).encode()
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()[:_HALF]


def _spend(connection: Connection, payer: Address, nonce: str) -> bool:
    """Whether a nonce had not served."""
    key = {"asset": SIGN_IN, "payer": payer.lower(), "nonce": nonce}
    known = select(NONCES.c.nonce).where(*(NONCES.c[k] == v for k, v in key.items()))
    if connection.execute(known).first() is not None:
        return False
    connection.execute(insert(NONCES).values(**key, payment_id=SIGN_IN))
    return True
