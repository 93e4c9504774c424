"""Where chunks are worked: in this process, in others on this machine, or on a Ray cluster.

An executor decides where and in which order, and nothing else: rows are the same everywhere.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from headwater_payments.errors import InvalidInputError, MissingExtraError

T = TypeVar("T")
R = TypeVar("R")


class Executor(Protocol):
    """Works items, several at a time or one."""

    def map(self, work: Callable[[T], R], items: Sequence[T]) -> Iterator[tuple[T, R]]:
        """Each item with its result, as they are done."""
        ...


@dataclass(frozen=True, slots=True)
class InProcess:
    """One after the other, here."""

    def map(self, work: Callable[[T], R], items: Sequence[T]) -> Iterator[tuple[T, R]]:
        """Each item with its result, in order."""
        for item in items:
            yield item, work(item)


@dataclass(frozen=True, slots=True)
class Processes:
    """In processes of this machine; `workers` of them, or one for each core.

    Raises:
        InvalidInputError: fewer than one worker.
    """

    workers: int | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise InvalidInputError(f"There is at least one worker, not {self.workers}.")

    def map(self, work: Callable[[T], R], items: Sequence[T]) -> Iterator[tuple[T, R]]:
        """Each item with its result, as they are done; few wait in memory at a time."""
        workers = self.workers or os.cpu_count() or 1
        context = multiprocessing.get_context("spawn")
        left = iter(items)
        with ProcessPoolExecutor(min(workers, max(1, len(items))), mp_context=context) as pool:
            running: dict[Future[R], T] = {}
            try:
                while True:
                    while len(running) < 2 * workers and (item := next(left, None)) is not None:
                        running[pool.submit(work, item)] = item
                    if not running:
                        return
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield running.pop(future), future.result()
            finally:
                for future in running:
                    future.cancel()


@dataclass(frozen=True, slots=True)
class RayCluster:
    """On a Ray cluster, or on a Ray of its own on this machine.

    Args:
        address: of the cluster; None joins the one that is initialised, or starts one here.

    Raises:
        MissingExtraError: Ray is not installed.
    """

    address: str | None = None

    def map(self, work: Callable[[T], R], items: Sequence[T]) -> Iterator[tuple[T, R]]:
        """Each item with its result, as they are done."""
        try:
            import ray
        except ModuleNotFoundError as exc:
            raise MissingExtraError("The Ray executor", "ray", "ray") from exc
        if not ray.is_initialized():
            ray.init(address=self.address, include_dashboard=False, log_to_driver=False)
        remote: Any = ray.remote(work)
        running = {remote.remote(item): item for item in items}
        while running:
            done, _ = ray.wait(list(running))
            for reference in done:
                yield running.pop(reference), ray.get(reference)
