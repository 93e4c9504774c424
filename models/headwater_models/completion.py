"""From a backend's events to the chat dialect: one whole response, or server-sent chunks."""

from contextlib import aclosing
from dataclasses import dataclass

from headwater_models.backend import Finish, InferenceBackend, Token
from headwater_models.chat import (
    ChatChunk,
    ChatMessage,
    ChatRequest,
    ChatResponse,
    Choice,
    ChunkChoice,
    Delta,
)

SSE_DONE = b"data: [DONE]\n\n"
"""What ends a stream of chat chunks."""


@dataclass(frozen=True, slots=True)
class CompletionFrame:
    """What all parts of one completion have in common; sans-IO, so any server can use it.

    Attributes:
        id: the completion's id, chosen by the caller.
        created: Unix seconds, read by the caller.
        model: the model id the client asked for.
    """

    id: str
    created: int
    model: str

    def opening(self) -> ChatChunk:
        """The first chunk of a stream: who speaks."""
        return self._chunk(Delta(role="assistant", content=""))

    def chunk(self, token: Token) -> ChatChunk:
        """One token's chunk."""
        return self._chunk(Delta(content=token.text))

    def closing(self, finish: Finish, *, with_usage: bool) -> list[ChatChunk]:
        """The last chunks: why the answer ended and, when asked for, what it used."""
        last = self._chunk(Delta())
        last.choices[0].finish_reason = finish.reason
        if not with_usage:
            return [last]
        return [last, self._bare(usage=finish)]

    def response(self, text: str, finish: Finish) -> ChatResponse:
        """The whole completion at once."""
        message = ChatMessage(role="assistant", content=text)
        return ChatResponse(
            id=self.id,
            created=self.created,
            model=self.model,
            choices=[Choice(message=message, finish_reason=finish.reason)],
            usage=finish.usage,
        )

    def _chunk(self, delta: Delta) -> ChatChunk:
        chunk = self._bare(usage=None)
        chunk.choices.append(ChunkChoice(delta=delta))
        return chunk

    def _bare(self, usage: Finish | None) -> ChatChunk:
        return ChatChunk(
            id=self.id,
            created=self.created,
            model=self.model,
            choices=[],
            usage=None if usage is None else usage.usage,
        )


def server_sent(chunk: ChatChunk) -> bytes:
    """One chunk as a server-sent event; members that are not set are left out."""
    return b"data: " + chunk.model_dump_json(exclude_none=True).encode() + b"\n\n"


async def complete(
    backend: InferenceBackend, request: ChatRequest, frame: CompletionFrame
) -> tuple[ChatResponse, Finish]:
    """Run a request to its end.

    Returns:
        The response for the client, and the end with its evidence for the attribution worker.

    Raises:
        HeadwaterError: what `InferenceBackend.stream` raises; there is then no response.
    """
    said: list[str] = []
    async with aclosing(backend.stream(request)) as events:
        async for event in events:
            if isinstance(event, Finish):
                return frame.response("".join(said), event), event
            said.append(event.text)
    raise RuntimeError("The backend ended its stream without a finish.")
