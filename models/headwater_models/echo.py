"""A backend that repeats what the user said: the fake to test gateways, meters and buyers with."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from anyio.lowlevel import checkpoint

from headwater_attribution.evidence import Evidence
from headwater_models.backend import (
    Capabilities,
    Finish,
    InferenceEvent,
    Token,
    require_answerable,
)
from headwater_models.chat import ChatRequest, Usage, count_prompt_tokens
from headwater_models.tokens import pieces


@dataclass(frozen=True, slots=True)
class EchoBackend:
    """Answers each question with itself, token by token, and observes nothing.

    Attributes:
        model: the one model id it serves.
    """

    model: str = "echo"

    def capabilities(self) -> Capabilities:
        """One model, no evidence, always the same answer."""
        return Capabilities(models=(self.model,), deterministic=True)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[InferenceEvent, None]:
        """Yield the last user message's tokens up to the request's cap; see `InferenceBackend`."""
        require_answerable(request, self.capabilities())
        every = pieces(request.question)
        said = every[: request.completion_limit]
        for piece in said:
            await checkpoint()
            yield Token(piece)
        yield Finish(
            usage=Usage.of(count_prompt_tokens(request.messages), len(said)),
            evidence=Evidence(
                backend="echo/1",
                corpus_root="",
                prompt=request.prompt,
                answer="".join(said),
                answer_score_micro=0,
            ),
            reason="stop" if len(said) == len(every) else "length",
        )
