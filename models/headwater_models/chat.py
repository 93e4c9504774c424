"""The OpenAI-compatible chat vocabulary: what arrives at an endpoint and what leaves it.

Requests are read leniently: fields that are not named here are kept and passed on to an upstream,
so a client of a newer dialect is served rather than refused. Source: the public OpenAI API
reference, chat completions and models.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from headwater_models.tokens import count_tokens

MESSAGE_OVERHEAD_TOKENS = 3
"""Charged per message for its role and framing, on top of the tokens of its text."""

DEFAULT_MAX_TOKENS = 512
"""The completion cap of a request that names none; the most a buyer's quote has to cover."""

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter"]


class TextPart(BaseModel):
    """One part of a message's content; only `type == "text"` carries text."""

    model_config = ConfigDict(extra="allow")

    type: str
    text: str | None = None


class ChatMessage(BaseModel):
    """One turn of the conversation; `content` may be text, parts, or absent (tool calls)."""

    model_config = ConfigDict(extra="allow")

    role: str
    content: str | list[TextPart] | None = None
    name: str | None = None

    @property
    def text(self) -> str:
        """The message's text, its text parts joined by newlines; empty where there is none."""
        if self.content is None or isinstance(self.content, str):
            return self.content or ""
        return "\n".join(part.text or "" for part in self.content if part.type == "text")


class StreamOptions(BaseModel):
    """Whether a stream ends with a chunk that carries the usage."""

    model_config = ConfigDict(extra="allow")

    include_usage: bool = False


class ChatRequest(BaseModel):
    """A chat completion request.

    `max_completion_tokens` is today's name of `max_tokens`; where both stand, the smaller binds.
    """

    model_config = ConfigDict(extra="allow")

    model: str = Field(min_length=1, max_length=256)
    messages: list[ChatMessage] = Field(min_length=1)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    seed: int | None = None
    temperature: float | None = Field(default=None, ge=0.0)
    top_p: float | None = Field(default=None, ge=0.0, le=1.0)
    stop: str | list[str] | None = None
    user: str | None = None

    @property
    def completion_limit(self) -> int:
        """The most completion tokens this request may be charged for."""
        named = [cap for cap in (self.max_tokens, self.max_completion_tokens) if cap is not None]
        return min(named, default=DEFAULT_MAX_TOKENS)

    @property
    def question(self) -> str:
        """The text of the last user message; empty when no user spoke."""
        spoken = (message.text for message in reversed(self.messages) if message.role == "user")
        return next(spoken, "")

    @property
    def prompt(self) -> str:
        """Everything the client sent as text, message after message; what evidence calls prompt."""
        return "\n".join(message.text for message in self.messages)

    @property
    def stop_texts(self) -> tuple[str, ...]:
        """The texts before which an answer ends; empty ones are ignored."""
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(text for text in stops if text)

    @property
    def wants_usage(self) -> bool:
        """Whether a stream of this request ends with a usage chunk."""
        return self.stream_options is not None and self.stream_options.include_usage


def _none_as_zero(value: object) -> object:
    return 0 if value is None else value


TokenCount: TypeAlias = Annotated[int, BeforeValidator(_none_as_zero), Field(ge=0)]


class Usage(BaseModel):
    """Tokens read and written; the total is their sum."""

    model_config = ConfigDict(extra="allow")

    prompt_tokens: TokenCount = 0
    completion_tokens: TokenCount = 0
    total_tokens: TokenCount = 0

    @classmethod
    def of(cls, prompt_tokens: int, completion_tokens: int) -> "Usage":
        """The usage of one completion, with its total."""
        return cls(
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            total_tokens=prompt_tokens + completion_tokens,
        )


class Choice(BaseModel):
    """One finished answer."""

    model_config = ConfigDict(extra="allow")

    index: int = 0
    message: ChatMessage
    finish_reason: FinishReason | None = None


class ChatResponse(BaseModel):
    """A whole completion; `created` is in Unix seconds."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage | None = None


class Delta(BaseModel):
    """What one chunk adds to an answer."""

    model_config = ConfigDict(extra="allow")

    role: str | None = None
    content: str | None = None


class ChunkChoice(BaseModel):
    """One choice's part of a chunk."""

    model_config = ConfigDict(extra="allow")

    index: int = 0
    delta: Delta
    finish_reason: FinishReason | None = None


class ChatChunk(BaseModel):
    """One server-sent event of a streamed completion; the usage chunk has no choices."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: Usage | None = None


class ModelCard(BaseModel):
    """One line of the models list; `created` is in Unix seconds."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class ModelList(BaseModel):
    """The answer of `GET /v1/models`."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


class ErrorDetail(BaseModel):
    """What went wrong, in the dialect's own words: a sentence, a family and a stable code."""

    model_config = ConfigDict(extra="allow")

    message: str
    type: str = "invalid_request_error"
    param: str | None = None
    code: str | None = None


class ErrorBody(BaseModel):
    """The body of a refused request."""

    error: ErrorDetail


def count_prompt_tokens(messages: Sequence[ChatMessage]) -> int:
    """The tokens a conversation is charged for before any answer.

    Each message costs the tokens of its text and `MESSAGE_OVERHEAD_TOKENS`.
    """
    return sum(count_tokens(message.text) + MESSAGE_OVERHEAD_TOKENS for message in messages)
