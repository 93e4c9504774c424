"""Paying from code that blocks, over either library: one flow, whoever waits for it."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import anyio.to_thread
import httpx
import httpx2
import pytest

from headwater_marketplace.serving import bind, serve
from headwater_payments.amount import Amount
from headwater_payments.offer_receipt import AccountIssuer
from headwater_wallet import blocking_httpx, blocking_httpx2
from headwater_wallet.blocking import BlockingWallet, open_blocking_wallet
from headwater_wallet.errors import BudgetExceededError, PaymentUnknownError
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from support.shop import PRICE, USDC, Shop, open_shop

LIBRARIES: dict[str, tuple[ModuleType, ModuleType]] = {
    "httpx": (httpx, blocking_httpx),
    "httpx2": (httpx2, blocking_httpx2),
}


@pytest.fixture(params=list(LIBRARIES))
def library(request: pytest.FixtureRequest) -> tuple[ModuleType, ModuleType]:
    return LIBRARIES[request.param]


def with_a_shop(
    tmp_path: Path, work: Callable[[Shop, str, BlockingWallet], None], budget: int = 100 * PRICE
) -> None:
    """Run `work` in a thread that blocks, while a shop is served in an event loop."""

    def blocks(shop: Shop, url: str) -> None:
        signer = LocalSigner.random()
        shop.chain.wallets[signer.address] = 10_000_000
        policy = simple_policy(Amount(budget, USDC))
        with open_blocking_wallet(signer, policy, database=tmp_path / "w.db") as wallet:
            work(shop, url, wallet)

    async def main() -> None:
        async with open_shop(tmp_path) as shop, serve(shop.app, bind()) as url:
            shop.speaks_for(url, AccountIssuer(shop.signer))
            with anyio.fail_after(60):
                await anyio.to_thread.run_sync(blocks, shop, url)

    anyio.run(main)


@contextmanager
def client_of(
    library: tuple[ModuleType, ModuleType], wallet: BlockingWallet, url: str, inner: Any = None
) -> Iterator[Any]:
    http, ours = library
    transport = ours.BlockingPayingTransport(wallet.wallet.buyer, wallet.portal, inner)
    with http.Client(transport=transport, base_url=url, timeout=30) as client:
        yield client


def test_calls_are_paid_from_any_number_of_threads(
    tmp_path: Path, library: tuple[ModuleType, ModuleType]
) -> None:
    def work(shop: Shop, url: str, wallet: BlockingWallet) -> None:
        with client_of(library, wallet, url) as client, ThreadPoolExecutor(8) as threads:

            def buy(_: int) -> int:
                return int(client.post("/paid/x", json={"charge": 10}).status_code)

            assert list(threads.map(buy, range(24))) == [200] * 24
        assert (wallet.budget().charged, shop.chain.deposits) == (240, 1)
        assert {each.kind for each in wallet.statements()} == {"offer", "receipt"}
        assert "0x" in repr(wallet)

    with_a_shop(tmp_path, work)


def test_a_stream_comes_chunk_by_chunk_and_is_charged_at_its_end(
    tmp_path: Path, library: tuple[ModuleType, ModuleType]
) -> None:
    having = threading.Semaphore(0)

    async def paced(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        head = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        for number in range(4):
            event = f"data: {number}\n\n".encode()
            await send({"type": "http.response.body", "body": event, "more_body": True})
            # The next one is made only once the reader has this one: a buffer would hang.
            await anyio.to_thread.run_sync(having.acquire)
        await send({"type": "http.response.body", "body": b""})

    def work(shop: Shop, url: str, wallet: BlockingWallet) -> None:
        shop.app._app = paced
        with (
            client_of(library, wallet, url) as client,
            client.stream("POST", "/paid/x", json={}) as answer,
        ):
            chunks = []
            for chunk in answer.iter_raw():
                chunks.append(chunk)
                having.release()
        assert chunks[:4] == [f"data: {n}\n\n".encode() for n in range(4)]
        assert wallet.budget().charged == PRICE

    with_a_shop(tmp_path, work)


def test_a_stream_that_is_left_is_looked_up(
    tmp_path: Path, library: tuple[ModuleType, ModuleType]
) -> None:
    def work(shop: Shop, url: str, wallet: BlockingWallet) -> None:
        with client_of(library, wallet, url) as client:
            body = {"chunks": 50, "step": 10}
            with client.stream("POST", "/paid/x", json=body) as answer:
                next(answer.iter_raw())
        for _ in range(100):
            if not wallet.reconcile():
                break
        assert 0 < wallet.budget().charged <= 500

    with_a_shop(tmp_path, work)


def test_a_refusal_is_raised_in_the_thread_that_waits_and_nothing_is_signed(
    tmp_path: Path, library: tuple[ModuleType, ModuleType]
) -> None:
    def work(shop: Shop, url: str, wallet: BlockingWallet) -> None:
        with client_of(library, wallet, url) as client, pytest.raises(BudgetExceededError):
            client.post("/paid/x", json={})
        assert wallet.budget().used == 0

    with_a_shop(tmp_path, work, budget=PRICE - 1)


def test_a_transport_that_blocks_stands_between_and_a_lost_answer_is_paid_once(
    tmp_path: Path, library: tuple[ModuleType, ModuleType]
) -> None:
    http, _ = library
    losing = [True]

    class Losing(http.HTTPTransport):  # type: ignore[misc, name-defined]
        def handle_request(self, request: Any) -> Any:
            answer = super().handle_request(request)
            if "payment-signature" in request.headers and losing:
                losing.clear()
                answer.read()
                raise http.ReadTimeout("lost", request=request)
            return answer

    def work(shop: Shop, url: str, wallet: BlockingWallet) -> None:
        headers = {"Idempotency-Key": "order-1"}
        with client_of(library, wallet, url, Losing()) as client:
            with pytest.raises(PaymentUnknownError):
                client.post("/paid/x", json={"charge": 30}, headers=headers)
            assert client.post("/paid/x", json={"charge": 30}, headers=headers).status_code == 200
            streamed = client.post("/paid/x", json={"chunks": 3, "step": 10})
            assert streamed.text.count("data:") == 3
        assert wallet.reconcile() == []
        assert wallet.budget().charged == 60
        assert len(shop.served) == 2

    with_a_shop(tmp_path, work)


def test_the_blocking_wallet_signs_in_and_ends_its_loop(tmp_path: Path) -> None:
    def work(shop: Shop, url: str, wallet: BlockingWallet) -> None:
        with wallet.client(base_url=url, timeout=30) as client:
            content = b'{"charge": 5}'
            assert client.post("/paid/x", content=content).json() == {"ok": True}
        again = wallet.answered_before("POST", url + "/paid/x", content=content)
        assert again.json() == {"ok": True}
        assert wallet.policy.budget.atomic == 100 * PRICE

    before = set(threading.enumerate())
    with_a_shop(tmp_path, work)
    made = set(threading.enumerate()) - before
    for thread in made:
        thread.join(10)
    assert not [thread.name for thread in made if thread.is_alive()]


def test_a_voucher_leaves_however_many_streams_wait_for_theirs(
    library: tuple[ModuleType, ModuleType],
) -> None:
    http, ours = library
    streams = 60
    # It opens once every stream waits in its thread and the voucher's request is there as well.
    all_there = threading.Barrier(streams + 1)

    class Chunks(http.SyncByteStream):  # type: ignore[misc, name-defined]
        def __iter__(self) -> Iterator[bytes]:
            all_there.wait(5)
            yield b"more"

    class Seller(http.BaseTransport):  # type: ignore[misc, name-defined]
        def handle_request(self, request: Any) -> Any:
            if request.method == "POST":
                all_there.wait(5)
            return http.Response(200, stream=Chunks())

    async def main() -> None:
        threaded = ours._Threaded(Seller())

        async def read() -> None:
            answer = await threaded.handle_async_request(http.Request("GET", "http://s"))
            assert [chunk async for chunk in answer.stream] == [b"more"]

        async with anyio.create_task_group() as group:
            for _ in range(streams):
                group.start_soon(read)
            await threaded.handle_async_request(http.Request("POST", "http://s"))

    anyio.run(main)
