"""The `x402` package's own httpx client, unmodified, pays our endpoint on a local chain."""

from pathlib import Path

import anyio
import pytest
from eth_account import Account
from x402 import x402Client
from x402.http.clients.httpx import x402HttpxClient
from x402.mechanisms.evm.batch_settlement.client import BatchSettlementEvmScheme
from x402.mechanisms.evm.exact.register import register_exact_evm_client
from x402.mechanisms.evm.signers import EthAccountSigner, EthAccountSignerWithRPC

from headwater_marketplace.settlement import SettlementWorker
from headwater_payments.address import parse_address
from headwater_payments.x402 import SettlementResponse
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.wallet import open_wallet
from support.chain_shop import open_chain_shop
from support.shop import PAYEE, PRICE, USDC

pytestmark = pytest.mark.anyio


async def test_it_pays_by_exact_and_the_payee_has_the_money(tmp_path: Path) -> None:
    async with open_chain_shop(tmp_path, schemes=("exact",)) as shop:
        account = Account.create()
        await shop.fund(parse_address(account.address), 10 * PRICE)
        client = register_exact_evm_client(x402Client(), EthAccountSigner(account))
        async with x402HttpxClient(client, timeout=60) as http:
            for _ in range(3):
                answer = await http.post(shop.url + "/paid/x", json={})
                assert answer.json() == {"ok": True}
        settled = SettlementResponse.from_header(answer.headers["payment-response"])
        assert settled.success
        assert settled.transaction.startswith("0x")
        assert await shop.token.balance(PAYEE) == 3 * PRICE


async def test_it_pays_by_channel_and_the_charges_are_claimed(tmp_path: Path) -> None:
    async with open_chain_shop(tmp_path, schemes=("batch-settlement",)) as shop:
        account = Account.create()
        await shop.fund(parse_address(account.address), 100 * PRICE)
        client = x402Client()
        signer = EthAccountSignerWithRPC(account, shop.chain.url)
        client.register("eip155:84532", BatchSettlementEvmScheme(signer))
        charges = [1_000, 300, 0, 700, 1_000, 1_000, 1_000, 1_000]
        async with x402HttpxClient(client, timeout=60) as http:
            for charge in charges:
                answer = await http.post(shop.url + "/paid/x", json={"charge": charge})
                assert answer.status_code == 200, answer.text
                assert answer.json() == {"ok": True}
        worker = SettlementWorker(shop.store, shop.sender, shop.deployment)
        claimed = await worker.claim_all()
        assert claimed is not None
        assert claimed.total == sum(charges)
        assert await shop.token.balance(PAYEE) == sum(charges)
        assert await worker.claim_all() is None


async def test_both_clients_use_one_seller_side_by_side(tmp_path: Path) -> None:
    async with open_chain_shop(tmp_path) as shop:
        official, ours = Account.create(), LocalSigner.random()
        await shop.fund(parse_address(official.address), 100 * PRICE)
        await shop.fund(ours.address, 100 * PRICE)
        client = register_exact_evm_client(x402Client(), EthAccountSigner(official))
        policy = simple_policy(USDC.amount("0.02"))
        database = tmp_path / "wallet.db"
        async with (
            x402HttpxClient(client, timeout=60) as http,
            open_wallet(ours, policy, database=database) as wallet,
            wallet.client(timeout=60) as paying,
            anyio.create_task_group() as group,
        ):

            async def buy(caller: object) -> None:
                for _ in range(4):
                    assert isinstance(caller, type(paying) | x402HttpxClient)
                    answer = await caller.post(shop.url + "/paid/x", json={"charge": 250})
                    assert answer.status_code == 200, answer.text

            group.start_soon(buy, http)
            group.start_soon(buy, paying)
        await SettlementWorker(shop.store, shop.sender, shop.deployment).claim_all()
        assert await shop.token.balance(PAYEE) == 4 * PRICE + 4 * 250
