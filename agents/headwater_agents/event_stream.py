"""Server-sent events: names and JSON data out of a response's lines."""

from collections.abc import AsyncGenerator, AsyncIterator

from pydantic import JsonValue

from headwater_agents.errors import ServiceFailedError
from headwater_payments.errors import InvalidInputError
from headwater_payments.json_text import read_json

_DONE = "[DONE]"


async def server_sent_events(
    lines: AsyncIterator[str],
) -> AsyncGenerator[tuple[str, JsonValue], None]:
    """Each event as its name (`message` where it has none) and its data.

    The dialect's `[DONE]` is skipped and does not end the stream: a receipt may follow it. Source:
    WHATWG HTML, section 9.2.6, less ids and retries.

    Raises:
        ServiceFailedError: an event's data is no JSON.
    """
    name, data = "", ""
    async for line in lines:
        field, _, value = line.partition(":")
        if field == "event":
            name = value.strip()
        elif field == "data":
            data += value.removeprefix(" ")
        elif not line:
            if data and data != _DONE:
                yield name or "message", _parsed(data)
            name, data = "", ""


def _parsed(data: str) -> JsonValue:
    try:
        return read_json(data)
    except InvalidInputError as exc:
        raise ServiceFailedError("The seller streamed an event that is no JSON.") from exc
