"""An upstream answer passes through, metered by our own count; failures become typed errors."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
from models.asking import ask, request_for

from headwater_models.backend import Finish, Token
from headwater_models.conformance import check_backend
from headwater_models.errors import UpstreamRefusedError, UpstreamUnavailableError
from headwater_models.upstream import UpstreamBackend
from headwater_payments.errors import HeadwaterError

pytestmark = pytest.mark.anyio


def _event(**fields: object) -> bytes:
    body = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "far", **fields}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def _said(text: str | None, reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    return _event(choices=[choice])


def _backend(handler: httpx.MockTransport) -> UpstreamBackend:
    http = httpx.AsyncClient(transport=handler)
    return UpstreamBackend(http, "http://127.0.0.1:1/v1/", {"near": "far"})


def _answering(*events: bytes, status: int = 200) -> UpstreamBackend:
    body = b"".join(events)
    return _backend(httpx.MockTransport(lambda _: httpx.Response(status, content=body)))


def _parrot(request: httpx.Request) -> httpx.Response:
    """An upstream that repeats the question in chunks of three characters and ignores caps."""
    text = json.loads(request.content)["messages"][-1]["content"]
    parts = [_said(text[i : i + 3]) for i in range(0, len(text), 3)]
    usage = {"prompt_tokens": 7, "completion_tokens": 99, "total_tokens": 106}
    ending = [_said(None, "stop"), _event(choices=[], usage=usage), b"data: [DONE]\n\n"]
    return httpx.Response(200, content=b"".join([*parts, *ending]))


async def test_it_keeps_the_contract_over_an_upstream_that_ignores_caps() -> None:
    text, finish = await check_backend(
        lambda: _backend(httpx.MockTransport(_parrot)), "say this once more"
    )
    assert text == "say this once more"
    assert finish.usage.completion_tokens == 4
    assert finish.upstream_usage is not None
    assert finish.upstream_usage.completion_tokens == 99
    assert finish.evidence.passages == ()


async def test_the_request_reaches_the_upstream_under_its_own_model_name() -> None:
    seen: list[dict[str, object]] = []

    def record(request: httpx.Request) -> httpx.Response:
        seen.append(json.loads(request.content))
        return _parrot(request)

    backend = _backend(httpx.MockTransport(record))
    await ask(backend, request_for("hi", model="near", logit_bias={"5": 1}, stream=False))
    assert seen[0]["model"] == "far"
    assert seen[0]["stream"] is True
    assert seen[0]["logit_bias"] == {"5": 1}
    assert "temperature" not in seen[0]


async def test_an_upstream_may_say_any_character() -> None:
    said = "one\u2028two\x85three"
    choice = {"index": 0, "delta": {"content": said}, "finish_reason": "stop"}
    body = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "far"}
    event = json.dumps({**body, "choices": [choice]}, ensure_ascii=False)
    text, _ = await ask(
        _answering(f"data: {event}\r\n\r\n".encode()), request_for("hi", model="near")
    )
    assert "".join(text) == said


async def test_tokens_are_passed_on_before_the_upstream_has_ended() -> None:
    class Stalled(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield _said("first")
            raise httpx.ReadError("the line went dead")

    backend = _backend(httpx.MockTransport(lambda _: httpx.Response(200, stream=Stalled())))
    events = backend.stream(request_for("q", model="near"))
    assert await anext(events) == Token("first")
    with pytest.raises(UpstreamUnavailableError):
        await anext(events)


@pytest.mark.parametrize(
    ("events", "status", "error"),
    [
        ([b'{"error": {"message": "no quota left"}}'], 429, UpstreamRefusedError),
        ([b"<html>"], 500, UpstreamRefusedError),
        ([b"data: {]\n\n"], 200, UpstreamRefusedError),
        ([b'data: {"error": {"message": "overloaded"}}\n\n'], 200, UpstreamRefusedError),
        ([_said("half an")], 200, UpstreamUnavailableError),
        ([], 200, UpstreamUnavailableError),
    ],
)
async def test_what_is_no_finished_completion_is_an_error(
    events: list[bytes], status: int, error: type[HeadwaterError]
) -> None:
    with pytest.raises(error):
        await ask(_answering(*events, status=status), request_for("q", model="near"))


async def test_the_upstreams_own_words_reach_the_error() -> None:
    backend = _answering(b'{"error": {"message": "no quota left"}}', status=429)
    with pytest.raises(UpstreamRefusedError, match="429: no quota left"):
        await ask(backend, request_for("q", model="near"))


async def test_an_unreachable_upstream_is_unavailable() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(UpstreamUnavailableError) as caught:
        await ask(_backend(httpx.MockTransport(refuse)), request_for("q", model="near"))
    assert caught.value.code == "upstream_unavailable"


async def test_a_cut_answer_is_complete_without_the_upstreams_end() -> None:
    backend = _answering(_said("one two three four"))
    said, finish = await ask(backend, request_for("q", model="near", max_tokens=2))
    assert "".join(said) == "one two"
    assert isinstance(finish, Finish)
    assert finish.reason == "length"
