"""A research policy without a language model: the next step, from the question and the results.

It plays the model's part behind either framework's own fake-model interface, so that an economy
runs without an API key and the same run can be repeated. It sees what a model would see, the tool
results, and decides by fixed rules.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pydantic import JsonValue

from headwater_payments.errors import InvalidInputError
from headwater_payments.json_text import read_json

DISCOVER, BUY, CALL = "discover_listings", "buy_answer", "call_service"
NOTHING_BOUGHT = "I could not buy an answer: "
"""How a report without an answer begins; the reason follows."""
_MOST = re.compile(r"at most (\d+(?:\.\d+)?)")
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What one tool call returned, as the model was shown it."""

    tool: str
    content: JsonValue


@dataclass(frozen=True, slots=True)
class UseTool:
    """Call a tool next."""

    tool: str
    arguments: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Say:
    """Finish with this text."""

    text: str


Move: TypeAlias = UseTool | Say


@dataclass(frozen=True, slots=True)
class ResearchPolicy:
    """Discover what is for sale, buy from the cheapest, move on to the next when refused, report.

    Attributes:
        query: what to search the marketplace for.
        kind: `model` to buy answers, `service` to call services.
        max_tokens: the longest answer to pay for.
        as_listed: buy from the first listing found rather than from the cheapest, where the buyer
            has ranked them (`Experience`).
    """

    query: str
    kind: str = "model"
    max_tokens: int = 256
    as_listed: bool = False

    def next_move(self, question: str, results: Sequence[ToolResult]) -> Move:
        """The next step, given the tool results of this question so far, oldest first."""
        if not results:
            return UseTool(DISCOVER, {"query": self.query, "kind": self.kind})
        offers = self._offers(results[0].content)
        purchases = [result for result in results if result.tool != DISCOVER]
        if purchases:
            refused = _refusal(purchases[-1].content)
            if refused is None:
                return Say(_report(question, purchases[-1].content))
            if not _worth_another_try(refused):
                return Say(f"{NOTHING_BOUGHT}{refused['message']}")
        if len(purchases) >= len(offers):
            return Say(f"{NOTHING_BOUGHT}nobody else sells one.")
        return self._purchase(offers[len(purchases)], question)

    def _offers(self, found: JsonValue) -> list[str]:
        """The ids of the listings found, cheapest first; equal prices keep the market's order."""
        every = found if isinstance(found, list) else []
        listings = [each for each in every if isinstance(each, dict)]
        wanted = [each for each in listings if each.get("kind") == self.kind]
        if not self.as_listed:
            wanted.sort(key=lambda each: _price(each.get("price")))
        return [str(each["id"]) for each in wanted if "id" in each]

    def _purchase(self, listing_id: str, question: str) -> UseTool:
        if self.kind == "service":
            return UseTool(CALL, {"listing_id": listing_id, "topic": question})
        arguments: dict[str, JsonValue] = {
            "listing_id": listing_id,
            "question": question,
            "max_tokens": self.max_tokens,
        }
        return UseTool(BUY, arguments)


def parse_result(tool: str, content: object) -> ToolResult:
    """A tool result from what a framework keeps of it: JSON text, or values already."""
    if not isinstance(content, str):
        content = json.dumps(content, default=str)
    try:
        value: JsonValue = read_json(content)
    except InvalidInputError:
        value = content
    return ToolResult(tool, value)


def _refusal(content: JsonValue) -> dict[str, JsonValue] | None:
    """The refusal that a purchase came back with, if it did; text that is no JSON is one too."""
    if isinstance(content, dict):
        return {"message": "", **content} if "error" in content else None
    return {"error": "unreadable", "message": str(content), "paid": "unknown"}


def _worth_another_try(refused: dict[str, JsonValue]) -> bool:
    """Another seller may serve where one failed, unless money is the reason or its fate unknown."""
    return refused.get("paid") == "no" and refused.get("error") not in {
        "budget_exceeded",
        "policy_refused",
    }


def _report(question: str, bought: JsonValue) -> str:
    record = bought if isinstance(bought, dict) else {}
    answer = record.get("answer")
    text = answer if isinstance(answer, str) else json.dumps(answer, indent=1)
    seller, cost = record.get("listing_id"), record.get("cost")
    return f"{question}\n\n{text}\n\nBought from {seller} for {cost}."


def _price(price: JsonValue) -> float:
    """What a listing's price text says a request costs at most, else its first number.

    For ranking only; a price without a number ranks last.
    """
    text = str(price)
    number = _MOST.search(text) or _NUMBER.search(text)
    return float(number[1]) if number else float("inf")
