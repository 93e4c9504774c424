"""A seller that demands payment and a wallet with a budget, over HTTP messages but without keys."""

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

import httpx

from headwater_agents.buyer import Buyer
from headwater_agents.keys import IDEMPOTENCY_KEY
from headwater_agents.market import FixedCatalogue, FixedListing
from headwater_payments.address import Address, parse_address
from headwater_payments.amount import Amount, Asset
from headwater_payments.json_schema import JsonSchema
from headwater_payments.x402 import (
    PAYMENT_REQUIRED,
    PAYMENT_RESPONSE,
    PAYMENT_SIGNATURE,
    PaymentRequired,
    PaymentRequirements,
    SettlementResponse,
)
from headwater_wallet.errors import BudgetExceededError
from headwater_wallet.policy import SpendPolicy
from headwater_wallet.spend_records import BudgetState

NETWORK = "eip155:84532"
PRICE = 250
MODEL = FixedListing(
    "m-1", "pydocs", "model", "Answers questions about Python", "http://127.0.0.1:9/v1", "250"
)
SERVICE = FixedListing(
    "s-1",
    "briefing",
    "service",
    "Writes a briefing about Python",
    "http://127.0.0.1:9/brief",
    "900",
)
LOOKUP_SCHEMA: JsonSchema = {
    "type": "object",
    "properties": {
        "module": {"type": "string", "description": "A module's name."},
        "limit": {"type": "integer", "minimum": 1, "maximum": 9},
    },
    "required": ["module", "limit"],
}
LOOKUP = FixedListing(
    "s-2",
    "lookup",
    "service",
    "Looks up members",
    "http://127.0.0.1:9/lookup",
    "300",
    LOOKUP_SCHEMA,
    {"type": "object", "properties": {"members": {"type": "array"}}},
)

ASSET = Asset(84532, parse_address("0x" + "11" * 20), "USDC", 6, "USDC", "2")


def settlement(charged: int) -> SettlementResponse:
    return SettlementResponse(
        success=True, network=NETWORK, amount="", extra={"chargedAmount": str(charged)}
    )


def _answer(question: str) -> dict[str, object]:
    return {"role": "assistant", "content": f"You asked: {question}"}


@dataclass
class Seller:
    """Charges once for each payment key and answers by repeating the question."""

    price: int = PRICE
    answer: Callable[[str], dict[str, object]] = _answer
    paid: dict[str, int] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)
    lose_answers: int = 0
    refuse: bool = False
    conflict: bool = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"data": [{"id": "other"}, {"id": MODEL.name}]})
        self.requests.append(request)
        body = json.loads(request.content)
        if PAYMENT_SIGNATURE not in request.headers or self.refuse:
            return self._demand()
        if self.conflict:
            return httpx.Response(409, json={"code": "payment_body_conflict"})
        self.paid[request.headers[IDEMPOTENCY_KEY]] = self.price
        if self.lose_answers:
            self.lose_answers -= 1
            raise httpx.ReadError("the line went dead", request=request)
        receipt = settlement(self.price)
        if "messages" not in body:
            headers = {PAYMENT_RESPONSE: receipt.to_header()}
            return httpx.Response(200, json={"brief": body}, headers=headers)
        message = self.answer(body["messages"][-1]["content"])
        if body.get("stream"):
            return httpx.Response(200, content=_streamed(str(message["content"]), receipt))
        reply = {
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 3},
        }
        return httpx.Response(200, json=reply, headers={PAYMENT_RESPONSE: receipt.to_header()})

    @property
    def earned(self) -> int:
        return sum(self.paid.values())

    def _demand(self) -> httpx.Response:
        terms = PaymentRequirements(
            scheme="exact",
            network=NETWORK,
            amount=str(self.price),
            asset="0x" + "11" * 20,
            pay_to="0x" + "22" * 20,
            max_timeout_seconds=60,
        )
        required = PaymentRequired(accepts=[terms])
        return httpx.Response(402, headers={PAYMENT_REQUIRED: required.to_header()})


def _streamed(text: str, receipt: SettlementResponse) -> bytes:
    events = [{"choices": [{"delta": {"content": word + " "}}]} for word in text.split()]
    events.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    events.append({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}})
    lines = [f"data: {json.dumps(event)}\n\n" for event in events]
    lines.append("data: [DONE]\n\n")
    lines.append(
        f"event: payment-receipt\ndata: {json.dumps({'settlement': receipt.to_json()})}\n\n"
    )
    return "".join(lines).encode()


@dataclass
class FakeWallet(httpx.Auth):
    """Pays what is demanded while the budget lasts; knows its intents by their key."""

    limit: int = 10_000
    intents: dict[str, int] = field(default_factory=dict)
    secret: str = "b5d1-the-private-key"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        response = yield request
        if response.status_code != httpx.codes.PAYMENT_REQUIRED:
            return
        required = PaymentRequired.from_header(response.headers[PAYMENT_REQUIRED])
        amount = int(required.accepts[0].amount)
        self._reserve(request.headers[IDEMPOTENCY_KEY], amount)
        request.headers[PAYMENT_SIGNATURE] = "signed"
        yield request

    def _reserve(self, key: str, amount: int) -> None:
        if key not in self.intents and self.left < amount:
            raise BudgetExceededError(
                f"This payment of {amount} exceeds what is left of the budget, {self.left}.",
                amount=str(amount),
                left=str(self.left),
            )
        self.intents[key] = amount

    @property
    def left(self) -> int:
        return self.limit - sum(self.intents.values())

    async def budget_state(self) -> BudgetState:
        used = sum(self.intents.values())
        return BudgetState(name="test", limit=self.limit, used=used, charged=used)

    @property
    def purse(self) -> "FakePurse":
        return FakePurse(self)


@dataclass
class FakePurse:
    wallet: FakeWallet

    @property
    def address(self) -> Address:
        return parse_address("0x" + "33" * 20)

    @property
    def policy(self) -> SpendPolicy:
        return SpendPolicy(budget=Amount(self.wallet.limit, ASSET))

    async def budget(self) -> BudgetState:
        return await self.wallet.budget_state()


def buyer_of(seller: Seller, wallet: FakeWallet, *more: FixedListing) -> Buyer:
    http = httpx.AsyncClient(transport=httpx.MockTransport(seller), auth=wallet)
    return Buyer(http, FixedCatalogue((MODEL, SERVICE, LOOKUP, *more)))
