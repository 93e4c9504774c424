"""What the seller's books hold: channels, payments, answers, and how an id can be taken."""

from dataclasses import dataclass
from typing import Final

from headwater_payments.channels import SellerChannel
from headwater_payments.errors import HeadwaterError
from headwater_payments.structs import ChannelConfig


class PaymentConflictError(HeadwaterError):
    """This payment id is taken by a request under way or by another payment."""

    code = "payment_conflict"
    http_status = 409


class PaymentBodyError(PaymentConflictError):
    """This payment was made for another request; nothing further was served or charged.

    Another is one with another method, path, query string or body.
    """

    code = "payment_body_conflict"


class ChannelUnreadError(HeadwaterError):
    """A refund may have changed this channel: it serves again once it is read from the chain."""

    code = "channel_unread"
    http_status = 503


REFUND: Final = "refund"
"""In place of a scheme, of what holds escrow while it is returned."""
UNREAD: Final = -1
"""In place of when a channel was read from the chain, where that no longer counts."""


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """A channel, its configuration, and the highest voucher held for it."""

    identifier: bytes
    config: ChannelConfig
    state: SellerChannel
    signature: bytes | None
    withdraw_requested_at: int
    refund_nonce: int
    synced_at: int
    concurrent: bool


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A paid request that wants to be served."""

    payment_id: str
    fingerprint: str
    payer: str
    payee: str
    route: str
    asset: str
    amount: int
    created_at: int
    method: str | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment as recorded."""

    payment_id: str
    fingerprint: str
    owner: str | None
    state: str
    scheme: str
    payer: str
    payee: str
    route: str
    method: str | None
    channel_id: str | None
    amount: int
    charge: int
    cumulative: int
    settlement: str | None
    receipt: str | None
    evidence: str | None
    response_status: int | None
    response_type: str | None
    response_headers: str | None
    response: bytes | None
    created_at: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a charged request was answered with, kept for a buyer that asks again."""

    settlement: str
    receipt: str | None = None
    evidence: str | None = None
    response_status: int | None = None
    response_type: str | None = None
    response_headers: str | None = None
    response: bytes | None = None
