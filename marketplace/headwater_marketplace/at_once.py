"""The same work for many items at once, bounded in number, with errors as they are."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

import anyio

from headwater_payments.errors import HeadwaterError

T = TypeVar("T")
READS_AT_ONCE: Final = 16


async def for_each(
    work: Callable[[T], Awaitable[None]], items: Iterable[T], *, at_once: int = READS_AT_ONCE
) -> None:
    """Do `work` for each item, at most `at_once` at the same time.

    Raises:
        HeadwaterError: the first that was raised, as it is, once the others have come to an end.
    """
    failures: list[HeadwaterError] = []
    slots = anyio.Semaphore(at_once)

    async def attempt(item: T) -> None:
        async with slots:
            if failures:
                return
            try:
                await work(item)
            except HeadwaterError as exc:
                failures.append(exc)

    async with anyio.create_task_group() as group:
        for item in items:
            group.start_soon(attempt, item)
    if failures:
        raise failures[0]
