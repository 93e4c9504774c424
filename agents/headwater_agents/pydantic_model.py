"""A listing as a pydantic-ai model: each request is bought, and its price is its cost."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

from pydantic import JsonValue
from pydantic_ai import RunContext
from pydantic_ai.messages import (
    FinishReason,
    ModelMessage,
    ModelResponse,
    ModelResponseStreamEvent,
    ToolCallPart,
)
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

from headwater_agents.answers import Purchase
from headwater_agents.buyer import Buyer
from headwater_agents.keys import IDEMPOTENCY_KEY
from headwater_agents.pydantic_chat import chat_messages, chat_tools, response_parts
from headwater_payments.amount import Amount, Asset

SYSTEM = "headwater"
"""The provider's name, kept in message histories."""

_PASSED_ON = ("max_tokens", "temperature", "top_p", "seed")


class PaidModel(Model):
    """A model listing, bought request by request.

    The payment key is the `Idempotency-Key` among the settings' `extra_headers`, which
    `WalletCapability` sets; without one every request is an intent of its own. The charge becomes
    `usage.cost` in whole units of `asset`, so a `cost_limit` sees it; a dollar token is assumed.

    Args:
        buyer: who pays.
        listing_id: a model that the buyer has discovered.
        asset: what charges are counted in.
        new_key: gives a fresh key where the settings carry none.
    """

    def __init__(
        self,
        buyer: Buyer,
        listing_id: str,
        asset: Asset,
        *,
        settings: ModelSettings | None = None,
        new_key: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        super().__init__(settings=settings)
        self._buyer = buyer
        self._listing = buyer.listing(listing_id)
        self._asset = asset
        self._new_key = new_key

    @property
    def model_name(self) -> str:
        """The listing's id."""
        return self._listing.id

    @property
    def system(self) -> str:
        """The name of this provider."""
        return SYSTEM

    @property
    def base_url(self) -> str | None:
        """Where the listing is sold."""
        return self._listing.base_url

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Buy one answer.

        Raises:
            HeadwaterError: what `Buyer.complete` raises; it ends the run.
        """
        settings, parameters = self.prepare_request(model_settings, model_request_parameters)
        purchase = await self._buyer.complete(
            self._listing.id,
            chat_messages(messages, parameters),
            key=self._key(settings),
            settings=_body(settings, parameters),
        )
        return ModelResponse(
            parts=response_parts(purchase.message),
            usage=request_usage(purchase, self._asset),
            model_name=self.model_name,
            provider_name=SYSTEM,
            provider_details=_receipt(purchase),
            finish_reason=_finish_reason(purchase),
        )

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[object] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """Buy one answer and stream it; leaving early stops reading, and what came is charged."""
        settings, parameters = self.prepare_request(model_settings, model_request_parameters)
        stream = self._buyer.stream(
            self._listing.id,
            chat_messages(messages, parameters),
            key=self._key(settings),
            settings=_body(settings, parameters),
        )
        async with aclosing(stream) as items:
            yield _PaidStream(
                model_request_parameters=parameters,
                _items=items,
                _asset=self._asset,
                _model_name=self.model_name,
            )

    def _key(self, settings: ModelSettings | None) -> str:
        headers = (settings or {}).get("extra_headers") or {}
        return headers.get(IDEMPOTENCY_KEY) or self._new_key()


@dataclass
class _PaidStream(StreamedResponse):
    """A bought stream; usage and cost are known at its end."""

    _items: AsyncIterator[str | Purchase]
    _asset: Asset
    _model_name: str
    _timestamp: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def _get_event_iterator(self) -> AsyncIterator[ModelResponseStreamEvent]:
        async for item in self._items:
            if isinstance(item, str):
                for event in self._parts_manager.handle_text_delta(
                    vendor_part_id="content", content=item
                ):
                    yield event
                continue
            self._usage = request_usage(item, self._asset)
            self.provider_details = _receipt(item)
            self.finish_reason = _finish_reason(item)
            for part in response_parts(item.message):
                if isinstance(part, ToolCallPart):
                    yield self._parts_manager.handle_part(
                        vendor_part_id=part.tool_call_id, part=part
                    )

    async def close_stream(self) -> None:
        """Nothing of its own: `PaidModel.request_stream` closes the exchange."""

    @property
    def model_name(self) -> str:
        """The listing's id."""
        return self._model_name

    @property
    def provider_name(self) -> str:
        """The name of this provider."""
        return SYSTEM

    @property
    def provider_url(self) -> None:
        """None: the listing has the address."""

    @property
    def timestamp(self) -> datetime:
        """When the stream was opened."""
        return self._timestamp


def request_usage(purchase: Purchase, asset: Asset) -> RequestUsage:
    """A purchase's tokens, and its charge in whole units as the request's cost."""
    cost = Decimal(0) if purchase.charge is None else Amount(purchase.cost, asset).decimal
    return RequestUsage(
        input_tokens=purchase.input_tokens, output_tokens=purchase.output_tokens, cost=cost
    )


def _body(
    settings: ModelSettings | None, parameters: ModelRequestParameters
) -> dict[str, JsonValue]:
    given: Mapping[str, object] = settings or {}
    body: dict[str, JsonValue] = {}
    for name in _PASSED_ON:
        value = given.get(name)
        if isinstance(value, int | float):
            body[name] = value
    tools = [*parameters.function_tools, *parameters.output_tools]
    return body | ({"tools": chat_tools(tools)} if tools else {})


def _receipt(purchase: Purchase) -> dict[str, object]:
    """What the history keeps of the payment; nothing in it can move money."""
    return {
        "payment_key": purchase.key,
        "charge": str(purchase.cost),
        "settlement": None if purchase.charge is None else purchase.charge.settlement,
    }


def _finish_reason(purchase: Purchase) -> FinishReason | None:
    known: dict[str, FinishReason] = {
        "stop": "stop",
        "length": "length",
        "content_filter": "content_filter",
        "tool_calls": "tool_call",
    }
    return known.get(purchase.finish_reason or "")
