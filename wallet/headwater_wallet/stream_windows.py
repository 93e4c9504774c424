"""What a seller may ask for while it streams: the next window, never above the price agreed."""

from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import to_hex
from headwater_payments.windows import NeedVoucher, parse_need_voucher
from headwater_wallet.spend_records import Intent


def check_need(wanted: object, intent: Intent, window: int, price: int) -> NeedVoucher:
    """Read a seller's request for a voucher and hold it against the terms.

    Args:
        wanted: the request's JSON.
        intent: the payment as it stands.
        window: atomic units that the seller may ask for at a time.
        price: atomic units that the payment may cost in all.

    Raises:
        InvalidInputError: malformed, about another payment, or for more than was agreed.
    """
    need = parse_need_voucher(wanted)
    if need.payment_id != intent.payment_id or to_hex(need.channel_id) != intent.channel_id:
        raise InvalidInputError("it asks for a voucher for another payment.")
    if need.required > price:
        raise InvalidInputError(
            f"it asks for a voucher over {need.required} atomic units where {price} were agreed.",
            required=str(need.required),
            price=str(price),
        )
    if need.covered > intent.amount or need.required > intent.amount + window:
        raise InvalidInputError(
            f"it asks for a voucher over {need.required} atomic units, and {intent.amount} are "
            f"covered; a window is {window}.",
            required=str(need.required),
            covered=str(intent.amount),
        )
    return need
