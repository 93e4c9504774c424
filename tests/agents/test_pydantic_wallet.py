"""A pydantic-ai agent pays under stable keys, sees prices as cost, and is told of refusals."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from agents.fake_market import ASSET, MODEL, PRICE, FakeWallet, Seller, buyer_of
from pydantic_ai import Agent, models
from pydantic_ai.exceptions import UsageLimitExceeded
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import UsageLimits

from headwater_agents.buyer import Buyer
from headwater_agents.errors import DeferredWalletError, UnknownListingError
from headwater_agents.keys import IDEMPOTENCY_KEY
from headwater_agents.pydantic_model import PaidModel
from headwater_agents.pydantic_wallet import WalletCapability

pytestmark = pytest.mark.anyio
models.ALLOW_MODEL_REQUESTS = False


def _capability(buyer: Buyer, wallet: FakeWallet) -> WalletCapability[None]:
    return WalletCapability(buyer, wallet.purse)


def _shopper(question: str = "why?", call_id: str = "call-buy") -> FunctionModel:
    """Discovers, buys once, and repeats the last tool result as its answer."""

    def decide(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        results = _results(messages)
        if not results:
            return ModelResponse([ToolCallPart("discover_listings", {"query": "python"})])
        if len(results) == 1:
            arguments = {"listing_id": MODEL.id, "question": question}
            return ModelResponse([ToolCallPart("buy_answer", arguments, tool_call_id=call_id)])
        return ModelResponse([TextPart(results[-1].model_response_str())])

    return FunctionModel(decide)


def _results(messages: list[ModelMessage]) -> list[ToolReturnPart]:
    return [part for m in messages for part in m.parts if isinstance(part, ToolReturnPart)]


async def test_an_agent_discovers_buys_and_is_told_the_cost(
    buyer: Buyer, seller: Seller, wallet: FakeWallet
) -> None:
    agent = Agent(_shopper(), capabilities=[_capability(buyer, wallet)])
    result = await agent.run("Find out why.")
    bought = json.loads(result.output)
    assert bought["answer"] == "You asked: why?"
    assert bought["cost"] == "0.000250 USDC"
    assert seller.earned == PRICE


async def test_a_refusal_reaches_the_model_as_a_failed_result_and_nothing_is_paid(
    seller: Seller,
) -> None:
    poor = FakeWallet(limit=PRICE - 1)
    agent = Agent(_shopper(), capabilities=[_capability(buyer_of(seller, poor), poor)])
    result = await agent.run("Find out why.")
    failed = _results(result.all_messages())[-1]
    assert failed.outcome == "failed"
    told = json.loads(str(failed.content))
    assert told["error"] == "budget_exceeded"
    assert told["paid"] == "no"
    assert seller.paid == {}


async def test_an_unknown_outcome_is_a_final_result_and_never_a_request_to_retry(
    buyer: Buyer, seller: Seller, wallet: FakeWallet
) -> None:
    seller.lose_answers = 1
    agent = Agent(_shopper(), capabilities=[_capability(buyer, wallet)])
    result = await agent.run("Find out why.")
    told = json.loads(str(_results(result.all_messages())[-1].content))
    assert told["error"] == "payment_unknown"
    assert (told["paid"], told["retry"]) == ("unknown", False)
    assert len(seller.paid) == 1


async def test_a_call_repeated_in_another_run_of_the_conversation_is_paid_once(
    buyer: Buyer, seller: Seller, wallet: FakeWallet
) -> None:
    agent = Agent(_shopper(), capabilities=[_capability(buyer, wallet)])
    for _ in range(2):
        await agent.run("Find out why.", conversation_id="c-1")
    assert seller.earned == PRICE
    await agent.run("Find out why.", conversation_id="c-2")
    assert seller.earned == 2 * PRICE


async def test_a_reused_call_id_with_another_question_is_another_purchase(
    buyer: Buyer, seller: Seller, wallet: FakeWallet
) -> None:
    for question in ("why?", "how?"):
        agent = Agent(_shopper(question), capabilities=[_capability(buyer, wallet)])
        await agent.run("Find out.", conversation_id="c-1")
    assert seller.earned == 2 * PRICE


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_agent_runs_on_a_bought_model_and_its_price_is_the_runs_cost(
    buyer: Buyer, seller: Seller, wallet: FakeWallet, streamed: bool
) -> None:
    agent = Agent("market:pydocs", capabilities=[_capability(buyer, wallet)])
    if streamed:
        async with agent.run_stream("why?") as run:
            output = await run.get_output()
        usage = run.usage
    else:
        finished = await agent.run("why?")
        output, usage = finished.output, finished.usage
    assert output.strip() == "You asked: why?"
    assert usage.cost == Decimal("0.00025")
    assert usage.output_tokens == 3
    assert seller.earned == PRICE


async def test_a_cost_limit_sees_what_was_paid_on_the_market(
    buyer: Buyer, wallet: FakeWallet
) -> None:
    agent = Agent("market:m-1", capabilities=[_capability(buyer, wallet)])
    with pytest.raises(UsageLimitExceeded):
        await agent.run("why?", usage_limits=UsageLimits(cost_limit=Decimal("0.0001")))


async def test_every_step_of_a_run_has_a_key_of_its_own(
    buyer: Buyer, seller: Seller, wallet: FakeWallet
) -> None:
    def answer(question: str) -> dict[str, object]:
        if question.startswith("["):
            return {"role": "assistant", "content": "done"}
        call = {"name": "discover_listings", "arguments": '{"query": "python"}'}
        calls = [{"id": "t-1", "type": "function", "function": call}]
        return {"role": "assistant", "content": None, "tool_calls": calls}

    seller.answer = answer
    agent = Agent("market:m-1", capabilities=[_capability(buyer, wallet)])
    result = await agent.run("look around")
    assert result.output == "done"
    assert len(seller.paid) == 2
    tools = json.loads(seller.requests[-1].content)["tools"]
    assert "buy_answer" in {tool["function"]["name"] for tool in tools}
    assert wallet.left == wallet.limit - 2 * PRICE


async def test_a_key_among_the_settings_is_used_and_otherwise_a_fresh_one(
    buyer: Buyer, seller: Seller
) -> None:
    await buyer.discover("")
    fresh = iter(["f-1", "f-2"])
    model = PaidModel(buyer, MODEL.id, ASSET, new_key=lambda: next(fresh))
    agent = Agent(model)
    await agent.run("a", model_settings={"extra_headers": {IDEMPOTENCY_KEY: "mine"}})
    await agent.run("b")
    await agent.run("c")
    assert list(seller.paid) == ["mine", "f-1", "f-2"]


async def test_a_model_that_nobody_sells_is_an_error(buyer: Buyer, wallet: FakeWallet) -> None:
    agent = Agent("market:nobody", capabilities=[_capability(buyer, wallet)])
    with pytest.raises(UnknownListingError):
        await agent.run("why?")


def test_a_wallet_that_loads_later_is_refused(buyer: Buyer, wallet: FakeWallet) -> None:
    with pytest.raises(DeferredWalletError):
        WalletCapability(buyer, wallet.purse, defer_loading=True)


async def test_nothing_of_the_wallets_secret_is_in_history_or_specification(
    buyer: Buyer, wallet: FakeWallet
) -> None:
    agent = Agent(_shopper(), capabilities=[_capability(buyer, wallet)])
    result = await agent.run("Find out why.")
    assert MODEL.description in result.all_messages_json().decode()
    assert wallet.secret not in result.all_messages_json().decode()
    assert WalletCapability.get_serialization_name() is None


async def test_the_history_of_a_bought_answer_keeps_its_receipt(
    buyer: Buyer, wallet: FakeWallet
) -> None:
    agent = Agent("market:m-1", capabilities=[_capability(buyer, wallet)])
    result = await agent.run("why?")
    details = result.all_messages()[-1].provider_details
    assert details is not None
    assert details["charge"] == str(PRICE)
    assert details["payment_key"] in wallet.intents


async def test_a_stream_left_early_is_closed(seller: Seller, wallet: FakeWallet) -> None:
    buyer = buyer_of(seller, wallet)
    agent = Agent("market:m-1", capabilities=[_capability(buyer, wallet)])

    async def first_words() -> AsyncIterator[str]:
        async with agent.run_stream("why?") as run:
            async for text in run.stream_text(delta=True, debounce_by=None):
                yield text
                break

    assert [text async for text in first_words()] == ["You "]
    assert len(seller.paid) == 1
