"""Reputations from ERC-8004's registries, read off a chain, and a policy that asks for them."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from contracts.conftest import Party

from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.clients.identity_registry import IdentityRegistryClient
from headwater_contracts.clients.reputation_registry import ReputationRegistryClient
from headwater_contracts.deployments import deploy_development_contracts
from headwater_payments.address import Address
from headwater_payments.errors import InvalidInputError
from headwater_wallet.agent_reputation import RegisteredReputations
from support.chains import start_chain

pytestmark = pytest.mark.anyio
ORIGIN = "https://translator.example"


class Registries:
    """Both registries with one agent in them, a reviewer that is trusted and one that is not."""

    def __init__(self, chain: DevelopmentChain, identity: Address, reputation: Address) -> None:
        self.identities = IdentityRegistryClient(chain.reader, identity)
        self.reputations = ReputationRegistryClient(chain.reader, reputation)
        self.chain, self.agent, self.time = chain, 0, 0.0

    async def open(self) -> "Registries":
        self.seller, self.trusted, self.crony = [await Party.funded(self.chain) for _ in range(3)]
        receipt = await self.seller.send(self.identities.register("https://translator.example/a"))
        self.agent = self.identities.registered_agent(receipt)
        return self

    async def praise(self, by: Party, value: str, tag: str = "starred") -> None:
        await by.send(self.reputations.give_feedback(self.agent, Decimal(value), tag1=tag))

    def source(self, **told: int) -> RegisteredReputations:
        return RegisteredReputations(
            self.identities,
            self.reputations,
            {ORIGIN + "/v1": self.agent},
            [self.trusted.address],
            lambda: self.time,
            **told,
        )


@pytest.fixture
async def registries() -> AsyncIterator[Registries]:
    async with await start_chain() as chain:
        deployment = await deploy_development_contracts(chain)
        identity, reputation = deployment.identity_registry, deployment.reputation_registry
        yield await Registries(chain, identity, reputation).open()


async def test_only_trusted_reviewers_and_the_agents_own_wallet_count(
    registries: Registries,
) -> None:
    await registries.praise(registries.trusted, "70.9")
    await registries.praise(registries.trusted, "60")
    await registries.praise(registries.trusted, "1", tag="uptime")
    for _ in range(3):
        await registries.praise(registries.crony, "100")
    source, payee = registries.source(), registries.seller.address
    assert await source.reputation(payee, ORIGIN) == 65
    assert await source.reputation(registries.crony.address, ORIGIN) is None
    assert await source.reputation(payee, "https://elsewhere.example") is None
    assert await registries.source(least_reviews=3).reputation(payee, ORIGIN) is None


async def test_what_was_read_holds_for_its_time_and_is_then_read_anew(
    registries: Registries,
) -> None:
    source, payee = registries.source(max_age_s=60), registries.seller.address
    assert await source.reputation(payee, ORIGIN) is None
    await registries.praise(registries.trusted, "1000")
    assert await source.reputation(payee, ORIGIN) is None
    registries.time = 61.0
    assert await source.reputation(payee, ORIGIN) == 100


async def test_reviewers_and_origins_must_be_named(registries: Registries) -> None:
    told = (registries.identities, registries.reputations)
    with pytest.raises(InvalidInputError, match="reviewers"):
        RegisteredReputations(*told, {ORIGIN: 0}, [], lambda: 0)
    with pytest.raises(InvalidInputError, match="http"):
        RegisteredReputations(*told, {"translator": 0}, [registries.crony.address], lambda: 0)
