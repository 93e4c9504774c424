"""A facilitator over HTTP: `/verify`, `/settle` and `/supported`, for sellers anywhere.

Source: x402 v2, facilitator interface.
"""

from pydantic import Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from headwater_marketplace.api import problem
from headwater_marketplace.facilitator import Facilitator
from headwater_marketplace.seller.asgi import read_body
from headwater_payments.errors import HeadwaterError
from headwater_payments.json_text import read_json
from headwater_payments.x402 import PaymentPayload, PaymentRequirements, WireModel

MAX_BODY_BYTES = 262_144


class FacilitatorRequest(WireModel):
    """The body of `/verify` and `/settle`."""

    x402_version: int = Field(default=2, alias="x402Version")
    payment_payload: PaymentPayload
    payment_requirements: PaymentRequirements


def facilitator_api(facilitator: Facilitator) -> Starlette:
    """The application. Payments that do not hold are answers with status 200, as x402 has it;
    malformed requests are problems with status 400."""

    async def verify(request: Request) -> Response:
        asked = await _read(request)
        verdict = await facilitator.verify(asked.payment_payload, asked.payment_requirements)
        return JSONResponse(verdict.to_json())

    async def settle(request: Request) -> Response:
        asked = await _read(request)
        outcome = await facilitator.settle(asked.payment_payload, asked.payment_requirements)
        return JSONResponse(outcome.to_json())

    async def supported(_request: Request) -> Response:
        return JSONResponse((await facilitator.supported()).to_json())

    return Starlette(
        routes=[
            Route("/verify", verify, methods=["POST"]),
            Route("/settle", settle, methods=["POST"]),
            Route("/supported", supported),
        ],
        exception_handlers={HeadwaterError: problem},
    )


async def _read(request: Request) -> FacilitatorRequest:
    body = await read_body(request.receive, MAX_BODY_BYTES, "A request")
    return FacilitatorRequest.from_json(read_json(body, "The body"))
