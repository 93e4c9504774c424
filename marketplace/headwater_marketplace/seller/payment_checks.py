"""What a payment must satisfy before the books are asked: its form, its terms, its signature.

Source: x402 `batch-settlement` on EVM; error codes as in the published package.
"""

import re
import secrets
from typing import Final

from headwater_marketplace.seller.offers import Offer
from headwater_marketplace.seller.records import ChannelRecord
from headwater_marketplace.seller.repeats import given_identifier
from headwater_payments.batch_payload import BatchPayload, parse_batch_payload
from headwater_payments.channels import channel_id, voucher_to_sign
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.extensions import CONCURRENT
from headwater_payments.signing import recover
from headwater_payments.structs import ChannelConfig
from headwater_payments.windows import takes_windows
from headwater_payments.x402 import PaymentPayload, PaymentRequirements, chain_id_of

PREFIX: Final = "invalid_batch_settlement_evm_"
"""Before x402's codes of this scheme."""
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9_-]{16,128}")


class PaymentRejectedError(HeadwaterError):
    """The payment is not accepted; `reason` is x402's code for the buyer's software."""

    code = "payment_rejected"
    http_status = 402

    def __init__(self, message: str, reason: str, *, channel: ChannelRecord | None = None) -> None:
        super().__init__(message, reason=reason)
        self.reason = reason
        self.channel = channel


class RefundAskedError(HeadwaterError):
    """A request pays for nothing and asks for its escrow back."""

    code = "refund_asked"
    http_status = 400

    def __init__(self, payload: PaymentPayload, terms: PaymentRequirements) -> None:
        super().__init__("A refund is asked for on the paid route itself, and nowhere else.")
        self.payload, self.terms = payload, terms


def checked_batch(payload: PaymentPayload, terms: PaymentRequirements) -> BatchPayload:
    """A channel payment that is consistent, for these terms, and signed by the payer.

    Raises:
        InvalidInputError: it is malformed.
        PaymentRejectedError: it is not.
        RefundAskedError: it is none, and asks for a refund.
    """
    if payload.payload.get("type") == "refund":
        raise RefundAskedError(payload, terms)
    batch = parse_batch_payload(payload.payload)
    check_channel(batch, terms)
    return batch


def check_channel(batch: BatchPayload, terms: PaymentRequirements) -> None:
    """Check that a channel is one for these terms, and its voucher signed by its payer.

    Raises:
        PaymentRejectedError: it is not.
    """
    _check_config(batch.config, terms)
    chain_id = chain_id_of(terms.network)
    if channel_id(batch.config, chain_id) != batch.voucher.channel_id:
        raise PaymentRejectedError(
            "The channel id is not that of its configuration.", PREFIX + "channel_id_mismatch"
        )
    _check_signature(batch, chain_id)


def refuse_withdrawing(record: ChannelRecord) -> None:
    """Refuse to serve on escrow that is about to leave.

    Raises:
        PaymentRejectedError: a withdrawal is under way.
    """
    if record.withdraw_requested_at:
        raise PaymentRejectedError(
            "The payer is withdrawing this channel's escrow.", PREFIX + "withdrawal_pending"
        )


def first_amount(offer: Offer, payload: PaymentPayload, *, wants_stream: bool) -> int:
    """What the first voucher must cover: the price, or a window of a stream, where that is sold.

    Raises:
        PaymentRejectedError: a window is offered for a request that asks for no stream.
    """
    if offer.window is None or not takes_windows(payload.extensions):
        return offer.price.atomic
    if not (wants_stream and takes_part(payload)):
        raise PaymentRejectedError(
            "A window covers the start of a stream, and this request asks for no stream.",
            "voucher_window_without_stream",
        )
    return offer.window.atomic


def _check_config(config: ChannelConfig, terms: PaymentRequirements) -> None:
    expected = (
        (config.receiver, terms.pay_to, "receiver_mismatch"),
        (config.token, terms.asset, "token_mismatch"),
        (
            config.receiver_authorizer,
            str(terms.extra["receiverAuthorizer"]),
            "receiver_authorizer_mismatch",
        ),
    )
    for given, wanted, reason in expected:
        if given.lower() != wanted.lower():
            raise PaymentRejectedError(
                f"The channel names {given} where {wanted} is required.", PREFIX + reason
            )
    if config.withdraw_delay < int(terms.extra["withdrawDelay"]):
        raise PaymentRejectedError(
            "The channel's withdrawal delay is shorter than required.",
            PREFIX + "withdraw_delay_mismatch",
        )


def _check_signature(batch: BatchPayload, chain_id: int) -> None:
    voucher = batch.voucher
    try:
        signer = recover(
            voucher_to_sign(voucher.channel_id, voucher.max_claimable, chain_id),
            voucher.signature,
        )
    except InvalidInputError as exc:
        raise PaymentRejectedError(exc.message, PREFIX + "voucher_signature") from exc
    if signer != batch.config.payer_authorizer:
        raise PaymentRejectedError(
            "The voucher is not signed by the channel's payer authorizer.",
            PREFIX + "voucher_signature",
        )


def takes_part(payload: PaymentPayload) -> bool:
    """Whether the payer's vouchers rise, so that several requests may be under way at once."""
    extension = (payload.extensions or {}).get(CONCURRENT)
    info = extension.get("info") if isinstance(extension, dict) else None
    return isinstance(info, dict) and info.get("use") is True


def identifier_of(payload: PaymentPayload) -> str:
    """The buyer's payment id, or one of our own where it gave none.

    Raises:
        InvalidInputError: not 16 to 128 letters, digits, hyphens or underscores.
    """
    given = given_identifier(payload)
    if given is None:
        return "srv_" + secrets.token_hex(16)
    if not is_identifier(given):
        raise InvalidInputError(
            "A payment id is 16 to 128 letters, digits, hyphens and underscores."
        )
    return str(given)


def is_identifier(given: object) -> bool:
    """Whether this can be a payment's id."""
    return isinstance(given, str) and _IDENTIFIER.fullmatch(given) is not None
