"""A listing as a LangChain chat model: sync and async, streamed or not, with its receipt."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any
from uuid import uuid4

from anyio.from_thread import BlockingPortal
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.utils import convert_to_openai_messages
from langchain_core.output_parsers.openai_tools import parse_tool_calls
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, ensure_config
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field, JsonValue, TypeAdapter

from headwater_agents.answers import Message, Purchase
from headwater_agents.buyer import Buyer
from headwater_agents.errors import NoPortalError
from headwater_agents.keys import payment_key

_MESSAGES: TypeAdapter[list[Message]] = TypeAdapter(list[Message])


class PaidChatModel(BaseChatModel):
    """A model listing, bought call by call.

    Inside a graph with a checkpointer the payment key is the thread, the checkpoint namespace and
    the messages, so a node that is retried or resumed pays once; elsewhere each call is an intent
    of its own, unless `payment_key=...` is passed with it. The buyer is never serialised.

    Attributes:
        buyer: who pays.
        listing_id: a model that the buyer has discovered.
        max_tokens: the longest answer to pay for.
        portal: where synchronous calls run: the event loop that the wallet was opened in.
        new_key: gives a fresh key where nothing identifies the intent.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    buyer: Buyer = Field(exclude=True, repr=False)
    listing_id: str
    max_tokens: int = 512
    portal: BlockingPortal | None = Field(default=None, exclude=True, repr=False)
    new_key: Callable[[], str] = Field(default=lambda: uuid4().hex, exclude=True, repr=False)

    @property
    def _llm_type(self) -> str:
        return "headwater"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer tools to the model; they are sent in the OpenAI dialect."""
        offered = [convert_to_openai_tool(tool) for tool in tools]
        choice = {} if tool_choice is None else {"tool_choice": tool_choice}
        return self.bind(tools=offered, **choice, **kwargs)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        key = self._key(messages, kwargs)
        purchase = await self.buyer.complete(
            self.listing_id, _chat(messages), key=key, settings=self._settings(stop, kwargs)
        )
        return ChatResult(generations=[ChatGeneration(message=_message(purchase))])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        key = self._key(messages, kwargs)
        stream = self.buyer.stream(
            self.listing_id, _chat(messages), key=key, settings=self._settings(stop, kwargs)
        )
        async with aclosing(stream) as items:
            async for item in items:
                chunk = ChatGenerationChunk(message=_chunk(item))
                if run_manager is not None and isinstance(item, str):
                    await run_manager.on_llm_new_token(item, chunk=chunk)
                yield chunk

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        kwargs["payment_key"] = self._key(messages, kwargs)
        return self._portal().call(lambda: self._agenerate(messages, stop, None, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        portal = self._portal()
        kwargs["payment_key"] = self._key(messages, kwargs)
        chunks = aiter(self._astream(messages, stop, None, **kwargs))
        while (chunk := portal.call(_next_or_none, chunks)) is not None:
            if run_manager is not None:
                run_manager.on_llm_new_token(str(chunk.text), chunk=chunk)
            yield chunk

    def _portal(self) -> BlockingPortal:
        if self.portal is None:
            raise NoPortalError(
                "A wallet lives in one event loop: pass that loop's portal to call synchronously."
            )
        return self.portal

    def _settings(self, stop: list[str] | None, options: dict[str, Any]) -> dict[str, JsonValue]:
        settings: dict[str, JsonValue] = {"max_tokens": self.max_tokens, **options}
        return settings | ({"stop": list(stop)} if stop else {})

    def _key(self, messages: list[BaseMessage], options: dict[str, Any]) -> str:
        """Takes `payment_key` out of the call's options, since sellers have no use for it."""
        if given := options.pop("payment_key", None):
            return str(given)
        scope = ensure_config().get("configurable", {})
        thread, namespace = scope.get("thread_id"), scope.get("checkpoint_ns")
        if thread is None or namespace is None:
            return self.new_key()
        said: dict[str, object] = {"listing": self.listing_id, "messages": _chat(messages)}
        return payment_key("chat", str(thread), str(namespace), arguments=said)


async def _next_or_none(chunks: AsyncIterator[ChatGenerationChunk]) -> ChatGenerationChunk | None:
    return await anext(chunks, None)


def _chat(messages: Sequence[BaseMessage]) -> list[Message]:
    return _MESSAGES.validate_python(convert_to_openai_messages(list(messages)))


def _message(purchase: Purchase) -> AIMessage:
    calls = purchase.message.get("tool_calls")
    raw = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    return AIMessage(
        content=purchase.text,
        tool_calls=parse_tool_calls(raw, return_id=True),
        usage_metadata={
            "input_tokens": purchase.input_tokens,
            "output_tokens": purchase.output_tokens,
            "total_tokens": purchase.input_tokens + purchase.output_tokens,
        },
        response_metadata={"receipt": receipt(purchase), "finish_reason": purchase.finish_reason},
    )


def _chunk(item: str | Purchase) -> AIMessageChunk:
    """A text as it comes, or the purchase that ends it: usage, receipt and tool calls, no text."""
    if isinstance(item, str):
        return AIMessageChunk(content=item)
    whole = _message(item)
    return AIMessageChunk(
        content="",
        tool_calls=whole.tool_calls,
        usage_metadata=whole.usage_metadata,
        response_metadata=whole.response_metadata,
        chunk_position="last",
    )


def receipt(purchase: Purchase) -> dict[str, JsonValue]:
    """What a message keeps of its payment: the key and the charge in atomic units."""
    charge = purchase.charge
    return {
        "payment_key": purchase.key,
        "charge": None if charge is None else str(charge.amount),
        "network": None if charge is None else charge.network,
    }
