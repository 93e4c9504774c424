"""A service that buys answers and sells a digest: several questions about one topic, merged.

It asks the same model from several sides at once, cuts the answers into their quoted points, drops
what was said twice, and groups the points by source, the one that most answers agree on first. The
price it pays is its cost; the difference to its own price is what it earns.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

import anyio
from pydantic import BaseModel, Field

from headwater_agents.answers import Purchase
from headwater_agents.buyer import Buyer
from headwater_agents.selling import Service, served_key
from headwater_marketplace.seller import current_meter
from headwater_payments.address import Address
from headwater_payments.amount import Amount
from headwater_payments.errors import UnavailableError

ANGLES = (
    "{topic}",
    "What does {topic} return, and which arguments does it take?",
    "Which errors does {topic} raise, and when?",
)
"""The sides from which a topic is asked about."""

_QUOTED = re.compile(r"^(?P<source>[\w.]+): (?P<text>.+?)(?: \[\d+\])?$", re.DOTALL)


class BriefingRequest(BaseModel):
    """What to brief on."""

    topic: str = Field(min_length=3, max_length=400)


class Point(BaseModel):
    """One statement, where it comes from, and how many of the answers made it."""

    text: str
    source: str | None
    answers: int


class Briefing(BaseModel):
    """A digest: points by source, best supported first, and what the answers behind it cost."""

    topic: str
    points: list[Point]
    sources: list[str]
    questions: list[str]
    bought_from: str
    cost_atomic: str


@dataclass(frozen=True, slots=True)
class BriefingDesk:
    """Writes briefings from answers bought under its own wallet.

    Attributes:
        buyer: who pays for the answers.
        query: what to search the marketplace for; the first model found is bought from.
        max_tokens: the longest answer to pay for.
    """

    buyer: Buyer
    query: str
    max_tokens: int = 160

    def service(
        self, price: Amount, pay_to: Address, name: str = "briefing"
    ) -> Service[BriefingRequest, Briefing]:
        """The desk as something to sell at this price."""
        return Service(
            name=name,
            description="Briefs on a topic: several answers, merged, with their sources.",
            price=price,
            pay_to=pay_to,
            takes=BriefingRequest,
            gives=Briefing,
            run=self.brief,
        )

    async def brief(self, request: BriefingRequest) -> Briefing:
        """Buy an answer for each angle, all at once, and merge them.

        Raises:
            UnavailableError: no model is for sale.
            HeadwaterError: an answer could not be bought; those bought already stay paid, and
                serving the same request again reuses them.
        """
        listings = await self.buyer.discover(self.query, kind="model")
        if not listings:
            raise UnavailableError("No model is for sale that could answer.", query=self.query)
        listing_id = listings[0].id
        questions = [angle.format(topic=request.topic) for angle in ANGLES]
        purchases = await self._buy_all(listing_id, questions)
        points = merge([purchase.text for purchase in purchases])
        _name_causes(purchases)
        return Briefing(
            topic=request.topic,
            points=points,
            sources=list(dict.fromkeys(p.source for p in points if p.source is not None)),
            questions=questions,
            bought_from=listing_id,
            cost_atomic=str(sum(purchase.cost for purchase in purchases)),
        )

    async def _buy_all(self, listing_id: str, questions: Sequence[str]) -> list[Purchase]:
        bought: dict[int, Purchase] = {}
        failed: list[Exception] = []

        async def buy(number: int, question: str) -> None:
            try:
                bought[number] = await self.buyer.complete(
                    listing_id,
                    [{"role": "user", "content": question}],
                    key=served_key(str(number), question) or uuid4().hex,
                    settings={"max_tokens": self.max_tokens},
                )
            except Exception as exc:  # noqa: BLE001 - raised below, without an exception group
                failed.append(exc)

        async with anyio.create_task_group() as tasks:
            for number, question in enumerate(questions):
                tasks.start_soon(buy, number, question)
        if failed:
            raise failed[0]
        return [bought[number] for number in range(len(questions))]


def _name_causes(purchases: Sequence[Purchase]) -> None:
    """Note on the sale which purchases caused it, so that its royalties can follow them."""
    meter = current_meter()
    if meter is None:
        return
    causes = [{"key": purchase.key, "charge": str(purchase.cost)} for purchase in purchases]
    meter.evidence = lambda: {"bought": causes}


def merge(answers: Sequence[str]) -> list[Point]:
    """The distinct points of several answers, those that most answers make first.

    A point is a paragraph; `source: text [n]` names its source. Two points are the same when their
    words are, in any case and spacing.
    """
    seen: dict[str, Point] = {}
    for answer in answers:
        for point in {_same(p.text): p for p in _points(answer)}.values():
            known = seen.setdefault(_same(point.text), point)
            known.answers += 1
    return sorted(seen.values(), key=lambda point: -point.answers)


def _points(answer: str) -> list[Point]:
    points = []
    for paragraph in filter(str.strip, answer.split("\n\n")):
        quoted = _QUOTED.match(paragraph.strip())
        text, source = (quoted["text"], quoted["source"]) if quoted else (paragraph.strip(), None)
        points.append(Point(text=text, source=source, answers=0))
    return points


def _same(text: str) -> str:
    return " ".join(text.casefold().split())
