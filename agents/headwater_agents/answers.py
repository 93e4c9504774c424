"""What was bought: an answer, whole or streamed, with its usage and its charge."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from headwater_agents.charges import Charge, charge_from_event
from headwater_agents.errors import ServiceFailedError
from headwater_payments.extensions import RECEIPT_EVENT
from headwater_payments.windows import NEED_VOUCHER_EVENT
from headwater_wallet.errors import PaymentUnknownError

Message = Mapping[str, JsonValue]
"""One chat message in the OpenAI dialect."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """Something bought.

    Attributes:
        listing_id: from whom.
        key: the payment key it was bought under.
        text: the answer's text; for a service, its raw JSON.
        charge: what the seller charged; none where it stated no charge.
        input_tokens, output_tokens: as the seller metered them; 0 for a service.
        message: the answer as a chat message, with tool calls where the model made any.
        finish_reason: why the answer ended.
    """

    listing_id: str
    key: str
    text: str
    charge: Charge | None
    input_tokens: int = 0
    output_tokens: int = 0
    message: Message = field(default_factory=dict)
    finish_reason: str | None = None

    @property
    def cost(self) -> int:
        """Atomic units charged; 0 where no charge was stated."""
        return 0 if self.charge is None else self.charge.amount


def whole_answer(content: bytes, listing_id: str, key: str, charge: Charge | None) -> Purchase:
    """Read a chat completion that came in one piece.

    Raises:
        ServiceFailedError: the content is no chat completion.
    """
    try:
        answer = _Completion.model_validate_json(content)
    except ValidationError as exc:
        raise ServiceFailedError("The seller sent something that is no chat completion.") from exc
    choice = answer.choices[0]
    return Purchase(
        listing_id=listing_id,
        key=key,
        text=choice.message.content or "",
        charge=charge,
        input_tokens=answer.usage.prompt_tokens,
        output_tokens=answer.usage.completion_tokens,
        message=choice.message.model_dump(mode="json", exclude_none=True),
        finish_reason=choice.finish_reason,
    )


def served_models(content: bytes) -> list[str]:
    """The model ids in the answer of `GET /models`; none where it is no models list."""
    try:
        return [card.id for card in _ModelList.model_validate_json(content).data]
    except ValidationError:
        return []


class StreamedAnswer:
    """The text, usage and charge of a stream so far."""

    def __init__(self, charge: Charge | None) -> None:
        self._charge = charge
        self._text = ""
        self._usage = _Usage()
        self._finish_reason: str | None = None
        self._tool_calls: dict[int, dict[str, JsonValue]] = {}

    def take(self, event: str, data: JsonValue) -> str:
        """The text that one event adds."""
        if event == RECEIPT_EVENT:
            self._charge = charge_from_event(data)
        if event in (RECEIPT_EVENT, NEED_VOUCHER_EVENT):
            return ""
        try:
            chunk = _Chunk.model_validate(data)
        except ValidationError as exc:
            raise ServiceFailedError("The seller streamed something that is no chunk.") from exc
        self._usage = chunk.usage or self._usage
        added = ""
        for choice in chunk.choices[:1]:
            self._finish_reason = choice.finish_reason or self._finish_reason
            added = choice.delta.content or ""
            for part in choice.delta.tool_calls:
                self._take_tool_call(part)
        self._text += added
        return added

    def purchase(self, listing_id: str, key: str) -> Purchase:
        """The purchase, once the stream has ended properly."""
        if self._finish_reason is None:
            raise PaymentUnknownError(
                "The seller's stream ended without a finish; what it charged is not known.", key=key
            )
        return Purchase(
            listing_id=listing_id,
            key=key,
            text=self._text,
            charge=self._charge,
            input_tokens=self._usage.prompt_tokens,
            output_tokens=self._usage.completion_tokens,
            message=self._message(),
            finish_reason=self._finish_reason,
        )

    def _take_tool_call(self, part: "_ToolCallDelta") -> None:
        call = self._tool_calls.setdefault(
            part.index, {"type": "function", "name": "", "arguments": ""}
        )
        call["id"] = part.id or call.get("id")
        call["name"] = part.function.name or call["name"]
        call["arguments"] = f"{call['arguments']}{part.function.arguments or ''}"

    def _message(self) -> Message:
        message: dict[str, JsonValue] = {"role": "assistant", "content": self._text}
        if self._tool_calls:
            message["tool_calls"] = [
                {
                    "id": call.get("id"),
                    "type": "function",
                    "function": {"name": call["name"], "arguments": call["arguments"]},
                }
                for call in self._tool_calls.values()
            ]
        return message


class _Wire(BaseModel):
    model_config = ConfigDict(extra="allow")


class _Message(_Wire):
    role: str = "assistant"
    content: str | None = None


class _Choice(_Wire):
    message: _Message
    finish_reason: str | None = None


class _Usage(_Wire):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Completion(_Wire):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage = _Usage()


class _FunctionDelta(_Wire):
    name: str | None = None
    arguments: str | None = None


class _ToolCallDelta(_Wire):
    index: int = 0
    id: str | None = None
    function: _FunctionDelta = _FunctionDelta()


class _Delta(_Wire):
    content: str | None = None
    tool_calls: list[_ToolCallDelta] = []


class _ChunkChoice(_Wire):
    delta: _Delta = _Delta()
    finish_reason: str | None = None


class _Chunk(_Wire):
    choices: list[_ChunkChoice] = []
    usage: _Usage | None = None


class _ModelCard(_Wire):
    id: str


class _ModelList(_Wire):
    data: list[_ModelCard]
