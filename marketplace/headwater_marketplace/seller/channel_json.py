"""A channel of the books in the forms that x402's `batch-settlement` answers with."""

from headwater_marketplace.seller.records import ChannelRecord
from headwater_payments.hexadecimal import to_hex
from headwater_payments.x402 import JsonObject


def channel_state(record: ChannelRecord, charged: int) -> JsonObject:
    """A channel as x402's `channelState`, with the charged total as of now."""
    return {
        "channelId": to_hex(record.identifier),
        "balance": str(record.state.balance),
        "totalClaimed": str(record.state.claimed),
        "withdrawRequestedAt": record.withdraw_requested_at,
        "refundNonce": str(record.refund_nonce),
        "chargedCumulativeAmount": str(charged),
    }


def voucher_state(record: ChannelRecord) -> JsonObject | None:
    """The highest voucher held, as x402's `voucherState`: the buyer can check its own signature."""
    if record.signature is None:
        return None
    return {
        "signedMaxClaimable": str(record.state.signed),
        "signature": to_hex(record.signature),
    }
