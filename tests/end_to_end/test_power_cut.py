"""No word leaves a process before what it says is on the disk.

At each moment at which one side tells the other, the handler or the chain something, the disk is
read as a power cut at that moment would leave it (`support.disk`), and must hold what is told.
"""

import json
import sqlite3
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from sqlalchemy import Engine, event

from headwater_payments.amount import Amount
from headwater_payments.extensions import LOOKUP_PATH
from headwater_payments.x402 import PAYMENT_RESPONSE, PAYMENT_SIGNATURE
from headwater_wallet import database as database_module
from headwater_wallet.wallet import Wallet
from support.disk import Disk
from support.shop import USDC, Shop, open_shop
from support.streaming import streaming_transport

pytestmark = pytest.mark.anyio


class EarlyWordError(Exception):
    """Something was told that a power cut would have made untrue."""


class Witness:
    """Looks at the disk whenever one side speaks."""

    def __init__(self, disk: Disk, shop: Shop, wallet: Wallet, folder: Path) -> None:
        self._disk, self._folder = disk, folder
        self._seller = Path(str(shop.store.database._engine.url.database))
        self._buyer = Path(str(wallet.ledger.database._engine.url.database))
        self.heard: Counter[str] = Counter()
        self.early: list[str] = []

    def told(self, what: str, database: str, query: str, *values: str | int) -> None:
        """`query` must find something in a database after a power cut at this moment."""
        self.heard[what] += 1
        path = self._seller if database == "seller" else self._buyer
        target = self._folder / f"{sum(self.heard.values())}.db"
        connection = sqlite3.connect(self._disk.after_a_power_cut(path, target))
        try:
            found = connection.execute(query, values).fetchone()
        except sqlite3.DatabaseError as exc:
            found, what = None, f"{what} ({exc})"
        finally:
            connection.close()
        if found is None:
            self.early.append(what)


def overheard(app: Any, witness: Witness) -> Any:
    """The application, with a witness to all that it says."""

    async def listening(scope: Any, receive: Any, send: Any) -> None:
        async def sent(message: Any) -> None:
            body = message.get("body", b"")
            head = {k.decode().upper(): v for k, v in message.get("headers", ())}
            settlement = head.get(PAYMENT_RESPONSE)
            if message.get("status") == 200 and scope["path"].startswith("/paid/"):
                heads = witness.heard["the head of an answer"] + 1
                query = "SELECT 1 FROM (SELECT count(*) AS n FROM seller_payment) WHERE n >= ?"
                witness.told("the head of an answer", "seller", query, heads)
            if settlement is not None and b"chargedAmount" in b64decode(settlement):
                note_charge(json.loads(b64decode(settlement)), witness)
            if b"event: payment-receipt" in body:
                event_of = body[body.index(b"event: payment-receipt") :]
                data = event_of.split(b"data:", 1)[1].split(b"\n", 1)[0]
                note_charge(json.loads(data)["settlement"], witness)
            if scope["path"].startswith(LOOKUP_PATH) and b'"covered"' in body:
                covered = json.loads(body)["covered"]
                query = "SELECT 1 FROM seller_payment WHERE state = 'reserved' AND amount >= ?"
                witness.told("a window is covered", "seller", query, covered)
            await send(message)

        await app(scope, receive, sent)

    return listening


def note_charge(settlement: dict[str, Any], witness: Witness) -> None:
    query = "SELECT 1 FROM seller_payment WHERE state = 'charged' AND charge = ? AND receipt <> ''"
    charge = settlement["extra"]["chargedAmount"]
    witness.told("a charge", "seller", query, charge)


class Overheard(httpx.AsyncBaseTransport):
    """The way to the seller, with a witness to what the buyer sends."""

    def __init__(self, inner: Any, witness: Witness) -> None:
        self._inner, self._witness = inner, witness

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        header = request.headers.get(PAYMENT_SIGNATURE)
        if header is not None and "/paid/" in request.url.path:
            query = "SELECT 1 FROM wallet_intent WHERE state = 'sent' AND header = ?"
            self._witness.told("a signature", "buyer", query, header)
        elif header is not None:
            voucher = json.loads(b64decode(header))["payload"]["voucher"]
            query = "SELECT 1 FROM wallet_intent WHERE max_claimable >= ?"
            self._witness.told("a further voucher", "buyer", query, voucher["maxClaimableAmount"])
        response: httpx.Response = await self._inner.handle_async_request(request)
        return response


def watch_the_chain(shop: Shop, witness: Witness) -> None:
    """The chain must find the transfer that it is given."""
    settle = shop.chain.settle

    async def settled(payload: Any, terms: Any) -> Any:
        if terms.scheme == "exact":
            query = "SELECT 1 FROM seller_transfer"
            witness.told("a transfer to the chain", "seller", query)
        return await settle(payload, terms)

    shop.chain.settle = settled  # type: ignore[method-assign]


CALLS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, int]]] = {
    "vouchers": (
        {},
        {"charge": 400},
        {"a signature": 3, "the head of an answer": 3, "a charge": 3},
    ),
    "streams": (
        {},
        {"charge": 400, "chunks": 3},
        {"a signature": 3, "the head of an answer": 3, "a charge": 3},
    ),
    "streams in windows": (
        {"window": Amount(200, USDC)},
        {"stream": True, "chunks": 6, "step": 50},
        {
            "a signature": 3,
            "the head of an answer": 3,
            "a charge": 3,
            "a further voucher": 3,
            "a window is covered": 3,
        },
    ),
    "transfers": (
        {"schemes": ("exact",)},
        {},
        {
            "a signature": 3,
            "the head of an answer": 3,
            "a transfer to the chain": 3,
            "a charge": 3,
        },
    ),
}


async def listen(folder: Path, name: str) -> Witness:
    """Three calls, and what their witness heard."""
    offer, body, _ = CALLS[name]
    (folder / "shop").mkdir()
    (folder / "found").mkdir()
    with Disk() as disk:
        async with open_shop(folder / "shop", **offer) as shop, anyio.create_task_group() as group:
            wallet = await shop.wallet(budget=100_000)
            witness = Witness(disk, shop, wallet, folder / "found")
            watch_the_chain(shop, witness)
            way = streaming_transport(httpx, overheard(shop.app, witness), group)
            transport = Overheard(way, witness)
            async with wallet.client(transport=transport, base_url="http://shop.test") as client:
                for _ in range(3):
                    assert (await client.post("/paid/x", json=body)).status_code == 200
    return witness


@pytest.mark.parametrize("name", list(CALLS))
async def test_what_is_told_is_on_the_disk(tmp_path: Path, name: str) -> None:
    witness = await listen(tmp_path, name)
    assert witness.early == []
    assert witness.heard == CALLS[name][2]


@contextmanager
def without_fsync() -> Iterator[None]:
    """Databases that leave it to the system when to write."""
    opened = database_module.open_engine

    def careless(*arguments: Any) -> Engine:
        engine = opened(*arguments)

        @event.listens_for(engine, "connect")
        def configure(connection: Any, _record: object) -> None:
            connection.execute("PRAGMA synchronous=OFF")

        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database_module, "open_engine", careless)
        yield


@pytest.mark.parametrize("name", list(CALLS))
async def test_without_fsync_every_word_would_be_early(tmp_path: Path, name: str) -> None:
    with without_fsync():
        witness = await listen(tmp_path, name)
    assert len(witness.early) == sum(witness.heard.values()) >= 9
