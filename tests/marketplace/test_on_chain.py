"""Facilitator and settlement worker against the contracts on a local chain."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headwater_marketplace.chain_facilitator import ChainFacilitator
from headwater_marketplace.seller import Offer
from headwater_marketplace.settlement import SettlementWorker
from headwater_payments.address import Address
from headwater_payments.amount import Amount
from headwater_payments.channels import voucher_to_sign
from headwater_payments.hexadecimal import to_hex
from headwater_payments.ledger import balances, check_journal
from headwater_payments.x402 import PaymentPayload, PaymentRequirements
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.transactions import TransactionSender
from headwater_wallet.wallet import Wallet, open_wallet
from support.chain_shop import ChainShop, open_chain_shop
from support.chains import CHAINS
from support.shop import PAYEE, PRICE, USDC

pytestmark = pytest.mark.anyio

SECOND = Address("0x" + "44" * 20)


def facilitator_of(shop: ChainShop, later: int = 0) -> ChainFacilitator:
    return ChainFacilitator(shop.sender, shop.deployment, lambda: int(time.time()) + later)


async def signed_payment(
    shop: ChainShop, directory: Path, funds: int, scheme: str
) -> tuple[PaymentPayload, PaymentRequirements, LocalSigner]:
    """What a funded payer's wallet would send, without sending it."""
    signer = LocalSigner.random()
    await shop.fund(signer.address, funds)
    offer = Offer(r"/x", Amount(PRICE, USDC), PAYEE, schemes=(scheme,))
    [terms] = offer.requirements(shop.sender.address)
    policy = simple_policy(Amount(10 * PRICE, USDC))
    path = directory / f"{signer.address}.db"
    async with open_wallet(signer, policy, database=path, lanes=1) as wallet:
        from headwater_wallet.terms import Terms

        purchase = wallet.buyer.purchase("POST", "http://shop.test/x", {})
        wallet.buyer.remember(("POST", "http://shop.test/x"), Terms(terms, {}))
        [header] = (await purchase.first_headers()).values()
        await purchase.ended()
    return PaymentPayload.from_header(header), terms, signer


async def refusal(facilitator: ChainFacilitator, payload: Any, terms: Any) -> str:
    """Verifying and settling must refuse for one reason."""
    verdict = await facilitator.verify(payload, terms)
    settled = await facilitator.settle(payload, terms)
    assert not verdict.is_valid
    assert not settled.success
    assert settled.error_reason == verdict.invalid_reason
    return str(verdict.invalid_reason)


@pytest.mark.parametrize("scheme", ["exact", "batch-settlement"])
async def test_the_facilitator_refuses_what_would_not_settle(tmp_path: Path, scheme: str) -> None:
    async with open_chain_shop(tmp_path) as shop:
        honest = facilitator_of(shop)
        payload, terms, _ = await signed_payment(shop, tmp_path, 100 * PRICE, scheme)
        elsewhere = terms.model_copy(update={"network": "eip155:1"})
        assert await refusal(honest, payload, elsewhere) == "network_mismatch"
        named = terms.model_copy(update={"network": "solana:x"})
        assert await refusal(honest, payload, named) == "invalid_payload"
        expired = await refusal(facilitator_of(shop, later=3_600), payload, terms)
        assert expired.endswith("authorization_valid_before")
        other = terms.model_copy(update={"pay_to": SECOND})
        assert "mismatch" in await refusal(honest, payload, other)
        broken = payload.model_copy(update={"payload": {"type": "voucher"}})
        assert await refusal(honest, broken, terms) == "invalid_payload"
        poor, _, _ = await signed_payment(shop, tmp_path, PRICE - 1, scheme)
        assert "insufficient" in await refusal(honest, poor, terms)
        assert shop.sender.sent == 0


async def test_a_transfer_settles_once(tmp_path: Path) -> None:
    async with open_chain_shop(tmp_path) as shop:
        facilitator = facilitator_of(shop)
        payload, terms, signer = await signed_payment(shop, tmp_path, 5 * PRICE, "exact")
        assert (await facilitator.verify(payload, terms)).is_valid
        first = await facilitator.settle(payload, terms)
        assert first.success
        assert first.transaction.startswith("0x")
        again = await refusal(facilitator, payload, terms)
        assert again == "invalid_exact_evm_nonce_already_used"
        assert await shop.token.balance(PAYEE) == PRICE
        assert await shop.token.balance(signer.address) == 4 * PRICE


async def test_a_deposit_is_placed_once_and_a_forged_voucher_never(tmp_path: Path) -> None:
    async with open_chain_shop(tmp_path) as shop:
        facilitator = facilitator_of(shop)
        payload, terms, signer = await signed_payment(
            shop, tmp_path, 100 * PRICE, "batch-settlement"
        )
        identifier = bytes.fromhex(payload.payload["voucher"]["channelId"][2:])
        thief = LocalSigner.random()
        forged = await thief.sign_typed_data(voucher_to_sign(identifier, PRICE, 84532))
        voucher = {**payload.payload["voucher"], "signature": to_hex(forged)}
        stolen = payload.model_copy(update={"payload": {**payload.payload, "voucher": voucher}})
        assert (await refusal(facilitator, stolen, terms)).endswith("voucher_signature")
        assert (await facilitator.settle(payload, terms)).success
        balance = (await facilitator.channel(identifier)).balance
        assert balance == 2 * PRICE
        again = await facilitator.settle(payload, terms)
        assert not again.success
        assert str(again.error_reason).endswith("deposit_simulation_failed")
        assert (await facilitator.channel(identifier)).balance == balance
        assert await shop.token.balance(signer.address) == 100 * PRICE - balance


async def buy(wallet: Wallet, url: str, charges: list[int]) -> None:
    async with wallet.client(timeout=60) as client:
        for charge in charges:
            answer = await client.post(url, json={"charge": charge})
            assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("on", CHAINS)
async def test_many_channels_and_receivers_are_claimed_in_one_transaction(
    tmp_path: Path, on: str
) -> None:
    minted = 0
    async with open_chain_shop(tmp_path, on=on, schemes=("batch-settlement",)) as shop:
        shop.app._offers += (
            Offer(r"/second/.*", Amount(PRICE, USDC), SECOND, schemes=("batch-settlement",)),
        )
        signers = []
        for number in range(3):
            signer = LocalSigner.random()
            signers.append(signer)
            await shop.fund(signer.address, 20 * PRICE)
            minted += 20 * PRICE
            policy = simple_policy(Amount(10 * PRICE, USDC))
            path = tmp_path / f"{number}.db"
            async with open_wallet(signer, policy, database=path) as wallet:
                await buy(wallet, shop.url + "/paid/x", [100 * (number + 1), 7])
                await buy(wallet, shop.url + "/second/x", [1_000])
        sent = shop.sender.sent
        worker = SettlementWorker(shop.store, shop.sender, shop.deployment)
        claimed = await worker.claim_all()
        assert claimed is not None
        assert claimed.by_receiver == {PAYEE: 621, SECOND: 3_000}
        assert (claimed.channels, shop.sender.sent - sent) == (6, 1)
        assert await shop.token.balance(PAYEE) == 621
        assert await shop.token.balance(SECOND) == 3_000
        assert await worker.claim_all() is None

        # A worker that stopped between the transaction and the books claims nothing twice.
        await forget_claims(shop)
        assert await worker.claim_all() is None
        assert await shop.token.balance(PAYEE) == 621
        assert await worker.claim_all() is None

        # Nobody else's key claims, and what is on chain adds up to what was minted.
        stranger = LocalSigner.random()
        await shop.chain.fund(stranger.address, 10**18)
        other = TransactionSender(shop.chain.reader, stranger)
        await forget_claims(shop)
        assert await SettlementWorker(shop.store, other, shop.deployment).claim_all() is None
        held = [PAYEE, SECOND, shop.deployment.batch_settlement, *(s.address for s in signers)]
        assert sum([await shop.token.balance(account) for account in held]) == minted
        assert await shop.token.total_supply() == minted
        entries = await shop.store.journal()
        check_journal(entries)
        books = {name: amount for (name, _), amount in balances(entries).items()}
        assert books[f"receivable:{PAYEE}"] == 621
        assert books[f"receivable:{SECOND}"] == 3_000


async def forget_claims(shop: ChainShop) -> None:
    from sqlalchemy import update

    from headwater_marketplace.seller.rows import CHANNELS

    await shop.store._database.write(lambda c: c.execute(update(CHANNELS).values(claimed=0)))


async def test_the_seller_looks_at_the_chain_before_it_trusts_a_channel_again(
    tmp_path: Path,
) -> None:
    """A buyer that starts to withdraw is refused as soon as the mirror is read again."""
    async with open_chain_shop(tmp_path, schemes=("batch-settlement",)) as shop:
        signer = LocalSigner.random()
        await shop.fund(signer.address, 20 * PRICE)
        await shop.chain.fund(signer.address, 10**18)
        policy = simple_policy(Amount(10 * PRICE, USDC))
        async with open_wallet(signer, policy, database=tmp_path / "w.db") as wallet:
            await buy(wallet, shop.url + "/paid/x", [10])
            [record] = await shop.store.channels()
            from headwater_contracts.clients.batch_settlement import BatchSettlementClient

            contract = BatchSettlementClient(shop.chain.reader, shop.deployment.batch_settlement)
            own = TransactionSender(shop.chain.reader, signer)
            await own.send(contract.initiate_withdraw(record.config, 100))
            await buy(wallet, shop.url + "/paid/x", [10])
            gate = shop.app._gate
            shop.app._gate = replace(gate, now=lambda: int(time.time()) + 400)
            async with wallet.client(timeout=60) as client:
                from headwater_wallet.errors import PaymentRefusedError

                with pytest.raises(PaymentRefusedError, match="withdrawal_pending"):
                    await client.post(shop.url + "/paid/x", json={"charge": 10})
        worker = SettlementWorker(shop.store, shop.sender, shop.deployment)
        claimed = await worker.claim_all()
        assert claimed is not None
        assert claimed.total == 20
