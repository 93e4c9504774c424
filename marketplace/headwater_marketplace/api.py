"""The marketplace's HTTP API: find listings, register them, fetch the bundles of closed epochs."""

import re

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from headwater_attribution.bundle import EpochBundle
from headwater_marketplace.catalogue import Catalogue
from headwater_marketplace.listings import KINDS, check_listing
from headwater_marketplace.seller.asgi import read_body
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.json_text import read_json

MAX_BODY_BYTES = 65_536
_EPOCH = re.compile(r"[0-9]{1,18}")


class NoSuchEpochError(HeadwaterError):
    """No epoch of that number has been closed for that vault."""

    code = "no_such_epoch"
    http_status = 404


def marketplace_api(
    catalogue: Catalogue, bundles: dict[tuple[str, int], EpochBundle] | None = None
) -> Starlette:
    """The application.

    Args:
        catalogue: the listings.
        bundles: closed epochs by vault address in lower case and epoch number.
    """
    published = {} if bundles is None else bundles

    async def search(request: Request) -> Response:
        asked = request.query_params
        found = await catalogue.search(
            asked.get("query", ""),
            _kind(asked.get("kind")),
            _whole(asked.get("max_price"), "max_price"),
        )
        return JSONResponse({"listings": [listing.model_dump(mode="json") for listing in found]})

    async def register(request: Request) -> Response:
        listing = check_listing(await _json(request))
        await catalogue.register(listing)
        return JSONResponse(listing.model_dump(mode="json"), status_code=201)

    async def show(request: Request) -> Response:
        listing = await catalogue.get(request.path_params["listing_id"])
        return JSONResponse(listing.model_dump(mode="json"))

    async def epoch(request: Request) -> Response:
        vault, number = request.path_params["vault"], request.path_params["epoch"]
        wanted = int(number) if _EPOCH.fullmatch(number) else None
        bundle = None if wanted is None else published.get((vault.lower(), wanted))
        if bundle is None:
            raise NoSuchEpochError(f"The vault {vault[:80]} has no closed epoch {number[:80]}.")
        return Response(bundle.model_dump_json(), media_type="application/json")

    return Starlette(
        routes=[
            Route("/api/listings", search),
            Route("/api/listings", register, methods=["POST"]),
            Route("/api/listings/{listing_id}", show),
            Route("/api/epochs/{vault}/{epoch}", epoch),
        ],
        exception_handlers={HeadwaterError: problem},
    )


async def problem(_request: Request, error: Exception) -> Response:
    """A Headwater error as RFC 9457 problem JSON."""
    assert isinstance(error, HeadwaterError)
    return JSONResponse(
        error.problem(), status_code=error.http_status, media_type="application/problem+json"
    )


async def _json(request: Request) -> object:
    body = await read_body(request.receive, MAX_BODY_BYTES, "A registration")
    return read_json(body, "The body")


def _kind(text: str | None) -> str | None:
    if text is not None and text not in KINDS:
        raise InvalidInputError(f"A listing is a {', a '.join(KINDS)}; never {text[:80]!r}.")
    return text


def _whole(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    try:
        return int(text)
    except ValueError as exc:
        raise InvalidInputError(
            f"{name} is a whole number of atomic units, not {text[:80]!r}."
        ) from exc
