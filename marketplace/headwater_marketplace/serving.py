"""Serving an ASGI application inside a task group, on a free port, with a clean end."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
import uvicorn

from headwater_payments.errors import UnavailableError

KEEP_ALIVE_S = 75
"""Longer than clients keep idle connections, so that it is they who close them."""


class _Server(uvicorn.Server):
    """A server that leaves signals to the program around it."""

    hung_up = False

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def serve_on(self, listener: socket.socket) -> None:
        """Serve until told to stop; a cancellation around it waits for that."""
        with anyio.CancelScope(shield=True):
            await self.serve([listener])

    async def hang_up(self) -> None:
        """Drop every connection, and wait until the handlers behind them have ended."""
        self.hung_up = self.should_exit = True
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        # Handlers hear of their client's leaving before they are cancelled.
        await asyncio.sleep(0)
        handlers = list(self.server_state.tasks)
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)

    def quiet(self, app: Callable[..., Any]) -> Callable[..., Any]:
        """The application; what it is cancelled by when it hangs up ends here."""

        async def answer(scope: Any, receive: Any, send: Any) -> None:
            try:
                await app(scope, receive, send)
            except asyncio.CancelledError:
                if not self.hung_up:
                    raise

        return answer


def bind(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """A listening socket; port 0 takes one that is free.

    Raises:
        UnavailableError: the port is taken or the host is not ours.
    """
    # With the protocol named, asyncio turns Nagle off; without it every answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as exc:
        listener.close()
        raise UnavailableError(f"Cannot listen on {host}:{port}: {exc.strerror}.") from exc
    return listener


def url_of(listener: socket.socket) -> str:
    """The base URL of a bound socket."""
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"


@asynccontextmanager
async def serve(
    app: Callable[..., Any],
    listener: socket.socket,
    *,
    beside: Sequence[Callable[[], Coroutine[Any, Any, Any]]] = (),
) -> AsyncIterator[str]:
    """Serve `app` on `listener` while the context is open; gives the base URL.

    Requests under way are finished before the context is left; where it is cancelled, they are
    cancelled, and ended before it is left all the same, so that what they use can be closed behind
    it. An error inside the context leaves it as it is, not wrapped in a group. Runs on asyncio.

    Args:
        app: an ASGI application.
        listener: a bound socket.
        beside: services that run as long as the application is served, such as
            `ClaimScheduler.run`; they are cancelled once the last request is finished.
    """
    server = _Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_keep_alive=KEEP_ALIVE_S,
        )
    )
    server.config.app = server.quiet(app)
    failure: Exception | None = None
    async with anyio.create_task_group() as services:
        for service in beside:
            services.start_soon(service)
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve_on, listener)
            try:
                while not server.started:  # noqa: ASYNC110  uvicorn offers no event to wait for
                    await anyio.sleep(0.005)
                yield url_of(listener)
            except Exception as exc:  # noqa: BLE001  raised again below, outside the group
                failure = exc
            except BaseException:
                with anyio.CancelScope(shield=True):
                    await server.hang_up()
                raise
            finally:
                server.should_exit = True
        services.cancel_scope.cancel()
    if failure is not None:
        raise failure
