"""Agents, their reputation and their jobs: the standards' interfaces, through the typed clients."""

import json
from decimal import Decimal
from importlib import resources

import pytest
from contracts.conftest import Party
from contracts.world import World, open_world
from eth_utils.crypto import keccak

from headwater_contracts.abi import ContractAbi
from headwater_contracts.artifacts import load_artifact
from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.clients.identity_registry import AgentWalletSet, IdentityRegistryClient
from headwater_contracts.clients.job_escrow import JobEscrowClient
from headwater_contracts.clients.reputation_registry import Feedback, ReputationRegistryClient
from headwater_contracts.deployments import Deployment
from headwater_contracts.events.agents import MetadataSet, NewFeedback
from headwater_contracts.events.jobs import JobRefunded, JobStatus
from headwater_contracts.reverts import ContractRevertError
from headwater_payments.errors import InvalidInputError

pytestmark = pytest.mark.anyio

URI = "https://agent.example/registration.json"


@pytest.fixture
async def world(chain: DevelopmentChain, deployment: Deployment) -> World:
    return await open_world(chain, deployment)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize(
    ("pinned", "contract"),
    [
        ("erc8004-identity", "IdentityRegistry"),
        ("erc8004-reputation", "ReputationRegistry"),
        ("erc8183", "JobEscrow"),
    ],
)
async def test_a_contract_has_every_function_and_event_of_its_standard(
    pinned: str, contract: str
) -> None:
    file = resources.files("headwater_contracts") / "interfaces" / f"{pinned}.json"
    standard = json.loads(file.read_text("utf-8"))
    abi = load_artifact(contract).abi
    functions = set()
    for entry in abi.entries:
        if entry["type"] == "function":
            item = next(iter(ContractAbi([entry]).functions.values()))
            outputs = ",".join(item.outputs)
            functions.add(f"{item.signature} {entry['stateMutability']} returns ({outputs})")
    events = {
        f"{item.name}({','.join(map(_parameter, item.inputs, item.indexed))})"
        for item in abi.events.values()
    }
    assert set(standard["functions"]) - functions == set()
    assert set(standard["events"]) - events == set()


def _parameter(kind: str, indexed: bool) -> str:
    return f"{kind} indexed" if indexed else kind


async def test_an_agent_has_a_file_metadata_and_a_wallet_that_agreed(
    world: World, deployment: Deployment
) -> None:
    identities = IdentityRegistryClient(world.chain.reader, deployment.identity_registry)
    receipt = await world.seller.send(identities.register(URI, {"kind": b"translator"}))
    agent = identities.registered_agent(receipt)
    assert await identities.owner(agent) == world.seller.address
    assert await identities.agent_uri(agent) == URI
    assert await identities.wallet(agent) == world.seller.address
    assert await identities.metadata(agent, "kind") == b"translator"
    noted = [
        e for e in await identities.events(0, kinds=[MetadataSet]) if isinstance(e, MetadataSet)
    ]
    assert {event.metadata_key for event in noted} == {"agentWallet", "kind"}
    assert all(event.indexed_metadata_key == keccak(text=event.metadata_key) for event in noted)

    till = await Party.funded(world.chain)
    head = await world.chain.reader.block("latest")
    deadline = head.timestamp + 240
    consent = AgentWalletSet(agent, till.address, world.seller.address, deadline).to_sign(
        world.chain.chain_id, identities.address
    )
    call = identities.set_wallet(agent, till.address, deadline, till.sign(consent.digest()))
    await world.seller.send(call)
    assert await identities.wallet(agent) == till.address
    await world.seller.send(identities.set_agent_uri(agent, URI + "?2"))
    await world.seller.send(identities.set_metadata(agent, "kind", b"poet"))
    assert not await identities.is_authorized(world.buyer.address, agent)


async def test_clients_rate_agents_that_are_not_theirs(
    world: World, deployment: Deployment
) -> None:
    identities = IdentityRegistryClient(world.chain.reader, deployment.identity_registry)
    reputation = ReputationRegistryClient(world.chain.reader, deployment.reputation_registry)
    receipt = await world.seller.send(identities.register(URI))
    agent = identities.registered_agent(receipt)
    with pytest.raises(ContractRevertError) as own:
        await world.chain.reader.call(
            reputation.give_feedback(agent, Decimal(100)), sender=world.seller.address
        )
    assert own.value.name == "OwnFeedback"
    given = await world.buyer.send(
        reputation.give_feedback(agent, Decimal("99.5"), tag1="uptime", feedback_uri=URI)
    )
    assert reputation.given_feedback(given) == 1
    await world.buyer.send(reputation.give_feedback(agent, Decimal(-3), tag1="starred"))
    buyer = world.buyer.address
    summary = await reputation.summary(agent, [buyer], "uptime")
    assert (summary.count, summary.average) == (1, Decimal("99.5"))
    await world.seller.send(reputation.append_response(agent, buyer, 2, URI, bytes(32)))
    assert await reputation.responses(agent, buyer, 2) == 1
    await world.buyer.send(reputation.revoke_feedback(agent, 2))
    assert await reputation.feedback(agent) == [
        Feedback(buyer, 1, Decimal("99.5"), "uptime", "", False)
    ]
    assert [each.revoked for each in await reputation.feedback(agent, revoked=True)] == [
        False,
        True,
    ]
    assert await reputation.clients(agent) == [buyer]
    (first, _) = await reputation.events(0, kinds=[NewFeedback])
    assert isinstance(first, NewFeedback)
    assert (first.value, first.value_decimals, first.indexed_tag1) == (
        995,
        1,
        keccak(text="uptime"),
    )


async def test_a_job_is_paid_for_when_its_evaluator_says_so(
    world: World, deployment: Deployment
) -> None:
    jobs = JobEscrowClient(world.chain.reader, deployment.job_escrow)
    assert await jobs.payment_token() == world.token.address
    evaluator = await Party.funded(world.chain)
    expires = (await world.chain.reader.block("latest")).timestamp + 3_600
    created = await world.buyer.send(
        jobs.create_job(evaluator.address, expires, "translate the page")
    )
    job_id = jobs.created_job(created)
    await world.buyer.send(jobs.set_provider(job_id, world.seller.address))
    await world.seller.send(jobs.set_budget(job_id, 700))
    await world.buyer.send(world.token.approve(jobs.address, 700))
    await world.buyer.send(jobs.fund(job_id, 700))
    await world.seller.send(jobs.submit(job_id, keccak(text="the page, translated")))
    await evaluator.send(jobs.complete(job_id, keccak(text="reads well")))
    job = await jobs.job(job_id)
    assert (job.status, job.provider, job.budget) == (
        JobStatus.COMPLETED,
        world.seller.address,
        700,
    )
    assert job.description == "translate the page"
    assert await world.token.balance(world.seller.address) == 700
    with pytest.raises(InvalidInputError, match="no job 9"):
        await jobs.job(9)


async def test_a_job_that_nobody_ends_is_refunded(world: World, deployment: Deployment) -> None:
    jobs = JobEscrowClient(world.chain.reader, deployment.job_escrow)
    expires = (await world.chain.reader.block("latest")).timestamp + 3_600
    created = await world.buyer.send(
        jobs.create_job(world.buyer.address, expires, "wait", world.seller.address)
    )
    job_id = jobs.created_job(created)
    await world.buyer.send(jobs.set_budget(job_id, 500))
    await world.buyer.send(world.token.approve(jobs.address, 500))
    with pytest.raises(ContractRevertError) as other:
        await world.chain.reader.call(jobs.fund(job_id, 499), sender=world.buyer.address)
    assert other.value.arguments == {"budget": 500, "expected": 499}
    before = await world.token.balance(world.buyer.address)
    await world.buyer.send(jobs.fund(job_id, 500))
    await world.chain.advance_time(3_601)
    await world.seller.send(jobs.claim_refund(job_id))
    assert await world.token.balance(world.buyer.address) == before
    assert await jobs.credit(world.token.address, world.buyer.address) == 0
    assert len(await jobs.events(0, kinds=[JobRefunded])) == 1
    assert await jobs.job_count() == job_id
