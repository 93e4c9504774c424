"""The metering gateway: an OpenAI-compatible API over an inference backend, priced by the token.

Bytes go out as the backend produces them and usage is metered beside them. Wrapped in the payment
middleware each request is charged what it used; without it, the same application serves for free.
"""

import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass

from anyio import to_thread
from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from headwater_attribution.evidence import Evidence
from headwater_attribution.methods import AttributionMethod
from headwater_attribution.signed_receipt import attribute_answer
from headwater_marketplace.seller.asgi import read_body
from headwater_marketplace.seller.offers import Meter, current_meter
from headwater_models.backend import Finish, InferenceBackend, Token
from headwater_models.chat import ChatRequest, ModelCard, ModelList, count_prompt_tokens
from headwater_models.completion import SSE_DONE, CompletionFrame, complete, server_sent
from headwater_models.tokens import TokenMeter
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.json_text import read_json
from headwater_payments.pricing import TokenPrice

_EVIDENCE: TypeAdapter[Evidence] = TypeAdapter(Evidence)


@dataclass(frozen=True, slots=True)
class MeteredModel:
    """A backend with its price.

    Args:
        backend: what answers.
        price: in atomic units per thousand tokens.
        max_input_tokens, max_output_tokens: what one request may use; together with the price they
            make the most that a request costs.
        method: what attributes each answer before its receipt is signed, so that the receipt
            commits to the shares (`attribution_receipt(…).hash()`) and not to the evidence alone.
            It runs in a thread, while the buyer waits for the end of the answer.
    """

    backend: InferenceBackend
    price: TokenPrice
    max_input_tokens: int = 2_000
    max_output_tokens: int = 512
    method: AttributionMethod | None = None

    @property
    def ceiling(self) -> int:
        """The most that one request costs, in atomic units."""
        return self.price.ceiling(self.max_input_tokens, self.max_output_tokens)

    def admit(self, request: ChatRequest) -> ChatRequest:
        """The request as it will be served: its output capped at what the price covers.

        Raises:
            InvalidInputError: the prompt is longer than the price covers.
        """
        used = count_prompt_tokens(request.messages)
        if used > self.max_input_tokens:
            raise InvalidInputError(
                f"The prompt has {used} tokens, and at most {self.max_input_tokens} are sold.",
                tokens=used,
            )
        limit = min(request.completion_limit, self.max_output_tokens)
        return request.model_copy(update={"max_tokens": limit, "max_completion_tokens": limit})


def gateway(model: MeteredModel, now: Callable[[], float] = time.time) -> Starlette:
    """The application: `/v1/models` and `/v1/chat/completions`, streaming and not."""

    async def models(_request: Request) -> Response:
        served = model.backend.capabilities().models
        cards = [ModelCard(id=name, created=int(now()), owned_by="headwater") for name in served]
        return JSONResponse(ModelList(data=cards).model_dump(mode="json"))

    async def chat(request: Request) -> Response:
        body = await read_body(request.receive, what="A request for a completion")
        try:
            asked = model.admit(ChatRequest.model_validate(read_json(body, "The body")))
        except ValidationError as exc:
            first = exc.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the body"
            raise InvalidInputError(f"The request is malformed: {place}: {first['msg']}.") from exc
        frame = CompletionFrame("chatcmpl-" + secrets.token_hex(12), int(now()), asked.model)
        if asked.stream:
            events = await _opened(model, asked, frame)
            return StreamingResponse(events, media_type="text/event-stream")
        response, finish = await complete(model.backend, asked, frame)
        await _note(current_meter(), model, finish)
        return JSONResponse(response.model_dump(mode="json", exclude_none=True))

    routes = [
        Route("/v1/models", models),
        Route("/v1/chat/completions", chat, methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={HeadwaterError: openai_error})


def evidence_of(payment_evidence: dict[str, object]) -> Evidence:
    """The backend's evidence as the gateway attached it to a payment."""
    return _EVIDENCE.validate_python(payment_evidence)


async def openai_error(_request: Request, error: Exception) -> Response:
    """A Headwater error in the shape that OpenAI's clients read."""
    assert isinstance(error, HeadwaterError)
    body = {"error": {"message": error.message, "type": error.code, "code": error.code}}
    return JSONResponse(body, status_code=error.http_status)


async def _opened(
    model: MeteredModel, asked: ChatRequest, frame: CompletionFrame
) -> AsyncIterator[bytes]:
    """The stream, with its first event awaited: what fails at once fails with a status."""
    meter = current_meter()
    events = _events(model, asked, frame, meter)
    first = await anext(events)

    async def whole() -> AsyncIterator[bytes]:
        async with aclosing(events):
            yield first
            async for chunk in events:
                yield chunk

    return whole()


async def _events(
    model: MeteredModel, asked: ChatRequest, frame: CompletionFrame, meter: Meter | None
) -> AsyncGenerator[bytes, None]:
    prompt_tokens = count_prompt_tokens(asked.messages)
    sent = TokenMeter()
    async with aclosing(model.backend.stream(asked)) as events:
        opened = False
        async for event in events:
            if not opened:
                opened = True
                yield server_sent(frame.opening())
            if isinstance(event, Token):
                used = sent.add(event.text)
                if meter is not None:
                    meter.set_charge(min(meter.cap, model.price.charge(prompt_tokens, used)))
                yield server_sent(frame.chunk(event))
                continue
            await _note(meter, model, event)
            for chunk in frame.closing(event, with_usage=asked.wants_usage):
                yield server_sent(chunk)
    yield SSE_DONE


async def _note(meter: Meter | None, model: MeteredModel, finish: Finish) -> None:
    if meter is None:
        return
    usage = finish.usage
    due = model.price.charge(usage.prompt_tokens, usage.completion_tokens)
    meter.set_charge(min(meter.cap, due))
    meter.evidence = lambda: _EVIDENCE.dump_python(finish.evidence, mode="json")
    if model.method is not None:
        # What can't be attributed is paid for all the same, and its evidence shows why.
        with suppress(HeadwaterError):
            # Here and not when the receipt is signed: that happens inside the seller's transaction.
            answer = await to_thread.run_sync(attribute_answer, finish.evidence, model.method)
            meter.attribution = lambda receipt: answer.receipt(receipt).hash()
