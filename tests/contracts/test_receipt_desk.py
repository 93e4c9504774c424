"""A vault authorizes its own channels: by receipts for anyone, by its operator otherwise."""

from dataclasses import replace

import pytest
from contracts.conftest import Party
from contracts.world import World, create_vault, open_world, publish, terms_of

from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.clients.batch_settlement import VoucherClaim
from headwater_contracts.clients.receipt_desk import (
    ReceiptDeskClient,
    SignedReceipt,
    operator_claim,
    operator_refund,
)
from headwater_contracts.clients.revenue_vault import RevenueVaultClient
from headwater_contracts.deployments import Deployment
from headwater_contracts.events.desk import ChargePosted
from headwater_contracts.reverts import ContractRevertError
from headwater_payments.channels import channel_id as identify
from headwater_payments.metering import MeteringReceipt
from headwater_payments.structs import ChannelConfig, ClaimBatch, ClaimEntry, Refund

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(chain: DevelopmentChain, deployment: Deployment) -> World:
    return await open_world(chain, deployment)


async def open_channel(world: World, operator: Party) -> tuple[RevenueVaultClient, ChannelConfig]:
    """A funded channel to a vault, which is its own authorizer; `operator` is the host."""
    terms = replace(terms_of(world, await publish(world)), host=operator.address)
    vault = await create_vault(world, terms)
    config = ChannelConfig(
        payer=world.buyer.address,
        payer_authorizer=world.buyer.address,
        receiver=vault.address,
        receiver_authorizer=vault.address,
        token=world.token.address,
        withdraw_delay=86_400,
        salt=bytes(32),
    )
    data = world.deposit_data(config, 1_000, 7)
    await world.buyer.send(world.channels.deposit(config, 1_000, world.collector, data))
    return vault, config


def receipt(config: ChannelConfig, operator: Party, cumulative: int) -> SignedReceipt:
    metered = MeteringReceipt(
        payment_id=b"\x01" * 32,
        channel_id=identify(config, 84_532),
        payee=config.receiver,
        request_hash=b"\x02" * 32,
        response_hash=b"\x03" * 32,
        cap=cumulative + 100,
        charge=cumulative,
        cumulative=cumulative,
        asset_version=b"\x04" * 32,
        attribution=b"\x05" * 32,
        issued_at=1_700_000_000,
    )
    signature = operator.sign(metered.to_sign(84_532).digest())
    return SignedReceipt(metered, operator.address, signature)


async def voucher(world: World, config: ChannelConfig, cap: int, claimed: int) -> VoucherClaim:
    channel = await world.channels.channel_id(config)
    signature = world.buyer.sign(await world.channels.voucher_digest(channel, cap))
    return VoucherClaim(config, cap, signature, claimed)


async def test_anyone_claims_what_a_receipt_charges(world: World, deployment: Deployment) -> None:
    operator = await Party.funded(world.chain)
    vault, config = await open_channel(world, operator)
    desk = ReceiptDeskClient(world.chain.reader, deployment.receipt_desk)
    assert await desk.operator_of(vault.address) == operator.address
    signed = receipt(config, operator, 350)
    await world.buyer.send(desk.post_receipt(signed))
    assert await desk.charged(vault.address, identify(config, 84_532)) == 350
    (posted,) = await desk.events(0)
    assert isinstance(posted, ChargePosted)
    assert posted.cumulative == 350
    row = await voucher(world, config, 600, 350)
    await world.buyer.send(desk.claim_by_receipt([row], [signed]))
    assert await world.token.balance(vault.address) == 350


async def test_the_operator_signs_for_the_vault_and_gives_back_no_sale(
    world: World, deployment: Deployment
) -> None:
    operator = await Party.funded(world.chain)
    vault, config = await open_channel(world, operator)
    desk = ReceiptDeskClient(world.chain.reader, deployment.receipt_desk)
    await world.buyer.send(desk.post_receipt(receipt(config, operator, 350)))
    channel = identify(config, 84_532)
    refund = Refund(channel, 0, 1_000)
    digest = await world.channels.refund_digest(channel, 0, 1_000)
    back = operator_refund(refund, operator.sign(digest))
    with pytest.raises(ContractRevertError) as refused:
        await world.chain.reader.call(world.channels.refund_with_signature(config, 1_000, 0, back))
    assert refused.value.name == "InvalidSignature"

    row = await voucher(world, config, 600, 400)
    batch = ClaimBatch((ClaimEntry(channel, 600, 400),))
    digest = await world.channels.claim_batch_digest([row])
    signature = operator_claim(batch, operator.sign(digest))
    await world.seller.send(world.channels.claim_with_signature([row], signature))
    await world.seller.send(world.channels.refund_with_signature(config, 1_000, 0, back))
    await world.seller.send(world.channels.settle(vault.address, world.token.address))
    assert await world.token.balance(vault.address) == 400
    assert await world.token.balance(world.channels.address) == 0
