"""A function is sold over real vouchers, and a briefing desk buys, adds value and charges more."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from langchain_core.messages import HumanMessage
from pydantic import BaseModel

from headwater_agents.briefing import ANGLES, BriefingDesk, merge
from headwater_agents.buyer import Buyer
from headwater_agents.errors import ArgumentsMismatchError, ServiceFailedError
from headwater_agents.langchain_model import PaidChatModel
from headwater_agents.langgraph_researcher import research_graph
from headwater_agents.langgraph_wallet import WalletContext
from headwater_agents.market import Catalogue, FixedCatalogue, FixedListing, Purse
from headwater_agents.pydantic_researcher import research_agent
from headwater_agents.scripted import ResearchPolicy
from headwater_agents.selling import CARDS_PATH, Service, service_app
from headwater_attribution.evidence import RowId
from headwater_marketplace.client import MarketplaceClient
from headwater_marketplace.gateway import MeteredModel, gateway
from headwater_marketplace.listings import (
    Listing,
    TokenPrices,
    check_listing,
    sign_listing,
)
from headwater_marketplace.seller import Offer, PaymentMiddleware, SellerStore, current_meter
from headwater_marketplace.seller.tables import SellerTable
from headwater_models.corpus_backend import CorpusBackend, CorpusRow
from headwater_models.tokens import count_tokens
from headwater_payments.address import parse_address
from headwater_payments.amount import Amount
from headwater_payments.errors import InvalidInputError
from headwater_payments.json_schema import SchemaError
from headwater_payments.pricing import TokenPrice
from headwater_payments.x402 import PAYMENT_REQUIRED, PaymentRequired
from headwater_wallet.database import Database
from headwater_wallet.errors import BudgetExceededError
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.wallet import Wallet, open_wallet
from support.fake_chain import FakeChain
from support.shop import USDC

pytestmark = pytest.mark.anyio
PROVIDER, DESK = parse_address("0x" + "44" * 20), parse_address("0x" + "55" * 20)
ANSWER_CAP, ANSWER_CHARGE, BRIEFING_PRICE = 1_000, 400, 5_000
MODEL = FixedListing("m-1", "pydocs", "model", "Python answers", "http://model.test/v1")
BRIEFING = FixedListing(
    "b-1", "briefing", "service", "Briefs", "http://desk.test/services/briefing"
)


async def model_app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers any question with one fixed point and one that repeats the question."""
    body = json.loads((await receive())["body"] or b"{}")
    if scope["method"] == "GET":
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    meter = current_meter()
    assert meter is not None
    meter.set_charge(ANSWER_CHARGE)
    question = body["messages"][-1]["content"]
    text = f"os.path.join: Join paths. [1]\n\nechoed.row: {question} [2]"
    if body.get("stream"):
        chunks = [{"choices": [{"delta": {"content": word + " "}}]} for word in text.split(" ")]
        chunks.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        content = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode()
        kind = b"text/event-stream"
    else:
        message = {"role": "assistant", "content": text}
        content = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()
        kind = b"application/json"
    head = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]}
    await send(head)
    await send({"type": "http.response.body", "body": content})


class Economy:
    """A model, wallets, and as many shops as a test opens, on one chain of dictionaries."""

    def __init__(self, directory: Path, stack: AsyncExitStack) -> None:
        self.chain, self._directory, self._stack = FakeChain(), directory, stack
        self._count = 0

    async def shop(self, app: Any, *offers: Offer) -> tuple[PaymentMiddleware, SellerStore]:
        self._count += 1
        url = f"sqlite:///{self._directory / f'shop-{self._count}.db'}"
        database = await self._stack.enter_async_context(Database(url, SellerTable.metadata))
        store = SellerStore(database)
        paid = PaymentMiddleware(
            app,
            offers=offers,
            store=store,
            signer=LocalSigner.random(),
            facilitator=self.chain,
            chain=self.chain,
        )
        return paid, store

    async def model(self) -> tuple[PaymentMiddleware, SellerStore]:
        price = Amount(ANSWER_CAP, USDC)
        return await self.shop(model_app, Offer(r"/v1/chat/completions", price, PROVIDER))

    async def buyer(
        self, app: PaymentMiddleware, listing: FixedListing, budget: int = 100_000
    ) -> tuple[Buyer, Wallet]:
        self._count += 1
        signer = LocalSigner.random()
        self.chain.wallets[signer.address] = 10_000_000
        path = self._directory / f"wallet-{self._count}.db"
        policy = simple_policy(Amount(budget, USDC))
        opened = open_wallet(signer, policy, database=path)
        wallet = await self._stack.enter_async_context(opened)
        http = wallet.client(transport=httpx.ASGITransport(app))  # type: ignore[arg-type]
        client = await self._stack.enter_async_context(http)
        return Buyer(client, FixedCatalogue((listing,))), wallet


@pytest.fixture
async def economy(tmp_path: Path) -> AsyncIterator[Economy]:
    async with AsyncExitStack() as stack:
        yield Economy(tmp_path, stack)


async def test_both_frameworks_pay_a_seller_with_vouchers_under_their_budgets(
    economy: Economy,
) -> None:
    app, _ = await economy.model()
    policy = ResearchPolicy(query="python")
    first, purse = await economy.buyer(app, MODEL)
    report = await research_agent(first, purse, policy).run("Why?")
    assert "Join paths." in report.output
    second, other = await economy.buyer(app, MODEL)
    state = await research_graph(policy).ainvoke(
        {"messages": [HumanMessage("How?")]}, context=WalletContext(second, other)
    )
    assert "echoed.row: How?" in state["messages"][-1].text
    for buyer, wallet in ((first, purse), (second, other)):
        assert buyer.spent == ANSWER_CHARGE
        assert (await wallet.budget()).charged == ANSWER_CHARGE
    assert economy.chain.deposits == 2


async def test_an_agent_is_answered_from_a_datanet_through_gateway_and_catalogue(
    economy: Economy,
) -> None:
    rows = [
        CorpusRow(RowId(1, 1, 0), 0, DESK, "rain.gauge", "A gauge measures how much rain fell."),
        CorpusRow(RowId(1, 1, 1), 1, DESK, "river.weir", "A weir raises the level of a river."),
    ]
    model = MeteredModel(CorpusBackend("water-1", rows, "0x" + "00" * 32), TokenPrice(100, 2_000))
    offer = Offer(r"/v1/chat/completions", Amount(model.ceiling, USDC), PROVIDER)
    app, _ = await economy.shop(gateway(model), offer)
    provider = LocalSigner.random()
    unsigned = Listing(
        id="water",
        name="Facts about water",
        kind="model",
        description="Answers about rain",
        base_url="http://model.test/v1",
        network=USDC.network,
        asset=USDC.address,
        pay_to=PROVIDER,
        provider=provider.address,
        price=TokenPrices(per_thousand_output=2_000, ceiling=model.ceiling),
    )
    listing = check_listing(await sign_listing(unsigned, provider))

    def catalogue(request: httpx.Request) -> httpx.Response:
        assert request.url.params["kind"] == "model"
        return httpx.Response(200, json={"listings": [listing.model_dump(mode="json")]})

    market = httpx.AsyncClient(transport=httpx.MockTransport(catalogue))
    client = MarketplaceClient("http://market.test", market)
    _, wallet = await economy.buyer(app, MODEL)
    assert isinstance(wallet, Purse)
    assert isinstance(client, Catalogue)
    async with wallet.client(transport=httpx.ASGITransport(app)) as http:  # type: ignore[arg-type]
        buyer = Buyer(http, client)
        agent = research_agent(buyer, wallet, ResearchPolicy(query="rain"))
        result = await agent.run("How is fallen rain measured?")
        assert "A gauge measures how much rain fell. [1]" in result.output
        streamed = PaidChatModel(buyer=buyer, listing_id="water")
        text = "".join([chunk.text async for chunk in streamed.astream("What raises a river?")])
    assert "A weir raises the level of a river. [1]" in text
    (first, second) = buyer.purchases
    for purchase in (first, second):
        assert purchase.cost == model.price.charge(purchase.input_tokens, purchase.output_tokens)
        assert purchase.output_tokens == count_tokens(purchase.text)
    assert (await wallet.budget()).charged == buyer.spent > 0


async def test_a_streamed_answer_is_settled_at_its_metered_charge(economy: Economy) -> None:
    app, _ = await economy.model()
    buyer, wallet = await economy.buyer(app, MODEL)
    await buyer.discover("")
    model = PaidChatModel(buyer=buyer, listing_id=MODEL.id)
    text = "".join([chunk.text async for chunk in model.astream("Why?")])
    assert "echoed.row: Why?" in text
    assert buyer.spent == ANSWER_CHARGE
    assert (await wallet.budget()).charged == ANSWER_CHARGE


async def test_many_calls_in_flight_on_one_channel_are_all_paid(economy: Economy) -> None:
    app, _ = await economy.model()
    buyer, wallet = await economy.buyer(app, MODEL)
    await buyer.discover("")

    async def ask(number: int) -> None:
        asked = [{"role": "user", "content": str(number)}]
        await buyer.complete(MODEL.id, asked, key=f"k-{number}")

    await ask(0)
    async with anyio.create_task_group() as tasks:
        for number in range(1, 20):
            tasks.start_soon(ask, number)
    assert buyer.spent == 20 * ANSWER_CHARGE
    assert (await wallet.budget()).charged == 20 * ANSWER_CHARGE
    assert economy.chain.deposits == 1


async def test_a_call_beyond_the_budget_is_refused_before_anything_is_signed(
    economy: Economy,
) -> None:
    app, _ = await economy.model()
    buyer, wallet = await economy.buyer(app, MODEL, budget=3 * ANSWER_CAP // 2)
    await buyer.discover("")
    ask = [{"role": "user", "content": "Why?"}]
    for number in range(2):  # the second voucher reuses what the first did not need
        await buyer.complete(MODEL.id, ask, key=f"k-{number}")
    before = await wallet.budget()
    with pytest.raises(BudgetExceededError):
        await buyer.complete(MODEL.id, ask, key="k-2")
    after = await wallet.budget()
    assert after.used == before.used == ANSWER_CHARGE + ANSWER_CAP
    assert after.charged == buyer.spent == 2 * ANSWER_CHARGE


async def test_a_desk_buys_answers_adds_value_and_earns_the_difference(economy: Economy) -> None:
    model, _ = await economy.model()
    desk_buyer, desk_wallet = await economy.buyer(model, MODEL)
    service = BriefingDesk(desk_buyer, "python").service(Amount(BRIEFING_PRICE, USDC), DESK)
    desk, _ = await economy.shop(service_app([service]), service.offer)
    buyer, wallet = await economy.buyer(desk, BRIEFING)
    await buyer.discover("", kind="service")
    output, purchase = await buyer.call(BRIEFING.id, {"topic": "joining paths"}, key="k-1")
    assert isinstance(output, dict)
    points = output["points"]
    assert isinstance(points, list)
    assert points[0] == {"text": "Join paths.", "source": "os.path.join", "answers": len(ANGLES)}
    assert len(points) == 1 + len(ANGLES)
    assert output["cost_atomic"] == str(len(ANGLES) * ANSWER_CHARGE)
    assert purchase.cost == BRIEFING_PRICE == (await wallet.budget()).charged
    assert (await desk_wallet.budget()).charged == len(ANGLES) * ANSWER_CHARGE


async def test_the_same_purchase_of_a_briefing_buys_nothing_twice(economy: Economy) -> None:
    model, _ = await economy.model()
    desk_buyer, desk_wallet = await economy.buyer(model, MODEL)
    service = BriefingDesk(desk_buyer, "python").service(Amount(BRIEFING_PRICE, USDC), DESK)
    desk, _ = await economy.shop(service_app([service]), service.offer)
    buyer, wallet = await economy.buyer(desk, BRIEFING)
    await buyer.discover("", kind="service")
    first, _ = await buyer.call(BRIEFING.id, {"topic": "joining paths"}, key="k-1")
    again, _ = await buyer.call(BRIEFING.id, {"topic": "joining paths"}, key="k-1")
    assert again == first
    assert (await wallet.budget()).charged == BRIEFING_PRICE
    assert (await desk_wallet.budget()).charged == len(ANGLES) * ANSWER_CHARGE


async def test_input_that_does_not_fit_costs_nothing_and_says_why(economy: Economy) -> None:
    model, _ = await economy.model()
    desk_buyer, _ = await economy.buyer(model, MODEL)
    service = BriefingDesk(desk_buyer, "python").service(Amount(BRIEFING_PRICE, USDC), DESK)
    desk, _ = await economy.shop(service_app([service]), service.offer)
    buyer, wallet = await economy.buyer(desk, BRIEFING)
    await buyer.discover("", kind="service")
    with pytest.raises(ServiceFailedError) as caught:
        await buyer.call(BRIEFING.id, {"topic": "x"}, key="k-1")
    assert caught.value.details["status"] == 422
    assert "input_mismatch" in str(caught.value.details["seller_said"])
    assert "topic" in str(caught.value.details["seller_said"])
    assert (await wallet.budget()).charged == 0


class Number(BaseModel):
    value: int


async def _double(number: Number) -> Number:
    return Number(value=2 * number.value)


def _doubling() -> Service[Number, Number]:
    price = Amount(10, USDC)
    return Service("double", "Doubles a number.", price, DESK, Number, Number, _double)


async def test_cards_say_what_a_service_takes_gives_and_costs() -> None:
    transport = httpx.ASGITransport(service_app([_doubling()]))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as client:
        (card,) = (await client.get(CARDS_PATH)).json()["services"]
        assert card["price"] == "10"
        assert card["input_schema"]["properties"]["value"]["type"] == "integer"
        assert (await client.post(card["path"], json={"value": 21})).json() == {"value": 42}
        assert (await client.get(card["path"])).status_code == 405
        assert (await client.post("/nowhere")).status_code == 404


async def test_the_terms_of_a_service_say_what_it_takes_as_x402s_bazaar_does(
    economy: Economy,
) -> None:
    service = _doubling()
    shop, _ = await economy.shop(service_app([service]), service.offer)
    transport = httpx.ASGITransport(shop)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as client:
        terms = PaymentRequired.from_header(
            (await client.post(service.path)).headers[PAYMENT_REQUIRED]
        )
    bazaar = terms.extensions["bazaar"]
    assert bazaar["info"]["input"] == {"type": "http", "method": "POST", "bodyType": "json"}
    assert bazaar["schema"]["properties"]["input"]["properties"]["body"] == service.input_schema


async def test_a_listed_service_is_called_with_its_arguments_and_a_misfit_never_leaves(
    economy: Economy,
) -> None:
    service = _doubling()
    shop, store = await economy.shop(service_app([service]), service.offer)
    url = f"http://desk.test{service.path}"
    listed = FixedListing("d-1", "double", "service", "Doubles", url, 10, service.input_schema)
    buyer, wallet = await economy.buyer(shop, listed)
    await buyer.discover("")
    with pytest.raises(ArgumentsMismatchError):
        await buyer.call("d-1", {"value": "many"}, key="k-1")
    assert (await wallet.budget()).used == 0
    assert economy.chain.deposits == 0
    output, purchase = await buyer.call("d-1", {"value": 21}, key="k-2")
    assert output == {"value": 42}
    assert purchase.cost == 10
    assert len(await store.payments("charged", "reserved", "released")) == 1


class Branch(BaseModel):
    branches: list["Branch"] = []


async def _prune(branch: Branch) -> Branch:
    return branch


async def test_a_service_whose_input_has_no_end_is_sold_but_not_listed_with_it() -> None:
    service = Service("prune", "", Amount(10, USDC), DESK, Branch, Branch, _prune)
    assert service.offer.discovery is None
    assert "$defs" in str(service.card()["input_schema"])
    for schema in ("input_schema", "output_schema"):
        with pytest.raises(SchemaError, match="prune refers to itself"):
            getattr(service, schema)


def test_a_name_that_makes_no_route_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="letters"):
        Service("a/b", "", Amount(10, USDC), DESK, Number, Number, _double)


def test_merging_keeps_each_point_once_and_counts_who_made_it() -> None:
    points = merge(["a.b: One  thing. [1]\n\nplain words", "a.b: one thing. [2]", "a.b: other [1]"])
    assert [(p.text, p.source, p.answers) for p in points] == [
        ("One  thing.", "a.b", 2),
        ("plain words", None, 1),
        ("other", "a.b", 1),
    ]
