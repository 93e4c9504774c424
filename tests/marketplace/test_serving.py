"""A server that is left by cancellation ends its handlers first, and says nothing of it."""

import logging
from typing import Any

import anyio
import httpx
import pytest

from headwater_marketplace.serving import bind, serve

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("started", [False, True], ids=["before the head", "inside the body"])
async def test_cancelled_it_ends_every_handler_before_what_they_use_is_closed(
    started: bool, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[str] = []
    serving = anyio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if started:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        serving.set()
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
                events.append("settled")

    async def serves(scope: anyio.CancelScope) -> None:
        with scope:
            try:
                async with serve(app, bind()) as url:
                    events.append(url)
                    opened.set()
                    await anyio.sleep_forever()
            finally:
                events.append("closed")

    async def ask() -> None:
        async with httpx.AsyncClient(timeout=None) as client:
            with pytest.raises(httpx.TransportError):
                await client.get(events[0])

    scope, opened = anyio.CancelScope(), anyio.Event()
    with anyio.fail_after(30), caplog.at_level(logging.WARNING):
        async with anyio.create_task_group() as group:
            group.start_soon(serves, scope)
            await opened.wait()
            group.start_soon(ask)
            await serving.wait()
            scope.cancel()
    assert events[1:] == ["settled", "closed"]
    assert caplog.records == []


async def test_left_in_the_usual_way_it_finishes_what_is_under_way() -> None:
    asked, answers = anyio.Event(), []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        asked.set()
        await anyio.sleep(0.05)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"whole"})

    async def ask(url: str) -> None:
        async with httpx.AsyncClient() as client:
            answers.append((await client.get(url)).text)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group, serve(app, bind()) as url:
            group.start_soon(ask, url)
            await asked.wait()
    assert answers == ["whole"]
