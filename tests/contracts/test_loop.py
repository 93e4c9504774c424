"""Money goes round on chain: deposit, claim, settle into a vault, root, claims; on either chain."""

from dataclasses import dataclass, replace

import pytest
from contracts.conftest import Party
from eth_utils.crypto import keccak

from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.clients.asset_registry import (
    AssetKind,
    AssetRegistryClient,
    ParentLink,
)
from headwater_contracts.clients.batch_settlement import BatchSettlementClient, VoucherClaim
from headwater_contracts.clients.revenue_vault import Entitlement, RevenueVaultClient, SumProof
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.clients.vault_factory import RevenueVaultFactoryClient
from headwater_contracts.clients.vault_terms import VaultTerms
from headwater_contracts.deployments import Deployment
from headwater_contracts.reverts import ContractRevertError
from headwater_payments.address import Address, parse_address
from headwater_payments.batch_payload import deposit_to_sign
from headwater_payments.channels import deposit_collector_data
from headwater_payments.eip712 import Domain
from headwater_payments.errors import InvalidInputError
from headwater_payments.structs import ChannelConfig

pytestmark = pytest.mark.anyio

PLATFORM, HOST, FALLBACK, ALICE, BOB = (
    parse_address("0x" + digit * 40) for digit in ("1", "2", "3", "4", "5")
)
FOREVER = 2**256 - 1


@dataclass(frozen=True)
class World:
    """One buyer, one seller who owns a model and posts its roots, and the contracts."""

    chain: DevelopmentChain
    token: SettlementTokenClient
    channels: BatchSettlementClient
    registry: AssetRegistryClient
    factory: RevenueVaultFactoryClient
    collector: Address
    buyer: Party
    seller: Party


@pytest.fixture
async def world(chain: DevelopmentChain, deployment: Deployment) -> World:
    buyer, seller = await Party.funded(chain), await Party.funded(chain)
    token = SettlementTokenClient(chain.reader, deployment.settlement_token)
    await chain.send(token.mint(buyer.address, 1_000_000))
    return World(
        chain=chain,
        token=token,
        channels=BatchSettlementClient(chain.reader, deployment.batch_settlement),
        registry=AssetRegistryClient(chain.reader, deployment.asset_registry),
        factory=RevenueVaultFactoryClient(chain.reader, deployment.vault_factory),
        collector=deployment.deposit_collector,
        buyer=buyer,
        seller=seller,
    )


async def publish(world: World, parents: tuple[ParentLink, ...] = ()) -> int:
    registry, seller = world.registry, world.seller
    receipt = await seller.send(registry.register_asset(AssetKind.MODEL, seller.address))
    asset_id = registry.registered_asset(receipt)
    receipt = await seller.send(
        registry.publish_version(asset_id, keccak(text="rows"), keccak(text="licence"), parents)
    )
    return registry.published_version(receipt)


def terms_of(world: World, version_id: int, parents_share: int = 0) -> VaultTerms:
    return VaultTerms(
        token=world.token.address,
        version_id=version_id,
        platform=PLATFORM,
        host=HOST,
        attributor=world.seller.address,
        fallback=FALLBACK,
        platform_share=5_000_000,
        host_share=20_000_000,
        owner_share=15_000_000 - parents_share,
        parents_share=parents_share,
        contributors_share=60_000_000,
        challenge_window=30,
        terms_hash=keccak(text="terms"),
    )


async def create_vault(world: World, terms: VaultTerms) -> RevenueVaultClient:
    expected = await world.factory.vault_address(terms)
    await world.seller.send(world.factory.create(terms))
    assert await world.factory.is_vault(expected)
    return RevenueVaultClient(world.chain.reader, expected)


async def pay_through_a_channel(world: World, receiver: Address, amount: int) -> ChannelConfig:
    """Deposit, sign one voucher, claim it and settle: what a paid call comes down to."""
    config = ChannelConfig(
        payer=world.buyer.address,
        payer_authorizer=world.buyer.address,
        receiver=receiver,
        receiver_authorizer=world.seller.address,
        token=world.token.address,
        withdraw_delay=900,
        salt=bytes(32),
    )
    channel_id = await world.channels.channel_id(config)
    authorization = deposit_to_sign(
        config,
        channel_id,
        Domain("USDC", "2", world.chain.chain_id, world.token.address),
        amount=amount,
        valid_after=0,
        valid_before=FOREVER,
        salt=7,
    )
    data = deposit_collector_data(0, FOREVER, 7, world.buyer.sign(authorization.digest()))
    await world.seller.send(world.channels.deposit(config, amount, world.collector, data))
    voucher = world.buyer.sign(await world.channels.voucher_digest(channel_id, amount))
    claim = VoucherClaim(config, amount, voucher, amount)
    batch = world.seller.sign(await world.channels.claim_batch_digest([claim]))
    await world.seller.send(world.channels.claim_with_signature([claim], batch))
    await world.seller.send(world.channels.settle(receiver, world.token.address))
    return config


def two_leaf_tree(
    vault: RevenueVaultClient, token: Address, first: Entitlement, second: Entitlement
) -> tuple[bytes, int, SumProof, SumProof]:
    """A tree of depth 1, written out from the encoding that the vault documents."""

    def leaf_hash(leaf: Entitlement) -> bytes:
        return keccak(
            b"\x00"
            + (84532).to_bytes(32, "big")
            + bytes.fromhex(vault.address[2:])
            + bytes.fromhex(token[2:])
            + leaf.position.to_bytes(4, "big")
            + bytes.fromhex(leaf.account[2:])
            + leaf.cumulative.to_bytes(16, "big")
            + leaf.detail_root
        )

    left, right = leaf_hash(first), leaf_hash(second)
    root = keccak(
        b"\x01"
        + left
        + first.cumulative.to_bytes(16, "big")
        + right
        + second.cumulative.to_bytes(16, "big")
    )
    total = first.cumulative + second.cumulative
    return root, total, [(right, second.cumulative)], [(left, first.cumulative)]


async def post(world: World, vault: RevenueVaultClient, root: bytes, total: int) -> None:
    epoch = await vault.current_epoch()
    if await vault.commitment() is None:
        cutoff = await world.chain.reader.block_number()
        await world.seller.send(vault.commit_epoch(epoch, keccak(text="receipts"), cutoff))
    # Recording is no failure before the seed's block exists; on a chain that mines on demand the
    # attempt itself makes the block.
    while await vault.seed() is None:
        await world.seller.send(vault.record_seed())
    await world.seller.send(vault.post_root(epoch, root, total, 1, keccak(text="bundle")))


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
    assert await world.token.total_supply() == 1_000_000
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
    await world.buyer.send(vault.cancel_pending(alice, was_proof, less, now_proof))
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
