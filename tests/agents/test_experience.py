"""A buyer with experience goes where an answer leaves it most, and leaves who fails to deliver."""

from dataclasses import replace

import httpx
import pytest
from agents.fake_market import MODEL, PRICE, FakeWallet, Seller

from headwater_agents import Buyer, Experience, FixedCatalogue, FixedListing, ResearchPolicy
from headwater_agents.market import Listing
from headwater_agents.pydantic_researcher import research_agent
from headwater_marketplace.listings import TokenPrices
from headwater_payments.routing import BY_PRICE, Preference
from headwater_wallet.errors import BudgetExceededError, PaymentRefusedError, PaymentUnknownError

pytestmark = pytest.mark.anyio
ASK = [{"role": "user", "content": "why?"}]
REPUTED = {"good": 900, "bad": 200, "dear": 950}


def listed(name: str, ceiling: int) -> FixedListing:
    url = f"http://{name}.test/v1"
    return replace(MODEL, id=name, name=name, base_url=url, price=TokenPrices(ceiling=ceiling))


GOOD, BAD, DEAR = listed("good", 600), listed("bad", 300), listed("dear", 5_000)
UNPRICED = replace(MODEL, id="unpriced")


def reputed(listing: Listing) -> int:
    return REPUTED[listing.id]


class Street:
    """Sellers by host."""

    def __init__(self) -> None:
        self.sellers = {name: Seller() for name in REPUTED}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        return self.sellers[request.url.host.removesuffix(".test")](request)


def buyer_in(street: Street, wallet: FakeWallet, experience: Experience | None = None) -> Buyer:
    http = httpx.AsyncClient(transport=httpx.MockTransport(street), auth=wallet)
    listings = (BAD, UNPRICED, DEAR, GOOD)
    taste = experience or Experience(Preference(2_000), reputed)
    return Buyer(http, FixedCatalogue(listings), taste)


async def found(buyer: Buyer, most: int | None = None) -> list[str]:
    return [listing.id for listing in await buyer.discover("", "model", most)]


async def test_listings_come_by_what_they_leave_the_buyer(wallet: FakeWallet) -> None:
    # Good leaves 1,800 - 600, bad 400 - 300, and dear would leave a loss.
    assert await found(buyer_in(Street(), wallet)) == ["good", "bad", "unpriced"]
    assert await found(buyer_in(Street(), wallet), 599) == ["bad", "unpriced"]
    thrifty = Experience(BY_PRICE, reputed)
    cheapest = ["bad", "good", "dear", "unpriced"]
    assert await found(buyer_in(Street(), wallet, thrifty)) == cheapest


async def test_a_seller_that_fails_loses_its_place_and_a_good_answer_regains_it(
    wallet: FakeWallet,
) -> None:
    street, experience = Street(), Experience(Preference(1_000), lambda _: 800)
    buyer = buyer_in(street, wallet, experience)
    assert (await found(buyer))[:2] == ["bad", "good"]
    street.sellers["bad"].conflict = True
    for key in ("k1", "k2"):
        with pytest.raises(PaymentUnknownError):
            await buyer.complete("bad", ASK, key=key)
    assert experience.quality(BAD) == 450
    assert (await found(buyer))[:2] == ["good", "bad"]
    for _ in range(3):
        experience.rate(BAD, 5_000)
    assert (await found(buyer))[:2] == ["bad", "good"]


@pytest.mark.parametrize("streamed", [False, True])
async def test_only_what_the_seller_did_counts_against_it(
    wallet: FakeWallet, streamed: bool
) -> None:
    street, experience = Street(), Experience(Preference(2_000), reputed)
    buyer = buyer_in(street, wallet, experience)
    await found(buyer)

    async def buy(key: str) -> None:
        if streamed:
            async for _ in buyer.stream("good", ASK, key=key):
                pass
        else:
            await buyer.complete("good", ASK, key=key)

    wallet.limit = PRICE - 1
    with pytest.raises(BudgetExceededError):
        await buy("k1")
    assert experience.quality(GOOD) == 900
    wallet.limit = 10_000
    await buy("k2")
    assert experience.quality(GOOD) == 900
    street.sellers["good"].refuse = True
    with pytest.raises(PaymentRefusedError):
        await buy("k3")
    assert experience.quality(GOOD) == 675


async def test_a_buyer_whose_time_is_dear_goes_where_it_is_served_sooner(
    wallet: FakeWallet,
) -> None:
    experience = Experience(Preference(2_000, wait_cost=1_000), lambda _: 800)
    buyer = buyer_in(Street(), wallet, experience)
    assert (await found(buyer))[:2] == ["bad", "good"]
    experience.delivered(BAD, 2.0)
    experience.delivered(GOOD, 0.1)
    assert (await found(buyer))[:2] == ["good", "unpriced"]
    for _ in range(8):
        experience.delivered(BAD, 0.0)
    assert (await found(buyer))[:2] == ["bad", "good"]


async def test_an_agent_buys_from_the_first_that_its_buyer_ranks(wallet: FakeWallet) -> None:
    street = Street()
    policy = ResearchPolicy(query="", as_listed=True)
    agent = research_agent(buyer_in(street, wallet), wallet.purse, policy)
    assert "Bought from good" in (await agent.run("Why?")).output
    assert [name for name, seller in street.sellers.items() if seller.earned] == ["good"]
    wallet.limit = 550
    assert "Bought from bad" in (await agent.run("And how?")).output
