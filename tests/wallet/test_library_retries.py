"""Retries that client libraries count: each goes on with one failed attempt, and with its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import pytest

from headwater_payments.amount import Amount
from headwater_payments.x402 import PAYMENT_SIGNATURE
from headwater_wallet.errors import PaymentUnknownError
from headwater_wallet.retries import RETRY_COUNT
from headwater_wallet.wallet import Wallet
from support.clients import Library, Next
from support.shop import USDC, Shop

pytestmark = pytest.mark.anyio
LIBRARY = Library("httpx")


class Losing:
    """The shop's transport, which never delivers the first few payments."""

    def __init__(self, shop: Shop, losing: int) -> None:
        self.losing, self.wire = losing, LIBRARY.wire(shop.app, self._pass)

    async def _pass(self, request: Any, following: Next) -> Any:
        if PAYMENT_SIGNATURE in request.headers and self.losing:
            self.losing -= 1
            raise LIBRARY.http.ReadTimeout("lost", request=request)
        return await following(request)

    async def call(self, wallet: Wallet, attempt: int) -> None:
        async with LIBRARY.client(wallet, self.wire) as client:
            headers = {RETRY_COUNT: str(attempt)}
            answer = await client.post("/paid/x", json={"charge": 30}, headers=headers)
            assert answer.status_code == 200


@contextmanager
def lost() -> Iterator[None]:
    with pytest.raises(PaymentUnknownError):
        yield


async def states(wallet: Wallet) -> list[str]:
    return [intent.state for intent in await wallet.ledger.intents()]


async def test_each_retry_of_identical_requests_goes_on_with_another_payment(shop: Shop) -> None:
    wallet = await shop.wallet()
    url, first, again = "http://shop.test/paid/x", {RETRY_COUNT: "0"}, {RETRY_COUNT: "1"}
    failed = [wallet.buyer.purchase("POST", url, first, b"same") for _ in range(2)]
    assert wallet.buyer.purchase("POST", url, again, b"same").payment_id not in {
        each.payment_id for each in failed
    }, "an attempt whose answer is awaited has not failed"
    for each in failed:
        await each.ended()
    retries = [wallet.buyer.purchase("POST", url, again, b"same") for _ in range(2)]
    assert {each.payment_id for each in retries} == {each.payment_id for each in failed}


async def test_the_retries_of_two_tasks_stay_within_their_budgets(shop: Shop) -> None:
    wallet, losing = await shop.wallet(), Losing(shop, 2)
    most = Amount(50_000, USDC)
    async with wallet.task("one", most) as one, wallet.task("two", most) as two:
        for task in (one, two):
            with lost():
                await losing.call(task, 0)
        for task in (one, two):
            await losing.call(task, 1)
            assert (await task.budget()).charged == 30
        assert await states(wallet) == ["settled"] * 2


async def test_a_retry_that_fails_too_is_gone_on_with(shop: Shop) -> None:
    wallet, losing = await shop.wallet(), Losing(shop, 3)
    with anyio.fail_after(5):
        for attempt in range(3):
            with lost():
                await losing.call(wallet, attempt)
        await losing.call(wallet, 3)
    assert await states(wallet) == ["settled"]
