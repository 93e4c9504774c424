"""The fake backend conforms, the kit catches what does not, and answers take both shapes."""

import json
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models.asking import ask, request_for

from headwater_models.backend import Capabilities, Finish, InferenceEvent, Token
from headwater_models.chat import ChatChunk, ChatRequest
from headwater_models.completion import CompletionFrame, complete, server_sent
from headwater_models.conformance import check_backend
from headwater_models.echo import EchoBackend
from headwater_models.tokens import TokenMeter, count_tokens

pytestmark = pytest.mark.anyio


class Miscounting(EchoBackend):
    async def stream(self, request: ChatRequest) -> AsyncGenerator[InferenceEvent, None]:
        async for event in super().stream(request):
            if isinstance(event, Finish):
                usage = event.usage.model_copy(update={"completion_tokens": 1})
                event = replace(event, usage=usage)
            yield event


class Endless(EchoBackend):
    async def stream(self, request: ChatRequest) -> AsyncGenerator[InferenceEvent, None]:
        uncapped = request.model_copy(update={"max_tokens": None})
        async for event in super().stream(uncapped):
            yield event


class Talkative(EchoBackend):
    async def stream(self, request: ChatRequest) -> AsyncGenerator[InferenceEvent, None]:
        async for event in super().stream(request):
            yield event
        yield Token("more")


class Obliging(EchoBackend):
    def capabilities(self) -> Capabilities:
        return Capabilities(models=("echo", "echo-no-such-model"), deterministic=True)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[InferenceEvent, None]:
        async for event in super().stream(request.model_copy(update={"model": "echo"})):
            yield event


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_the_echo_backend_keeps_the_contract() -> None:
    text, finish = await check_backend(EchoBackend, "say it again")
    assert text == "say it again"
    assert finish.usage.completion_tokens == 3


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (Miscounting, "miscounted"),
        (Endless, "cap of one token"),
        (Talkative, "follows the finish"),
        (Obliging, "UnknownModelError"),
    ],
)
async def test_the_kit_names_the_promise_that_a_backend_breaks(
    broken: type[EchoBackend], promise: str
) -> None:
    with pytest.raises(AssertionError, match=promise):
        await check_backend(broken, "say it again")


async def test_a_whole_response_and_its_chunks_say_the_same() -> None:
    request = request_for("one two three", model="echo", max_tokens=2)
    frame = CompletionFrame(id="chatcmpl-1", created=1_700_000_000, model="echo")
    response, finish = await complete(EchoBackend(), request, frame)
    said, _ = await ask(EchoBackend(), request)
    chunks = [frame.opening(), *(frame.chunk(Token(text)) for text in said)]
    chunks += frame.closing(finish, with_usage=True)
    streamed = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert streamed == response.choices[0].message.text == "one two"
    assert chunks[-2].choices[0].finish_reason == response.choices[0].finish_reason == "length"
    assert chunks[-1].usage == response.usage == finish.usage
    assert len(frame.closing(finish, with_usage=False)) == 1


def test_a_server_sent_chunk_reads_back_as_itself() -> None:
    frame = CompletionFrame(id="chatcmpl-1", created=1, model="m")
    event = server_sent(frame.chunk(Token("line\nbreak")))
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    assert event.count(b"\n") == 2
    data = json.loads(event.removeprefix(b"data: "))
    assert ChatChunk.model_validate(data).choices[0].delta.content == "line\nbreak"


@given(st.lists(st.text(alphabet="ab1_. \n", max_size=20)))
def test_a_text_metered_in_parts_counts_as_the_whole(parts: list[str]) -> None:
    meter = TokenMeter()
    for part in parts:
        meter.add(part)
    assert meter.total == count_tokens("".join(parts))
