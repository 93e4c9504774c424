"""The court of epochs through its clients: faults, demands and disputes, on either chain."""

import itertools
from dataclasses import replace
from hashlib import sha256

import pytest
from contracts.world import (
    ALICE,
    BOB,
    BOND,
    World,
    approve,
    create_vault,
    lock_bond,
    open_world,
    post,
    publish,
    terms_of,
    two_leaf_tree,
)
from eth_utils.crypto import keccak

from headwater_attribution.entitlement import detail_node, detail_root, prove_detail
from headwater_attribution.merkle import MerkleTree
from headwater_contracts.calls import Call
from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.clients.availability_demands import AvailabilityDemandsClient
from headwater_contracts.clients.epoch_faults import EpochFaultsClient
from headwater_contracts.clients.openings import (
    DetailOpening,
    DetailTop,
    Entitlement,
    Opening,
    ReceiptOpening,
)
from headwater_contracts.clients.panels import PanelsClient, RootClaim
from headwater_contracts.clients.revenue_vault import RevenueVaultClient
from headwater_contracts.deployments import Deployment, deploy_development_contracts
from headwater_contracts.events.court import DisputeState, Fault, FaultProved
from headwater_contracts.events.demands import LeafShown
from headwater_contracts.reverts import ContractRevertError
from support.chains import CHAINS, start_chain

pytestmark = pytest.mark.anyio

PAYMENTS = {keccak(text="first"): 30_000, keccak(text="second"): 10_000}


@pytest.fixture
async def world(chain: DevelopmentChain, deployment: Deployment) -> World:
    return await open_world(chain, deployment)


async def funded_vault(world: World) -> RevenueVaultClient:
    vault = await create_vault(world, terms_of(world, await publish(world)))
    await world.chain.send(world.token.mint(vault.address, 100_000))
    return vault


def leaves() -> tuple[Entitlement, Entitlement]:
    """What two receipts pay Alice, and a leaf of Bob's."""
    return (
        Entitlement(0, ALICE, 40_000, detail_root(PAYMENTS)),
        Entitlement(1, BOB, 10_000, keccak(text="b")),
    )


async def post_leaves(
    world: World, vault: RevenueVaultClient, first: Entitlement, second: Entitlement
) -> tuple[Opening, Opening]:
    root, total, one, two = two_leaf_tree(vault, world.token.address, first, second)
    await post(world, vault, root, total)
    return Opening(first, one), Opening(second, two)


def top() -> DetailTop:
    """The two nodes under Alice's detail root."""
    one, two = (detail_node(key, PAYMENTS[key]) for key in sorted(PAYMENTS))
    return DetailTop(False, (one.hash, one.sum), (two.hash, two.sum))


async def test_a_disputed_increment_is_held_judged_and_voided(world: World) -> None:
    vault = await funded_vault(world)
    alice, bob = await post_leaves(world, vault, *leaves())
    await approve(world, world.buyer, world.court.address, 200)
    raised = await world.buyer.send(
        world.court.dispute_leaf(vault.address, Opening.never(0), alice, keccak(text="reasons"))
    )
    number = world.court.raised_dispute(raised)
    assert (await vault.adjustment(0)).open == 1
    await world.chain.advance_time(31)
    await world.seller.send(vault.finalize())
    await world.seller.send(vault.claim_many([(alice.leaf, alice.proof), (bob.leaf, bob.proof)]))
    assert (await world.token.balance(ALICE), await world.token.balance(BOB)) == (0, 10_000)

    await world.buyer.send(world.court.vote(number, yes=True, reason_hash=bytes(32)))
    await world.seller.send(world.court.resolve(number))
    dispute = await world.court.dispute(number)
    assert (dispute.state, dispute.amount, dispute.challenger) == (
        DisputeState.UPHELD,
        40_000,
        world.buyer.address,
    )
    assert await vault.voided_total() == 40_000
    # 40 % of the 40,000 at stake, the dispute's own bond, and the sole arbiter's fee.
    assert await world.court.credit(world.token.address, world.buyer.address) == 16_000 + 250
    assert await world.court.insurance(vault.address) == 40_000 - 16_000 - 50
    bond = await world.court.bond(vault.address, world.seller.address)
    assert (bond.amount, bond.engaged) == (BOND - 40_000, 0)
    before = await world.token.balance(world.buyer.address)
    await world.buyer.send(world.court.withdraw(world.token.address))
    assert await world.token.balance(world.buyer.address) == before + 16_250


async def test_a_sum_that_is_not_its_receipts_cancels_the_root(world: World) -> None:
    vault = await funded_vault(world)
    first, second = leaves()
    more, _ = await post_leaves(world, vault, replace(first, cumulative=40_001), second)
    faults = EpochFaultsClient(world.chain.reader, await world.court.faults())
    await world.buyer.send(faults.prove_detail_sum(vault.address, Opening.never(0), more, top()))
    assert await vault.pending_root() is None
    (proved,) = await world.court.events(0, kinds=[FaultProved])
    assert isinstance(proved, FaultProved)
    assert (proved.fault, proved.challenger, proved.position) == (
        Fault.DETAIL_SUM,
        world.buyer.address,
        0,
    )
    right, _ = await post_leaves(world, vault, first, second)
    with pytest.raises(ContractRevertError) as refused:
        await world.chain.reader.call(
            faults.prove_detail_sum(vault.address, Opening.never(0), right, top())
        )
    assert refused.value.name == "NoFault"


async def test_a_demanded_leaf_is_shown_and_paid_for(world: World) -> None:
    vault = await funded_vault(world)
    alice, _ = await post_leaves(world, vault, *leaves())
    demands = AvailabilityDemandsClient(world.chain.reader, await world.court.demands())
    await approve(world, world.buyer, demands.address, 30)
    first = demands.raised_demand(await world.buyer.send(demands.demand(vault.address, 0, 0)))
    second = demands.raised_demand(await world.buyer.send(demands.demand(vault.address, 0, 1)))
    await world.seller.send(demands.show_leaf(first, alice, top()))
    (shown,) = await demands.events(0, kinds=[LeafShown])
    assert isinstance(shown, LeafShown)
    assert (shown.opening.leaf, shown.detail) == (alice.leaf, top())
    assert await demands.credit(world.token.address, world.seller.address) == 10
    await world.chain.advance_time(31)
    with pytest.raises(ContractRevertError) as refused:
        await world.chain.reader.call(vault.finalize())
    assert refused.value.name == "DemandsOpen"
    await world.seller.send(demands.prove_unavailable(second))
    assert await vault.pending_root() is None
    assert await demands.credit(world.token.address, world.buyer.address) == 20
    assert await world.court.credit(world.token.address, world.buyer.address) == 20_000


async def test_a_verifiers_signature_is_over_one_root(world: World) -> None:
    panels = PanelsClient(world.chain.reader, await world.court.panels())
    rules = replace(await panels.rules(1), verifier_quorum=1)
    opened = await world.seller.send(
        panels.open_panel(rules, [world.seller.address], [world.buyer.address])
    )
    panel = panels.opened_panel(opened)
    assert await panels.is_verifier(panel, world.buyer.address)
    assert not await panels.is_arbiter(panel, world.buyer.address)
    vault = await create_vault(world, replace(terms_of(world, await publish(world)), panel=panel))
    await world.chain.send(world.token.mint(vault.address, 100_000))
    await lock_bond(world, vault)
    root, total, _, _ = two_leaf_tree(vault, world.token.address, *leaves())
    claim = RootClaim(vault.address, 1, root, total, 1, keccak(text="bundle"))
    signature = world.buyer.sign(await panels.attestation_digest(claim))
    with pytest.raises(ContractRevertError) as refused:
        await post(world, vault, root, total)
    assert refused.value.name == "NotEnoughAttestations"
    await world.seller.send(vault.post_root(1, root, total, 1, keccak(text="bundle"), [signature]))
    assert await vault.pending_root() is not None


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize(("size", "on"), [(2, "local"), (5, "anvil"), (19, "local")])
async def test_receipts_open_on_chain_as_python_commits_them(size: int, on: str) -> None:
    async with await start_chain(on) as chain:
        world = await open_world(chain, await deploy_development_contracts(chain))
        vault = await funded_vault(world)
        evidence = sha256(b"evidence").digest()
        ids = [number.to_bytes(32, "big") for number in range(10, 10 + size)]
        tree = MerkleTree([i + (1_000).to_bytes(16, "big") + evidence for i in ids])
        first, second = leaves()
        root, total, _, _ = two_leaf_tree(vault, world.token.address, first, second)
        await post(world, vault, root, total, tree.root)
        faults = EpochFaultsClient(chain.reader, await world.court.faults())
        receipts = [
            ReceiptOpening(key, 1_000, evidence, index, size, tree.prove(index))
            for index, key in enumerate(ids)
        ]
        for earlier, later in itertools.pairwise(receipts):
            call = faults.prove_receipt_order(vault.address, earlier, later)
            assert await refusal(world, call) == "NoFault"
            for broken in (replace(later, charge=999), replace(later, size=size + 1)):
                call = faults.prove_receipt_order(vault.address, earlier, broken)
                assert await refusal(world, call) == "InvalidReceipt"


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("on", CHAINS)
async def test_details_open_on_chain_as_python_commits_them(on: str) -> None:
    async with await start_chain(on) as chain:
        world = await open_world(chain, await deploy_development_contracts(chain))
        vault = await funded_vault(world)
        amounts = {number.to_bytes(32, "big"): 1_000 + number for number in range(1, 12)}
        first, second = leaves()
        paid = replace(first, cumulative=sum(amounts.values()), detail_root=detail_root(amounts))
        alice, _ = await post_leaves(world, vault, paid, second)
        faults = EpochFaultsClient(chain.reader, await world.court.faults())
        details = []
        for key, amount in amounts.items():
            index, proof = prove_detail(amounts, key)
            details.append(
                DetailOpening(index, key, amount, [(node.hash, node.sum) for node in proof])
            )
        for earlier, later in itertools.pairwise(details):
            call = faults.prove_detail_order(vault.address, alice, earlier, later)
            assert await refusal(world, call) == "NoFault"
            call = faults.prove_detail_order(
                vault.address, alice, earlier, replace(later, amount=1)
            )
            assert await refusal(world, call) == "InvalidDetail"


async def refusal(world: World, call: Call) -> str:
    with pytest.raises(ContractRevertError) as refused:
        await world.chain.reader.call(call)
    return refused.value.name
