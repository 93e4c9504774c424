"""Licences and hiding commitments: the contracts decide as the Python reference says."""

from dataclasses import replace

import pytest
from contracts.world import World, open_world
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.clients.asset_registry import AssetKind, ParentLink
from headwater_contracts.clients.licence_terms import Licence, Use, broadest, refusals
from headwater_contracts.clients.licences import LicencesClient
from headwater_contracts.clients.multicall3 import Multicall3Client
from headwater_contracts.clients.row_commitments import (
    HiddenRow,
    HiddenRows,
    RowCommitmentsClient,
)
from headwater_contracts.deployments import Deployment
from headwater_contracts.events.event import field_name
from headwater_contracts.reverts import ContractRevertError
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError

pytestmark = pytest.mark.anyio

USDC = parse_address("0x" + "0c" * 20)
OWNER = parse_address("0x" + "0a" * 20)
FREE = Licence(
    transferable=True,
    commercial_use=True,
    commercial_rev_share=5_000_000,
    derivatives_allowed=True,
    training=True,
    inference=True,
    retrieval=True,
    uri="ipfs://licence",
)


@st.composite
def licences(draw: st.DrawFn) -> Licence:
    """Of few values each, so that pairs follow from each other often enough."""
    often = st.sampled_from([True, True, True, False])
    commercial = draw(often)
    reciprocal = not draw(often) and not draw(often)
    share = draw(st.integers(0, 2)) if commercial else 0
    least = draw(st.integers(0, 2))
    return Licence(
        transferable=draw(often),
        expiration=draw(st.sampled_from([0, 2**39, 2**39 + 1])),
        commercial_use=commercial,
        commercial_attribution=not draw(often),
        commercial_rev_share=share,
        commercial_rev_ceiling=draw(st.sampled_from([0, 0, 7])),
        derivatives_allowed=draw(often),
        derivatives_attribution=not draw(often),
        derivatives_approval=not draw(often),
        derivatives_reciprocal=reciprocal,
        derivative_rev_ceiling=draw(st.sampled_from([0, 0, 7])),
        currency=draw(st.sampled_from([parse_address("0x" + "00" * 20), USDC])),
        training=draw(often),
        inference=draw(often),
        retrieval=draw(often),
        min_downstream=min(least, share) if reciprocal else least,
    )


@pytest.fixture
async def world(chain: DevelopmentChain, deployment: Deployment) -> World:
    return await open_world(chain, deployment)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_contract_refuses_what_the_reference_refuses(
    chain: DevelopmentChain, deployment: Deployment
) -> None:
    client = LicencesClient(chain.reader, deployment.licences)
    batch = Multicall3Client(chain.reader, deployment.multicall3)
    strategy = st.tuples(licences(), licences(), st.sampled_from(Use), st.booleans())
    pairs: list[tuple[Licence, Licence, Use, bool]] = []

    @settings(max_examples=60, database=None, derandomize=True)
    @given(strategy)
    def collect(pair: tuple[Licence, Licence, Use, bool]) -> None:
        pairs.append(pair)

    collect()
    pairs += [(parent, parent, use, True) for parent, _, use, _ in pairs[:20]]
    opened = {each.hash: client.open(each) for pair in pairs for each in pair[:2]}
    await chain.send(batch.batch(list(opened.values()), "open the licences"), gas=50_000_000)
    followed = 0
    for parent, child, use, approved in pairs:
        said = list(refusals(parent, child, use, approved=approved))
        asked = client.require_derivable(parent.hash, child.hash, use, OWNER, approved=approved)
        if said:
            with pytest.raises(ContractRevertError) as refused:
                await asked
            assert field_name(str(refused.value.arguments["field"])) in said
        else:
            await asked
            followed += 1
        assert await client.licence(child.hash) == child
    assert 5 <= followed <= len(pairs) - 5


@settings(max_examples=80, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.lists(licences(), min_size=1, max_size=3), licences())
def test_the_broadest_licence_follows_from_all_parents(
    parents: list[Licence], wish: Licence
) -> None:
    wish = replace(wish, derivatives_reciprocal=False)
    currencies = {parent.currency for parent in parents if int(parent.currency, 16)}
    mixed = any(parent.derivatives_reciprocal for parent in parents) and len(set(parents)) > 1
    closed = any(not parent.derivatives_allowed for parent in parents)
    if closed or len(currencies) > 1:
        with pytest.raises(InvalidInputError):
            broadest(parents, wish)
        return
    if mixed:
        # One of them asks for itself; whether the others grant that is their matter.
        assume(all(not list(refusals(p, q, approved=True)) for p in parents for q in parents))
    found = broadest(parents, wish)
    for parent in parents:
        assert list(refusals(parent, found, approved=True)) == []
    for name in ("training", "inference", "retrieval"):
        if not any(parent.derivatives_reciprocal for parent in parents):
            grants = getattr(wish, name) and all(getattr(each, name) for each in parents)
            assert getattr(found, name) == grants


async def test_a_link_is_held_to_the_parents_licence(world: World, deployment: Deployment) -> None:
    client = LicencesClient(world.chain.reader, deployment.licences)
    registry, seller = world.registry, world.seller
    closed = replace(FREE, training=False, commercial_use=False, commercial_rev_share=0)
    for each in (FREE, closed):
        await seller.send(client.open(each))
    assert await client.is_open(FREE.hash)
    with pytest.raises(InvalidInputError, match="No licence"):
        await client.licence(bytes(32))

    async def publish(kind: AssetKind, licence: Licence, parents: tuple[ParentLink, ...]) -> int:
        asset = registry.registered_asset(
            await seller.send(registry.register_asset(kind, seller.address))
        )
        call = registry.publish_version(
            asset,
            keccak(text="content"),
            licence.hash,
            parents,
            min_royalty=licence.commercial_rev_share,
        )
        return registry.published_version(await seller.send(call))

    rows = await publish(AssetKind.DATASET, closed, ())
    with pytest.raises(ContractRevertError) as refused:
        await publish(AssetKind.MODEL, closed, (ParentLink(rows, 0),))
    assert (refused.value.name, refused.value.arguments) == ("NotGranted", {"field": "training"})
    await publish(AssetKind.SERVICE, closed, (ParentLink(rows, 0),))
    asset = (await registry.version(rows)).asset_id
    await seller.send(registry.approve_derivative(rows, asset))


def hidden(owner: Address, count: int) -> list[HiddenRow]:
    return [HiddenRow(keccak(text=f"row {i}"), owner, bytes([i + 1]) * 32) for i in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
async def test_a_committed_row_shows_since_when_its_owner_had_it(
    world: World, deployment: Deployment, count: int
) -> None:
    client = RowCommitmentsClient(world.chain.reader, deployment.row_commitments)
    rows = hidden(world.seller.address, count)
    tree = HiddenRows(rows)
    # Somebody who watched copies the root first and gains nothing.
    receipt = await world.buyer.send(client.commit(tree.root))
    await world.seller.send(client.commit(tree.root))
    for index, row in enumerate(rows):
        proof = tree.prove(index)
        assert await client.priority(tree.root, row, proof) == receipt.block_number
        copied = replace(row, owner=world.buyer.address)
        assert await client.priority(tree.root, copied, proof) is None
    with pytest.raises(InvalidInputError):
        tree.prove(count)
    with pytest.raises(InvalidInputError):
        HiddenRows([])
