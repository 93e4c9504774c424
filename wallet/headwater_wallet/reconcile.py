"""Resolving payments whose outcome is unknown, by asking the seller: never by paying again."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote, urlsplit

import httpx

from headwater_payments.amount import parse_atomic
from headwater_payments.channels import ChargeAboveCapError
from headwater_payments.errors import InvalidInputError
from headwater_payments.extensions import LOOKUP_PATH
from headwater_payments.hexadecimal import parse_hex
from headwater_payments.json_text import read_json
from headwater_payments.x402 import MAX_HEADER_BYTES, PaymentPayload, SettlementResponse
from headwater_wallet.seller_claims import check_receipt, stated_balance
from headwater_wallet.spend_ledger import SpendLedger
from headwater_wallet.spend_records import Intent
from headwater_wallet.statements import payer_of, receipt_told
from headwater_wallet.terms import Terms

_LONGEST: Final = MAX_HEADER_BYTES


async def reconcile(
    ledger: SpendLedger,
    client: httpx.AsyncClient,
    *,
    reserved_before: int | None = None,
    now: Callable[[], int] = lambda: int(time.time()),
) -> list[Intent]:
    """Ask each seller about each payment that has no outcome; what it does not know is released.

    Args:
        ledger: where the payments stand.
        client: a client that does not pay.
        reserved_before: Unix seconds; reservations older than this that were never sent belong to
            a process that stopped, and are given back. None leaves them.
        now: Unix time in seconds, to date what sellers sign.

    Returns:
        The payments that are still unknown, because their sellers did not answer.
    """
    for intent in await ledger.intents("reserved"):
        if reserved_before is not None and intent.created_at < reserved_before:
            await ledger.release(intent.payment_id, never_sent=True)
    left = []
    for intent in await ledger.intents("sent", "unknown"):
        outcome = await _look_up(intent, client)
        if outcome is not None and intent.channel_id is not None and outcome.balance:
            await ledger.deposited(parse_hex(intent.channel_id, length=32), outcome.balance)
        if outcome is None:
            left.append(intent)
        elif outcome.state == "released":
            await ledger.release(intent.payment_id)
        else:
            try:
                _check(intent, outcome)
                await ledger.settle(intent.payment_id, outcome.charge, None, outcome.receipt)
                await _keep_receipt(ledger, intent, outcome, now())
            except (ChargeAboveCapError, InvalidInputError):
                # What this seller says does not hold; the other payments are not its to stop.
                left.append(intent)
    return left


def _check(intent: Intent, outcome: "_Outcome") -> None:
    """Hold a receipt against the payment it is for.

    Raises:
        InvalidInputError: it is malformed, signed by another, or about another payment or charge.
    """
    if intent.header is not None and outcome.receipt is not None:
        accepted = PaymentPayload.from_header(intent.header).accepted
        check_receipt(outcome.receipt, Terms(accepted, {}), intent, outcome.charge)


async def _keep_receipt(ledger: SpendLedger, intent: Intent, outcome: "_Outcome", now: int) -> None:
    """Keep what the seller signed about the delivery, as if it had come with the answer."""
    if intent.header is None or outcome.settlement is None:
        return
    paid = PaymentPayload.from_header(intent.header)
    receipt = receipt_told(outcome.settlement, intent, paid.accepted, payer_of(paid), now)
    if receipt is not None:
        await ledger.keep(receipt)


@dataclass(frozen=True, slots=True)
class _Outcome:
    state: Literal["charged", "released"]
    charge: int = 0
    receipt: str | None = None
    settlement: SettlementResponse | None = None
    balance: int = 0
    """Escrow of the payment's channel, where a deposit went with the payment."""


async def _look_up(intent: Intent, client: httpx.AsyncClient) -> _Outcome | None:
    parts = urlsplit(intent.url)
    url = f"{parts.scheme}://{parts.netloc}{LOOKUP_PATH}{quote(intent.payment_id, safe='')}"
    try:
        answer = await client.get(url)
        body = read_json(answer.content)
        if not isinstance(body, dict):
            return None
        if answer.status_code == 404 and body.get("state") == "unknown":
            return _Outcome("released")
        balance = stated_balance(body) if intent.deposit else 0
        if body.get("state") == "released":
            return _Outcome("released", balance=balance)
        if body.get("state") == "charged":
            charge = parse_atomic(body.get("chargedAmount"))
            receipt = body.get("receipt")
            if receipt is not None and not (isinstance(receipt, str) and len(receipt) <= _LONGEST):
                return None
            told = body.get("settlement")
            settlement = SettlementResponse.from_json(told) if isinstance(told, dict) else None
            return _Outcome("charged", charge, receipt, settlement, balance)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, AttributeError, InvalidInputError):
        return None
    return None
