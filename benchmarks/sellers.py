"""Two sellers under load: ours and the official SDK's FastAPI middleware, on the same application.

    python benchmarks/sellers.py [--rounds 5] [--calls 300] [--json result.json]

Each seller runs in a process of its own. This process holds the chain and the facilitator, which
are idle under load, and is the load generator: it has signed every voucher beforehand, keeps its
connections open, and does nothing but send a request and wait for the answer, so what is measured
is the seller. Ours carries all requests in flight on one channel and syncs its books to disk before
every answer. The SDK's serves one request a channel, so it gets a salted channel for each
connection, and keeps its channels in memory. Rounds of the two alternate, and every call must be
answered with 200.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, TypeAlias

import anyio
import httpx
from vouchers import Lane

from headwater_contracts.chains.local import LocalChain
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.deployments import deploy_development_contracts
from headwater_marketplace.chain_facilitator import ChainFacilitator
from headwater_marketplace.facilitator_api import facilitator_api
from headwater_marketplace.serving import bind, serve
from headwater_payments.x402 import PAYMENT_SIGNATURE
from headwater_wallet.keys import LocalSigner
from headwater_wallet.transactions import TransactionSender
from payments import machine

Side: TypeAlias = Literal["headwater", "x402"]
SIDES: tuple[Side, ...] = ("headwater", "x402")
IN_FLIGHT = (1, 10, 100)
DEPOSIT = 50_000_000


@dataclass(slots=True)
class Load:
    """What one seller did at one number of requests in flight, by round.

    Attributes:
        per_second: paid calls answered in a second.
        p50_ms: the median time of a call.
        p99_ms: the time that one call in a hundred exceeded.
    """

    per_second: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)

    def take(self, other: "Load") -> None:
        """Add another's rounds."""
        self.per_second += other.per_second
        self.p50_ms += other.p50_ms
        self.p99_ms += other.p99_ms

    def add(self, taken: Sequence[float], seconds: float) -> None:
        ordered = sorted(taken)
        self.per_second.append(len(ordered) / seconds)
        self.p50_ms.append(1_000 * statistics.median(ordered))
        self.p99_ms.append(1_000 * ordered[int(0.99 * (len(ordered) - 1))])


class Connection:
    """One HTTP/1.1 connection that is kept open; it reads no more of an answer than it must."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, url: str) -> "Connection":
        host, port = url.removeprefix("http://").split(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    async def post(self, path: str, header: str | None) -> int:
        """Send an empty JSON object; gives the status once the whole answer is read."""
        paid = "" if header is None else f"PAYMENT-SIGNATURE: {header}\r\n"
        head = f"POST {path} HTTP/1.1\r\nHost: b\r\nContent-Type: application/json\r\n{paid}"
        self._writer.write(f"{head}Content-Length: 2\r\n\r\n{{}}".encode())
        answer = await self._reader.readuntil(b"\r\n\r\n")
        lines = answer.decode("latin-1").lower().split("\r\n")
        length = next(line for line in lines if line.startswith("content-length:"))
        await self._reader.readexactly(int(length.split(":")[1]))
        return int(lines[0].split(" ")[1])

    def close(self) -> None:
        self._writer.close()


async def press(url: str, path: str, headers: Sequence[Sequence[str | None]]) -> Load:
    """Send each connection's headers one after the other, all connections at once."""
    connections = [await Connection.open(url) for _ in headers]
    taken: list[float] = []

    async def run(connection: Connection, mine: Sequence[str | None]) -> None:
        for header in mine:
            started = time.perf_counter()
            status = await connection.post(path, header)
            taken.append(time.perf_counter() - started)
            assert status == 200, f"{path} was answered with {status}"

    load, started = Load(), time.perf_counter()
    await asyncio.gather(*map(run, connections, headers))
    load.add(taken, time.perf_counter() - started)
    for connection in connections:
        connection.close()
    return load


@dataclass(frozen=True, slots=True)
class World:
    """The chain and the facilitator that both sellers use; both are idle under load."""

    chain: LocalChain
    token: SettlementTokenClient
    facilitator: str


@asynccontextmanager
async def open_world() -> AsyncIterator[World]:
    """A chain with its contracts and a facilitator over HTTP."""
    async with await LocalChain.start() as chain:
        deployment = await deploy_development_contracts(chain)
        operator = LocalSigner.random()
        await chain.fund(operator.address, 10**20)
        sender = TransactionSender(chain.reader, operator)
        ours = ChainFacilitator(sender, deployment, lambda: int(time.time()), authorizer=operator)
        token = SettlementTokenClient(chain.reader, deployment.settlement_token)
        async with serve(facilitator_api(ours), bind()) as url:
            yield World(chain, token, url)


@asynccontextmanager
async def open_seller(side: Side, world: World) -> AsyncIterator[str]:
    """A seller's process; gives its address."""
    with TemporaryDirectory(prefix="headwater-bench-") as folder:
        script = str(Path(__file__).with_name("seller_process.py"))
        command = [sys.executable, script, side, world.facilitator, world.chain.url, folder]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield (await process.stdout.readline()).decode().strip()
        finally:
            process.stdin.close()
            await process.wait()


async def lanes_of(side: Side, url: str, in_flight: int, world: World) -> list[Lane]:
    """Open channels: ours one for all that is in flight, the SDK's one for each request."""
    signer, count = LocalSigner.random(), 1 if side == "headwater" else in_flight
    await world.chain.send(world.token.mint(signer.address, count * DEPOSIT))
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        lanes = [
            await Lane.open(http, "/paid", signer, salt, in_flight if count == 1 else 1)
            for salt in range(count)
        ]
        for lane in lanes:
            header = await lane.deposit(DEPOSIT)
            answer = await http.post("/paid", json={}, headers={PAYMENT_SIGNATURE: header})
            assert answer.status_code == 200, answer.text
    return lanes


async def headers_of(lanes: Sequence[Lane], in_flight: int, calls: int) -> list[list[str | None]]:
    """`[in_flight, calls / in_flight]` headers by connection; one lane's are dealt out in turn."""
    each = calls // in_flight
    if len(lanes) == in_flight:
        return [[header async for header in lane.vouchers(each)] for lane in lanes]
    every = [header async for header in lanes[0].vouchers(each * in_flight)]
    return [[*every[turn::in_flight]] for turn in range(in_flight)]


async def main(rounds: int, calls: int) -> dict[str, object]:
    """Measure, print the table, and give the figures behind it."""
    where = machine()
    loads: dict[str, Load] = {}
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(open_world())
        urls = {side: await stack.enter_async_context(open_seller(side, world)) for side in SIDES}
        for in_flight in IN_FLIGHT:
            lanes = {side: await lanes_of(side, urls[side], in_flight, world) for side in SIDES}
            for number in range(rounds + 1):
                for side in SIDES:
                    headers = await headers_of(lanes[side], in_flight, calls)
                    free = [[None] * len(mine) for mine in headers]
                    for what, sent in (("paid", headers), ("free", free)):
                        load = await press(urls[side], f"/{what}", sent)
                        if number:  # the first round warms up
                            loads.setdefault(f"{side} {what} {in_flight}", Load()).take(load)
    print(report(loads, rounds, calls, where))
    return {"machine": where, "calls": calls, "loads": {k: asdict(v) for k, v in loads.items()}}


def report(loads: dict[str, Load], rounds: int, calls: int, where: str) -> str:
    """The table."""
    lines = [
        "| in flight | | Headwater | x402 SDK | times better (lowest to highest) |",
        "|---|---|---|---|---|",
    ]
    for in_flight in IN_FLIGHT:
        ours, theirs = (loads[f"{side} paid {in_flight}"] for side in SIDES)
        free = loads[f"headwater free {in_flight}"]
        rate, delay = statistics.median(free.per_second), statistics.median(free.p50_ms)
        lines += [
            line(in_flight, "paid calls a second", ours.per_second, theirs.per_second, True),
            line(in_flight, "p50, ms", ours.p50_ms, theirs.p50_ms, False),
            line(in_flight, "p99, ms", ours.p99_ms, theirs.p99_ms, False),
            f"| {in_flight} | unpaid, same application | {rate:,.0f} /s, {delay:.2f} ms | | |",
        ]
    told = f"Medians of {rounds} rounds of {calls} calls. {where}."
    return "\n".join([*lines, "", told])


def line(
    in_flight: int, what: str, ours: list[float], theirs: list[float], higher_is_better: bool
) -> str:
    """One row of the table; a ratio is taken within each round."""
    pairs = list(zip(ours, theirs, strict=True))
    ratios = [a / b if higher_is_better else b / a for a, b in pairs]
    spread = f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
    medians = f"{statistics.median(ours):,.2f} | {statistics.median(theirs):,.2f}"
    return f"| {in_flight} | {what} | {medians} | {spread} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    measured = anyio.run(main, options.rounds, options.calls)
    if options.json is not None:
        options.json.write_text(json.dumps(measured, indent=1) + "\n", "utf-8")
