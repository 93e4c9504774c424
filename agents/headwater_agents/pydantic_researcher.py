"""A research agent on pydantic-ai: any model, or a scripted policy behind `FunctionModel`."""

from collections.abc import AsyncIterator

from pydantic_ai import Agent
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import Model
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, DeltaToolCalls, FunctionModel

from headwater_agents.buyer import Buyer
from headwater_agents.market import Purse
from headwater_agents.pydantic_wallet import WalletCapability
from headwater_agents.scripted import Move, ResearchPolicy, Say, ToolResult, parse_result


def research_agent(
    buyer: Buyer, purse: Purse, model: Model | str | ResearchPolicy
) -> Agent[None, str]:
    """An agent that answers questions by buying answers.

    Args:
        buyer: who pays.
        purse: what the agent may know about the wallet.
        model: a policy to play the model, or a model (`provider:name`, `market:<listing>`).
    """
    played = scripted_model(model) if isinstance(model, ResearchPolicy) else model
    return Agent(played, capabilities=[WalletCapability[None](buyer, purse)])


def scripted_model(policy: ResearchPolicy) -> FunctionModel:
    """The policy as a model, for `run` and `run_stream` alike."""

    def request(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        move = policy.next_move(*_progress(messages))
        if isinstance(move, Say):
            return ModelResponse([TextPart(move.text)])
        return ModelResponse([ToolCallPart(move.tool, dict(move.arguments))])

    async def stream(
        messages: list[ModelMessage], info: AgentInfo
    ) -> AsyncIterator[str | DeltaToolCalls]:
        move = policy.next_move(*_progress(messages))
        for part in _deltas(move):
            yield part

    return FunctionModel(request, stream_function=stream, model_name="scripted-research")


def _deltas(move: Move) -> list[str | DeltaToolCalls]:
    if isinstance(move, Say):
        return [line for line in move.text.splitlines(keepends=True) if line]
    call = ToolCallPart(move.tool, dict(move.arguments))
    return [
        {0: DeltaToolCall(call.tool_name, call.args_as_json_str(), tool_call_id=call.tool_call_id)}
    ]


def _progress(messages: list[ModelMessage]) -> tuple[str, list[ToolResult]]:
    """The last question of the history and the tool results since."""
    question, results = "", list[ToolResult]()
    for message in messages:
        for part in message.parts if isinstance(message, ModelRequest) else []:
            if isinstance(part, UserPromptPart) and isinstance(part.content, str):
                question, results = part.content, []
            elif isinstance(part, ToolReturnPart):
                text = part.model_response_str(wrap_if_error=False)
                results.append(parse_result(part.tool_name, text))
    return question, results
