"""What an agent's tools do, the same in every framework: look, buy, call, check the purse."""

from typing import NotRequired

from pydantic import JsonValue
from typing_extensions import TypedDict

from headwater_agents.answers import Purchase
from headwater_agents.arguments import Arguments, service_arguments, shown_schema
from headwater_agents.buyer import Buyer
from headwater_agents.market import Listing, Purse
from headwater_payments.amount import Amount
from headwater_payments.json_schema import JsonSchema

_MOST_OF_OUTPUT = 800
"""Characters of an output's schema: less is needed of it to choose a service than to call it."""


class Found(TypedDict):
    """A listing as a model is shown it; its description and schemas are the seller's own words.

    `takes` and `gives` are a service's schemas in brief, where it has listed them.
    """

    id: str
    name: str
    kind: str
    price: str
    description: str
    takes: NotRequired[JsonSchema]
    gives: NotRequired[JsonSchema]


class Bought(TypedDict):
    """A result with its cost in whole units of the wallet's currency and its payment key."""

    listing_id: str
    answer: JsonValue
    cost: str
    payment_key: str


class Shop:
    """The tools' bodies over one buyer and one purse; every method raises `HeadwaterError` only."""

    def __init__(self, buyer: Buyer, purse: Purse) -> None:
        self._buyer = buyer
        self._purse = purse

    async def discover(self, query: str, kind: str | None = None) -> list[Found]:
        """Listings for a query; a buyer who ranks them is shown what it can pay for.

        See `Buyer.discover`.
        """
        most = None
        if self._buyer.experience is not None:
            most = max(0, (await self._purse.budget()).left)
        return [_found(listing) for listing in await self._buyer.discover(query, kind, most)]

    async def buy_answer(
        self, listing_id: str, question: str, max_tokens: int, *, key: str
    ) -> Bought:
        """One answer of a model listing to one question; see `Buyer.complete`."""
        purchase = await self._buyer.complete(
            listing_id,
            [{"role": "user", "content": question}],
            key=key,
            settings={"max_tokens": max_tokens},
        )
        return self._bought(purchase.text, purchase)

    async def call_service(
        self, listing_id: str, arguments: Arguments | None, topic: str | None, *, key: str
    ) -> Bought:
        """One result of a service listing; see `service_arguments` and `Buyer.call`."""
        body = service_arguments(self._buyer.listing(listing_id), arguments, topic)
        output, purchase = await self._buyer.call(listing_id, body, key=key)
        return self._bought(output, purchase)

    async def balance(self) -> dict[str, str]:
        """The budget's limit and what is left of it, in whole units."""
        state = await self._purse.budget()
        asset = self._purse.policy.budget.asset
        return {
            "left": str(Amount(max(0, state.left), asset)),
            "limit": str(Amount(state.limit, asset)),
        }

    def _bought(self, answer: JsonValue, purchase: Purchase) -> Bought:
        asset = self._purse.policy.budget.asset
        return {
            "listing_id": purchase.listing_id,
            "answer": answer,
            "cost": str(Amount(purchase.cost, asset)),
            "payment_key": purchase.key,
        }


def _found(listing: Listing) -> Found:
    found: Found = {
        "id": listing.id,
        "name": listing.name,
        "kind": listing.kind,
        "price": str(listing.price),
        "description": listing.description,
    }
    if (takes := shown_schema(listing.input_schema)) is not None:
        found["takes"] = takes
    if (gives := shown_schema(listing.output_schema, _MOST_OF_OUTPUT)) is not None:
        found["gives"] = gives
    return found
