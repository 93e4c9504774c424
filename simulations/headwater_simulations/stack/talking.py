"""A small market whose buyers are language models: they search, choose and pay for real.

Services list what they sell in a marketplace over HTTP, at prices that they move as simulated ones
do. In each step every buyer is asked a question; the model that plays it finds listings through its
tools, ranked by what the buyer has seen of sellers, and buys by voucher from its wallet. Nature
draws the rows that come up and how good an answer was, which the buyer learns from. The rule closes
every vault's epoch, and in the end the chain has to hold what the buyers' own books say.
"""

import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import anyio
import httpx
import numpy as np

from headwater_payments.errors import needing
from headwater_payments.routing import Preference
from headwater_payments.split import PARTS, portion
from headwater_simulations.draws import Draws
from headwater_simulations.economy.behaviour import BASE, SLOPE, SLOTS, UP, behaviours
from headwater_simulations.economy.reference import move_prices
from headwater_simulations.economy.scenario import Economy
from headwater_simulations.economy.state import (
    CONDUCT,
    NOISY,
    PRICE,
    RUNS,
    SOLD,
    WINDOW,
    State,
    found,
)
from headwater_simulations.economy.trace import Sale
from headwater_simulations.stack.agreement import Line, compare, refuse
from headwater_simulations.stack.drawn import MODEL
from headwater_simulations.stack.ground import open_ground
from headwater_simulations.stack.replay import held
from headwater_simulations.stack.selling import Market, open_market
from headwater_simulations.stack.settling import Settlement
from headwater_simulations.stack.sizes import check_size

with needing("A market of language models", "agents", "chain", "marketplace"):
    from pydantic_ai.models import Model

    from headwater_agents.buyer import Buyer
    from headwater_agents.experience import Experience
    from headwater_agents.pydantic_researcher import research_agent
    from headwater_agents.scripted import ResearchPolicy
    from headwater_marketplace.api import marketplace_api
    from headwater_marketplace.client import MarketplaceClient
    from headwater_marketplace.listings import Listing, TokenPrices
    from headwater_marketplace.serving import bind, serve

QUERY: Final = "answers"
SCRIPTED: Final = ResearchPolicy(QUERY, as_listed=True)
"""Plays a model that buys from the listing which its buyer ranks first, and says what it got."""

Played = Model | str | ResearchPolicy
"""What plays a buyer: a model, its name such as `openai:gpt-5-mini`, or a policy."""


@dataclass(frozen=True, slots=True)
class Bought:
    """One answer that a model bought: in which step, for which buyer, where, atomic units."""

    step: int
    buyer: int
    service: int
    cost: int


@dataclass(frozen=True, slots=True)
class Talk:
    """What became of a market of language models.

    Attributes:
        bought: every answer.
        reports: `[steps][buyers]` what each model said in the end.
        prices: `[steps][services]` that were asked.
        epochs: roots that became final, of all vaults.
        lines: everybody's money, by the buyers' books and on chain.
    """

    bought: tuple[Bought, ...]
    reports: tuple[tuple[str, ...], ...]
    prices: tuple[tuple[int, ...], ...]
    epochs: int
    lines: tuple[Line, ...]

    @property
    def agrees(self) -> bool:
        """Whether the chain holds what the books say, to the atomic unit, and there was some."""
        return all(line.agrees for line in self.lines) and bool(self.bought)

    def check(self) -> None:
        """Refuse a market in which somebody's money differs.

        Raises:
            EnginesDisagreeError: names each agent with both amounts, atomic units.
        """
        if not self.agrees:
            refuse(self.lines)


async def talk(
    economy: Economy, world: int = 0, *, plays: Callable[[int], Played] = lambda _: SCRIPTED
) -> Talk:
    """Let language models buy in a small market.

    Args:
        economy: its size, steps, prices and rule; contributors keep to their conduct.
        world: which of its worlds.
        plays: what plays each buyer, by number; the scripted policy asks no model.

    Raises:
        InvalidInputError: the market is too large, or its rule can't fill a vault's tree.
        MissingExtraError: the extras `agents`, `chain` and `marketplace` are not installed.
    """
    check_size(economy)
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="headwater-talk-")))
        ground = await stack.enter_async_context(open_ground(economy))
        nature = Nature(economy, world)
        market = await stack.enter_async_context(open_market(ground, nature, directory))
        street = await _open_street(economy, market, nature)
        settlement = Settlement(ground, market.store, economy.rule, economy.contributors_share)
        people = [await street.person(number, plays(number)) for number in range(economy.buyers)]
        for at in range(economy.steps):
            await street.list_all()
            reports = [""] * economy.buyers
            async with anyio.create_task_group() as group:
                for person in people:
                    group.start_soon(street.turn, person, at, reports)
            street.reports.append(tuple(reports))
            street.move(at)
            await settlement.close()
        await settlement.pay_parties()
        lines = compare(street.books(), _summed(await held(economy, market)))
    return Talk(
        tuple(sorted(street.bought, key=lambda each: (each.step, each.buyer))),
        tuple(street.reports),
        tuple(street.prices),
        settlement.epochs,
        lines,
    )


class Nature(dict[str, Sale]):
    """Draws the rows that come up for a question when it is first asked."""

    def __init__(self, economy: Economy, world: int) -> None:
        self.state: State
        self.state, self.links = found(economy, world)
        self._economy, self._draws = economy, Draws(economy.seed, np.array([world]))
        self._table = behaviours(economy)

    def __missing__(self, question: str) -> Sale:
        at = zlib.crc32(question.encode())
        who = self._draws.below(self._economy.contributors, "asked", at, np.arange(SLOTS))[0]
        drawn = self._draws.below(2**16, "shown", at, np.arange(SLOTS))[0]
        up, base, slope = self._table[[UP, BASE, SLOPE]][:, self.state.contributors[CONDUCT][who]]
        scores = base + (drawn * slope >> 16)
        there = {int(one): int(score) for one, score in zip(who, scores, strict=True)}
        comes = {int(one) for one, shown, most in zip(who, drawn, up, strict=True) if shown < most}
        rows = tuple((one, score) for one, score in there.items() if one in comes and score)
        self[question] = sale = self.offer(0, rows)
        return sale

    def offer(self, service: int, rows: tuple[tuple[int, int], ...] = ()) -> Sale:
        """What a service sells now."""
        price, model = (int(self.state.services[row, service]) for row in (PRICE, RUNS))
        return Sale(0, False, 0, service, 0, model, self._economy.owner_share, price, rows)

    def quality(self, service: int, question: str) -> int:
        """How good an answer is, 0 to 1,000."""
        market = self._economy
        noisy = self.state.services[NOISY, service] == 1
        at = zlib.crc32(question.encode())
        luck = self._draws.below(2 * market.wobble + 1, "luck", at, np.arange(1))[0, 0]
        good = (market.noise_quality if noisy else market.quality) + int(luck) - market.wobble
        return min(max(good, 0), 1_000)


@dataclass(slots=True)
class Person:
    """A buyer, and what plays it."""

    number: int
    buyer: Buyer
    run: Callable[[str], object]
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
        agent = research_agent(buyer, wallet, played)
        return Person(number, buyer, agent.run)

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
        """Ask a buyer's model, and let the buyer learn from what it bought."""
        question = f"What is there to know, {at}.{person.number}?"
        said = await person.run(question)  # type: ignore[misc]
        reports[person.number] = str(said.output)
        for purchase in person.buyer.purchases[person.seen :]:
            service = int(purchase.listing_id.removeprefix("service-"))
            self.bought.append(Bought(at, person.number, service, purchase.cost))
            self.nature.state.services[SOLD, service] += 1
            experience = person.buyer.experience
            assert experience is not None
            experience.rate(self.listings[service], self.nature.quality(service, question))
        person.seen = len(person.buyer.purchases)

    def move(self, at: int) -> None:
        """Services count what a step brought them, and move their prices as simulated ones do."""
        market, services = self.economy, self.nature.state.services
        unit = np.where(services[NOISY] == 1, market.noise_cost, market.unit_cost)
        services[WINDOW] += (services[PRICE] - unit) * services[SOLD]
        services[SOLD] = 0
        if market.price_period and at % market.price_period == market.price_period - 1:
            move_prices(market, services)

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
        return told | {"platform": fees, _REST: rest}


_REST: Final = "contributors, and what is left in vaults"


def _summed(told: dict[str, int]) -> dict[str, int]:
    """What the chain says, contributors and vaults together: a report doesn't tell them apart."""
    apart = {
        name: amount
        for name, amount in told.items()
        if not name.startswith(("contributor", "left in"))
    }
    return apart | {_REST: sum(told.values()) - sum(apart.values())}


async def _open_street(economy: Economy, market: Market, nature: Nature) -> Street:
    """The marketplace is served for as long as the market's stalls, which open later, are."""
    url = await market.stack.enter_async_context(serve(marketplace_api(market.catalogue), bind()))
    looking = await market.stack.enter_async_context(httpx.AsyncClient(timeout=60))
    return Street(economy, market, nature, MarketplaceClient(url, looking))
