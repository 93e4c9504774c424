"""A model that runs elsewhere: an OpenAI-compatible endpoint, streamed through, metered here."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing

import httpx
from pydantic import ValidationError

from headwater_attribution.evidence import Evidence
from headwater_models.backend import (
    Capabilities,
    Finish,
    InferenceEvent,
    Token,
    require_answerable,
)
from headwater_models.chat import (
    ChatChunk,
    ChatRequest,
    ErrorBody,
    FinishReason,
    Usage,
    count_prompt_tokens,
)
from headwater_models.errors import UpstreamRefusedError, UpstreamUnavailableError
from headwater_models.tokens import TokenMeter, pieces
from headwater_payments.errors import InvalidInputError
from headwater_payments.event_lines import event_lines
from headwater_payments.json_text import read_json

BACKEND_ID = "openai-compatible/1"


class UpstreamBackend:
    """Serves the models of an OpenAI-compatible endpoint; a black box, so its evidence is empty.

    Tokens are priced by this package's own count, which buyer and seller share, and the answer is
    cut at the request's cap in that count whatever the upstream sends.

    Args:
        http: the client to call with; the caller owns it, its timeouts and its credentials.
        base_url: the endpoint's root, ending in `/v1`.
        models: the model ids served here, each with its name at the upstream.
    """

    def __init__(self, http: httpx.AsyncClient, base_url: str, models: Mapping[str, str]) -> None:
        self._http = http
        self._url = base_url.rstrip("/") + "/chat/completions"
        self._models = dict(models)

    def capabilities(self) -> Capabilities:
        """The configured models, without evidence."""
        return Capabilities(models=tuple(self._models))

    async def stream(self, request: ChatRequest) -> AsyncGenerator[InferenceEvent, None]:
        """Pass the upstream's answer on as it comes; see `InferenceBackend`.

        Raises:
            UpstreamUnavailableError: it could not be reached, or broke off before its end.
            UpstreamRefusedError: it answered with an error, or with what is no completion.
        """
        require_answerable(request, self.capabilities())
        answer = _Answer(request.completion_limit)
        try:
            async with self._http.stream("POST", self._url, json=self._body(request)) as response:
                await _require_success(response)
                async for chunk in _chunks(response):
                    if token := answer.take(chunk):
                        yield token
                    if answer.cut:
                        break
        except httpx.HTTPError as exc:
            raise UpstreamUnavailableError(
                "The upstream model endpoint did not answer to the end.", reason=str(exc)
            ) from exc
        yield answer.finish(request)

    def _body(self, request: ChatRequest) -> dict[str, object]:
        body = request.model_dump(mode="json", exclude_unset=True)
        return body | {
            "model": self._models[request.model],
            "stream": True,
            "stream_options": {"include_usage": True},
        }


class _Answer:
    """What has come so far: the text, cut at the cap, and what the upstream said about its end."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._meter = TokenMeter()
        self._text = ""
        self._reason: FinishReason | None = None
        self._upstream_usage: Usage | None = None
        self.cut = False

    def take(self, chunk: ChatChunk) -> Token | None:
        """The part of a chunk's text that fits under the cap, if any."""
        self._upstream_usage = chunk.usage or self._upstream_usage
        for choice in chunk.choices[:1]:
            self._reason = choice.finish_reason or self._reason
            if text := choice.delta.content:
                return self._fitting(text)
        return None

    def finish(self, request: ChatRequest) -> Finish:
        """The end of the answer; a cut answer needs no end from the upstream."""
        if self._reason is None and not self.cut:
            raise UpstreamUnavailableError("The upstream model endpoint broke off its answer.")
        return Finish(
            usage=Usage.of(count_prompt_tokens(request.messages), self._meter.total),
            evidence=Evidence(
                backend=BACKEND_ID,
                corpus_root="",
                prompt=request.prompt,
                answer=self._text,
                answer_score_micro=0,
            ),
            reason="length" if self.cut else self._reason or "stop",
            upstream_usage=self._upstream_usage,
        )

    def _fitting(self, text: str) -> Token | None:
        kept = text
        if self._meter.add(text) > self._limit:
            self.cut = True
            kept = "".join(pieces(self._text + text)[: self._limit])[len(self._text) :]
            self._meter = TokenMeter()
            self._meter.add(self._text + kept)
        self._text += kept
        return Token(kept) if kept else None


async def _require_success(response: httpx.Response) -> None:
    if response.is_success:
        return
    await response.aread()
    try:
        said = ErrorBody.model_validate_json(response.content).error.message
    except ValidationError:
        said = response.reason_phrase
    raise UpstreamRefusedError(
        f"The upstream model endpoint answered {response.status_code}: {said}",
        status=response.status_code,
    )


async def _chunks(response: httpx.Response) -> AsyncIterator[ChatChunk]:
    try:
        async with aclosing(event_lines(response.aiter_bytes())) as lines:
            async for line in lines:
                if not line.startswith("data:"):
                    continue
                data = line.removeprefix("data:").strip()
                if data == "[DONE]":
                    return
                yield _chunk(data)
    except InvalidInputError as exc:
        raise UpstreamRefusedError(
            f"The upstream model endpoint's stream can't be read: {exc.message}"
        ) from exc


def _chunk(data: str) -> ChatChunk:
    try:
        parsed: object = read_json(data)
        if isinstance(parsed, dict) and "error" in parsed:
            raise UpstreamRefusedError(
                "The upstream model endpoint failed in the middle of its answer.",
                reason=str(parsed["error"])[:300],
            )
        return ChatChunk.model_validate(parsed)
    except (ValidationError, InvalidInputError) as exc:
        raise UpstreamRefusedError(
            "The upstream model endpoint sent something that is no completion chunk.",
            data=data[:300],
        ) from exc
