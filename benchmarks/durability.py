"""What durability costs: commits and fsyncs against paid calls, and a stream's first byte.

    python benchmarks/durability.py [--calls 400] [--json result.json]

One seller behind uvicorn on loopback and one wallet, both of ours, in one process; the chain is one
of dictionaries, so that nothing but the payment is measured. Every fsync that SQLite asks for is
counted where it is called (`tests/support/disk.py`), and a plain fdatasync on the same disk is
timed beside it: were it 0, nothing here would be durable. A call is a paid request answered with
200 whose charge is in the books.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import httpx
from sqlalchemy import event

from payments import machine

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from headwater_marketplace.serving import bind, serve
from headwater_wallet.database import Database
from headwater_wallet.wallet import Wallet
from support.disk import Disk
from support.shop import Shop, application, open_shop

IN_FLIGHT = (1, 10, 100)
BODY = {"charge": 400}
STREAM = {"charge": 400, "chunks": 5}


@dataclass(slots=True)
class Load:
    """What was seen at one number of requests in flight; times in milliseconds, counts per call."""

    in_flight: int
    per_second: float
    p50_ms: float
    p99_ms: float
    seller_commits: float
    seller_syncs: float
    buyer_commits: float
    buyer_syncs: float


def quantile(values: list[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def fdatasync_ms(folder: Path, times: int = 300) -> list[float]:
    """How long a page takes to the disk, so many times."""
    taken = []
    with (folder / "plain").open("wb", buffering=0) as file:
        for _ in range(times):
            file.write(bytes(4096))
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(1000 * (time.perf_counter() - start))
    return taken


class Counter:
    """Commits and fsyncs of one database."""

    def __init__(self, disk: Disk, database: Database) -> None:
        engine = database._engine  # noqa: SLF001  nothing of the product is made to be watched
        self._disk, self._path = disk, str(engine.url.database)
        self.commits = 0
        event.listen(engine, "commit", self._committed)

    def _committed(self, _connection: Any) -> None:
        self.commits += 1

    @property
    def now(self) -> tuple[int, int]:
        """So far: commits, and fsyncs of the database and its log."""
        syncs = sum(n for path, n in self._disk.syncs.items() if path.startswith(self._path))
        return self.commits, syncs


async def timed(calls: int, in_flight: int, one: Callable[[], Awaitable[None]]) -> list[float]:
    """Make so many calls, so many of them at a time; the time of each in milliseconds."""
    taken: list[float] = []
    left = calls

    async def worker() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            start = time.perf_counter()
            await one()
            taken.append(1000 * (time.perf_counter() - start))

    async with anyio.create_task_group() as group:
        for _ in range(in_flight):
            group.start_soon(worker)
    return taken


async def load(
    shop: Shop, wallet: Wallet, url: str, disk: Disk, calls: int, in_flight: int
) -> Load:
    """Paid calls at one number in flight, every one of them checked against the books."""
    limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
    transport = httpx.AsyncHTTPTransport(limits=limits)
    seller = Counter(disk, shop.store.database)
    buyer = Counter(disk, wallet.ledger.database)
    async with wallet.client(transport=transport, timeout=120) as client:

        async def one() -> None:
            answer = await client.post(url + "/paid/x", json=BODY)
            assert answer.status_code == 200, answer.text

        await timed(in_flight, in_flight, one)
        await wallet.budget()
        known = len(await shop.store.payments("charged"))
        before, start = (*seller.now, *buyer.now), time.perf_counter()
        taken = await timed(calls, in_flight, one)
        lasted = time.perf_counter() - start
        await wallet.budget()
        after = (*seller.now, *buyer.now)
    assert len(await shop.store.payments("charged")) - known == calls
    counts = [(b - a) / calls for a, b in zip(before, after, strict=True)]
    p50, p99 = quantile(taken, 0.5), quantile(taken, 0.99)
    return Load(in_flight, calls / lasted, p50, p99, *counts)


async def first_byte_ms(client: httpx.AsyncClient, url: str, times: int) -> list[float]:
    """How long the first chunk of a stream takes to come, so many times."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        async with client.stream("POST", url, json=STREAM) as answer:
            assert answer.status_code == 200
            chunks = answer.aiter_raw()
            await anext(chunks)
            taken.append(1000 * (time.perf_counter() - start))
            async for _ in chunks:
                pass
    return taken


async def measure(folder: Path, calls: int) -> dict[str, Any]:
    """All figures, on the disk of a folder."""
    plain = fdatasync_ms(folder)
    with Disk(keep=False) as disk:
        async with AsyncExitStack() as stack:
            shop = await stack.enter_async_context(open_shop(folder))
            wallet = await shop.wallet(budget=10**9, funds=10**10)
            url = await stack.enter_async_context(serve(shop.app, bind()))
            free = await stack.enter_async_context(serve(application, bind()))
            loads = [await load(shop, wallet, url, disk, calls, n) for n in IN_FLIGHT]
            async with wallet.client(timeout=60) as client, httpx.AsyncClient() as unpaid:
                await first_byte_ms(unpaid, free + "/x", 20)
                unpaid_ms = await first_byte_ms(unpaid, free + "/x", 100)
                paid_ms = await first_byte_ms(client, url + "/paid/x", 100)
    added = statistics.median(paid_ms) - statistics.median(unpaid_ms)
    return {
        "fdatasync_p50_ms": statistics.median(plain),
        "fdatasync_p99_ms": quantile(plain, 0.99),
        "loads": [asdict(each) for each in loads],
        "first_byte_unpaid_p50_ms": statistics.median(unpaid_ms),
        "first_byte_paid_p50_ms": statistics.median(paid_ms),
        "first_byte_added_p50_ms": added,
    }


def report(found: dict[str, Any]) -> str:
    """The figures as a table."""
    lines = [
        "| in flight | calls/s | p50 | p99 | seller: commits | fsyncs | wallet: commits | fsyncs |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {e['in_flight']} | {e['per_second']:,.0f} "
        f"| {e['p50_ms']:.1f} ms | {e['p99_ms']:.1f} ms "
        f"| {e['seller_commits']:.2f} | {e['seller_syncs']:.2f} "
        f"| {e['buyer_commits']:.2f} | {e['buyer_syncs']:.2f} |"
        for e in found["loads"]
    ]
    unpaid, paid = found["first_byte_unpaid_p50_ms"], found["first_byte_paid_p50_ms"]
    disk = f"p50 {found['fdatasync_p50_ms']:.2f} ms, p99 {found['fdatasync_p99_ms']:.2f} ms."
    first = f"unpaid {unpaid:.1f} ms, paid {paid:.1f} ms, {paid - unpaid:.1f} ms more."
    lines += ["", f"A plain fdatasync of a page: {disk}", f"First byte of a stream: {first}"]
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, and give the figures behind it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    before = machine()
    with TemporaryDirectory() as folder:
        found = anyio.run(measure, Path(folder), asked.calls)
    print(report(found))
    print(f"\n{asked.calls} calls each. {before}")
    if asked.json is not None:
        asked.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
