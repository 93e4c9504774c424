"""What the head of an answer tells of a payment, by whichever wire the seller speaks."""

from collections.abc import Mapping

from headwater_payments.amount import Asset
from headwater_payments.mpp import WWW_AUTHENTICATE, parse_receipt_header
from headwater_payments.x402 import PAYMENT_REQUIRED, PaymentRequired, SettlementResponse
from headwater_payments.x402_v1 import read_terms_v1
from headwater_wallet.terms import needs_mpp, read_mpp_terms, without_challenge


def terms_told(
    headers: Mapping[str, str], content: bytes, asset: Asset, now: int
) -> PaymentRequired | None:
    """The terms of a 402; None where it is neither x402's nor MPP's.

    Args:
        headers: of the answer, looked up in any letter case.
        content: its body, in which version 1 of x402 has its terms.
        asset: what the wallet pays in.
        now: Unix seconds.

    Raises:
        InvalidInputError: a header is malformed.
    """
    required, challenges = headers.get(PAYMENT_REQUIRED), headers.get(WWW_AUTHENTICATE)
    by_x402 = None if required is None else PaymentRequired.from_header(required)
    if by_x402 is not None and not needs_mpp(by_x402):
        return without_challenge(by_x402)
    by_mpp = None if challenges is None else read_mpp_terms(challenges, asset, now)
    return by_mpp or by_x402 or read_terms_v1(content)


def settlement_told(header: str | None, receipt: str | None, network: str) -> SettlementResponse:
    """The settlement of an answer: x402's header, or MPP's receipt where there is none.

    Raises:
        InvalidInputError: it is malformed.
    """
    if header is not None:
        return SettlementResponse.from_header(header)
    told = parse_receipt_header(receipt or "")
    return SettlementResponse(
        success=told["status"] == "success", transaction=told["reference"], network=network
    )
