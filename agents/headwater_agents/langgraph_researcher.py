"""A research agent on LangGraph: any chat model, or a scripted policy behind its interface."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from pydantic import ConfigDict

from headwater_agents.langgraph_wallet import WalletContext, market_tools
from headwater_agents.scripted import ResearchPolicy, Say, ToolResult, parse_result

ResearchGraph = CompiledStateGraph[MessagesState, WalletContext, MessagesState, MessagesState]


def research_graph(
    model: BaseChatModel | ResearchPolicy, checkpointer: BaseCheckpointSaver[Any] | None = None
) -> ResearchGraph:
    """A graph that answers questions by buying answers; run it with `context=WalletContext(...)`.

    Args:
        model: a policy to play the model, or a chat model that calls tools.
        checkpointer: where threads are kept; with one, a resumed purchase is not made again.
    """
    played = ScriptedChatModel(policy=model) if isinstance(model, ResearchPolicy) else model
    tools = market_tools()
    thinking = played.bind_tools(tools)

    async def think(state: MessagesState) -> dict[str, list[BaseMessage]]:
        return {"messages": [await thinking.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState, context_schema=WalletContext)
    graph.add_node("think", think)
    graph.add_node("tools", ToolNode(tools))
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", tools_condition)
    graph.add_edge("tools", "think")
    return graph.compile(checkpointer=checkpointer)


class ScriptedChatModel(BaseChatModel):
    """A `ResearchPolicy` that plays a chat model."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    policy: ResearchPolicy

    @property
    def _llm_type(self) -> str:
        return "scripted-research"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The policy knows its tools already."""
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        move = self.policy.next_move(*_progress(messages))
        if isinstance(move, Say):
            message = AIMessage(move.text)
        else:
            call = {"name": move.tool, "args": dict(move.arguments), "id": f"call_{uuid4().hex}"}
            message = AIMessage("", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=message)])


def _progress(messages: Sequence[BaseMessage]) -> tuple[str, list[ToolResult]]:
    """The last question of the thread and the tool results since."""
    question, results = "", list[ToolResult]()
    for message in messages:
        if isinstance(message, HumanMessage):
            question, results = str(message.text), []
        elif isinstance(message, ToolMessage):
            results.append(parse_result(message.name or "", message.content))
    return question, results
