"""A paid call end to end: each side's client against its own seller, in a process of its own.

    python benchmarks/end_to_end.py [--rounds 7] [--calls 200] [--json result.json]

One request at a time, by batch-settlement, on the same FastAPI application: our wallet through an
`httpx2` client against our seller, the official SDK's client against its FastAPI middleware, and
beside each the same kind of client asking for what is free. Ours writes every payment to disk on
both sides before anything leaves; what a plain fdatasync takes on this disk is printed beside it.
"""

import argparse
import json
import os
import statistics
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import anyio
import httpx
import httpx2
from eth_account import Account
from sellers import SIDES, Side, World, open_seller, open_world
from x402 import x402Client
from x402.http.clients.httpx import x402HttpxClient
from x402.mechanisms.evm.batch_settlement.client import BatchSettlementEvmScheme
from x402.mechanisms.evm.signers import EthAccountSignerWithRPC

from headwater_contracts.deployments import DEVELOPMENT
from headwater_payments.address import parse_address
from headwater_payments.amount import Asset
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.transport_httpx2 import PayingTransport
from headwater_wallet.wallet import open_wallet
from payments import NETWORK, machine

MONEY = 100_000_000
WARM_UP = 10


class Client(Protocol):
    """What an httpx and an httpx2 client have in common."""

    async def post(self, url: str, *, json: object) -> Any:
        """Send a request."""
        ...


@dataclass(slots=True)
class Times:
    """Medians by round, in milliseconds."""

    paid: list[float] = field(default_factory=list)
    unpaid: list[float] = field(default_factory=list)

    @property
    def added(self) -> list[float]:
        """What paying adds to a call."""
        return [a - b for a, b in zip(self.paid, self.unpaid, strict=True)]


async def open_clients(
    side: Side, url: str, world: World, stack: AsyncExitStack, folder: Path
) -> tuple[Client, Client]:
    """A client that pays and one of the same library that does not."""
    if side == "x402":
        account = Account.create()
        await world.chain.send(world.token.mint(parse_address(account.address), MONEY))
        client = x402Client()
        signer = EthAccountSignerWithRPC(account, world.chain.url)
        client.register(NETWORK, BatchSettlementEvmScheme(signer))
        theirs = x402HttpxClient(client, base_url=url, timeout=60)
        free = httpx.AsyncClient(base_url=url)
        return await stack.enter_async_context(theirs), await stack.enter_async_context(free)
    own = LocalSigner.random()
    await world.chain.send(world.token.mint(own.address, MONEY))
    asset = Asset(DEVELOPMENT.chain_id, DEVELOPMENT.settlement_token, "USDC", 6, "USDC", "2")
    policy = simple_policy(asset.amount("100"))
    wallet = await stack.enter_async_context(
        open_wallet(own, policy, database=folder / "wallet.db")
    )
    transport = PayingTransport(wallet.buyer)
    ours = httpx2.AsyncClient(transport=transport, base_url=url, timeout=60)
    free2 = httpx2.AsyncClient(base_url=url)
    return await stack.enter_async_context(ours), await stack.enter_async_context(free2)


async def median(http: Client, path: str, calls: int) -> float:
    """The median time of a call in milliseconds; every call must be answered."""
    taken = []
    for _ in range(calls):
        started = time.perf_counter()
        answer = await http.post(path, json={})
        taken.append(1_000 * (time.perf_counter() - started))
        assert answer.status_code == 200, answer.text
    return statistics.median(taken)


def synced(folder: Path) -> float:
    """The median time of an fdatasync after a page was written, in milliseconds."""
    taken = []
    with (folder / "probe").open("wb", buffering=0) as file:
        for _ in range(200):
            file.write(bytes(4096))
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(1_000 * (time.perf_counter() - started))
    return statistics.median(taken)


async def main(rounds: int, calls: int) -> dict[str, object]:
    """Measure, print the table, and give the figures behind it."""
    where = machine()
    times: dict[Side, Times] = {side: Times() for side in SIDES}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="headwater-bench-")))
        world = await stack.enter_async_context(open_world())
        clients = {}
        for side in SIDES:
            url = await stack.enter_async_context(open_seller(side, world))
            clients[side] = await open_clients(side, url, world, stack, folder)
            for http, path in zip(clients[side], ("/paid", "/free"), strict=True):
                await median(http, path, WARM_UP)
        for _ in range(rounds):
            for side in SIDES:
                paying, free = clients[side]
                times[side].paid.append(await median(paying, "/paid", calls))
                times[side].unpaid.append(await median(free, "/free", calls))
        disk = synced(folder)
    print(report(times, rounds, calls, disk, where))
    return {"machine": where, "fdatasync_ms": disk, "times": {s: t.paid for s, t in times.items()}}


def report(times: dict[Side, Times], rounds: int, calls: int, disk: float, where: str) -> str:
    """The table."""
    ours, theirs = times["headwater"], times["x402"]
    lines = [
        "| one call at a time, p50 | Headwater | x402 SDK | times better (lowest to highest) |",
        "|---|---|---|---|",
    ]
    for name, mine, other in (
        ("paid", ours.paid, theirs.paid),
        ("unpaid, same client library", ours.unpaid, theirs.unpaid),
        ("of that, added by paying", ours.added, theirs.added),
    ):
        ratios = [b / a for a, b in zip(mine, other, strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        medians = f"{statistics.median(mine):.2f} ms | {statistics.median(other):.2f} ms"
        lines.append(f"| {name} | {medians} | {spread} |")
    told = f"A plain fdatasync of a page: p50 {disk:.2f} ms; a call of ours waits for two of them, "
    told += "the wallet's reservation and the seller's charge; the SDK's for none."
    return "\n".join([*lines, "", told, "", f"Medians of {rounds} rounds of {calls}. {where}."])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    measured = anyio.run(main, options.rounds, options.calls)
    if options.json is not None:
        options.json.write_text(json.dumps(measured, indent=1) + "\n", "utf-8")
