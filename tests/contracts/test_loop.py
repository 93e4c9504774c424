"""Money goes round on chain: deposit, claim, settle into a vault, root, claims; on either chain."""

from dataclasses import replace

import pytest
from contracts.world import (
    ALICE,
    BOB,
    BOND,
    HOST,
    PLATFORM,
    World,
    create_vault,
    open_world,
    pay_through_a_channel,
    post,
    publish,
    regression,
    terms_of,
    two_leaf_tree,
)
from eth_utils.crypto import keccak

from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.clients.asset_registry import (
    ParentLink,
)
from headwater_contracts.clients.openings import Opening
from headwater_contracts.clients.revenue_vault import Entitlement
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.deployments import Deployment
from headwater_contracts.reverts import ContractRevertError
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(chain: DevelopmentChain, deployment: Deployment) -> World:
    return await open_world(chain, deployment)


async def test_a_sale_reaches_every_party(world: World) -> None:
    terms = terms_of(world, await publish(world))
    vault = await create_vault(world, terms)
    assert await vault.terms() == terms
    config = await pay_through_a_channel(world, vault.address, 100_000)
    state = await world.channels.channel(await world.channels.channel_id(config))
    assert (state.balance, state.total_claimed, state.unclaimed) == (100_000, 100_000, 0)

    alice = Entitlement(0, ALICE, 40_000, keccak(text="a"))
    bob = Entitlement(1, BOB, 20_000, keccak(text="b"))
    root, total, alice_proof, bob_proof = two_leaf_tree(vault, world.token.address, alice, bob)
    await post(world, vault, root, total)
    pending = await vault.pending_root()
    assert pending is not None
    assert (pending.hash, pending.sum, pending.depth, pending.epoch) == (root, 60_000, 1, 1)
    with pytest.raises(ContractRevertError) as refused:
        await world.chain.reader.call(vault.finalize())
    assert refused.value.name == "WindowOpen"

    await world.chain.advance_time(31)
    for call in (
        vault.finalize(),
        vault.pay_platform(),
        vault.pay_host(),
        vault.pay_owner(world.seller.address),
        vault.claim(alice, alice_proof),
        vault.claim_many([(alice, alice_proof), (bob, bob_proof)]),
    ):
        await world.buyer.send(call)

    paid = {
        who: await world.token.balance(who)
        for who in (PLATFORM, HOST, world.seller.address, ALICE, BOB)
    }
    assert list(paid.values()) == [5_000, 20_000, 15_000, 40_000, 20_000]
    assert await world.token.balance(vault.address) == 0
    assert await world.token.balance(world.channels.address) == 0
    assert await world.token.balance(world.buyer.address) == 900_000
    assert await world.token.balance(world.court.address) == BOND
    assert await world.token.total_supply() == 1_000_000 + BOND
    assert (await vault.position(1)).account == BOB


async def test_revenue_cascades_to_the_parent(world: World) -> None:
    parent_id = await publish(world)
    parent = await create_vault(world, terms_of(world, parent_id))
    await world.seller.send(world.registry.set_payee(parent_id, parent.address))
    child_id = await publish(world, (ParentLink(parent_id, 10_000_000),))
    (link,) = await world.registry.parents(child_id)
    assert link == ParentLink(parent_id, 10_000_000, parent.address)
    child = await create_vault(world, terms_of(world, child_id, 10_000_000))
    await pay_through_a_channel(world, child.address, 50_000)
    await world.buyer.send(parent.pull_from(child.address, 0))
    await world.buyer.send(parent.pull_from(child.address, 0))
    assert await world.token.balance(parent.address) == 5_000
    assert await parent.royalty_in() == await child.parent_paid(0) == 5_000
    buckets = await parent.buckets()
    assert (buckets.host, buckets.pool, buckets.unbooked) == (1_000, 3_000, 0)


async def test_a_root_that_takes_something_back_is_cancelled(world: World) -> None:
    vault = await create_vault(world, terms_of(world, await publish(world)))
    await pay_through_a_channel(world, vault.address, 100_000)
    alice = Entitlement(0, ALICE, 40_000, keccak(text="a"))
    bob = Entitlement(1, BOB, 10_000, keccak(text="b"))
    root, total, was_proof, _ = two_leaf_tree(vault, world.token.address, alice, bob)
    await post(world, vault, root, total)
    await world.chain.advance_time(31)
    await world.buyer.send(vault.finalize())
    less = replace(alice, cumulative=39_999)
    root, total, now_proof, _ = two_leaf_tree(
        vault, world.token.address, less, replace(bob, cumulative=20_001)
    )
    await post(world, vault, root, total)
    await world.buyer.send(
        await regression(world, vault, Opening(alice, was_proof), Opening(less, now_proof))
    )
    assert await vault.pending_root() is None
    final = await vault.final_root()
    assert final is not None
    assert final.sum == 50_000


async def test_terms_that_do_not_add_up_are_refused_before_any_call(world: World) -> None:
    version_id = await publish(world)
    whole = terms_of(world, version_id)
    with pytest.raises(InvalidInputError, match="sum to"):
        world.factory.create(replace(whole, owner_share=1))
    with pytest.raises(InvalidInputError, match="at most"):
        world.factory.create(replace(whole, host_share=50_000_000, contributors_share=30_000_000))
    with pytest.raises(InvalidInputError, match="fallback"):
        world.factory.create(replace(whole, fallback=HOST))


async def test_bad_input_is_refused_in_one_sentence(world: World) -> None:
    with pytest.raises(InvalidInputError):
        world.token.transfer(parse_address(ALICE), -1)
    with pytest.raises(InvalidInputError):
        await world.token.balance(Address("0x12"))
    with pytest.raises(InvalidInputError):
        await world.channels.channel(b"short")
    with pytest.raises(InvalidInputError):
        SettlementTokenClient(world.chain.reader, "not an address")
    with pytest.raises(InvalidInputError):
        await world.registry.version(99)
