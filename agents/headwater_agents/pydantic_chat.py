"""pydantic-ai's message history in the OpenAI chat dialect, and an answer back into its parts."""

import json
from collections.abc import Iterator, Sequence

from pydantic import JsonValue
from pydantic_ai.messages import (
    InstructionPart,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ModelResponsePart,
    RetryFeedbackPart,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.tools import ToolDefinition

from headwater_agents.answers import Message
from headwater_payments.errors import InvalidInputError


def chat_messages(
    messages: Sequence[ModelMessage], parameters: ModelRequestParameters
) -> list[Message]:
    """The history as chat messages, instructions first.

    Raises:
        InvalidInputError: a part that has no text form, such as a picture.
    """
    said: list[Message] = []
    if parameters.instruction_parts:
        said.append(_text("system", InstructionPart.join(parameters.instruction_parts) or ""))
    for message in messages:
        if isinstance(message, ModelRequest):
            said.extend(_request_messages(message))
        else:
            said.append(_response_message(message))
    return said


def chat_tools(tools: Sequence[ToolDefinition]) -> list[JsonValue]:
    """Tool definitions as the dialect's `tools` member."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description or "",
                "parameters": tool.parameters_json_schema,
            },
        }
        for tool in tools
    ]


def response_parts(message: Message) -> list[ModelResponsePart]:
    """A chat message's text and tool calls as response parts."""
    parts: list[ModelResponsePart] = []
    content = message.get("content")
    if isinstance(content, str) and content:
        parts.append(TextPart(content))
    calls = message.get("tool_calls")
    parts.extend(_tool_call(call) for call in (calls if isinstance(calls, list) else []))
    return parts


def _request_messages(request: ModelRequest) -> Iterator[Message]:
    for part in request.parts:
        if isinstance(part, SystemPromptPart):
            yield _text("system", part.content)
        elif isinstance(part, UserPromptPart):
            yield _text("user", _user_text(part))
        elif isinstance(part, ToolReturnPart):
            content = part.model_response_str()
            yield {"role": "tool", "tool_call_id": part.tool_call_id, "content": content}
        elif isinstance(part, RetryFeedbackPart):
            yield _text("user", part.model_response())
        else:
            yield _correction(part)


def _correction(part: object) -> Message:
    """A request to correct a tool call; other parts have no form in this dialect."""
    call_id, response = getattr(part, "tool_call_id", None), getattr(part, "model_response", None)
    if not isinstance(call_id, str) or not callable(response):
        raise InvalidInputError(f"A {type(part).__name__} cannot be sent to a bought model.")
    return {"role": "tool", "tool_call_id": call_id, "content": str(response())}


def _response_message(response: ModelResponse) -> Message:
    calls: list[JsonValue] = [
        {
            "id": part.tool_call_id,
            "type": "function",
            "function": {"name": part.tool_name, "arguments": part.args_as_json_str()},
        }
        for part in response.parts
        if isinstance(part, ToolCallPart)
    ]
    message: dict[str, JsonValue] = {"role": "assistant", "content": response.text or ""}
    return message | ({"tool_calls": calls} if calls else {})


def _user_text(part: UserPromptPart) -> str:
    if isinstance(part.content, str):
        return part.content
    if not all(isinstance(item, str) for item in part.content):
        raise InvalidInputError("Only text can be sent to a bought model.")
    return "\n".join(str(item) for item in part.content)


def _text(role: str, content: str) -> Message:
    return {"role": role, "content": content}


def _tool_call(call: JsonValue) -> ToolCallPart:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(function, dict):
        raise InvalidInputError("The seller sent a tool call without a function.")
    arguments = function.get("arguments")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return ToolCallPart(str(function.get("name")), text, tool_call_id=str(call.get("id")))
