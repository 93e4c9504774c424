"""Asking a seller to give a channel's escrow back, which takes one transaction and no delay.

Source: x402 `batch-settlement` on EVM, payload type `refund`.
"""

from typing import Final

import httpx

from headwater_payments.amount import parse_atomic
from headwater_payments.batch_payload import SCHEME as BATCH
from headwater_payments.batch_payload import BatchPayload, SignedVoucher
from headwater_payments.channels import voucher_to_sign
from headwater_payments.errors import InvalidInputError, UnavailableError
from headwater_payments.hexadecimal import to_hex
from headwater_payments.x402 import (
    PAYMENT_REQUIRED,
    PAYMENT_RESPONSE,
    PAYMENT_SIGNATURE,
    PaymentPayload,
    PaymentRequired,
    SettlementResponse,
)
from headwater_wallet.books import in_books
from headwater_wallet.buyer import Buyer
from headwater_wallet.channel_book import begin_withdrawal, end_withdrawal
from headwater_wallet.errors import PaymentRefusedError
from headwater_wallet.payment_header import echoed_extensions
from headwater_wallet.seller_claims import stated_balance
from headwater_wallet.spend_records import ChannelTerms
from headwater_wallet.terms import Terms, choose_terms

_PAYMENT_REQUIRED: Final = 402
_PENDING: Final = "settlement_pending"


async def request_refund(
    buyer: Buyer, http: httpx.AsyncClient, method: str, url: str, amount: int | None
) -> int:
    """Ask the seller of a route to return escrow of the channel that pays for it.

    Nothing is signed that was not signed before: the voucher is for what is charged already.

    Args:
        buyer: whose channel.
        http: a client that does not pay.
        method: of the route.
        url: of the route.
        amount: atomic units wanted back; None for all that is not charged.

    Returns:
        Atomic units that came back, as the seller says.

    Raises:
        InvalidInputError: there is no channel with this seller, or a payment on it has no outcome.
        PaymentRefusedError: the seller refuses; the channel is as it was.
        UnavailableError: no answer came. The channel is left alone, as with a withdrawal, until
            what the chain shows of it is read.
    """
    terms = await _terms(buyer, http, method, url)
    channel = terms.channel(
        buyer.signer.address, buyer.policy.deposit_limit, authorizer=buyer.authorizer
    )
    states = await buyer.ledger.channels()
    if channel is None or channel.identifier not in states:
        raise InvalidInputError(f"This wallet has no channel with the seller at {url}.")
    identifier, store = to_hex(channel.identifier), buyer.ledger.database
    await store.write(in_books(lambda books: begin_withdrawal(books, identifier)))
    charged = (await buyer.ledger.channels())[channel.identifier].charged
    answer = await _ask(buyer, http, method, url, terms, channel, charged, amount)
    settlement = _settlement(answer)
    returned = settlement is not None and settlement.success
    if not returned and _reason(answer, settlement) == _PENDING:
        # The channel stays as if nobody had answered: the chain is read before it pays again.
        raise UnavailableError(
            f"{url} has not learned yet whether the escrow comes back; read the chain later."
        )
    balance = stated_balance((settlement and settlement.extra) or {}) if returned else None
    await store.write(in_books(lambda books: end_withdrawal(books, identifier, balance)))
    if settlement is None or not returned:
        raise _refused(answer, settlement)
    return parse_atomic(settlement.amount)


async def _terms(buyer: Buyer, http: httpx.AsyncClient, method: str, url: str) -> Terms:
    answer = await _send(http, method, url, {})
    header = answer.headers.get(PAYMENT_REQUIRED)
    if answer.status_code != _PAYMENT_REQUIRED or header is None:
        raise InvalidInputError(f"{url} asks for no payment, so there is no channel to refund.")
    required = PaymentRequired.from_header(header)
    channels = [terms for terms in required.accepts if terms.scheme == BATCH]
    kept = required.model_copy(update={"accepts": channels})
    return choose_terms(kept, buyer.policy.budget.asset)


async def _ask(
    buyer: Buyer,
    http: httpx.AsyncClient,
    method: str,
    url: str,
    terms: Terms,
    channel: ChannelTerms,
    charged: int,
    amount: int | None,
) -> httpx.Response:
    signature = await buyer.signer.sign_typed_data(
        voucher_to_sign(channel.identifier, charged, channel.chain_id)
    )
    voucher = SignedVoucher(channel.identifier, charged, signature)
    body = {**BatchPayload(channel.config, voucher).to_json(), "type": "refund"}
    if amount is not None:
        body["amount"] = str(amount)
    payment_id = "rfd_" + buyer.random_bytes(16).hex()
    payment = PaymentPayload(
        accepted=terms.chosen,
        payload=body,
        extensions=echoed_extensions(terms, None, payment_id),
    )
    return await _send(http, method, url, {PAYMENT_SIGNATURE: payment.to_header()})


async def _send(
    http: httpx.AsyncClient, method: str, url: str, headers: dict[str, str]
) -> httpx.Response:
    try:
        return await http.request(method, url, headers=headers)
    except httpx.TransportError as exc:
        raise UnavailableError(f"{url} did not answer: {type(exc).__name__}.") from exc


def _settlement(answer: httpx.Response) -> SettlementResponse | None:
    header = answer.headers.get(PAYMENT_RESPONSE)
    return None if header is None else SettlementResponse.from_header(header)


def _refused(answer: httpx.Response, settlement: SettlementResponse | None) -> PaymentRefusedError:
    reason = _reason(answer, settlement)
    return PaymentRefusedError(
        f"The seller gave no escrow back: {reason or f'status {answer.status_code}'}.",
        reason=reason or "",
    )


def _reason(answer: httpx.Response, settlement: SettlementResponse | None) -> str | None:
    reason = None if settlement is None else settlement.error_reason
    header = answer.headers.get(PAYMENT_REQUIRED)
    return PaymentRequired.from_header(header).error if reason is None and header else reason
