"""The sandbox is a whole market: wallets of their own, refusals that cost nothing, a clean end."""

import functools
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from pydantic import JsonValue

from headwater.sandbox import open_asgi_sandbox, open_sandbox
from headwater_payments.errors import InvalidInputError
from headwater_wallet.errors import BudgetExceededError
from headwater_wallet.keys import LocalSigner

pytestmark = pytest.mark.anyio


async def echo(asked: object) -> object:
    return asked  # JSON in, JSON out


async def test_two_wallets_pay_one_seller_under_budgets_of_their_own() -> None:
    async with open_sandbox(echo, price="0.001", budget="0.001") as box:
        other = await box.open_wallet("0.01")
        async with box.wallet.client() as first, other.client() as second:
            assert (await first.post(box.url, json=1)).json() == 1
            with pytest.raises(BudgetExceededError):
                await first.post(box.url, json=2)
            assert (await second.post(box.url, json=3)).json() == 3
        assert (await box.settle()).atomic == 2_000
        assert (await box.settle()).atomic == 2_000


async def test_many_calls_at_once_are_all_served_and_all_paid() -> None:
    async with open_sandbox(echo, price="0.001", budget="0.1") as box:
        answers = []
        async with box.wallet.client() as http:

            async def call(number: int) -> None:
                answers.append((await http.post(box.url, json=number)).json())

            async with anyio.create_task_group() as group:
                for number in range(20):
                    group.start_soon(call, number)
        assert sorted(answers) == list(range(20))
        assert (await box.settle()).atomic == 20_000


async def test_a_body_that_is_no_json_costs_nothing() -> None:
    async with open_sandbox(echo) as box:
        async with box.wallet.client() as http:
            answer = await http.post(box.url, content=b"{")
        assert answer.status_code == 400
        assert (await box.wallet.budget()).charged == 0
        assert (await box.settle()).atomic == 0


async def test_an_account_of_anybody_can_be_funded() -> None:
    async with open_sandbox(echo) as box:
        account = LocalSigner.random().address
        await box.fund(account, "1.5")
        with pytest.raises(InvalidInputError):
            await box.fund(account, "-1")


@pytest.mark.parametrize("amount", ["-1", "0", "one", "0.0000001"])
async def test_a_price_that_is_none_is_refused_and_leaves_nothing_behind(
    amount: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = set(threading.enumerate())
    with pytest.raises(InvalidInputError):
        async with open_sandbox(echo, price=amount):
            pytest.fail("it opened")
    assert os.listdir(tmp_path) == []  # noqa: PTH208  nothing else runs here
    left = {thread.name for thread in set(threading.enumerate()) - before if thread.is_alive()}
    assert not {name for name in left if "AnyIO" not in name}, "only the pool's threads may stay"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
async def test_what_is_sold_is_not_given_away_by_another_method(method: str) -> None:
    served: list[object] = []

    async def sold(asked: JsonValue) -> JsonValue:
        served.append(asked)
        return "the goods"

    async with open_sandbox(sold) as box, httpx.AsyncClient() as anybody:
        answer = await anybody.request(method, box.url)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert (await anybody.post(box.url)).status_code == 402
    assert served == []


async def test_a_route_of_an_application_is_sold_by_post_and_by_nothing_else() -> None:
    async def app(scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    async with open_asgi_sandbox(app, path="/paid") as box, httpx.AsyncClient() as anybody:
        assert (await anybody.get(box.url + "/paid")).status_code == 405
        assert (await anybody.post(box.url + "/paid")).status_code == 402
        assert (await anybody.get(box.url + "/free")).text == "/free"


class Sells:
    async def __call__(self, asked: JsonValue) -> JsonValue:
        return asked


@pytest.mark.parametrize("sold", [len, lambda asked: asked, "text", None, Sells, 5])
async def test_what_is_no_async_function_is_refused_in_words(sold: Any) -> None:
    with pytest.raises(InvalidInputError, match="async"):
        async with open_sandbox(sold):
            pytest.fail("it opened")


async def test_async_callables_of_any_make_are_sold() -> None:
    for sold in (Sells(), functools.partial(echo), Sells().__call__):
        async with open_sandbox(sold, budget="0.001") as box, box.wallet.client() as http:
            assert (await http.post(box.url, json=1)).json() == 1


@pytest.mark.parametrize("amount", [0.001, 1, None, True])
@pytest.mark.parametrize("name", ["price", "budget"])
async def test_a_price_that_is_no_text_is_refused_in_words(name: str, amount: Any) -> None:
    with pytest.raises(InvalidInputError, match=f"The {name} is text in whole units"):
        async with open_sandbox(echo, **{name: amount}):
            pytest.fail("it opened")
