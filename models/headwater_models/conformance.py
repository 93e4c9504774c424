"""What every inference backend must do, as a kit that any implementation's tests can call."""

from collections.abc import Callable
from contextlib import aclosing

from headwater_models.backend import EvidenceKind, Finish, InferenceBackend, Token
from headwater_models.chat import ChatMessage, ChatRequest
from headwater_models.errors import EmptyQuestionError, UnknownModelError
from headwater_models.tokens import count_tokens

QUESTION = "How do I join two paths, and which separator is used between them?"


async def check_backend(
    make: Callable[[], InferenceBackend], question: str = QUESTION
) -> tuple[str, Finish]:
    """Hold a backend to the contract of `InferenceBackend`; the kit needs no event-loop plugin.

    Args:
        make: builds a fresh backend; called several times.
        question: something the backend answers with at least two tokens.

    Returns:
        The full answer and its end, for further checks of the caller's own.

    Raises:
        AssertionError: naming the first promise that does not hold.
    """
    backend = make()
    model = backend.capabilities().models[0]
    request = _request(model, question)
    text, finish = await _collect(backend, request)
    _check_usage(text, finish)
    _check_evidence(text, finish, backend)
    await _check_cap(make(), request)
    await _check_early_close(make(), request)
    await _check_refusals(make(), request)
    if backend.capabilities().deterministic:
        _require(await _collect(make(), request) == (text, finish), "two runs gave two answers")
    return text, finish


def _request(model: str, question: str) -> ChatRequest:
    return ChatRequest(model=model, messages=[ChatMessage(role="user", content=question)], seed=1)


async def _collect(backend: InferenceBackend, request: ChatRequest) -> tuple[str, Finish]:
    said: list[str] = []
    end: Finish | None = None
    async for event in backend.stream(request):
        _require(end is None, "an event follows the finish")
        if isinstance(event, Token):
            _require(event.text != "", "a token without text")
            said.append(event.text)
        else:
            end = event
    if end is None:
        raise AssertionError("the stream ended without a finish")
    return "".join(said), end


def _check_usage(text: str, finish: Finish) -> None:
    usage = finish.usage
    _require(usage.completion_tokens == count_tokens(text), "completion tokens are miscounted")
    _require(usage.prompt_tokens > 0, "prompt tokens are missing")
    _require(
        usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, "the total is off"
    )


def _check_evidence(text: str, finish: Finish, backend: InferenceBackend) -> None:
    evidence, kinds = finish.evidence, backend.capabilities().evidence
    _require(evidence.answer == text, "the evidence is about another answer")
    spans = [span for passage in evidence.passages for span in passage.spans]
    for span in spans:
        _require(span.stop_char <= len(text), "a span reaches past the text")
        _require(
            span.stop_token <= finish.usage.completion_tokens, "a span reaches past the tokens"
        )
    if EvidenceKind.RETRIEVAL in kinds:
        _require(bool(spans), "retrieval evidence is promised and no passage has a place")
    if EvidenceKind.ABLATION in kinds:
        cited = {passage.row for passage in evidence.passages if passage.spans}
        removed = {row for ablation in evidence.ablations for row in ablation.removed}
        _require(cited <= removed, "a cited row was not ablated")
    if EvidenceKind.INFLUENCE in kinds:
        _require(evidence.influence is not None, "influence is promised and nothing was observed")


async def _check_cap(backend: InferenceBackend, request: ChatRequest) -> None:
    text, finish = await _collect(backend, request.model_copy(update={"max_tokens": 1}))
    _require(count_tokens(text) == 1, "the cap of one token does not hold")
    _require(finish.reason == "length", "a cut answer does not say so")
    _require(finish.evidence.answer == text, "the evidence of a cut answer is about the whole one")


async def _check_early_close(backend: InferenceBackend, request: ChatRequest) -> None:
    async with aclosing(backend.stream(request)) as events:
        first = await anext(events)
        _require(isinstance(first, Token), "the first event is not a token")
    await _collect(backend, request)  # an abandoned stream leaves the backend usable


async def _check_refusals(backend: InferenceBackend, request: ChatRequest) -> None:
    other = request.model_copy(update={"model": request.model + "-no-such-model"})
    silent = request.model_copy(update={"messages": [ChatMessage(role="user", content=" ")]})
    for wrong, error in ((other, UnknownModelError), (silent, EmptyQuestionError)):
        try:
            event = await anext(backend.stream(wrong))
        except error:
            continue
        raise AssertionError(f"{error.__name__} is due before any token, {event} came")


def _require(holds: bool, broken_promise: str) -> None:
    if not holds:
        raise AssertionError(broken_promise)
