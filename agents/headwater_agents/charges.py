"""What a seller says it charged, read from a response's header or from the end of a stream."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from headwater_payments.amount import parse_atomic
from headwater_payments.errors import InvalidInputError
from headwater_payments.x402 import PAYMENT_RESPONSE, JsonObject, SettlementResponse


@dataclass(frozen=True, slots=True)
class Charge:
    """One settled charge: the amount in atomic units and the seller's whole statement of it."""

    amount: int
    network: str
    settlement: JsonObject = field(default_factory=dict)


def charge_from_headers(headers: Mapping[str, str]) -> Charge | None:
    """The charge that a response's `PAYMENT-RESPONSE` header states; none where it states none.

    Raises:
        InvalidInputError: the header is malformed.
    """
    stated = headers.get(PAYMENT_RESPONSE)
    return None if stated is None else _charge(SettlementResponse.from_header(stated))


def charge_from_event(data: JsonValue) -> Charge | None:
    """The charge that a stream's receipt event states, in its member `settlement`.

    Raises:
        InvalidInputError: the event's data holds no settlement response.
    """
    if not isinstance(data, dict):
        raise InvalidInputError("The receipt at the end of the stream is no JSON object.")
    return _charge(SettlementResponse.from_json(data.get("settlement")))


def _charge(settlement: SettlementResponse) -> Charge | None:
    """Channels state the charge in `extra.chargedAmount`, one-off payments in `amount`."""
    charged = (settlement.extra or {}).get("chargedAmount") or settlement.amount
    if not settlement.success or not charged:
        return None
    return Charge(parse_atomic(charged), settlement.network, settlement.to_json())
