"""Ask a backend one question and read its whole answer."""

from headwater_models.backend import Finish, InferenceBackend
from headwater_models.chat import ChatMessage, ChatRequest


def request_for(question: str, model: str = "pydocs", **fields: object) -> ChatRequest:
    messages = [ChatMessage(role="user", content=question)]
    return ChatRequest.model_validate({"model": model, "messages": messages, **fields})


async def ask(backend: InferenceBackend, request: ChatRequest) -> tuple[list[str], Finish]:
    said: list[str] = []
    async for event in backend.stream(request):
        if isinstance(event, Finish):
            return said, event
        said.append(event.text)
    raise AssertionError("no finish")
