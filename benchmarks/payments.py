"""Payments beside the official x402 SDK: both clients against one seller, in one run.

    python benchmarks/payments.py [--rounds 7] [--json result.json]

Rounds of the two sides alternate, so that a busy machine slows both. A ratio is taken within each
round; what is printed is the median of the rounds' ratios with the lowest and the highest.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import anyio
import httpx
from eth_account import Account
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from x402 import x402Client
from x402.http.clients.httpx import x402HttpxClient
from x402.mechanisms.evm.batch_settlement.client import BatchSettlementEvmScheme
from x402.mechanisms.evm.batch_settlement.client.voucher import sign_voucher
from x402.mechanisms.evm.batch_settlement.facilitator.utils import (
    verify_batch_settlement_voucher_typed_data,
)
from x402.mechanisms.evm.exact.register import register_exact_evm_client
from x402.mechanisms.evm.signers import EthAccountSigner, EthAccountSignerWithRPC

from headwater.sandbox import Sandbox, open_asgi_sandbox
from headwater_payments.address import parse_address
from headwater_payments.channels import voucher_to_sign
from headwater_payments.signing import recover
from headwater_wallet.keys import LocalSigner

CHAIN_ID = 84532
NETWORK = f"eip155:{CHAIN_ID}"
CHANNEL = bytes(range(32))
WARM_UP = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison; `ratio` is how many times better ours is, by round."""

    name: str
    unit: str
    ours: list[float]
    theirs: list[float]
    higher_is_better: bool

    @property
    def ratios(self) -> list[float]:
        pairs = zip(self.ours, self.theirs, strict=True)
        return [a / b if self.higher_is_better else b / a for a, b in pairs]

    def line(self) -> str:
        ours, theirs = statistics.median(self.ours), statistics.median(self.theirs)
        ratio, spread = statistics.median(self.ratios), (min(self.ratios), max(self.ratios))
        return (
            f"| {self.name} | {ours:,.1f} {self.unit} | {theirs:,.1f} {self.unit} "
            f"| {ratio:.1f} ({spread[0]:.1f} to {spread[1]:.1f}) |"
        )


@dataclass(frozen=True, slots=True)
class Burst:
    """How many of ten requests at once on one channel were served."""

    ours: int
    theirs: int


async def vouchers(rounds: int) -> list[Row]:
    """Signing and verifying vouchers in one thread."""
    signer, account = LocalSigner.random(), Account.create()
    official = EthAccountSigner(account)
    channel = "0x" + CHANNEL.hex()
    typed = voucher_to_sign(CHANNEL, 1, CHAIN_ID)
    ours_signed = await signer.sign_typed_data(typed)
    theirs_signed = sign_voucher(official, channel, 1, NETWORK).signature

    async def sign_ours(index: int) -> None:
        await signer.sign_typed_data(voucher_to_sign(CHANNEL, index + 1, CHAIN_ID))

    async def sign_theirs(index: int) -> None:
        sign_voucher(official, channel, index + 1, NETWORK)

    async def verify_ours(_: int) -> None:
        assert recover(voucher_to_sign(CHANNEL, 1, CHAIN_ID), ours_signed) == signer.address

    async def verify_theirs(_: int) -> None:
        assert verify_batch_settlement_voucher_typed_data(
            None, channel, "1", account.address, account.address, theirs_signed, CHAIN_ID
        )

    pairs = {"sign a voucher": (sign_ours, sign_theirs), "verify": (verify_ours, verify_theirs)}
    rows = []
    for name, (ours, theirs) in pairs.items():
        row = Row(name, "/s", [], [], higher_is_better=True)
        for _ in range(rounds):
            row.ours.append(await rate(ours, 400))
            row.theirs.append(await rate(theirs, 100))
        rows.append(row)
    return rows


async def rate(work: Callable[[int], Awaitable[None]], count: int) -> float:
    """Calls in a second."""
    started = time.perf_counter()
    for index in range(count):
        await work(index)
    return count / (time.perf_counter() - started)


async def calls(scheme: str, rounds: int, count: int) -> tuple[list[Row], Burst | None]:
    """Paid calls one after the other by both clients, and unpaid ones beside them."""
    async with open_asgi_sandbox(
        seller(), path="/paid", price="0.0001", budget="5", schemes=(scheme,)
    ) as box:
        client = await official_client(box, scheme)
        async with (
            box.wallet.client(base_url=box.url, timeout=60) as ours,
            x402HttpxClient(client, base_url=box.url, timeout=60) as theirs,
            httpx.AsyncClient(base_url=box.url) as free,
        ):
            for http in (ours, theirs):
                await medians(http, "/paid", WARM_UP)
            paid = Row(f"a call paid by `{scheme}`, p50", "ms", [], [], higher_is_better=False)
            unpaid = []
            for _ in range(rounds):
                unpaid.append(await medians(free, "/free", count))
                paid.ours.append(await medians(ours, "/paid", count))
                paid.theirs.append(await medians(theirs, "/paid", count))
            if scheme == "exact":
                return [paid], None
            added = Row("of that, added by paying", "ms", [], [], higher_is_better=False)
            for bare, a, b in zip(unpaid, paid.ours, paid.theirs, strict=True):
                added.ours.append(a - bare)
                added.theirs.append(b - bare)
            return [paid, added], Burst(await burst(ours), await burst(theirs))


def seller() -> Starlette:
    async def answer(_request: Request) -> JSONResponse:
        return JSONResponse({"ok": True})

    return Starlette(routes=[Route(path, answer, methods=["POST"]) for path in ("/paid", "/free")])


async def official_client(box: Sandbox, scheme: str) -> x402Client:
    account = Account.create()
    await box.fund(parse_address(account.address), "5")
    client = x402Client()
    if scheme == "exact":
        return register_exact_evm_client(client, EthAccountSigner(account))
    channels = BatchSettlementEvmScheme(EthAccountSignerWithRPC(account, box.rpc_url))
    client.register(NETWORK, channels)
    return client


async def medians(http: httpx.AsyncClient, path: str, count: int) -> float:
    """The median time of a call in milliseconds; every call must be answered."""
    taken = []
    for _ in range(count):
        started = time.perf_counter()
        answer = await http.post(path, json={})
        taken.append(1_000 * (time.perf_counter() - started))
        assert answer.status_code == 200, answer.text
    return statistics.median(taken)


async def burst(http: httpx.AsyncClient) -> int:
    """How many of ten requests at once were served."""
    served = []

    async def call() -> None:
        try:
            served.append((await http.post("/paid", json={})).status_code == 200)
        except Exception:  # noqa: BLE001  whatever a client raises, the call was not served
            served.append(False)

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(call)
    return sum(served)


def machine() -> str:
    """What this ran on."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"Python {platform.python_version()}, x402 {version('x402')}, {os.cpu_count()} cores "
        f"{platform.machine()}, load {load}, {time.strftime('%Y-%m-%d', time.gmtime())}"
    )


async def main(rounds: int) -> dict[str, object]:
    """Measure, print the table, and give the figures behind it."""
    before = machine()
    rows = await vouchers(rounds)
    channel_rows, served = await calls("batch-settlement", rounds, 30)
    exact_rows, _ = await calls("exact", rounds, 5)
    rows += [*channel_rows, *exact_rows]
    assert served is not None
    print(report(rows, served, before, rounds))
    return {
        "machine": before,
        "rows": [asdict(row) for row in rows],
        "served of 10 at once": asdict(served),
    }


def report(rows: Sequence[Row], served: Burst, where: str, rounds: int) -> str:
    return "\n".join(
        [
            "| | Headwater | x402 SDK | times better (lowest to highest) |",
            "|---|---|---|---|",
            *(row.line() for row in rows),
            f"| served of 10 at once on one channel | {served.ours} | {served.theirs} | |",
            "",
            f"Medians of {rounds} rounds, both clients against one seller of ours. {where}.",
        ]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    measured = anyio.run(main, options.rounds)
    if options.json is not None:
        options.json.write_text(json.dumps(measured, indent=1) + "\n", "utf-8")
