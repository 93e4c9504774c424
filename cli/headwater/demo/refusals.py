"""Three things that must fail, tried for real: overspending, replaying a voucher, overcharging."""

import secrets
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from headwater.demo.market import CHAT_PATH, Market, open_wallet_of
from headwater.demo.network import Network
from headwater.demo.parties import Parties
from headwater.demo.questions import chat_request
from headwater_marketplace.gateway import gateway
from headwater_marketplace.seller import Offer, PaymentMiddleware
from headwater_marketplace.serving import bind, serve
from headwater_payments.amount import Amount
from headwater_payments.errors import HeadwaterError
from headwater_payments.x402 import (
    PAYMENT_REQUIRED,
    PAYMENT_RESPONSE,
    PAYMENT_SIGNATURE,
    PaymentPayload,
    PaymentRequired,
    SettlementResponse,
)
from headwater_wallet.wallet import Wallet

QUESTION = "What does os.path.join do?"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One attempt: what was tried, the error it ended in, and whether that was as it should be."""

    attempt: str
    code: str
    message: str
    held: bool


async def try_to_overspend(
    market: Market, network: Network, parties: Parties, directory: Path
) -> Refusal:
    """Ask for an answer with a budget smaller than its price."""
    async with open_wallet_of(
        "pydantic-ai agent", network, parties, directory / "tight", 100
    ) as wallet:
        code, message = await _buy(wallet, market.model_url)
        signed = await wallet.ledger.intents()
        return Refusal(
            "a call beyond the budget", code, message, code == "budget_exceeded" and not signed
        )


async def try_to_replay(market: Market, wallet: Wallet) -> Refusal:
    """Send a voucher that has bought an answer a second time, under another payment id."""
    settled = [i for i in await wallet.ledger.intents("settled") if i.url.endswith(CHAT_PATH)]
    header = settled[-1].header or ""
    payload = PaymentPayload.from_header(header)
    extensions = dict(payload.extensions or {})
    extensions["payment-identifier"] = {"info": {"id": "replay_" + secrets.token_hex(12)}}
    stolen = payload.model_copy(update={"extensions": extensions}).to_header()
    async with httpx.AsyncClient(timeout=60) as thief:
        answer = await thief.post(
            market.model_url + CHAT_PATH,
            json=chat_request(QUESTION).model_dump(exclude_none=True),
            headers={PAYMENT_SIGNATURE: stolen},
        )
    required = answer.headers.get(PAYMENT_REQUIRED)
    code = (PaymentRequired.from_header(required).error if required else None) or "accepted"
    held = answer.status_code == 402 and code == "voucher_replayed"
    return Refusal("a replayed voucher", code, str(answer.json().get("detail", "")), held)


async def try_to_overcharge(
    market: Market, network: Network, parties: Parties, directory: Path
) -> Refusal:
    """Buy from a seller that charges one unit above the cap it agreed to."""
    seller = parties.by_role["overcharging seller"]
    offer = Offer(CHAT_PATH, Amount(market.model.ceiling, network.asset), seller.address)
    honest = PaymentMiddleware(
        gateway(market.model),
        offers=[offer],
        store=market.store,
        signer=parties.by_role["platform"],
        facilitator=market.facilitator,
        chain=market.facilitator,
    )
    greedy = _Overcharging(honest, market.model.ceiling + 1)
    async with (
        serve(greedy, bind()) as url,
        open_wallet_of(
            "langgraph agent", network, parties, directory / "cheated", 100_000
        ) as wallet,
    ):
        code, message = await _buy(wallet, url)
        again, _ = await _buy(wallet, url)
        held = code == again == "seller_misbehaved"
        return Refusal("a charge above the cap", code, message, held)


async def _buy(wallet: Wallet, url: str) -> tuple[str, str]:
    body = chat_request(QUESTION).model_dump(exclude_none=True)
    async with wallet.client(timeout=60) as client:
        try:
            answer = await client.post(url + CHAT_PATH, json=body)
        except HeadwaterError as exc:
            return exc.code, exc.message
    return "accepted", answer.text[:120]


class _Overcharging:
    """Rewrites the settlement on its way out."""

    def __init__(self, app: PaymentMiddleware, charge: int) -> None:
        self._app, self._charge = app, charge

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        async def forging(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [self._forged(*header) for header in message["headers"]]
            await send(message)

        await self._app(scope, receive, forging)

    def _forged(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        if name != PAYMENT_RESPONSE.encode():
            return name, value
        settled = SettlementResponse.from_header(value.decode())
        extra = {**(settled.extra or {}), "chargedAmount": str(self._charge)}
        return name, settled.model_copy(update={"extra": extra}).to_header().encode()
