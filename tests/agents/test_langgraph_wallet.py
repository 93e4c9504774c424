"""A LangGraph agent pays once however its nodes are repeated; checkpoints hold no wallet."""

import json
from typing import Any

import pytest
from agents.fake_market import MODEL, PRICE, FakeWallet, Seller, buyer_of
from anyio.from_thread import start_blocking_portal
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode
from langgraph.runtime import Runtime
from langgraph.types import Command, RetryPolicy, interrupt

from headwater_agents.buyer import Buyer
from headwater_agents.errors import NoPortalError
from headwater_agents.langchain_model import PaidChatModel
from headwater_agents.langgraph_wallet import WalletContext, market_tools

pytestmark = pytest.mark.anyio
Graph = CompiledStateGraph[Any, Any, Any, Any]


def _call(name: str, call_id: str, **arguments: object) -> dict[str, object]:
    return {"name": name, "args": arguments, "id": call_id, "type": "tool_call"}


def _buy(call_id: str = "c-1", question: str = "why?") -> dict[str, object]:
    return _call("buy_answer", call_id, listing_id=MODEL.id, question=question)


def _asking(*calls: dict[str, object]) -> dict[str, object]:
    return {"messages": [HumanMessage("go"), AIMessage("", tool_calls=list(calls))]}


def _tools_graph(*further: Any, saver: InMemorySaver | None = None) -> Graph:
    graph = StateGraph(MessagesState, context_schema=WalletContext)
    graph.add_node("tools", ToolNode([*market_tools(), *further]))
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    return graph.compile(checkpointer=saver)


def _results(state: dict[str, Any]) -> list[ToolMessage]:
    return [message for message in state["messages"] if isinstance(message, ToolMessage)]


def _context(buyer: Buyer, wallet: FakeWallet) -> WalletContext:
    return WalletContext(buyer, wallet.purse)


async def test_a_tool_call_discovers_and_another_buys_with_a_receipt(
    buyer: Buyer, seller: Seller, wallet: FakeWallet
) -> None:
    graph = _tools_graph()
    context = _context(buyer, wallet)
    found = await graph.ainvoke(
        _asking(_call("discover_listings", "d-1", query="python")), context=context
    )
    assert [each["id"] for each in json.loads(_results(found)[0].text)] == ["m-1", "s-1"]
    state = await graph.ainvoke(_asking(_buy()), context=context)
    (result,) = _results(state)
    assert json.loads(result.text)["answer"] == "You asked: why?"
    assert result.artifact["cost"] == "0.000250 USDC"
    assert seller.earned == PRICE


async def test_a_refusal_is_an_error_message_and_nothing_is_paid(seller: Seller) -> None:
    poor = FakeWallet(limit=PRICE - 1)
    buyer = buyer_of(seller, poor)
    await buyer.discover("")
    state = await _tools_graph().ainvoke(_asking(_buy()), context=_context(buyer, poor))
    (result,) = _results(state)
    assert result.status == "error"
    assert json.loads(result.text)["error"] == "budget_exceeded"
    assert seller.paid == {}


async def test_a_paid_call_whose_sibling_waits_for_approval_is_not_paid_again(
    buyer: Buyer, seller: Seller, wallet: FakeWallet
) -> None:
    @tool
    def approve() -> str:
        """Wait for a person."""
        return str(interrupt("allowed?"))

    graph = _tools_graph(approve, saver=InMemorySaver())
    await buyer.discover("")
    context, thread = _context(buyer, wallet), {"configurable": {"thread_id": "t-1"}}
    await graph.ainvoke(_asking(_buy(), _call("approve", "a-1")), thread, context=context)
    requests = len(seller.requests)
    assert seller.earned == PRICE
    state = await graph.ainvoke(Command(resume="yes"), thread, context=context)
    assert [m.text for m in _results(state)][1] == "yes"
    assert json.loads(_results(state)[0].text)["answer"] == "You asked: why?"
    assert seller.earned == PRICE
    assert len(seller.requests) == requests


async def test_an_unknown_outcome_is_kept_and_not_tried_again_on_resume(
    buyer: Buyer, seller: Seller, wallet: FakeWallet
) -> None:
    @tool
    def approve() -> str:
        """Wait for a person."""
        return str(interrupt("allowed?"))

    graph = _tools_graph(approve, saver=InMemorySaver())
    await buyer.discover("")
    seller.lose_answers = 1
    context, thread = _context(buyer, wallet), {"configurable": {"thread_id": "t-1"}}
    await graph.ainvoke(_asking(_buy(), _call("approve", "a-1")), thread, context=context)
    state = await graph.ainvoke(Command(resume="yes"), thread, context=context)
    assert json.loads(_results(state)[0].text)["paid"] == "unknown"
    assert len(seller.paid) == 1


async def test_nothing_of_the_wallet_is_written_to_a_checkpoint(
    buyer: Buyer, wallet: FakeWallet
) -> None:
    saver = InMemorySaver()
    graph = _tools_graph(saver=saver)
    await buyer.discover("")
    thread = {"configurable": {"thread_id": "t-1"}}
    await graph.ainvoke(_asking(_buy()), thread, context=_context(buyer, wallet))
    written = repr((dict(saver.storage), dict(saver.writes), dict(saver.blobs)))
    assert "You asked: why?" in written
    assert wallet.secret not in written
    assert "FakeWallet" not in written
    assert "Buyer" not in written


async def _model(buyer: Buyer, **fields: Any) -> PaidChatModel:
    await buyer.discover("")
    return PaidChatModel(buyer=buyer, listing_id=MODEL.id, **fields)


async def test_a_bought_chat_answer_carries_usage_and_receipt(buyer: Buyer) -> None:
    answer = await (await _model(buyer)).ainvoke("why?", payment_key="mine")
    assert answer.text == "You asked: why?"
    assert answer.usage_metadata == {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    assert answer.response_metadata["receipt"] == {
        "payment_key": "mine",
        "charge": str(PRICE),
        "network": "eip155:84532",
    }


async def test_a_streamed_chat_answer_sums_up_to_the_whole(buyer: Buyer, seller: Seller) -> None:
    model = await _model(buyer)
    whole: AIMessageChunk | None = None
    parts = 0
    async for chunk in model.astream("why?"):
        parts += 1
        whole = chunk if whole is None else whole + chunk
    assert whole is not None
    assert parts >= 4
    assert whole.text == "You asked: why? "
    assert whole.response_metadata["receipt"]["charge"] == str(PRICE)
    assert seller.earned == PRICE


async def test_a_node_tried_again_after_a_lost_answer_pays_once(
    buyer: Buyer, seller: Seller, wallet: FakeWallet
) -> None:
    model = await _model(buyer)

    async def think(state: MessagesState, runtime: Runtime[WalletContext]) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState, context_schema=WalletContext)
    policy = RetryPolicy(max_attempts=2, initial_interval=0.0, jitter=False, retry_on=Exception)
    graph.add_node("think", think, retry_policy=policy)
    graph.add_edge(START, "think")
    graph.add_edge("think", END)
    seller.lose_answers = 1
    state = await graph.compile(checkpointer=InMemorySaver()).ainvoke(
        {"messages": [HumanMessage("why?")]},
        {"configurable": {"thread_id": "t-1"}},
        context=_context(buyer, wallet),
    )
    assert state["messages"][-1].text == "You asked: why?"
    assert len(seller.paid) == 1
    assert wallet.left == wallet.limit - PRICE


async def test_tools_are_offered_and_their_calls_come_back(buyer: Buyer, seller: Seller) -> None:
    def call_tool(question: str) -> dict[str, object]:
        function = {"name": "discover_listings", "arguments": '{"query": "python"}'}
        calls = [{"id": "t-1", "type": "function", "function": function}]
        return {"role": "assistant", "content": None, "tool_calls": calls}

    seller.answer = call_tool
    model = await _model(buyer)
    answer = await model.bind_tools(market_tools()).ainvoke("look around")
    assert answer.tool_calls == [
        {"name": "discover_listings", "args": {"query": "python"}, "id": "t-1", "type": "tool_call"}
    ]
    offered = json.loads(seller.requests[-1].content)["tools"]
    assert {"buy_answer", "wallet_balance"} <= {each["function"]["name"] for each in offered}
    assert "runtime" not in json.dumps(offered)


def test_synchronous_calls_run_in_the_wallets_own_loop(seller: Seller) -> None:
    wallet = FakeWallet()
    with start_blocking_portal() as portal:
        buyer = buyer_of(seller, wallet)
        portal.call(buyer.discover, "")
        model = PaidChatModel(buyer=buyer, listing_id=MODEL.id, portal=portal)
        assert model.invoke("why?").text == "You asked: why?"
        assert "".join(chunk.text for chunk in model.stream("why?")) == "You asked: why? "
    assert seller.earned == 2 * PRICE


async def test_a_synchronous_call_without_a_portal_says_what_is_missing(buyer: Buyer) -> None:
    with pytest.raises(NoPortalError, match="portal"):
        (await _model(buyer)).invoke("why?")


async def test_a_serialised_model_names_no_buyer(buyer: Buyer) -> None:
    model = await _model(buyer)
    assert "buyer" not in model.model_dump()
    assert "Buyer" not in repr(model)
