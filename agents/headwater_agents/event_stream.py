"""Server-sent events: names and JSON data out of a response's bytes."""

from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing

from pydantic import JsonValue

from headwater_agents.errors import ServiceFailedError
from headwater_payments.errors import InvalidInputError
from headwater_payments.event_lines import event_lines
from headwater_payments.json_text import read_json

_DONE = "[DONE]"


async def server_sent_events(
    chunks: AsyncIterable[bytes],
) -> AsyncGenerator[tuple[str, JsonValue], None]:
    """Each event as its name (`message` where it has none) and its data.

    The dialect's `[DONE]` is skipped and does not end the stream: a receipt may follow it. Source:
    WHATWG HTML, section 9.2.6, less ids and retries.

    Raises:
        ServiceFailedError: an event's data is no JSON, or a line has no end.
    """
    name, data = "", list[str]()
    try:
        async with aclosing(event_lines(chunks)) as lines:
            async for line in lines:
                field, _, value = line.partition(":")
                if field == "event":
                    name = value.strip()
                elif field == "data":
                    data.append(value.removeprefix(" "))
                elif not line:
                    if data and data != [_DONE]:
                        yield name or "message", _parsed("\n".join(data))
                    name, data = "", []
    except InvalidInputError as exc:
        raise ServiceFailedError(f"The seller's stream can't be read: {exc.message}") from exc


def _parsed(data: str) -> JsonValue:
    try:
        return read_json(data)
    except InvalidInputError as exc:
        raise ServiceFailedError("The seller streamed an event that is no JSON.") from exc
