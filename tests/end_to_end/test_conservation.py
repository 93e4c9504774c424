"""Wallets spend at random on a real chain; every unit minted is where the books say it is."""

import random
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from headwater_marketplace.settlement import SettlementWorker
from headwater_payments.amount import Amount
from headwater_payments.ledger import balances, check_journal
from headwater_wallet.errors import BudgetExceededError, PaymentUnknownError
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.reconcile import reconcile
from headwater_wallet.wallet import Wallet, open_wallet
from support.chain_shop import ChainShop, open_chain_shop
from support.shop import PAYEE, PRICE, USDC

pytestmark = pytest.mark.anyio

FUNDS = 30 * PRICE
BUDGET = 12 * PRICE
LATER = 2**40


class Unreliable(httpx.AsyncHTTPTransport):
    """Loses some answers after the seller has given them, and some requests before."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        fate = self._chance.random()
        if fate < 0.05:
            raise httpx.ConnectError("injected", request=request)
        answer = await super().handle_async_request(request)
        if fate > 0.93:
            await answer.aclose()
            raise httpx.ReadError("injected", request=request)
        return answer


def wish(chance: random.Random) -> dict[str, Any]:
    body: dict[str, Any] = {"charge": chance.randrange(PRICE + 1)}
    kind = chance.random()
    if kind < 0.1:
        return {**body, "fail": True}
    if kind < 0.15:
        return {**body, "crash": True}
    if kind < 0.35:
        return {**body, "chunks": 3}
    return body


async def spend(wallet: Wallet, url: str, chance: random.Random, seen: Counter[str]) -> None:
    transport = Unreliable(chance)
    client = wallet.client(transport=transport, timeout=60)
    async with client, anyio.create_task_group() as group:
        for _ in range(15):
            group.start_soon(call, client, url, wish(chance), seen)


async def call(client: httpx.AsyncClient, url: str, body: Any, seen: Counter[str]) -> None:
    try:
        answer = await client.post(url + "/paid/x", json=body)
        seen[f"answered {answer.status_code}"] += 1
    except (BudgetExceededError, PaymentUnknownError, httpx.TransportError) as exc:
        seen[type(exc).__name__] += 1


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_unit_minted_is_where_the_books_say(tmp_path: Path, seed: int) -> None:
    chance, seen = random.Random(seed), Counter[str]()
    async with AsyncExitStack() as stack:
        shop = await stack.enter_async_context(
            open_chain_shop(tmp_path, schemes=("batch-settlement",))
        )
        worker = SettlementWorker(shop.store, shop.sender, shop.deployment)
        wallets = []
        for number in range(3):
            signer = LocalSigner.random()
            await shop.fund(signer.address, FUNDS)
            policy = simple_policy(Amount(BUDGET, USDC))
            path = tmp_path / f"{number}.db"
            opened = open_wallet(signer, policy, database=path)
            wallets.append(await stack.enter_async_context(opened))
        for _ in range(2):
            async with anyio.create_task_group() as group:
                for wallet in wallets:
                    group.start_soon(spend, wallet, shop.url, chance, seen)
                group.start_soon(worker.claim_all)
            await conserved(shop, wallets, claimed=False)
            await worker.claim_all()
        await shop.store.release_abandoned(LATER)
        async with httpx.AsyncClient() as asking:
            for wallet in wallets:
                assert await reconcile(wallet.ledger, asking, reserved_before=LATER) == []
        await worker.claim_all()
        await conserved(shop, wallets, claimed=True)
    assert seen["answered 200"] >= 20, seen
    assert seen["BudgetExceededError"] >= 1, seen
    assert seen["PaymentUnknownError"] + seen["ConnectError"] >= 2, seen


async def conserved(shop: ChainShop, wallets: list[Wallet], *, claimed: bool) -> None:
    accounts = [PAYEE, shop.deployment.batch_settlement, *(w.address for w in wallets)]
    held = [await shop.token.balance(account) for account in accounts]
    assert sum(held) == FUNDS * len(wallets) == await shop.token.total_supply()
    entries = await shop.store.journal()
    check_journal(entries)
    books = balances(entries)
    assert sum(books.values()) == 0
    charged = sum(payment.charge for payment in await shop.store.payments("charged"))
    assert sum(v for (name, _), v in books.items() if name.startswith("receivable:")) == charged
    by_payer = {record.config.payer: record.state for record in await shop.store.channels()}
    assert sum(state.charged for state in by_payer.values()) == charged
    for wallet in wallets:
        budget = await wallet.budget()
        assert budget.charged <= budget.used <= BUDGET
        if (state := by_payer.get(wallet.address)) is not None:
            assert state.claimed <= state.charged <= state.signed <= state.balance
            assert state.signed <= budget.used
            if claimed:
                assert state.claimed == state.charged == budget.charged
    if claimed:
        assert held[0] == charged
        for wallet in wallets:
            states = {intent.state for intent in await wallet.ledger.intents()}
            assert states <= {"settled", "released"}
