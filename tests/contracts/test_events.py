"""Every event has a class, every log of a scenario reads as one, and events rebuild the books."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import get_args

import pytest
from contracts.conftest import Party
from contracts.world import (
    ALICE,
    BOB,
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

from headwater_contracts.abi import ContractAbi
from headwater_contracts.artifacts import CONTRACTS as EVERY_CONTRACT
from headwater_contracts.artifacts import load_artifact
from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.clients.asset_registry import AssetKind, AssetRegistryClient, ParentLink
from headwater_contracts.clients.availability_demands import AvailabilityDemandsClient
from headwater_contracts.clients.base import ContractClient
from headwater_contracts.clients.batch_settlement import BatchSettlementClient
from headwater_contracts.clients.bond_rules import BondRulesClient
from headwater_contracts.clients.contract_set import ContractSetClient
from headwater_contracts.clients.contribution_bond import ContributionBondClient
from headwater_contracts.clients.epoch_court import EpochCourtClient
from headwater_contracts.clients.identity_registry import IdentityRegistryClient
from headwater_contracts.clients.job_escrow import JobEscrowClient
from headwater_contracts.clients.licences import LicencesClient
from headwater_contracts.clients.openings import Opening
from headwater_contracts.clients.panels import PanelsClient
from headwater_contracts.clients.permit2 import (
    ExactPermit2ProxyClient,
    Permit2Client,
    UptoPermit2ProxyClient,
)
from headwater_contracts.clients.receipt_desk import ReceiptDeskClient
from headwater_contracts.clients.reputation_registry import ReputationRegistryClient
from headwater_contracts.clients.revenue_vault import Entitlement, RevenueVaultClient
from headwater_contracts.clients.row_commitments import RowCommitmentsClient
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.clients.vault_factory import RevenueVaultFactoryClient
from headwater_contracts.deployments import Deployment
from headwater_contracts.events.agents import (
    IDENTITY_EVENTS,
    REPUTATION_EVENTS,
    IdentityEvent,
    ReputationEvent,
)
from headwater_contracts.events.bond_rules import RULES_EVENTS, RulesOpened
from headwater_contracts.events.books import VaultBooks
from headwater_contracts.events.channels import (
    SETTLEMENT_EVENTS,
    ChannelCreated,
    Claimed,
    Deposited,
    Refunded,
    Settled,
    SettlementEvent,
    WithdrawFinalized,
    WithdrawInitiated,
)
from headwater_contracts.events.commitments import COMMITMENT_EVENTS, RowsCommitted
from headwater_contracts.events.contributions import CONTRIBUTION_EVENTS, ContributionEvent
from headwater_contracts.events.court import COURT_EVENTS, CourtEvent
from headwater_contracts.events.demands import DEMAND_EVENTS, DemandEvent
from headwater_contracts.events.deployments import CONTRACT_SET_EVENTS, PartCreated
from headwater_contracts.events.desk import DESK_EVENTS, DeskEvent
from headwater_contracts.events.event import Event, field_name
from headwater_contracts.events.factory import FACTORY_EVENTS, VaultCreated
from headwater_contracts.events.jobs import JOB_EVENTS, JobEvent
from headwater_contracts.events.licences import LICENCE_EVENTS, LicenceOpened
from headwater_contracts.events.panels import PANELS_EVENTS, PanelsEvent
from headwater_contracts.events.permits import (
    PERMIT2_EVENTS,
    PROXY_EVENTS,
    ProxyEvent,
    UnorderedNonceInvalidation,
)
from headwater_contracts.events.registry import (
    REGISTRY_EVENTS,
    AssetRegistered,
    RegistryEvent,
    VersionPublished,
)
from headwater_contracts.events.token import TOKEN_EVENTS, TokenEvent, Transfer
from headwater_contracts.events.vault import VAULT_EVENTS, RootFinalized, Synced, VaultEvent
from headwater_contracts.reader import Log
from headwater_payments.address import ZERO_ADDRESS, Address, parse_address
from headwater_payments.errors import UnavailableError

pytestmark = pytest.mark.anyio

CONTRACTS: list[tuple[type[ContractClient[Event]], object, Sequence[type[Event]]]] = [
    (SettlementTokenClient, TokenEvent, TOKEN_EVENTS),
    (BatchSettlementClient, SettlementEvent, SETTLEMENT_EVENTS),
    (AssetRegistryClient, RegistryEvent, REGISTRY_EVENTS),
    (RevenueVaultClient, VaultEvent, VAULT_EVENTS),
    (RevenueVaultFactoryClient, VaultCreated, FACTORY_EVENTS),
    (PanelsClient, PanelsEvent, PANELS_EVENTS),
    (EpochCourtClient, CourtEvent, COURT_EVENTS),
    (ReceiptDeskClient, DeskEvent, DESK_EVENTS),
    (AvailabilityDemandsClient, DemandEvent, DEMAND_EVENTS),
    (BondRulesClient, RulesOpened, RULES_EVENTS),
    (ContributionBondClient, ContributionEvent, CONTRIBUTION_EVENTS),
    (JobEscrowClient, JobEvent, JOB_EVENTS),
    (LicencesClient, LicenceOpened, LICENCE_EVENTS),
    (RowCommitmentsClient, RowsCommitted, COMMITMENT_EVENTS),
    (IdentityRegistryClient, IdentityEvent, IDENTITY_EVENTS),
    (ReputationRegistryClient, ReputationEvent, REPUTATION_EVENTS),
    (Permit2Client, UnorderedNonceInvalidation, PERMIT2_EVENTS),
    (ExactPermit2ProxyClient, ProxyEvent, PROXY_EVENTS),
    (UptoPermit2ProxyClient, ProxyEvent, PROXY_EVENTS),
    (ContractSetClient, PartCreated, CONTRACT_SET_EVENTS),
]
NEVER_EMITTED = {"EIP712DomainChanged"}
"""Declared by OpenZeppelin's interface; a domain here never changes."""

UNUSED_ELSEWHERE = {"BatchMetadataUpdate"}
"""Declared by OpenZeppelin's interface of ERC-4906; nothing here changes tokens by the batch."""

PYTHON_TYPES = {"address": Address, "bool": bool, "bytes32": bytes, "bytes": bytes, "string": str}


def abi_of(client: type[ContractClient[Event]]) -> ContractAbi:
    return load_artifact(client.contract).abi


def test_no_contract_with_events_is_left_out() -> None:
    named = {name for name in EVERY_CONTRACT if load_artifact(name).abi.events}
    assert named == {client.contract for client, _, _ in CONTRACTS}
    assert len(CONTRACTS) == len(named)


@pytest.mark.parametrize(("client", "union", "kinds"), CONTRACTS)
def test_every_event_of_a_contract_has_a_class(
    client: type[ContractClient[Event]], union: object, kinds: Sequence[type[Event]]
) -> None:
    assert client.event_kinds == kinds
    assert set(get_args(union) or (union,)) == set(kinds)
    declared = {item.name: item for item in abi_of(client).events.values()}
    by_name = {kind.event_name or kind.__name__: kind for kind in kinds}
    assert set(by_name) == set(declared) - NEVER_EMITTED - UNUSED_ELSEWHERE
    for name, kind in by_name.items():
        types = {field.name: field.type for field in fields(kind) if field.name != "log"}
        item = declared[name]
        assert list(types) == [field_name(parameter) for parameter in item.input_names]
        for parameter, abi_type, indexed in zip(
            item.input_names, item.inputs, item.indexed, strict=True
        ):
            if field_name(parameter) in kind.structs:
                continue
            if abi_type.startswith(("uint", "int")):
                expected: type = int
            else:
                # An indexed text is a topic: its hash.
                expected = bytes if indexed and abi_type == "string" else PYTHON_TYPES[abi_type]
            assert types[field_name(parameter)] is expected, (name, parameter)


@pytest.fixture
async def world(chain: DevelopmentChain, deployment: Deployment) -> World:
    return await open_world(chain, deployment)


async def sell_and_share(world: World) -> tuple[RevenueVaultClient, RevenueVaultClient]:
    """A parent and a child vault through income, royalties, two roots and payments to everybody."""
    parent_id = await publish(world)
    parent = await create_vault(world, terms_of(world, parent_id))
    await world.seller.send(world.registry.set_payee(parent_id, parent.address))
    child_id = await publish(world, (ParentLink(parent_id, 10_000_000),))
    child = await create_vault(world, terms_of(world, child_id, 10_000_000))
    await world.seller.send(world.registry.attach_vault(child_id, child.address))
    await pay_through_a_channel(world, child.address, 100_003)
    await world.buyer.send(parent.pull_from(child.address, 0))

    alice = Entitlement(0, ALICE, 40_000, keccak(text="a"))
    bob = Entitlement(1, BOB, 10_000, keccak(text="b"))
    root, total, alice_proof, bob_proof = two_leaf_tree(child, world.token.address, alice, bob)
    await post(world, child, root, total)
    await world.chain.advance_time(31)
    await world.buyer.send(child.finalize())
    await world.buyer.send(child.claim_many([(alice, alice_proof), (bob, bob_proof)]))

    less = replace(alice, cumulative=39_999)
    root, total, now_proof, _ = two_leaf_tree(
        child, world.token.address, less, replace(bob, cumulative=20_001)
    )
    await post(world, child, root, total)
    await world.buyer.send(
        await regression(world, child, Opening(alice, alice_proof), Opening(less, now_proof))
    )
    more = replace(alice, cumulative=45_000)
    root, total, more_proof, _ = two_leaf_tree(child, world.token.address, more, bob)
    await post(world, child, root, total)
    await world.chain.advance_time(31)
    await world.buyer.send(child.finalize())
    await world.buyer.send(child.claim(more, more_proof))

    asset = (await world.registry.version(child_id)).asset_id
    heir = await Party.funded(world.chain)
    await world.seller.send(world.registry.transfer(asset, world.seller.address, heir.address))
    await world.buyer.send(world.token.transfer(child.address, 777))
    for call in (child.pay_platform(), child.pay_host(), child.pay_owner(world.seller.address)):
        await world.buyer.send(call)
    return parent, child


async def test_events_rebuild_a_vaults_books(world: World) -> None:
    for vault in await sell_and_share(world):
        terms = await vault.terms()
        books = VaultBooks.rebuilt(await vault.events(0))
        buckets = await vault.buckets()
        assert buckets.unbooked == 0
        assert books.shares(terms) == (
            buckets.platform,
            buckets.host,
            buckets.owner,
            buckets.parents,
            buckets.pool,
        )
        assert books.total_in == await vault.total_in() > 0
        assert books.total_out == await vault.total_out()
        assert books.held == await world.token.balance(vault.address)
        assert books.platform_paid == await vault.platform_paid()
        assert books.host_paid == await vault.host_paid()
        assert books.royalty_in == await vault.royalty_in()
        assert books.fallback_paid == await vault.fallback_paid() == 0
        assert books.claimed_total == await vault.claimed_total()
        for position, claimed in books.claimed.items():
            assert (await vault.position(position)).claimed == claimed
        for owner, credit in books.owner_credit.items():
            assert await vault.owner_credit(owner) == credit
        for index, paid in books.parent_paid.items():
            assert await vault.parent_paid(index) == paid
        final, known = await vault.final_root(), books.final
        assert (final is None) == (known is None)
        if final is not None and known is not None:
            assert (final.hash, final.sum, final.depth, final.epoch) == (
                known.root,
                known.sum,
                known.depth,
                known.epoch,
            )
        assert books.pending is None


async def test_every_log_of_a_whole_economy_is_an_event_of_somebody(world: World) -> None:
    parent, child = await sell_and_share(world)
    await withdraw_from_a_channel(world)
    clients = [world.token, world.channels, world.registry, world.factory, parent, child]
    clients += [world.court]
    logs = await world.chain.reader.logs([c.address for c in clients], from_block=0)
    readings = [[client.decode_log(log) for client in clients] for log in logs]
    events = [[event for event in reading if event is not None] for reading in readings]
    assert all(len(found) == 1 for found in events)
    assert [found[0].log for found in events] == logs
    seen = Counter(type(found[0]) for found in events)
    assert len(seen) >= 26, sorted(kind.__name__ for kind in seen)


async def withdraw_from_a_channel(world: World) -> None:
    """One more channel: refunded in part, then left by its payer's own way out."""
    config = await pay_through_a_channel(world, parse_address(BOB), 500, salt=b"\x01" * 32)
    await world.seller.send(
        world.channels.deposit(config, 300, world.collector, world.deposit_data(config, 300, 8))
    )
    await world.seller.send(world.channels.refund(config, 100))
    await world.buyer.send(world.channels.initiate_withdraw(config, 200))
    await world.chain.advance_time(901)
    await world.buyer.send(world.channels.finalize_withdraw(config))


async def test_events_of_channels_add_up_to_their_states(world: World) -> None:
    await sell_and_share(world)
    await withdraw_from_a_channel(world)
    deposited: Counter[bytes] = Counter()
    left: Counter[bytes] = Counter()
    claimed: Counter[bytes] = Counter()
    settled = 0
    configs = {}
    for event in await world.channels.events(0):
        match event:
            case ChannelCreated():
                configs[event.channel_id] = event.config
            case Deposited():
                deposited[event.channel_id] += event.amount
                assert event.new_balance == deposited[event.channel_id]
            case Claimed():
                claimed[event.channel_id] += event.claim_amount
                assert event.new_total_claimed == claimed[event.channel_id]
            case Refunded() | WithdrawFinalized():
                left[event.channel_id] += event.amount
            case Settled():
                settled += event.amount
            case WithdrawInitiated():
                assert event.amount == 200
    assert len(configs) == 2
    for channel_id, config in configs.items():
        assert await world.channels.channel_id(config) == channel_id
        state = await world.channels.channel(channel_id)
        assert state.balance == deposited[channel_id] - left[channel_id]
        assert state.total_claimed == claimed[channel_id]
    held = await world.token.balance(world.channels.address)
    assert held == deposited.total() - left.total() - settled


async def test_the_tokens_transfers_add_up_to_every_balance(world: World) -> None:
    await sell_and_share(world)
    balances: Counter[Address] = Counter()
    for event in await world.token.events(0, kinds=[Transfer]):
        assert isinstance(event, Transfer)
        balances[event.sender] -= event.value
        balances[event.to] += event.value
    assert -balances.pop(ZERO_ADDRESS) == await world.token.total_supply()
    assert len(balances) > 5
    for account, balance in balances.items():
        assert await world.token.balance(account) == balance


async def test_kinds_and_blocks_narrow_what_is_read(world: World) -> None:
    _, child = await sell_and_share(world)
    everything = await child.events(0)
    finals = await child.events(0, kinds=[RootFinalized])
    assert finals == [event for event in everything if isinstance(event, RootFinalized)]
    assert [event.epoch for event in finals if isinstance(event, RootFinalized)] == [1, 2]
    second = finals[1].log.block_number
    assert await child.events(second, second, kinds=[RootFinalized, Synced]) == [finals[1]]
    versions = await world.registry.events(0, kinds=[VersionPublished, AssetRegistered])
    published = [event for event in versions if isinstance(event, VersionPublished)]
    assert [len(event.parents) for event in published] == [0, 1]
    assert list(published[1].parents) == await world.registry.parents(published[1].version_id)
    assert {event.kind for event in versions if isinstance(event, AssetRegistered)} == {
        AssetKind.MODEL
    }
    (first, *_) = await world.factory.events(0)
    assert first.vault == await world.factory.vault_address(first.terms)


async def test_a_log_that_lies_about_its_shape_is_refused(local_chain: DevelopmentChain) -> None:
    token = SettlementTokenClient(local_chain.reader, "0x" + "77" * 20)
    (topic,) = (
        t for t, item in abi_of(SettlementTokenClient).events.items() if item.name == "Transfer"
    )
    log = Log(token.address, (topic, bytes(32), bytes(32)), bytes(32), 1, bytes(32), "0x00", 0)
    assert token.decode_log(log) == Transfer(log=log, sender=ZERO_ADDRESS, to=ZERO_ADDRESS, value=0)
    assert token.decode_log(replace(log, address=parse_address("0x" + "78" * 20))) is None
    assert token.decode_log(replace(log, topics=())) is None
    assert token.decode_log(replace(log, topics=(bytes(32),))) is None
    for broken in (
        replace(log, data=b""),
        replace(log, topics=(topic, bytes(32))),
        replace(log, topics=(topic, b"\xff" * 32, bytes(32))),
        replace(log, topics=(topic, bytes(32), bytes(32), bytes(32)), data=b""),
    ):
        with pytest.raises(UnavailableError, match="Transfer"):
            token.decode_log(broken)
