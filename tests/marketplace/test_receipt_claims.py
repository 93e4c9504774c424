"""A seller whose vault authorizes its channels: charges reach the vault without the seller."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from marketplace.test_epochs import RULES

from headwater_contracts.clients.asset_registry import AssetKind
from headwater_contracts.clients.batch_settlement import BatchSettlementClient
from headwater_contracts.clients.panels import PanelsClient
from headwater_contracts.clients.revenue_vault import RevenueVaultClient
from headwater_marketplace.assets import Parties, Shares, publish_asset
from headwater_marketplace.chain_facilitator import ChainFacilitator
from headwater_marketplace.claim_scheduler import ClaimPolicy, ClaimScheduler
from headwater_marketplace.receipt_claims import claim_by_receipts
from headwater_marketplace.seller import Offer
from headwater_marketplace.seller.records import ChannelRecord
from headwater_marketplace.seller.rows import write_payment
from headwater_marketplace.settlement import Claimed, SettlementWorker
from headwater_payments.address import Address
from headwater_payments.amount import Amount
from headwater_payments.hexadecimal import to_hex
from headwater_payments.metering import parse_receipt, receipt_to_json
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
        content_root=os.urandom(32),
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


@dataclass
class Buyer:
    """One that has bought, and can withdraw."""

    shop: ChainShop
    signer: LocalSigner

    @property
    def settlement(self) -> BatchSettlementClient:
        return BatchSettlementClient(self.shop.chain.reader, self.shop.deployment.batch_settlement)

    async def channel(self) -> ChannelRecord:
        channels = await self.shop.store.channels()
        [mine] = [each for each in channels if each.config.payer == self.signer.address]
        return mine

    async def withdraw(self, leave: int = 0) -> None:
        mine = await self.channel()
        amount = (await self.settlement.channel(mine.identifier)).balance - leave
        await self.shop.chain.fund(self.signer.address, 10**18)
        sender = TransactionSender(self.shop.chain.reader, self.signer)
        await sender.send(self.settlement.initiate_withdraw(mine.config, amount))

    async def take_out(self) -> None:
        sender = TransactionSender(self.shop.chain.reader, self.signer)
        await sender.send(self.settlement.finalize_withdraw((await self.channel()).config))


async def buyer_of(shop: ChainShop, directory: Path) -> Buyer:
    signer = LocalSigner.random()
    await shop.fund(signer.address, 20 * PRICE)
    policy = simple_policy(Amount(10 * PRICE, USDC))
    async with open_wallet(signer, policy, database=directory / f"{signer.address}.db") as wallet:
        await buy(wallet, shop.url + "/paid/x")
    return Buyer(shop, signer)


async def stranger_to(shop: ChainShop) -> TransactionSender:
    stranger = LocalSigner.random()
    await shop.chain.fund(stranger.address, 10**18)
    return TransactionSender(shop.chain.reader, stranger)


async def sign_with_another_key(shop: ChainShop, channel: bytes) -> None:
    """Put receipts into the books that no operator signed."""
    forger = LocalSigner.random()
    for payment in await shop.store.payments("charged"):
        if payment.channel_id != to_hex(channel) or payment.receipt is None:
            continue
        receipt, _ = parse_receipt(json.loads(payment.receipt))
        signature = await forger.sign_typed_data(receipt.to_sign(shop.deployment.chain_id))
        values = {"receipt": json.dumps(receipt_to_json(receipt, signature))}
        name = payment.payment_id
        await shop.store.database.write(
            lambda connection, name=name, values=values: write_payment(connection, name, values)
        )


async def test_a_stranger_brings_what_was_charged_to_the_vault(
    tmp_path: Path, anyio_backend: str
) -> None:
    async with open_chain_shop(tmp_path) as shop:
        vault = await open_vault(shop)
        for _ in range(2):
            await buyer_of(shop, tmp_path)
        channels = await shop.store.channels()
        assert {record.config.receiver_authorizer for record in channels} == {vault.address}

        # The seller's own key cannot claim for the vault; anybody's can, by the receipts.
        worker = SettlementWorker(shop.store, shop.sender, shop.deployment)
        assert await worker.claim_all() is None
        sender = await stranger_to(shop)
        paid = await claim_by_receipts(shop.store, sender, shop.deployment)
        assert paid.by_receiver == {vault.address: 2 * sum(CHARGES)}
        assert (paid.channels, len(paid.transactions)) == (2, 1)
        assert await shop.token.balance(vault.address) == 2 * sum(CHARGES)
        assert await claim_by_receipts(shop.store, sender, shop.deployment) == Claimed()

        # The income is booked like any other, and the contributors' pool has its part.
        await sender.send(vault.sync())
        assert (await vault.buckets()).pool == 2 * sum(CHARGES) * 60 // 100

        # A plain account that authorizes its own channels is no vault: it claims by its key.
        plain = Offer(r"/paid/.*", Amount(PRICE, USDC), shop.sender.address)
        shop.app._offers = (plain,)
        await buyer_of(shop, tmp_path)
        assert await claim_by_receipts(shop.store, sender, shop.deployment) == Claimed()
        assert await claim_by_receipts(shop.store, shop.sender, shop.deployment) == Claimed()
        assert (await worker.claim_all() or Claimed()).total == sum(CHARGES)


async def test_neither_a_buyer_that_withdrew_nor_a_refused_receipt_holds_up_the_others(
    tmp_path: Path, anyio_backend: str
) -> None:
    async with open_chain_shop(tmp_path) as shop:
        vault = await open_vault(shop)
        gone, forged, honest = [await buyer_of(shop, tmp_path) for _ in range(3)]
        await sign_with_another_key(shop, (await forged.channel()).identifier)
        other = await open_vault(shop)
        partly = await buyer_of(shop, tmp_path)
        # The escrow that it leaves covers the second receipt and a part of the third.
        left = CHARGES[0] + CHARGES[1] + 5
        await gone.withdraw()
        await partly.withdraw(leave=left)
        await shop.chain.advance_time(901)
        for buyer in (gone, partly):
            await buyer.take_out()

        sender = await stranger_to(shop)
        for by_receiver in ({vault.address: sum(CHARGES), other.address: left - 5}, {}):
            paid = await claim_by_receipts(shop.store, sender, shop.deployment)
            assert paid.by_receiver == by_receiver
            assert paid.refused == [(await forged.channel()).identifier]
            assert paid.uncollectable == {
                (await gone.channel()).identifier: sum(CHARGES),
                (await partly.channel()).identifier: CHARGES[2],
            }
        assert await shop.token.balance(vault.address) == sum(CHARGES)
        assert await shop.token.balance(other.address) == left - 5
        assert (await honest.channel()).state.claimed == sum(CHARGES)


async def test_the_scheduler_claims_a_vaults_channel_when_its_payer_begins_to_withdraw(
    tmp_path: Path, anyio_backend: str
) -> None:
    async with open_chain_shop(tmp_path) as shop:
        vault = await open_vault(shop)
        leaving, gone = [await buyer_of(shop, tmp_path) for _ in range(2)]
        now = int(time.time())
        scheduler = ClaimScheduler(
            shop.store,
            shop.sender,
            shop.deployment,
            ChainFacilitator(shop.sender, shop.deployment, lambda: now),
            ClaimPolicy(amount_atomic=10**9, age_s=10**9),
            now=lambda: now,
        )
        assert await scheduler.look() is None

        await leaving.withdraw()
        claimed = await scheduler.look()
        assert claimed is not None
        assert claimed.by_receiver == {vault.address: sum(CHARGES)}
        assert scheduler.statistics.claimed == sum(CHARGES)
        await shop.chain.advance_time(901)
        await leaving.take_out()
        assert await shop.token.balance(vault.address) == sum(CHARGES)
        assert await shop.token.balance(leaving.signer.address) == 20 * PRICE - sum(CHARGES)

        # What can't be claimed is reported once, and asked for again well within a withdrawal.
        await sign_with_another_key(shop, (await gone.channel()).identifier)
        await gone.withdraw()
        refused = await scheduler.look()
        assert refused is not None
        assert refused.refused == [(await gone.channel()).identifier]
        assert await scheduler.look() is None
        now += 301
        assert (await scheduler.look() or Claimed()).refused == refused.refused


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
