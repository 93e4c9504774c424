"""A buyer finds, pays once under one key, and knows what it paid; failures are told apart."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
from agents.fake_market import MODEL, PRICE, FakeWallet, Seller, buyer_of

from headwater_agents.answers import Purchase
from headwater_agents.buyer import Buyer
from headwater_agents.errors import ServiceFailedError, UnknownListingError
from headwater_agents.keys import IDEMPOTENCY_KEY, payment_key
from headwater_agents.market import FixedCatalogue
from headwater_payments.errors import UnavailableError
from headwater_wallet.errors import (
    BudgetExceededError,
    PaymentRefusedError,
    PaymentUnknownError,
)

pytestmark = pytest.mark.anyio
ASK = [{"role": "user", "content": "why?"}]


async def test_an_answer_is_paid_for_and_its_charge_known(buyer: Buyer, seller: Seller) -> None:
    await buyer.discover("python", kind="model")
    purchase = await buyer.complete(MODEL.id, ASK, key="k1", settings={"max_tokens": 50})
    assert purchase.text == "You asked: why?"
    assert purchase.cost == PRICE == seller.earned == buyer.spent
    assert (purchase.input_tokens, purchase.output_tokens) == (7, 3)
    assert [request.headers[IDEMPOTENCY_KEY] for request in seller.requests] == ["k1", "k1"]


@pytest.mark.parametrize(
    ("models", "asked"),
    [
        (httpx.Response(200, json={"data": [{"id": "z"}, {"id": MODEL.name}]}), MODEL.name),
        (httpx.Response(200, json={"data": [{"id": "z"}, {"id": MODEL.id}]}), MODEL.id),
        (httpx.Response(200, json={"data": [{"id": "z"}]}), "z"),
        (httpx.Response(200, text="<html>"), MODEL.name),
        (httpx.Response(404), MODEL.name),
    ],
)
async def test_the_endpoint_says_what_its_model_is_called(
    models: httpx.Response, asked: str
) -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return models
        seen.append(json.loads(request.content)["model"])
        message = {"role": "assistant", "content": "yes"}
        return httpx.Response(200, json={"choices": [{"message": message}]})

    http = httpx.AsyncClient(transport=httpx.MockTransport(handler))
    buyer = Buyer(http, FixedCatalogue((MODEL,)))
    await buyer.discover("")
    await buyer.complete(MODEL.id, ASK, key="k1")
    assert seen == [asked]


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_a_streamed_answer_ends_with_its_receipt(buyer: Buyer, seller: Seller) -> None:
    await buyer.discover("")
    parts = [part async for part in buyer.stream(MODEL.id, ASK, key="k1")]
    assert parts[:-1] == ["You ", "asked: ", "why? "]
    assert isinstance(parts[-1], Purchase)
    assert parts[-1].text == "You asked: why? "
    assert parts[-1].cost == PRICE == seller.earned
    assert parts[-1].output_tokens == 3


async def test_a_service_is_called_with_json_and_paid(buyer: Buyer, seller: Seller) -> None:
    (service,) = await buyer.discover("briefing", kind="service")
    output, purchase = await buyer.call(service.id, {"topic": "paths"}, key="k1")
    assert output == {"brief": {"topic": "paths"}}
    assert purchase.cost == seller.earned == PRICE


async def test_a_listing_never_discovered_is_not_bought_from(buyer: Buyer, seller: Seller) -> None:
    with pytest.raises(UnknownListingError):
        await buyer.complete(MODEL.id, ASK, key="k1")
    assert seller.requests == []


async def test_the_wallets_refusal_passes_through_and_nothing_is_paid(seller: Seller) -> None:
    buyer = buyer_of(seller, FakeWallet(limit=PRICE - 1))
    await buyer.discover("")
    with pytest.raises(BudgetExceededError):
        await buyer.complete(MODEL.id, ASK, key="k1")
    assert seller.paid == {}
    assert buyer.purchases == []


async def test_a_lost_answer_is_asked_for_again_under_one_key_and_paid_once(
    buyer: Buyer, seller: Seller, wallet: FakeWallet
) -> None:
    await buyer.discover("")
    seller.lose_answers = 1
    with pytest.raises(PaymentUnknownError):
        await buyer.complete(MODEL.id, ASK, key="k1")
    await buyer.complete(MODEL.id, ASK, key="k1")
    assert seller.earned == PRICE
    assert wallet.left == wallet.limit - PRICE


async def test_a_payment_that_the_seller_declines_is_refused(buyer: Buyer, seller: Seller) -> None:
    await buyer.discover("")
    seller.refuse = True
    with pytest.raises(PaymentRefusedError):
        await buyer.complete(MODEL.id, ASK, key="k1")


def _answering(response: httpx.Response | httpx.TransportError, **options: int) -> Buyer:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(404)
        if isinstance(response, httpx.TransportError):
            raise response
        return response

    http = httpx.AsyncClient(transport=httpx.MockTransport(handler))
    return Buyer(http, FixedCatalogue((MODEL,)), **options)


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (httpx.Response(500, text="oops"), ServiceFailedError),
        (httpx.Response(200, text="<html>"), ServiceFailedError),
        (httpx.Response(200, json={"choices": []}), ServiceFailedError),
        (httpx.ConnectError("refused"), UnavailableError),
        (httpx.ReadTimeout("slow"), PaymentUnknownError),
    ],
)
async def test_what_goes_wrong_is_told_apart(
    response: httpx.Response | httpx.TransportError, error: type[Exception]
) -> None:
    buyer = _answering(response)
    await buyer.discover("")
    with pytest.raises(error):
        await buyer.complete(MODEL.id, ASK, key="k1")


class _Endless(httpx.AsyncByteStream):
    def __init__(self, head: bytes, piece: bytes) -> None:
        self._head, self._piece, self.given = head, piece, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._head
        while True:
            self.given += len(self._piece)
            yield self._piece


EVENT = b'data: {"choices": [{"delta": {"content": "more"}}]}\n\n'


@pytest.mark.parametrize(("head", "piece"), [(b"data: ", b"x" * 1_000), (b"", EVENT)])
@pytest.mark.parametrize("status", [200, 500])
async def test_an_answer_without_end_is_read_no_further_than_a_bound(
    head: bytes, piece: bytes, status: int
) -> None:
    async def bought(buyer: Buyer, streamed: bool) -> None:
        if not streamed:
            await buyer.complete(MODEL.id, ASK, key="k1")
        async for _ in buyer.stream(MODEL.id, ASK, key="k1"):
            pass

    for streamed in (False, True):
        endless, kind = _Endless(head, piece), {"content-type": "text/event-stream"}
        response = httpx.Response(status, headers=kind, stream=endless)
        buyer = _answering(response, max_answer_bytes=20_000)
        await buyer.discover("")
        with pytest.raises(ServiceFailedError, match="more than 20000 bytes"):
            await bought(buyer, streamed)
        assert endless.given <= 20_000 + len(piece)


async def test_a_streamed_answer_may_hold_any_character() -> None:
    said = "one\u2028two\x85three\x0bfour"
    delta = {"choices": [{"delta": {"content": said}, "finish_reason": "stop"}]}
    event = f"data: {json.dumps(delta, ensure_ascii=False)}\n\n"
    buyer = _answering(httpx.Response(200, content=event.encode()))
    await buyer.discover("")
    parts = [part async for part in buyer.stream(MODEL.id, ASK, key="k1")]
    assert parts[0] == said


async def test_a_stream_without_an_end_leaves_the_charge_unknown() -> None:
    buyer = _answering(
        httpx.Response(200, content=b'data: {"choices": [{"delta": {"content": "half"}}]}\n\n')
    )
    await buyer.discover("")
    with pytest.raises(PaymentUnknownError):
        async for _ in buyer.stream(MODEL.id, ASK, key="k1"):
            pass
    assert buyer.purchases == []


def test_a_key_depends_on_the_intent_and_on_nothing_else() -> None:
    one = payment_key("conversation", "call-1", arguments={"a": 1, "b": 2})
    assert one == payment_key("conversation", "call-1", arguments={"b": 2, "a": 1})
    assert one != payment_key("conversation", "call-1", arguments={"a": 1, "b": 3})
    assert one != payment_key("conversation", "call-2", arguments={"a": 1, "b": 2})
    assert payment_key("a", "b:c") != payment_key("a:b", "c")
