"""Contributions are bonded, accused, tagged and put right, through the typed clients."""

import pytest
from contracts.conftest import Party
from contracts.world import RULES, World, approve, create_vault, open_world, publish, terms_of
from eth_utils.crypto import keccak

from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.clients.asset_registry import ParentLink
from headwater_contracts.clients.bond_rules import BondRulesClient
from headwater_contracts.clients.contribution_bond import ContributionBondClient
from headwater_contracts.clients.panels import PanelsClient
from headwater_contracts.clients.penalties import BondRule, Grade
from headwater_contracts.deployments import Deployment
from headwater_contracts.events.contributions import CaseClosed, CaseState, Decided, Tagged
from headwater_contracts.reverts import ContractRevertError
from headwater_payments.address import parse_address
from headwater_payments.errors import InvalidInputError

pytestmark = pytest.mark.anyio

BENEFICIARY = parse_address("0x" + "be" * 20)
DAY = 86_400
CARELESS, STOLEN = 1, 2
TABLE = (Grade(False, 1_000, 200, 5 * DAY), Grade(True, 10_000, 10_000, 0))


@pytest.fixture
async def world(chain: DevelopmentChain, deployment: Deployment) -> World:
    return await open_world(chain, deployment)


async def adopt(
    world: World, deployment: Deployment, asset_id: int
) -> tuple[ContributionBondClient, int]:
    """Rules whose first arbiter is the buyer and whose second is the seller, for one asset."""
    panels = PanelsClient(world.chain.reader, deployment.panels)
    opened = await world.seller.send(panels.open_panel(RULES, [world.seller.address]))
    rules = BondRulesClient(world.chain.reader, deployment.bond_rules)
    rule = BondRule(
        token=world.token.address,
        beneficiary=BENEFICIARY,
        panel=1,
        appeal_panel=panels.opened_panel(opened),
        min_bond=1_000,
        challenge_bond=400,
        appeal_bond=300,
        arbiter_fee=100,
        priority_window=DAY,
        ruling_window=3 * DAY,
        appeal_window=2 * DAY,
        release_delay=7 * DAY,
        tag_duration=20 * DAY,
    )
    rules_id = rules.opened_rules(await world.seller.send(rules.open_rules(rule, TABLE)))
    assert (await rules.rule(rules_id), await rules.grades(rules_id)) == (rule, TABLE)
    assert await rules.count() == rules_id
    bonds = ContributionBondClient(world.chain.reader, deployment.contribution_bond)
    await world.seller.send(bonds.adopt_rules(asset_id, rules_id))
    assert await bonds.rules_of(asset_id) == rules_id
    return bonds, rules_id


async def submit(
    world: World, bonds: ContributionBondClient, asset_id: int, rules_id: int
) -> tuple[Party, int]:
    contributor = await Party.funded(world.chain)
    await approve(world, contributor, bonds.address, 10_000)
    receipt = await contributor.send(bonds.submit(asset_id, rules_id, keccak(text="rows"), 10_000))
    return contributor, bonds.submitted(receipt)


async def test_a_theft_is_decided_tagged_and_paid_for(world: World, deployment: Deployment) -> None:
    parent_id = await publish(world)
    parent = await create_vault(world, terms_of(world, parent_id))
    await world.seller.send(world.registry.set_payee(parent_id, parent.address))
    child_id = await publish(world, (ParentLink(parent_id, 10_000_000),))
    child = await create_vault(world, terms_of(world, child_id, 10_000_000))
    asset_id = (await world.registry.version(parent_id)).asset_id
    bonds, rules_id = await adopt(world, deployment, asset_id)
    contributor, contribution_id = await submit(world, bonds, asset_id, rules_id)
    assert (await bonds.contribution(contribution_id)).contributor == contributor.address

    challenger = await Party.funded(world.chain)
    await approve(world, challenger, bonds.address, 400)
    evidence = keccak(text="these rows are mine")
    case_id = bonds.accused(
        await challenger.send(
            bonds.accuse(contribution_id, STOLEN, parent_id, 50_000_000, evidence)
        )
    )
    with pytest.raises(ContractRevertError) as early:
        await world.chain.reader.call(
            bonds.vote(case_id, STOLEN, bytes(32)), sender=world.buyer.address
        )
    assert early.value.name == "VotingClosed"
    await contributor.send(bonds.answer(case_id, keccak(text="they are not")))
    await world.buyer.send(bonds.vote(case_id, STOLEN, keccak(text="they are")))
    tag_id = bonds.tagged(await world.buyer.send(bonds.decide(case_id)))
    assert await bonds.is_active(tag_id)
    assert await bonds.frozen(parent_id) == 50_000_000
    await world.buyer.send(bonds.inherit(tag_id, child_id, 0))
    assert await bonds.frozen(child_id) == 5_000_000

    await world.buyer.send(world.token.transfer(child.address, 100_000))
    await world.buyer.send(parent.pull_from(child.address, 0))
    assert await parent.royalty_in() == 5_000
    await world.chain.advance_time(21 * DAY)
    await world.buyer.send(parent.pull_from(child.address, 0))
    assert await parent.royalty_in() == 10_000

    await world.buyer.send(bonds.close(case_id))
    case = await bonds.case(case_id)
    assert (case.state, case.found, case.tag_id) == (CaseState.CLOSED, STOLEN, tag_id)
    assert await bonds.credit(world.token.address, challenger.address) == 4_400
    assert await bonds.credit(world.token.address, world.buyer.address) == 100
    assert await bonds.credit(world.token.address, BENEFICIARY) == 5_900
    await challenger.send(bonds.withdraw(world.token.address))
    assert await world.token.balance(challenger.address) == 4_400
    events = await bonds.events(0, kinds=[Decided, Tagged, CaseClosed])
    assert [type(event) for event in events] == [Decided, Tagged, Tagged, CaseClosed]


async def test_an_error_is_put_right_and_consent_withdrawn(
    world: World, deployment: Deployment
) -> None:
    version_id = await publish(world)
    version = await world.registry.version(version_id)
    assert version.published_at > 0
    bonds, rules_id = await adopt(world, deployment, version.asset_id)
    contributor, contribution_id = await submit(world, bonds, version.asset_id, rules_id)
    await approve(world, world.seller, bonds.address, 400)
    receipt = await world.seller.send(
        bonds.accuse(contribution_id, CARELESS, version_id, 1_000, keccak(text="typos"))
    )
    case_id = bonds.accused(receipt)
    await contributor.send(bonds.answer(case_id, keccak(text="true")))
    await world.buyer.send(bonds.vote(case_id, CARELESS, keccak(text="see there")))
    await world.buyer.send(bonds.decide(case_id))
    await contributor.send(bonds.remedy(case_id, keccak(text="mended rows")))
    await world.chain.advance_time(3 * DAY + 1)
    await world.buyer.send(bonds.close(case_id))
    assert await bonds.frozen(version_id) == 0

    await contributor.send(bonds.withdraw_consent(contribution_id))
    assert await bonds.is_licensed(contribution_id, version_id)
    later = await world.seller.send(
        world.registry.publish_version(version.asset_id, keccak(text="more"), bytes(32))
    )
    assert not await bonds.is_licensed(contribution_id, world.registry.published_version(later))

    await contributor.send(bonds.request_release(contribution_id))
    await world.chain.advance_time(7 * DAY + 1)
    await contributor.send(bonds.release(contribution_id))
    assert await world.token.balance(contributor.address) == 9_800
    assert (await bonds.contribution(contribution_id)).bond == 0


async def test_what_is_not_there_is_said(world: World, deployment: Deployment) -> None:
    bonds = ContributionBondClient(world.chain.reader, deployment.contribution_bond)
    with pytest.raises(InvalidInputError, match="no contribution 7"):
        await bonds.contribution(7)
    with pytest.raises(InvalidInputError, match="no case 7"):
        await bonds.case(7)
