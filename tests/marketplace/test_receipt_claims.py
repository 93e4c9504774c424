"""A seller whose vault authorizes its channels: charges reach the vault without the seller."""

from pathlib import Path

import pytest
from marketplace.test_epochs import RULES

from headwater_contracts.clients.asset_registry import AssetKind
from headwater_contracts.clients.panels import PanelsClient
from headwater_contracts.clients.revenue_vault import RevenueVaultClient
from headwater_marketplace.assets import Parties, Shares, publish_asset
from headwater_marketplace.receipt_claims import claim_by_receipts
from headwater_marketplace.seller import Offer
from headwater_marketplace.settlement import SettlementWorker
from headwater_payments.address import Address
from headwater_payments.amount import Amount
from headwater_wallet.errors import SellerMisbehavedError
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.transactions import TransactionSender
from headwater_wallet.wallet import Wallet, open_wallet
from support.chain_shop import ChainShop, open_chain_shop
from support.shop import PRICE, USDC

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

PLATFORM, ATTRIBUTOR, FALLBACK = (Address("0x" + digit * 40) for digit in "567")
CHARGES = [300, 7, 450]


async def open_vault(shop: ChainShop) -> RevenueVaultClient:
    """The vault of a model that the shop hosts, and the shop selling for it."""
    panels = PanelsClient(shop.sender.reader, shop.deployment.panels)
    opened = await shop.sender.send(panels.open_panel(RULES, [PLATFORM]))
    asset = await publish_asset(
        shop.sender,
        shop.deployment,
        AssetKind.MODEL,
        content_root=b"\x01" * 32,
        licence="CC0-1.0",
        parties=Parties(PLATFORM, shop.sender.address, ATTRIBUTOR, FALLBACK),
        shares=Shares(5_000_000, 10_000_000, 60_000_000),
        challenge_window=60,
        panel=panels.opened_panel(opened),
    )
    batch = ("batch-settlement",)
    price = Amount(PRICE, USDC)
    shop.app._offers = (
        Offer(r"/paid/.*", price, asset.vault, schemes=batch, vault_authorizes=True),
    )
    return RevenueVaultClient(shop.sender.reader, asset.vault)


async def buy(wallet: Wallet, url: str) -> None:
    async with wallet.client(timeout=60) as client:
        for charge in CHARGES:
            answer = await client.post(url, json={"charge": charge})
            assert answer.status_code == 200, answer.text


async def test_a_stranger_brings_what_was_charged_to_the_vault(
    tmp_path: Path, anyio_backend: str
) -> None:
    async with open_chain_shop(tmp_path) as shop:
        vault = await open_vault(shop)
        for number in range(2):
            signer = LocalSigner.random()
            await shop.fund(signer.address, 20 * PRICE)
            policy = simple_policy(Amount(10 * PRICE, USDC))
            path = tmp_path / f"{number}.db"
            async with open_wallet(signer, policy, database=path) as wallet:
                await buy(wallet, shop.url + "/paid/x")
        channels = await shop.store.channels()
        assert {record.config.receiver_authorizer for record in channels} == {vault.address}

        # The seller's own key cannot claim for the vault; anybody's can, by the receipts.
        worker = SettlementWorker(shop.store, shop.sender, shop.deployment)
        assert await worker.claim_all() is None
        stranger = LocalSigner.random()
        await shop.chain.fund(stranger.address, 10**18)
        sender = TransactionSender(shop.chain.reader, stranger)
        paid = await claim_by_receipts(shop.store, sender, shop.deployment)
        assert paid == {vault.address: 2 * sum(CHARGES)}
        assert await shop.token.balance(vault.address) == 2 * sum(CHARGES)
        assert await claim_by_receipts(shop.store, sender, shop.deployment) == {}

        # The income is booked like any other, and the contributors' pool has its part.
        await sender.send(vault.sync())
        assert (await vault.buckets()).pool == 2 * sum(CHARGES) * 60 // 100


async def test_a_buyer_takes_receipts_of_the_named_signer_only(
    tmp_path: Path, anyio_backend: str
) -> None:
    async with open_chain_shop(tmp_path) as shop:
        await open_vault(shop)
        signer = LocalSigner.random()
        await shop.fund(signer.address, 20 * PRICE)
        policy = simple_policy(Amount(10 * PRICE, USDC))
        async with open_wallet(signer, policy, database=tmp_path / "a.db") as wallet:
            await buy(wallet, shop.url + "/paid/x")
            # From now on the terms name one key, and another signs.
            shop.app._signer = LocalSigner.random()
            with pytest.raises(SellerMisbehavedError, match="signed by another"):
                await buy(wallet, shop.url + "/paid/x")
