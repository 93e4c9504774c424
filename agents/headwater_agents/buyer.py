"""An agent's way to the marketplace: find a listing, pay for an answer, know what it cost."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from typing import Any

import anyio
import httpx
from pydantic import JsonValue

from headwater_agents.answer_bounds import MAX_ANSWER_BYTES, bounded
from headwater_agents.answers import Message, Purchase, StreamedAnswer, served_models, whole_answer
from headwater_agents.arguments import check_arguments
from headwater_agents.charges import charge_from_headers
from headwater_agents.errors import ServiceFailedError, UnknownListingError
from headwater_agents.event_stream import server_sent_events
from headwater_agents.experience import Experience
from headwater_agents.keys import IDEMPOTENCY_KEY
from headwater_agents.market import Catalogue, Listing
from headwater_payments.errors import InvalidInputError, UnavailableError
from headwater_payments.json_text import read_json
from headwater_payments.x402 import PAYMENT_RESPONSE
from headwater_wallet.errors import PaymentRefusedError, PaymentUnknownError
from headwater_wallet.stream_watch import SHOW_PAYMENT_EVENTS


class Buyer:
    """Buys on behalf of one agent over a client that pays.

    Every request carries its payment key, so that the wallet and the seller recognise a repetition.
    The errors of the wallet's policy (`budget_exceeded`, ...) pass through unchanged.

    Args:
        http: a client that pays, such as `Wallet.client()`; the caller owns and closes it.
        catalogue: where listings are found.
        experience: by which what is found is ranked, and which learns from every purchase; without
            it the marketplace's order stands.
        max_answer_bytes: that are read of an answer; a longer one is a failure of its seller's.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        catalogue: Catalogue,
        experience: Experience | None = None,
        *,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self._http, self._most = http, max_answer_bytes
        self._catalogue = catalogue
        self.experience = experience
        self._known: dict[str, Listing] = {}
        self._models: dict[str, str] = {}
        self.purchases: list[Purchase] = []

    @property
    def spent(self) -> int:
        """Atomic units charged for what this buyer received."""
        return sum(purchase.cost for purchase in self.purchases)

    async def discover(
        self, query: str, kind: str | None = None, max_price: int | None = None
    ) -> Sequence[Listing]:
        """Find listings and remember them; see `Catalogue.search`.

        With an experience, those that are worth buying from are given, best first.
        """
        found = await self._catalogue.search(query, kind, max_price)
        self._known.update({listing.id: listing for listing in found})
        return found if self.experience is None else self.experience.ranked(found, max_price)

    def listing(self, listing_id: str) -> Listing:
        """A listing discovered before.

        Raises:
            UnknownListingError: it was not.
        """
        if listing_id not in self._known:
            raise UnknownListingError(
                f"No listing {listing_id!r} has been discovered.", known=sorted(self._known)
            )
        return self._known[listing_id]

    async def complete(
        self,
        listing_id: str,
        messages: Sequence[Message],
        *,
        key: str,
        settings: Mapping[str, JsonValue] | None = None,
    ) -> Purchase:
        """Buy one chat completion.

        Args:
            listing_id: a model discovered before.
            messages: the conversation in the OpenAI dialect.
            key: the payment key; repeating a call under it never pays twice.
            settings: further members of the request, such as `max_tokens`.

        Raises:
            HeadwaterError: the wallet's refusals, or an error of `headwater_agents.errors`.
        """
        listing = self.listing(listing_id)
        with self._noting(listing):
            body = await self._chat_body(listing, messages, settings)
            headers, content = await self._post(_chat_url(listing), body, key)
            charge = charge_from_headers(headers)
            return self._bought(whole_answer(content, listing_id, key, charge))

    async def stream(
        self,
        listing_id: str,
        messages: Sequence[Message],
        *,
        key: str,
        settings: Mapping[str, JsonValue] | None = None,
    ) -> AsyncGenerator[str | Purchase, None]:
        """Buy one chat completion and yield its text as it comes; the last item is the purchase.

        Arguments and errors are those of `complete`. A stream that breaks off raises
        `PaymentUnknownError`: what was delivered until then may have been charged.
        """
        listing = self.listing(listing_id)
        with self._noting(listing):
            body = await self._chat_body(listing, messages, settings) | {
                "stream": True,
                "stream_options": {"include_usage": True},
            }
            try:
                async with self._http.stream(
                    "POST",
                    _chat_url(listing),
                    json=body,
                    headers={IDEMPOTENCY_KEY: key},
                    extensions={SHOW_PAYMENT_EVENTS: True},
                ) as response:
                    chunks = bounded(response, self._most)
                    if not response.is_success:
                        _require_success(response, b"".join([chunk async for chunk in chunks]))
                    answer = StreamedAnswer(charge_from_headers(response.headers))
                    async with aclosing(server_sent_events(chunks)) as events:
                        async for name, data in events:
                            if text := answer.take(name, data):
                                yield text
            except httpx.HTTPError as exc:
                raise _translated(exc) from exc
            bought = self._bought(answer.purchase(listing_id, key))
        yield bought

    async def call(
        self, listing_id: str, body: Mapping[str, JsonValue], *, key: str
    ) -> tuple[JsonValue, Purchase]:
        """Buy one call of a service: POST the body, get the service's JSON and the purchase.

        Raises:
            ArgumentsMismatchError: the body does not fit the listing's schema; nothing was paid.
            SchemaError: the listing's schema is unusable; nothing was paid.
            HeadwaterError: the wallet's refusals, or an error of `headwater_agents.errors`.
        """
        listing = self.listing(listing_id)
        check_arguments(listing, dict(body))
        with self._noting(listing):
            headers, content = await self._post(listing.base_url, body, key)
            try:
                output = read_json(content)
            except InvalidInputError as exc:
                raise ServiceFailedError(f"{listing.name} sent something that is no JSON.") from exc
            charge = charge_from_headers(headers)
            text = content.decode("utf-8", "replace")
            return output, self._bought(Purchase(listing_id, key, text, charge))

    @contextmanager
    def _noting(self, listing: Listing) -> Iterator[None]:
        """Let the experience learn whether this seller delivers, and how long that takes.

        What the wallet's policy refuses is no fault of the seller's.
        """
        started = anyio.current_time()
        try:
            yield
        except (ServiceFailedError, UnavailableError, PaymentRefusedError, PaymentUnknownError):
            if self.experience is not None:
                self.experience.failed(listing)
            raise
        if self.experience is not None:
            self.experience.delivered(listing, anyio.current_time() - started)

    async def _chat_body(
        self,
        listing: Listing,
        messages: Sequence[Message],
        settings: Mapping[str, JsonValue] | None,
    ) -> dict[str, JsonValue]:
        if listing.id not in self._models:
            self._models[listing.id] = await self._model_id(listing)
        said: list[JsonValue] = [dict(message) for message in messages]
        return {**(settings or {}), "model": self._models[listing.id], "messages": said}

    async def _model_id(self, listing: Listing) -> str:
        """What the endpoint calls the listed model: the listing's name or id if it serves either.

        A listing's name is for people; the models list, which is free, says what to ask for.
        """
        try:
            response, content = await self._asked("GET", listing.base_url.rstrip("/") + "/models")
        except httpx.HTTPError as exc:
            raise UnavailableError(f"{listing.name} could not be reached.") from exc
        served = served_models(content) if response.is_success else []
        named = [each for each in (listing.name, listing.id) if each in served]
        return [*named, *served, listing.name][0]

    async def _post(
        self, url: str, body: Mapping[str, JsonValue], key: str
    ) -> tuple[httpx.Headers, bytes]:
        headers = {IDEMPOTENCY_KEY: key}
        try:
            response, content = await self._asked("POST", url, json=dict(body), headers=headers)
        except httpx.HTTPError as exc:
            raise _translated(exc) from exc
        _require_success(response, content)
        return response.headers, content

    async def _asked(self, method: str, url: str, **options: Any) -> tuple[httpx.Response, bytes]:
        async with self._http.stream(method, url, **options) as response:
            chunks = [chunk async for chunk in bounded(response, self._most)]
        return response, b"".join(chunks)

    def _bought(self, purchase: Purchase) -> Purchase:
        self.purchases.append(purchase)
        return purchase


def _chat_url(listing: Listing) -> str:
    return listing.base_url.rstrip("/") + "/chat/completions"


def _require_success(response: httpx.Response, content: bytes) -> None:
    if response.is_success:
        return
    said = content[:1_200].decode("utf-8", "replace")[:300]
    if response.status_code == httpx.codes.PAYMENT_REQUIRED:
        raise PaymentRefusedError("The seller did not accept the payment.", seller_said=said)
    if response.status_code == httpx.codes.CONFLICT and PAYMENT_RESPONSE not in response.headers:
        raise PaymentUnknownError(
            "The seller knows this payment already, from a request under way or from another one.",
            seller_said=said,
        )
    raise ServiceFailedError(
        f"The seller answered with status {response.status_code}.",
        status=response.status_code,
        seller_said=said,
    )


def _translated(error: httpx.HTTPError) -> UnavailableError | PaymentUnknownError:
    """A connection that never opened paid nobody; any later break may have come after a payment."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return UnavailableError("The seller could not be reached.", reason=str(error))
    return PaymentUnknownError(
        "The exchange with the seller broke off; whether it was paid is not known.",
        reason=str(error) or type(error).__name__,
    )
