"""The sandbox is a whole market: wallets of their own, refusals that cost nothing, a clean end."""

import os
import tempfile
import threading
from pathlib import Path

import anyio
import pytest

from headwater.sandbox import open_sandbox
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
