"""Services that list what they sell, and buyers whom language models play."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import httpx
import numpy as np

from headwater_payments.errors import InvalidInputError, needing
from headwater_payments.routing import Preference
from headwater_payments.split import PARTS, portion
from headwater_simulations.economy.reference import move_prices
from headwater_simulations.economy.scenario import Economy
from headwater_simulations.economy.state import NOISY, PRICE, RUNS, SOLD, WINDOW
from headwater_simulations.stack.drawn import MODEL
from headwater_simulations.stack.nature import Nature
from headwater_simulations.stack.selling import Market

with needing("A market of language models", "agents", "chain", "marketplace"):
    from pydantic_ai import Agent
    from pydantic_ai.exceptions import AgentRunError, UserError
    from pydantic_ai.models import Model, infer_model

    from headwater_agents.buyer import Buyer
    from headwater_agents.experience import Experience
    from headwater_agents.pydantic_researcher import research_agent
    from headwater_agents.scripted import ResearchPolicy
    from headwater_marketplace.api import marketplace_api
    from headwater_marketplace.client import MarketplaceClient
    from headwater_marketplace.listings import Listing, TokenPrices
    from headwater_marketplace.serving import bind, serve

REST: Final = "contributors, and what is left in vaults"
FAILED: Final = "The model failed: "
"""How the report begins of a model that broke off; what it had bought by then counts."""

Played = Model | str | ResearchPolicy
"""What plays a buyer: a model, its name such as `openai:gpt-5-mini`, or a policy."""


def playable(played: Played) -> Played:
    """A model for its name; anything else as it is.

    Raises:
        InvalidInputError: there is no such model, or its package or credentials are missing.
    """
    if not isinstance(played, str):
        return played
    try:
        return infer_model(played)
    except (ImportError, UserError, ValueError) as exc:
        raise InvalidInputError(f"{played} can't play a buyer: {exc}") from exc


async def open_street(economy: Economy, market: Market, nature: Nature) -> "Street":
    """The marketplace is served for as long as the market's stalls, which open later, are."""
    url = await market.stack.enter_async_context(serve(marketplace_api(market.catalogue), bind()))
    looking = await market.stack.enter_async_context(httpx.AsyncClient(timeout=60))
    return Street(economy, market, nature, MarketplaceClient(url, looking))


@dataclass(frozen=True, slots=True)
class Bought:
    """One answer that a model bought: in which step, for which buyer, where, atomic units."""

    step: int
    buyer: int
    service: int
    cost: int


@dataclass(slots=True)
class Person:
    """A buyer, and what plays it."""

    number: int
    buyer: Buyer
    experience: Experience
    agent: Agent[None, str]
    seen: int = 0


@dataclass(slots=True)
class Street:
    """Services with their listings, and what was bought there."""

    economy: Economy
    market: Market
    nature: Nature
    client: MarketplaceClient
    listings: dict[int, Listing] = field(default_factory=dict)
    bought: list[Bought] = field(default_factory=list)
    reports: list[tuple[str, ...]] = field(default_factory=list)
    prices: list[tuple[int, ...]] = field(default_factory=list)

    async def person(self, number: int, played: Played) -> Person:
        """A buyer with a wallet of its own."""
        market = self.economy
        signer = self.market.ground.accounts.buyers[number]
        wallet = await self.market.fund(signer, market.endowment + market.income * market.steps)
        experience = Experience(Preference(market.value), lambda _: market.quality)
        buyer = Buyer(self.market.paying[signer.address], self.client, experience)
        return Person(number, buyer, experience, research_agent(buyer, wallet, played))

    async def list_all(self) -> None:
        """List every service whose price is another than it was."""
        prices = tuple(int(each) for each in self.nature.state.services[PRICE])
        for service, price in enumerate(prices):
            known = self.listings.get(service)
            if known is None or known.price.per_request != price:
                await self._list(service, known.revision + 1 if known else 1)
        self.prices.append(prices)

    async def _list(self, service: int, revision: int) -> None:
        ground, offered = self.market.ground, self.nature.offer(service)
        url = await self.market.stall(offered)
        vault = (await ground.vault(offered)).asset
        signer = ground.accounts.services[service]
        listing = Listing(
            id=f"service-{service}",
            name=MODEL,
            kind="model",
            description="Sells answers.",
            base_url=f"{url}/v1",
            network=ground.asset.network,
            asset=ground.asset.address,
            pay_to=vault.vault,
            provider=signer.address,
            price=TokenPrices(per_request=offered.price, ceiling=offered.price),
            asset_version=vault.version_id,
            revision=revision,
        )
        self.listings[service] = await self.client.register(listing, signer)

    async def turn(self, person: Person, at: int, reports: list[str]) -> None:
        """Ask a buyer's model, and let the buyer learn from what it bought.

        A model that breaks off stays a buyer, and is asked again in the next step.
        """
        question = f"What is there to know, {at}.{person.number}?"
        try:
            reports[person.number] = (await person.agent.run(question)).output
        except AgentRunError as exc:
            reports[person.number] = f"{FAILED}{exc}"
        for purchase in person.buyer.purchases[person.seen :]:
            service = int(purchase.listing_id.removeprefix("service-"))
            self.bought.append(Bought(at, person.number, service, purchase.cost))
            self.nature.state.services[SOLD, service] += 1
            quality = self.nature.quality(service, question)
            person.experience.rate(self.listings[service], quality)
        person.seen = len(person.buyer.purchases)

    def move(self, at: int) -> None:
        """Services count what a step brought them, and move their prices as simulated ones do."""
        market, services = self.economy, self.nature.state.services
        unit = np.where(services[NOISY] == 1, market.noise_cost, market.unit_cost)
        services[WINDOW] += (services[PRICE] - unit) * services[SOLD]
        services[SOLD] = 0
        if market.price_period and at % market.price_period == market.price_period - 1:
            move_prices(market, services, np.arange(market.services))

    def books(self) -> dict[str, int]:
        """By the buyers' books: what each paid, and what follows from it for everybody else."""
        market = self.economy
        told = {f"buyer {number}": 0 for number in range(market.buyers)}
        taken = Counter[int]()
        for each in self.bought:
            told[f"buyer {each.buyer}"] += each.cost
            taken[each.service] += each.cost
        owned = Counter[int]()
        fees = rest = 0
        for service in range(market.services):
            money = taken[service]
            owner = portion(money, market.owner_share)
            fee = portion(money, market.platform_share)
            named = market.contributors_share + market.owner_share + market.platform_share
            host = portion(money, PARTS - named)
            told[f"service {service}"] = host
            owned[int(self.nature.state.services[RUNS, service])] += owner
            fees, rest = fees + fee, rest + money - owner - fee - host
        told |= {f"owner {number}": owned[number] for number in range(market.owners)}
        return told | {"platform": fees, REST: rest}
