"""Selling a function or an agent: a typed async function becomes a priced route with a card.

The application made here serves unpaid. What makes it paid is the marketplace's middleware around
it: `PaymentMiddleware(service_app(services), offers=[s.offer for s in services], ...)`. A function
that raises, and input that does not fit, answer with an error status, for which nothing is charged.
"""

import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from headwater_agents.errors import InputMismatchError
from headwater_agents.keys import payment_key
from headwater_marketplace.seller import Offer, current_meter
from headwater_marketplace.seller.asgi import read_body
from headwater_payments.address import Address
from headwater_payments.amount import Amount
from headwater_payments.bazaar import body_discovery
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.json_schema import JsonSchema, SchemaError
from headwater_payments.schema_forms import listed_schema

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CARDS_PATH = "/.well-known/headwater/services"
"""Where a seller's cards are read: what each service takes, gives and costs."""

InputT = TypeVar("InputT", bound=BaseModel)
OutputT = TypeVar("OutputT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Service(Generic[InputT, OutputT]):
    """One function for sale.

    Attributes:
        name: what it is called; its route is `/services/<name>`.
        description: one sentence for buyers.
        price: what one call costs; the function may charge less through `current_meter()`.
        pay_to: who is paid: an account or a revenue vault.
        takes: the model of its input, a JSON object.
        gives: the model of its output.
        run: the function.
    """

    name: str
    description: str
    price: Amount
    pay_to: Address
    takes: type[InputT]
    gives: type[OutputT]
    run: Callable[[InputT], Awaitable[OutputT]]

    def __post_init__(self) -> None:
        if not self.name.replace("-", "").isalnum():
            raise InvalidInputError(
                f"A service's name holds letters, digits and hyphens only, unlike {self.name!r}."
            )

    @property
    def path(self) -> str:
        """The route it is called at, by POST."""
        return f"/services/{self.name}"

    @property
    def offer(self) -> Offer:
        """Its terms, for the payment middleware."""
        terms = Offer(self.path, self.price, self.pay_to, description=self.description)
        try:
            discovery = body_discovery(terms.method, self.input_schema, self.output_schema)
        except SchemaError:
            return terms
        return replace(terms, discovery=discovery)

    @property
    def input_schema(self) -> JsonSchema:
        """The JSON Schema of its input, as a listing carries it.

        Raises:
            SchemaError: `takes` refers to itself, is too large, or uses what listings do not carry.
        """
        return listed_schema(self.takes.model_json_schema(), f"The input of {self.name}")

    @property
    def output_schema(self) -> JsonSchema:
        """The JSON Schema of its output, as a listing carries it.

        Raises:
            SchemaError: as for `input_schema`; list the service without it.
        """
        schema = self.gives.model_json_schema(mode="serialization")
        return listed_schema(schema, f"The output of {self.name}")

    def card(self) -> dict[str, JsonValue]:
        """What a catalogue needs to list it; the price in atomic units as text."""
        return {
            "name": self.name,
            "kind": "service",
            "description": self.description,
            "path": self.path,
            "price": str(self.price.atomic),
            "asset": self.price.asset.address,
            "network": self.price.asset.network,
            "input_schema": self.takes.model_json_schema(),
            "output_schema": self.gives.model_json_schema(mode="serialization"),
        }

    async def call(self, body: bytes) -> bytes:
        """Run the function on a JSON body and give back its output as JSON.

        Raises:
            InputMismatchError: the body does not fit `takes`; the function did not run.
            HeadwaterError: what the function raises.
        """
        try:
            given = self.takes.model_validate_json(body)
        except ValidationError as exc:
            first = exc.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "body"
            raise InputMismatchError(
                f"{self.name} cannot use this input: {where}: {first['msg']}.", field=where
            ) from exc
        return (await self.run(given)).model_dump_json().encode()


def service_app(services: Sequence[Service[Any, Any]]) -> App:
    """An ASGI application with one route for each service and their cards at `CARDS_PATH`."""
    by_path = {service.path: service for service in services}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return None
        path, method = scope["path"], scope["method"]
        if path == CARDS_PATH and method == "GET":
            cards = [service.card() for service in services]
            return await _answer(send, 200, json.dumps({"services": cards}).encode())
        if path not in by_path:
            return await _answer(send, 404, b'{"title": "not found"}')
        if method != "POST":
            return await _answer(send, 405, b'{"title": "method not allowed"}')
        await _serve(by_path[path], receive, send)

    return app


def served_key(*parts: str) -> str | None:
    """A payment key for what a service buys while it serves a paid request, or None outside one.

    It depends on the payment being served, so that serving the same payment again buys nothing new.
    """
    meter = current_meter()
    return None if meter is None else payment_key("served", meter.payment_id, *parts)


async def _serve(service: Service[Any, Any], receive: Receive, send: Send) -> None:
    try:
        output = await service.call(await read_body(receive, what="A service's input"))
    except HeadwaterError as exc:
        problem = json.dumps(exc.problem()).encode()
        return await _answer(send, exc.http_status, problem, b"application/problem+json")
    await _answer(send, 200, output)


async def _answer(
    send: Send, status: int, body: bytes, content_type: bytes = b"application/json"
) -> None:
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
