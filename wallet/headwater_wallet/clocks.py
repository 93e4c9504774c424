"""A seller's clock and ours, which need not agree: how far they are apart, and what that breaks.

Vouchers know no time. A transfer's or deposit's signature does: it ends some seconds from now by
our clock, and the seller and the chain look at theirs. Where an answer tells the time, what is
signed next runs from there.

Source: RFC 9110, section 6.6.1 (`Date`).
"""

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from headwater_wallet.errors import ClockSkewError

TOLERANCE_S: Final = 5
"""A header tells whole seconds, and an answer takes a while to come: so little is no difference."""
_ABOUT_TIME: Final = ("_valid_before", "_valid_after", "_deadline_expired", "_not_yet_valid")


def seller_ahead(headers: Mapping[str, str], now: int) -> int | None:
    """Seconds by which the clock of whoever answered is ahead of ours; None where it is not told.

    Args:
        headers: of the answer, looked up in any letter case.
        now: Unix seconds.
    """
    try:
        date = parsedate_to_datetime(headers.get("date") or "")
        told = int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp())
    except (TypeError, ValueError, OverflowError):
        return None
    return 0 if abs(told - now) <= TOLERANCE_S else told - now


def is_about_time(reason: str) -> bool:
    """Whether a payment was refused because its time is over, or has not come."""
    return reason.endswith(_ABOUT_TIME)


def clocks_apart(origin: str, reason: str, ahead_s: int | None) -> ClockSkewError:
    """The error for such a refusal, with the difference where it is known."""
    if ahead_s:
        side = "ahead of" if ahead_s > 0 else "behind"
        told = f"its clock is {abs(ahead_s)} s {side} this one"
    elif ahead_s is None:
        told = "it does not tell its time"
    else:
        told = "the clocks agree, so it was signed too long ago, or the chain's clock differs"
    details = {} if ahead_s is None else {"seller_ahead_s": ahead_s}
    return ClockSkewError(
        f"{origin} finds that the payment is out of its time ({reason}); {told}. Nothing was "
        "charged: set this machine's clock, then pay anew.",
        reason=reason,
        **details,
    )
