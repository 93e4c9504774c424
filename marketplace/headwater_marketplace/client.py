"""A marketplace from outside: what agents use to find listings and providers to register them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from headwater_marketplace.listings import Listing, sign_listing, verified
from headwater_payments.errors import HeadwaterError, InvalidInputError, UnavailableError
from headwater_payments.json_text import read_json
from headwater_payments.signing import Signer


class MarketplaceError(HeadwaterError):
    """The marketplace refused; `details["reason"]` is its own error code."""

    code = "marketplace_refused"
    http_status = 502


class MarketplaceClient:
    """Talks to one marketplace.

    Args:
        base_url: where its API is.
        http: a client of the caller's, which the caller closes; it need not pay.
    """

    def __init__(self, base_url: str, http: httpx.AsyncClient) -> None:
        self._base, self._http = base_url.rstrip("/"), http

    async def search(
        self, query: str, kind: str | None = None, max_price: int | None = None
    ) -> list[Listing]:
        """Listings for a query, best first; see `Catalogue.search`.

        Raises:
            UnavailableError: the marketplace does not answer.
            MarketplaceError: it refuses the question.
        """
        asked: dict[str, Any] = {"query": query, "kind": kind, "max_price": max_price}
        params = {key: value for key, value in asked.items() if value is not None}
        body = await self._request("GET", "/api/listings", params=params)
        listings = body.get("listings")
        if not isinstance(listings, list):
            raise UnavailableError("The marketplace answered without listings.")
        return [_listing(item) for item in listings]

    async def get(self, listing_id: str) -> Listing:
        """One listing.

        Raises:
            MarketplaceError: there is none.
        """
        return _listing(await self._request("GET", f"/api/listings/{quote(listing_id, safe='')}"))

    async def register(self, listing: Listing, signer: Signer) -> Listing:
        """Offer something for sale, or change what one offers, signed by its provider.

        Raises:
            InvalidInputError: the signer is not the provider.
            MarketplaceError: the marketplace refuses the listing.
        """
        body = await sign_listing(listing, signer)
        return _listing(await self._request("POST", "/api/listings", json=body))

    async def _request(self, method: str, path: str, **options: Any) -> Mapping[str, Any]:
        try:
            answer = await self._http.request(method, self._base + path, **options)
            body = read_json(answer.content)
        except httpx.HTTPError as exc:
            raise UnavailableError(f"The marketplace at {self._base} does not answer.") from exc
        except InvalidInputError as exc:
            raise UnavailableError(f"{self._base} answered with something else than JSON.") from exc
        if not isinstance(body, dict):
            raise UnavailableError(f"{self._base} answered with something else than an object.")
        if answer.is_error:
            raise MarketplaceError(
                str(body.get("detail", f"The marketplace answered {answer.status_code}.")),
                reason=body.get("code"),
                status=answer.status_code,
            )
        return body


def _listing(body: object) -> Listing:
    try:
        listing = Listing.model_validate(body)
    except ValueError as exc:
        raise InvalidInputError("The marketplace sent a malformed listing.") from exc
    return verified(listing)
