"""Signing a payment that the ledger has reserved: the header that goes with the request."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from headwater_payments.address import parse_address
from headwater_payments.amount import parse_atomic
from headwater_payments.batch_payload import (
    BatchPayload,
    Deposit,
    SignedVoucher,
    deposit_to_sign,
    token_domain,
)
from headwater_payments.channels import voucher_to_sign
from headwater_payments.exact import MAX_VALIDITY_S, sign_exact
from headwater_payments.extensions import CONCURRENT, PAYMENT_IDENTIFIER
from headwater_payments.offer_receipt import without_offers
from headwater_payments.permit2_deposit import Permit2Deposit, sign_permit2_deposit
from headwater_payments.permit2_payload import sign_permit2
from headwater_payments.signing import Signer, signs_now
from headwater_payments.transfers import uses_permit2
from headwater_payments.windows import VOUCHER_WINDOWS
from headwater_payments.x402 import JsonObject, PaymentPayload, chain_id_of
from headwater_wallet.spend_records import ChannelTerms, Intent
from headwater_wallet.terms import Terms


@dataclass(frozen=True, slots=True)
class HeaderSigner:
    """Signs for one account.

    Args:
        signer: the payer; it signs vouchers too.
        now: Unix time in seconds.
        random_bytes: a source of unpredictable bytes, for nonces.
    """

    signer: Signer
    now: Callable[[], int]
    random_bytes: Callable[[int], bytes]

    async def sign(self, terms: Terms, channel: ChannelTerms | None, intent: Intent) -> str:
        """The value of `PAYMENT-SIGNATURE` for a reserved payment.

        Raises:
            HeadwaterError: the signer refuses, or the terms are malformed; nothing was signed.
        """
        payload = (
            await self._transfer(terms)
            if channel is None
            else await self._voucher(terms, channel, intent)
        )
        return _header(terms, channel, intent, payload)

    def seal(self, terms: Terms, channel: ChannelTerms | None, intent: Intent) -> str | None:
        """The header at once, where a key in this process and one voucher are all that it takes.

        Signed inside the transaction that reserves the payment, it is stored by the same commit.
        The same intent gives the same header. None where `sign` is needed.
        """
        if channel is None or intent.deposit or not signs_now(self.signer):
            return None
        signature = self.signer.sign_now(
            voucher_to_sign(channel.identifier, intent.max_claimable, channel.chain_id)
        )
        voucher = SignedVoucher(channel.identifier, intent.max_claimable, signature)
        payload = BatchPayload(channel.config, voucher).to_json()
        return _header(terms, channel, intent, payload)

    async def _transfer(self, terms: Terms) -> JsonObject:
        chosen = terms.chosen
        nonce, now = terms.nonce or self.random_bytes(32), terms.signing_time(self.now())
        if uses_permit2(chosen):
            permit = await sign_permit2(self.signer, chosen, now=now, nonce=nonce)
            return permit.to_json()
        chain_id = chain_id_of(chosen.network)
        token = token_domain(chosen.extra, parse_address(chosen.asset), chain_id)
        payment = await sign_exact(self.signer, chosen, token, now=now, nonce=nonce)
        return payment.to_json()

    async def _voucher(self, terms: Terms, channel: ChannelTerms, intent: Intent) -> JsonObject:
        deposit = await self._deposit(terms, channel, intent.deposit) if intent.deposit else None
        signature = await self.signer.sign_typed_data(
            voucher_to_sign(channel.identifier, intent.max_claimable, channel.chain_id)
        )
        voucher = SignedVoucher(channel.identifier, intent.max_claimable, signature)
        return BatchPayload(channel.config, voucher, deposit).to_json()

    async def _deposit(
        self, terms: Terms, channel: ChannelTerms, amount: int
    ) -> Deposit | Permit2Deposit:
        nonce = self.random_bytes(32)
        lasts = min(terms.chosen.max_timeout_seconds, MAX_VALIDITY_S)
        valid_before = terms.signing_time(self.now()) + lasts
        if uses_permit2(terms.chosen):
            return await sign_permit2_deposit(
                self.signer,
                channel.identifier,
                channel.config.token,
                amount=amount,
                deadline=valid_before,
                nonce=nonce,
                chain_id=channel.chain_id,
            )
        salt = int.from_bytes(nonce, "big")
        token = token_domain(terms.chosen.extra, channel.config.token, channel.chain_id)
        signature = await self.signer.sign_typed_data(
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


def _header(terms: Terms, channel: ChannelTerms | None, intent: Intent, payload: JsonObject) -> str:
    return PaymentPayload(
        accepted=terms.chosen,
        payload=payload,
        extensions=echoed_extensions(
            terms,
            channel,
            intent.payment_id,
            in_windows=intent.amount < parse_atomic(terms.chosen.amount),
        ),
    ).to_header()


def echoed_extensions(
    terms: Terms, channel: ChannelTerms | None, payment_id: str, *, in_windows: bool = False
) -> JsonObject | None:
    """The seller's extensions, echoed; where we take part, our own member is added."""
    echoed: JsonObject = json.loads(json.dumps(without_offers(terms.extensions)))
    if terms.advertises(PAYMENT_IDENTIFIER):
        echoed[PAYMENT_IDENTIFIER].setdefault("info", {})["id"] = payment_id
    if channel is not None and channel.concurrent:
        echoed[CONCURRENT].setdefault("info", {})["use"] = True
    if in_windows and terms.windows is not None:
        echoed[VOUCHER_WINDOWS]["info"]["use"] = True
    return echoed or None
