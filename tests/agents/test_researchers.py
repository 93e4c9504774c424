"""The same scripted research runs in both frameworks: it discovers, buys and reports."""

import json

import pytest
from agents.fake_market import MODEL, PRICE, SERVICE, FakeWallet, Seller, buyer_of
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from headwater_agents.buyer import Buyer
from headwater_agents.langgraph_researcher import research_graph
from headwater_agents.langgraph_wallet import WalletContext
from headwater_agents.pydantic_researcher import research_agent
from headwater_agents.scripted import ResearchPolicy, Say, ToolResult, UseTool, parse_result

pytestmark = pytest.mark.anyio
POLICY = ResearchPolicy(query="python")
OFFERS = ToolResult(
    "discover_listings",
    [
        {"id": "dear", "kind": "model", "price": "9 USDC"},
        {"id": "cheap", "kind": "model", "price": "0.5 USDC"},
        {"id": "other", "kind": "service", "price": "0.1 USDC"},
    ],
)


def _refused(code: str, paid: str = "no") -> ToolResult:
    return ToolResult("buy_answer", {"error": code, "message": code, "paid": paid})


def test_it_buys_from_the_cheapest_listing_of_its_kind() -> None:
    move = POLICY.next_move("why?", [OFFERS])
    assert isinstance(move, UseTool)
    assert move.tool == "buy_answer"
    assert move.arguments["listing_id"] == "cheap"
    service = ResearchPolicy(query="python", kind="service").next_move("why?", [OFFERS])
    assert service == UseTool("call_service", {"listing_id": "other", "topic": "why?"})


def test_after_a_sellers_failure_it_tries_the_next_and_then_gives_up() -> None:
    move = POLICY.next_move("why?", [OFFERS, _refused("service_failed")])
    assert isinstance(move, UseTool)
    assert move.arguments["listing_id"] == "dear"
    both = [OFFERS, _refused("service_failed"), _refused("service_failed")]
    assert isinstance(POLICY.next_move("why?", both), Say)


@pytest.mark.parametrize(
    ("code", "paid"), [("budget_exceeded", "no"), ("payment_unknown", "unknown")]
)
def test_it_stops_when_money_is_the_reason_or_its_fate_unknown(code: str, paid: str) -> None:
    move = POLICY.next_move("why?", [OFFERS, _refused(code, paid)])
    assert isinstance(move, Say)
    assert code in move.text


def test_a_result_that_is_no_json_is_not_taken_for_an_answer() -> None:
    move = POLICY.next_move("why?", [OFFERS, parse_result("buy_answer", "Traceback ...")])
    assert isinstance(move, Say)
    assert "could not buy" in move.text


async def test_a_pydantic_ai_agent_researches_whole_and_streamed(
    buyer: Buyer, seller: Seller, wallet: FakeWallet
) -> None:
    agent = research_agent(buyer, wallet.purse, POLICY)
    result = await agent.run("Why is it so?")
    assert "You asked: Why is it so?" in result.output
    assert f"Bought from {MODEL.id} for 0.000250 USDC." in result.output
    async with agent.run_stream("And how?") as run:
        assert "You asked: And how?" in await run.get_output()
    assert seller.earned == 2 * PRICE


async def test_a_langgraph_agent_researches_and_a_thread_goes_on(
    buyer: Buyer, seller: Seller, wallet: FakeWallet
) -> None:
    graph = research_graph(POLICY, InMemorySaver())
    context = WalletContext(buyer, wallet.purse)
    for number, question in enumerate(["Why is it so?", "And how?"], 1):
        state = await graph.ainvoke(
            {"messages": [HumanMessage(question)]},
            {"configurable": {"thread_id": "t-1"}},
            context=context,
        )
        assert f"You asked: {question}" in state["messages"][-1].text
        assert seller.earned == number * PRICE


async def test_both_agents_report_a_spent_budget_and_pay_nothing(seller: Seller) -> None:
    poor = FakeWallet(limit=PRICE - 1)
    buyer = buyer_of(seller, poor)
    said = (await research_agent(buyer, poor.purse, POLICY).run("Why?")).output
    state = await research_graph(POLICY).ainvoke(
        {"messages": [HumanMessage("Why?")]}, context=WalletContext(buyer, poor.purse)
    )
    for text in (said, state["messages"][-1].text):
        assert "could not buy" in text
        assert "budget" in text
    assert seller.paid == {}


async def test_an_agent_can_buy_from_a_service(
    buyer: Buyer, seller: Seller, wallet: FakeWallet
) -> None:
    policy = ResearchPolicy(query="briefing", kind="service")
    result = await research_agent(buyer, wallet.purse, policy).run("paths")
    assert json.dumps({"brief": {"topic": "paths"}}, indent=1) in result.output
    assert f"Bought from {SERVICE.id}" in result.output
