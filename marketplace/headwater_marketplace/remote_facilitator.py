"""A facilitator elsewhere, reached over HTTP.

Source: x402 v2, facilitator interface.
"""

from typing import Any, TypeVar

import httpx

from headwater_payments.errors import InvalidInputError, UnavailableError
from headwater_payments.json_text import read_json
from headwater_payments.x402 import (
    PaymentPayload,
    PaymentRequirements,
    SettlementResponse,
    SupportedResponse,
    VerifyResponse,
    WireModel,
)

ModelT = TypeVar("ModelT", bound=WireModel)


class RemoteFacilitator:
    """Asks a facilitator's HTTP interface.

    Args:
        base_url: where it is.
        http: a client of the caller's, which the caller closes.
    """

    def __init__(self, base_url: str, http: httpx.AsyncClient) -> None:
        self._base, self._http = base_url.rstrip("/"), http

    async def verify(
        self, payload: PaymentPayload, requirements: PaymentRequirements
    ) -> VerifyResponse:
        """Whether the payment would settle now.

        Raises:
            UnavailableError: the facilitator does not answer, or not in x402's terms.
        """
        return await self._post("/verify", payload, requirements, VerifyResponse)

    async def settle(
        self, payload: PaymentPayload, requirements: PaymentRequirements
    ) -> SettlementResponse:
        """Put the payment on chain.

        Raises:
            UnavailableError: no answer came: the payment may or may not have settled; asking again
                with the same payment is safe, since its nonce moves money once.
        """
        return await self._post("/settle", payload, requirements, SettlementResponse)

    async def supported(self) -> SupportedResponse:
        """The schemes and networks that it handles.

        Raises:
            UnavailableError: it does not answer, or not in x402's terms.
        """
        return await self._ask("GET", "/supported", SupportedResponse)

    async def _post(
        self,
        path: str,
        payload: PaymentPayload,
        requirements: PaymentRequirements,
        model: type[ModelT],
    ) -> ModelT:
        body = {
            "x402Version": 2,
            "paymentPayload": payload.to_json(),
            "paymentRequirements": requirements.to_json(),
        }
        return await self._ask("POST", path, model, json=body)

    async def _ask(self, method: str, path: str, model: type[ModelT], **options: Any) -> ModelT:
        try:
            answer = await self._http.request(method, self._base + path, **options)
            answer.raise_for_status()
            return model.from_json(read_json(answer.content))
        except (httpx.HTTPError, ValueError, InvalidInputError) as exc:
            raise UnavailableError(
                f"The facilitator at {self._base} gave no usable answer to {path}.",
                cause=type(exc).__name__,
            ) from exc
