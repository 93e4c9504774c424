"""Vouchers signed beforehand: what a load generator sends without thinking."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx

from headwater_payments.address import parse_address
from headwater_payments.batch_payload import (
    SCHEME,
    BatchPayload,
    Deposit,
    SignedVoucher,
    deposit_to_sign,
    token_domain,
)
from headwater_payments.channels import channel_id, voucher_to_sign
from headwater_payments.extensions import CONCURRENT
from headwater_payments.structs import ChannelConfig
from headwater_payments.x402 import (
    PAYMENT_REQUIRED,
    PaymentPayload,
    PaymentRequired,
    chain_id_of,
)
from headwater_wallet.keys import LocalSigner

VALID_BEFORE = 2**40


@dataclass(slots=True)
class Lane:
    """One channel with a seller, and how much has been signed over on it.

    Attributes:
        headroom: requests that may be under way at once; each voucher covers so many more.
    """

    signer: LocalSigner
    required: PaymentRequired
    config: ChannelConfig
    headroom: int
    signed: int = field(default=0)

    @classmethod
    async def open(
        cls, http: httpx.AsyncClient, path: str, signer: LocalSigner, salt: int, headroom: int
    ) -> "Lane":
        """Ask for the terms, and take them with a channel of this salt."""
        answer = await http.post(path, json={})
        required = PaymentRequired.from_header(answer.headers[PAYMENT_REQUIRED])
        terms = next(each for each in required.accepts if each.scheme == SCHEME)
        config = ChannelConfig(
            payer=signer.address,
            payer_authorizer=signer.address,
            receiver=parse_address(terms.pay_to),
            receiver_authorizer=parse_address(str(terms.extra["receiverAuthorizer"])),
            token=parse_address(terms.asset),
            withdraw_delay=int(terms.extra["withdrawDelay"]),
            salt=salt.to_bytes(32, "big"),
        )
        return cls(signer, required.model_copy(update={"accepts": [terms]}), config, headroom)

    @property
    def price(self) -> int:
        """Atomic units a call."""
        return int(self.required.accepts[0].amount)

    async def deposit(self, amount: int) -> str:
        """The header that opens the channel with `amount` atomic units and pays one call."""
        terms = self.required.accepts[0]
        chain_id = chain_id_of(terms.network)
        identifier = channel_id(self.config, chain_id)
        typed = deposit_to_sign(
            self.config,
            identifier,
            token_domain(terms.extra, self.config.token, chain_id),
            amount=amount,
            valid_after=0,
            valid_before=VALID_BEFORE,
            salt=1,
        )
        signature = await self.signer.sign_typed_data(typed)
        return await self._header(Deposit(amount, 0, VALID_BEFORE, 1, signature))

    async def vouchers(self, count: int) -> AsyncIterator[str]:
        """Headers that each pay one call more."""
        for _ in range(count):
            yield await self._header(None)

    async def _header(self, deposit: Deposit | None) -> str:
        terms = self.required.accepts[0]
        chain_id = chain_id_of(terms.network)
        identifier = channel_id(self.config, chain_id)
        self.signed += self.price
        most = self.signed + (self.headroom - 1) * self.price
        signature = await self.signer.sign_typed_data(voucher_to_sign(identifier, most, chain_id))
        payload = BatchPayload(self.config, SignedVoucher(identifier, most, signature), deposit)
        extensions = {
            name: {**offered, "info": {**offered["info"], "use": True}}
            for name, offered in (self.required.extensions or {}).items()
            if name == CONCURRENT and self.headroom > 1
        }
        return PaymentPayload(
            accepted=terms, payload=payload.to_json(), extensions=extensions or None
        ).to_header()
