"""Resolving payments whose outcome is unknown, by asking the seller: never by paying again."""

from typing import Final
from urllib.parse import quote, urlsplit

import httpx
from headwater_payments.channels import ChargeAboveCapError
from headwater_payments.errors import InvalidInputError
from headwater_payments.x402 import SettlementResponse

from headwater_wallet.spend_ledger import Intent, SpendLedger

LOOKUP_PATH: Final = "/.well-known/headwater/payments/"


async def reconcile(ledger: SpendLedger, client: httpx.AsyncClient) -> list[Intent]:
    """Ask each seller about each payment that has no outcome; what it does not know is released.

    Args:
        ledger: where the payments stand.
        client: a client that does not pay.

    Returns:
        The payments that are still unknown, because their sellers did not answer.
    """
    left = []
    for intent in await ledger.intents("sent", "unknown"):
        outcome = await _look_up(intent, client)
        if outcome is None:
            left.append(intent)
        elif outcome == "released":
            await ledger.release(intent.payment_id)
        elif isinstance(outcome, SettlementResponse):
            try:
                charge = int((outcome.extra or {}).get("chargedAmount", intent.amount))
                await ledger.settle(intent.payment_id, charge, None, None)
            except (ChargeAboveCapError, ValueError):
                left.append(intent)
    return left


async def _look_up(intent: Intent, client: httpx.AsyncClient) -> SettlementResponse | str | None:
    parts = urlsplit(intent.url)
    url = f"{parts.scheme}://{parts.netloc}{LOOKUP_PATH}{quote(intent.payment_id, safe='')}"
    try:
        answer = await client.get(url)
    except httpx.TransportError:
        return None
    if answer.status_code == 404:
        return "released"
    if answer.status_code != 200:
        return None
    try:
        body = answer.json()
        if body.get("state") == "charged":
            return SettlementResponse.from_json(body.get("settlement"))
    except (ValueError, AttributeError, InvalidInputError):
        return None
    state = body.get("state")
    return "released" if state == "released" else None
