"""What a channel costs on chain in all, held against what an inference may cost of it."""

from pathlib import Path

import pytest

from headwater_marketplace.settlement import SettlementWorker
from headwater_payments.amount import Amount
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import SpendPolicy, simple_policy
from headwater_wallet.wallet import open_wallet
from support.chain_shop import open_chain_shop
from support.shop import PRICE, USDC

pytestmark = pytest.mark.anyio
CALLS = 1_000
"""Inferences a buyer buys on its channel: none of them sends a transaction of its own."""


@pytest.mark.parametrize(("buyers", "most"), [(1, 250), (10, 160)])
async def test_an_inference_costs_little_gas_with_all_transactions_counted(
    tmp_path: Path, buyers: int, most: int
) -> None:
    async with open_chain_shop(tmp_path, schemes=("batch-settlement",)) as shop:
        budget = Amount(CALLS * PRICE, USDC)
        policy = SpendPolicy(budget, simple_policy(budget).rules, deposit=budget)
        for number in range(buyers):
            signer = LocalSigner.random()
            await shop.fund(signer.address, budget.atomic)
            database = tmp_path / f"w{number}.db"
            async with (
                open_wallet(signer, policy, database=database) as wallet,
                wallet.client(timeout=60) as client,
            ):
                for _ in range(3):
                    answer = await client.post(shop.url + "/paid/x", json={})
                    assert answer.status_code == 200
        assert shop.sender.sent == buyers, "one deposit each"
        claimed = await SettlementWorker(shop.store, shop.sender, shop.deployment).claim_all()
        assert claimed is not None
        assert claimed.total == 3 * PRICE * buyers
        assert shop.sender.sent == buyers + 1, "one claim for all"
        assert shop.sender.gas_used / (buyers * CALLS) <= most
