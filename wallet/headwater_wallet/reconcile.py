"""Resolving payments whose outcome is unknown, by asking the seller: never by paying again."""

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote, urlsplit

import httpx

from headwater_payments.amount import parse_atomic
from headwater_payments.channels import ChargeAboveCapError
from headwater_payments.errors import InvalidInputError
from headwater_wallet.spend_ledger import Intent, SpendLedger

LOOKUP_PATH: Final = "/.well-known/headwater/payments/"


async def reconcile(
    ledger: SpendLedger, client: httpx.AsyncClient, *, reserved_before: int | None = None
) -> list[Intent]:
    """Ask each seller about each payment that has no outcome; what it does not know is released.

    Args:
        ledger: where the payments stand.
        client: a client that does not pay.
        reserved_before: Unix seconds; reservations older than this that were never sent belong to
            a process that stopped, and are given back. None leaves them.

    Returns:
        The payments that are still unknown, because their sellers did not answer.
    """
    for intent in await ledger.intents("reserved"):
        if reserved_before is not None and intent.created_at < reserved_before:
            await ledger.release(intent.payment_id, never_sent=True)
    left = []
    for intent in await ledger.intents("sent", "unknown"):
        outcome = await _look_up(intent, client)
        if outcome is None:
            left.append(intent)
        elif outcome.state == "released":
            await ledger.release(intent.payment_id)
        else:
            try:
                await ledger.settle(intent.payment_id, outcome.charge, None, outcome.receipt)
            except ChargeAboveCapError:
                left.append(intent)
    return left


@dataclass(frozen=True, slots=True)
class _Outcome:
    state: Literal["charged", "released"]
    charge: int = 0
    receipt: str | None = None


async def _look_up(intent: Intent, client: httpx.AsyncClient) -> _Outcome | None:
    parts = urlsplit(intent.url)
    url = f"{parts.scheme}://{parts.netloc}{LOOKUP_PATH}{quote(intent.payment_id, safe='')}"
    try:
        answer = await client.get(url)
        body = answer.json()
        if answer.status_code == 404 and body.get("state") == "unknown":
            return _Outcome("released")
        if body.get("state") == "released":
            return _Outcome("released")
        if body.get("state") == "charged":
            charge = parse_atomic(body.get("chargedAmount"))
            return _Outcome("charged", charge, body.get("receipt"))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, AttributeError, InvalidInputError):
        return None
    return None
