"""Driving the asynchronous flow from threads that block: one event loop beside them, in its thread.

There is one paying flow, and it is asynchronous. A caller that blocks has it run in a portal's loop
and waits; the ledger, the locks on channels and the connections all live in that loop, so any
number of threads may share one wallet.
"""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterator
from typing import TypeVar

from anyio.from_thread import BlockingPortal

T = TypeVar("T")
_END = object()


def run_in(portal: BlockingPortal, work: Callable[..., Awaitable[T]], *arguments: object) -> T:
    """Run `work` in the portal's loop and wait for it.

    A caller that is interrupted while it waits cancels the work, as a cancelled task would.
    """
    future = portal.start_task_soon(work, *arguments)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def iterated_in(portal: BlockingPortal, chunks: AsyncIterable[bytes]) -> Iterator[bytes]:
    """The chunks of a stream in the portal's loop, each as it comes."""
    stream = aiter(chunks)

    async def following() -> object:
        return await anext(stream, _END)

    while isinstance(chunk := run_in(portal, following), bytes):
        yield chunk
