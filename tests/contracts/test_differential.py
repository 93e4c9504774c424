"""The contracts and their Python references, to the atomic unit, on drawn cases.

Cases are collected first and run in few transactions, through `Multicall3`, which owns the assets.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import pytest
from contracts.world import ALICE, BOB, FALLBACK, HOST, PLATFORM, RULES
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater_attribution.entitlement import (
    Entitlement,
    EntitlementTree,
    VaultDomain,
    entitlement_opens,
)
from headwater_attribution.lineage import (
    LinkedVersion,
    Owed,
    VaultIncome,
    VaultShares,
    link_version,
)
from headwater_attribution.sumtree import SumNode, SumProof
from headwater_contracts.calls import Call
from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.clients import openings
from headwater_contracts.clients.asset_registry import AssetKind, AssetRegistryClient, ParentLink
from headwater_contracts.clients.epoch_court import EpochCourtClient
from headwater_contracts.clients.licence_terms import Licence
from headwater_contracts.clients.licences import LicencesClient
from headwater_contracts.clients.multicall3 import Multicall3Client
from headwater_contracts.clients.panels import PanelsClient
from headwater_contracts.clients.revenue_vault import RevenueVaultClient
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.clients.vault_factory import RevenueVaultFactoryClient
from headwater_contracts.clients.vault_terms import VaultTerms
from headwater_contracts.deployments import Deployment, deploy_development_contracts
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

T = TypeVar("T")
AMOUNTS = st.one_of(st.integers(1, 50), st.integers(1, 2**60))
GAS = 55_000_000


def drawn(strategy: st.SearchStrategy[T], count: int) -> list[T]:
    """That many examples, other ones in each run."""
    found: list[T] = []

    @settings(
        max_examples=count, database=None, suppress_health_check=list(HealthCheck), deadline=None
    )
    @given(strategy)
    def collect(example: T) -> None:
        found.append(example)

    collect()
    return found


@dataclass(frozen=True)
class Draft:
    """A version to be: what it asks, and promises earlier ones beyond what they ask."""

    asked: int
    is_absolute: bool
    parents: dict[int, int]


@dataclass(frozen=True)
class Graph:
    """Versions by their place, and what then happens: sales, and royalties pulled."""

    drafts: list[Draft]
    moves: list[tuple[int, int | None]]


KNOWN = Graph(
    [
        Draft(10_000_000, True, {}),
        Draft(20_000_000, False, {0: 0}),
        Draft(5_000_000, True, {0: 1_001, 1: 7}),
        Draft(0, False, {1: 0, 2: 3}),
    ],
    [(3, 1_000_003), *((i, None) for i in range(10)), (2, 999_999), (1, 77)]
    + [(i, None) for i in range(10)],
)
"""A chain and a diamond with both policies, in which every link is pulled twice."""


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    count = draw(st.integers(2, 4))
    shares = st.one_of(st.just(0), st.integers(1, 40_000_000))
    drafts = [
        Draft(
            draw(shares),
            draw(st.booleans()),
            draw(
                st.dictionaries(
                    st.integers(0, place - 1), st.integers(0, 3_000_000), min_size=1, max_size=3
                )
            )
            if place
            else {},
        )
        for place in range(count)
    ]
    sale = st.tuples(st.integers(0, count - 1), AMOUNTS)
    pull = st.tuples(st.integers(0, 99), st.none())
    return Graph(drafts, draw(st.lists(st.one_of(sale, pull), min_size=4, max_size=8)))


class Stage:
    """A chain with everything on it, on which one account that can batch owns all."""

    def __init__(
        self, chain: DevelopmentChain, deployed: Deployment, implementation: Address
    ) -> None:
        reader = chain.reader
        self.chain, self.deployed, self._implementation = chain, deployed, implementation
        self.batch = Multicall3Client(reader, deployed.multicall3)
        self.token = SettlementTokenClient(reader, deployed.settlement_token)
        self.registry = AssetRegistryClient(reader, deployed.asset_registry)
        self.factory = RevenueVaultFactoryClient(reader, deployed.vault_factory)
        self.licences = LicencesClient(reader, deployed.licences)
        self.court = EpochCourtClient(reader, deployed.epoch_court)
        self.panels = PanelsClient(reader, deployed.panels)
        self.owner = deployed.multicall3

    @classmethod
    async def open(cls, chain: DevelopmentChain) -> "Stage":
        deployed = await deploy_development_contracts(chain)
        factory = RevenueVaultFactoryClient(chain.reader, deployed.vault_factory)
        stage = cls(chain, deployed, await factory.implementation(deployed.settlement_token))
        rules = replace(RULES, max_increment=2**95)
        await chain.send(stage.panels.open_panel(rules, [chain.faucet]))
        await chain.send(stage.token.mint(stage.owner, 2**100))
        return stage

    async def run(self, calls: list[Call]) -> None:
        await self.chain.send(self.batch.batch(calls, "a batch"), gas=GAS)

    def vault_at(self, terms: VaultTerms) -> RevenueVaultClient:
        """Where CREATE2 puts the vault of these terms, worked out here."""
        code = (
            bytes.fromhex("6100b93d81600a3d39f3363d3d373d3d3d363d73")
            + bytes.fromhex(self._implementation[2:])
            + bytes.fromhex("5af43d82803e903d91602b57fd5bf3")
            + terms.packed()
        )
        factory = bytes.fromhex(self.factory.address[2:])
        hashed = keccak(b"\xff" + factory + bytes(32) + keccak(code))
        return RevenueVaultClient(self.chain.reader, parse_address("0x" + hashed[-20:].hex()))

    def terms(self, version: LinkedVersion, shares: VaultShares) -> VaultTerms:
        return VaultTerms(
            token=self.token.address,
            version_id=version.version_id,
            platform=PLATFORM,
            host=HOST,
            attributor=self.owner,
            fallback=FALLBACK,
            platform_share=shares.platform,
            host_share=shares.host,
            owner_share=shares.owner,
            parents_share=version.stack,
            contributors_share=shares.contributors,
            challenge_window=30,
            panel=1,
            terms_hash=keccak(text="terms"),
        )

    def publish(self, asset_id: int, draft: Draft, parents: tuple[Owed, ...]) -> list[Call]:
        licence = Licence(
            transferable=True,
            commercial_use=True,
            royalty_policy=int(draft.is_absolute),
            commercial_rev_share=draft.asked,
            derivatives_allowed=True,
            training=True,
            inference=True,
            retrieval=True,
        )
        links = tuple(ParentLink(each.version_id, each.royalty) for each in parents)
        return [
            self.licences.open(licence),
            self.registry.register_asset(AssetKind.MODEL, self.owner),
            self.registry.publish_version(
                asset_id, keccak(text="rows"), licence.hash, links, min_royalty=draft.asked
            ),
        ]


def shares_beside(stack: int) -> VaultShares:
    """Odd ones, so that every bucket has something to round."""
    left = PARTS - stack
    platform, host, owner = left // 7, left // 11, left // 3
    return VaultShares(
        platform=platform, host=host, owner=owner, contributors=left - platform - host - owner
    )


async def test_royalties_of_both_kinds_are_the_reference_s(chain: DevelopmentChain) -> None:
    stage = await Stage.open(chain)
    books: dict[int, VaultIncome] = {}
    vaults: dict[int, RevenueVaultClient] = {}
    calls: list[Call] = []
    refused: list[list[Call]] = []
    for graph in [KNOWN, *drawn(graphs(), 40)[-14:]]:
        places: list[int] = []
        for draft in graph.drafts:
            version_id = len(books) + 1
            published = {at: each.version for at, each in books.items()}
            earlier = {places[at]: extra for at, extra in draft.parents.items() if at < len(places)}
            parents = tuple(
                Owed(at, published[at].asked + extra) for at, extra in sorted(earlier.items())
            )
            attempt = stage.publish(version_id, draft, parents)
            try:
                version = link_version(
                    version_id,
                    parents,
                    published,
                    asked=draft.asked,
                    is_absolute=draft.is_absolute,
                )
            except InvalidInputError:
                refused.append(stage.publish(0, draft, parents))
                continue
            terms = stage.terms(version, shares_beside(version.stack))
            vault = stage.vault_at(terms)
            calls += attempt
            calls += [
                stage.factory.create(terms),
                stage.registry.set_payee(version_id, vault.address),
            ]
            books[version_id] = VaultIncome(version, shares_beside(version.stack))
            vaults[version_id] = vault
            places.append(version_id)
        for at, amount in graph.moves:
            if amount is not None:
                seller = places[at % len(places)]
                books[seller].receive(amount)
                calls.append(stage.token.transfer(vaults[seller].address, amount))
                continue
            pairs = [(c, i) for c in places for i in range(len(books[c].version.links))]
            if pairs:
                child, index = pairs[at % len(pairs)]
                payee = books[child].version.links[index][0].version_id
                books[child].pay(index, books[payee])
                calls.append(vaults[payee].pull_from(vaults[child].address, index))
    for start in range(0, len(calls), 60):
        await stage.run(calls[start : start + 60])
    await stage.run([vault.sync() for vault in vaults.values()])
    for version_id, income in books.items():
        await compare(stage, vaults[version_id], income)
    assert sum(bool(each.version.ancestors) for each in books.values()) >= 3
    assert sum(each.royalties > 0 for each in books.values()) >= 3
    for attempt in refused:
        assert not (await stage.batch.read(as_owned(stage, attempt, len(books))))[-1].success


def as_owned(stage: Stage, attempt: list[Call], assets: int) -> list[Call]:
    """The attempt with the asset that its own call would register."""
    licence, register, publish = attempt
    asset = (assets + 1).to_bytes(32, "big")
    return [licence, register, replace(publish, data=publish.data[:4] + asset + publish.data[36:])]


async def compare(stage: Stage, vault: RevenueVaultClient, income: VaultIncome) -> None:
    """Everything that the chain says of a version and its vault, with the reference's books."""
    version = income.version
    found = await stage.registry.version(version.version_id)
    assert (found.stack, found.absolute_stack) == (version.stack, version.absolute_stack)
    links = [Owed(e.parent_id, e.royalty) for e in await stage.registry.parents(found.version_id)]
    absolute = [
        Owed(each.parent_id, each.royalty)
        for each in await stage.registry.ancestors(found.version_id)
    ]
    assert (tuple(links), tuple(absolute)) == (version.parents, version.ancestors)
    assert await vault.total_in() == income.income
    assert await vault.royalty_in() == income.royalties
    split = await vault.buckets()
    assert (split.platform, split.host, split.owner, split.parents, split.pool) == income.buckets()
    for index in range(len(version.links)):
        assert await vault.parent_paid(index) == income.paid.get(index, 0)


POSITIONS = st.one_of(st.integers(0, 7), st.integers(0, 2**18))
LEAVES = st.dictionaries(
    POSITIONS, st.tuples(st.sampled_from([ALICE, BOB]), st.integers(1, 2**70)), min_size=1
)


def tampered(leaf: Entitlement, proof: SumProof, change: int) -> tuple[Entitlement, SumProof]:
    """The opening itself for 0, else one with one thing changed."""
    changes: list[Callable[[], tuple[Entitlement, SumProof]]] = [
        lambda: (leaf, proof),
        lambda: (replace(leaf, cumulative=leaf.cumulative + 1), proof),
        lambda: (replace(leaf, position=leaf.position ^ 1), proof),
        lambda: (replace(leaf, account=FALLBACK), proof),
        lambda: (replace(leaf, detail_root=keccak(leaf.detail_root)), proof),
        lambda: (leaf, proof[:-1]),
        lambda: (leaf, (*proof, SumNode(bytes(32), 0))),
        lambda: (leaf, tuple(SumNode(each.hash, each.sum + 1) for each in proof)),
    ]
    return changes[change % len(changes)]()


async def test_claims_open_and_pay_as_the_reference_says(chain: DevelopmentChain) -> None:
    stage = await Stage.open(chain)
    version = link_version(1, (), {})
    terms = stage.terms(version, shares_beside(0))
    vault = stage.vault_at(terms)
    await stage.run(
        [
            *stage.publish(1, Draft(0, False, {}), ()),
            stage.factory.create(terms),
            stage.token.transfer(vault.address, 2**90),
            stage.token.approve(stage.court.address, 2**91),
            stage.court.lock_bond(vault.address, 2**90),
        ]
    )
    domain = VaultDomain(chain.chain_id, vault.address, stage.token.address)
    earned: dict[int, Entitlement] = {}
    paid: dict[int, int] = {}
    depth, opened, closed = 0, 0, 0
    for epoch, leaves in enumerate(drawn(LEAVES, 3)[-2:], 1):
        for position, (account, amount) in leaves.items():
            was = earned.get(position)
            earned[position] = Entitlement(
                position,
                was.account if was else account,
                amount + (was.cumulative if was else 0),
                keccak(position.to_bytes(4, "big")),
            )
        tree = EntitlementTree(domain, earned.values(), min_depth=depth)
        depth = tree.depth
        await post_and_finalize(stage, vault, tree, epoch)
        attempts = [
            tampered(leaf, tree.prove(position), change)
            for change, (position, leaf) in enumerate(
                [(p, e) for p, e in sorted(earned.items()) for _ in range(8)]
            )
        ]
        calls = [vault.claim(onchain(leaf), pairs(proof)) for leaf, proof in attempts]
        tried = [await stage.batch.read([call]) for call in calls]
        root = SumNode(tree.root, tree.sum)
        for (leaf, proof), (result,) in zip(attempts, tried, strict=True):
            opens = entitlement_opens(domain, root, depth, leaf, proof)
            due = opens and leaf.cumulative > paid.get(leaf.position, 0)
            assert result.success == due
            opened, closed = opened + due, closed + (not due)
        honest = [(onchain(leaf), pairs(tree.prove(p))) for p, leaf in earned.items()]
        await stage.run([vault.claim_many(honest)])
        paid = {position: leaf.cumulative for position, leaf in earned.items()}
        assert await vault.claimed_total() == sum(paid.values())
        for account in (ALICE, BOB):
            owed = sum(e.cumulative for e in earned.values() if e.account == account)
            assert await stage.token.balance(account) == owed
    assert opened >= 2
    assert closed >= 10


def onchain(leaf: Entitlement) -> openings.Entitlement:
    return openings.Entitlement(leaf.position, leaf.account, leaf.cumulative, leaf.detail_root)


def pairs(proof: SumProof) -> list[tuple[bytes, int]]:
    return [(node.hash, node.sum) for node in proof]


async def post_and_finalize(
    stage: Stage, vault: RevenueVaultClient, tree: EntitlementTree, epoch: int
) -> None:
    await stage.chain.mine(2)
    cutoff = await stage.chain.reader.block_number()
    await stage.run([vault.commit_epoch(epoch, keccak(text="receipts"), cutoff)])
    await stage.chain.mine(2)
    await stage.run([vault.post_root(epoch, tree.root, tree.sum, tree.depth, keccak(text="b"))])
    await stage.chain.advance_time(31)
    await stage.run([vault.finalize()])
