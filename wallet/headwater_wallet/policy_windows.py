"""Limits over time: how much in an hour, day or month, and how long to leave a failing seller."""

from dataclasses import dataclass
from typing import Final

from headwater_payments.errors import InvalidInputError
from headwater_wallet.errors import CircuitOpenError, WindowExceededError
from headwater_wallet.policy_history import SpendHistory
from headwater_wallet.policy_rules import PaymentRequest

PERIODS_S: Final = {"hour": 3_600, "day": 86_400, "week": 604_800, "month": 2_592_000}
"""Lengths of rolling windows in seconds; a month has 30 days."""


@dataclass(frozen=True, slots=True)
class Window:
    """The most that may be signed within any stretch of time of one length.

    Args:
        period_s: its length in seconds; it ends now and rolls with the clock.
        most: atomic units, counted when they are signed; None for any.
        payments: how many payments; None for any number.
        per_payee: count each payee apart.
    """

    period_s: int
    most: int | None = None
    payments: int | None = None
    per_payee: bool = False

    def __post_init__(self) -> None:
        if self.period_s <= 0:
            raise InvalidInputError("A window lasts at least one second.")
        if self.most is None and self.payments is None:
            raise InvalidInputError("A window limits an amount, a number of payments, or both.")

    def refuse_beyond(
        self, request: PaymentRequest, history: SpendHistory, *, newly_signed: int, now: int
    ) -> None:
        """Pass what still fits.

        Args:
            request: what is to be paid.
            history: what was signed before.
            newly_signed: atomic units that this payment would add.
            now: Unix seconds.

        Raises:
            WindowExceededError: it does not fit; later it may.
        """
        payee = request.payee if self.per_payee else None
        before = history.signed_after(now - self.period_s, payee)
        if self.most is not None and before.atomic + newly_signed > self.most:
            raise WindowExceededError(
                f"The policy signs {self.most} atomic units in {self}, of which "
                f"{max(0, self.most - before.atomic)} are left, and this payment may take "
                f"{newly_signed}.",
                left=str(max(0, self.most - before.atomic)),
                needed=str(newly_signed),
                period_s=self.period_s,
            )
        if self.payments is not None and before.payments + 1 > self.payments:
            raise WindowExceededError(
                f"The policy makes {self.payments} payments in {self}, and they are made.",
                payments=self.payments,
                period_s=self.period_s,
            )

    def __str__(self) -> str:
        names = {seconds: f"one {name}" for name, seconds in PERIODS_S.items()}
        length = names.get(self.period_s, f"{self.period_s} s")
        return f"{length} for each payee" if self.per_payee else length


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """Leaves a seller alone for `pause_s` seconds after `failures` failures in a row.

    Then one more failure opens it again, and one success closes it.
    """

    failures: int = 5
    pause_s: int = 60

    def __post_init__(self) -> None:
        if self.failures < 1 or self.pause_s < 1:
            raise InvalidInputError("A circuit breaker counts from 1 and pauses for 1 s or more.")

    def refuse_if_open(self, request: PaymentRequest, history: SpendHistory, *, now: int) -> None:
        """Pass while the seller has not failed too often of late.

        Raises:
            CircuitOpenError: it has; the details say for how many seconds more.
        """
        failed = history.failures(request.origin)
        wait_s = failed.last_at + self.pause_s - now
        if failed.count >= self.failures and wait_s > 0:
            raise CircuitOpenError(
                f"{request.origin} failed {failed.count} times in a row; it is left alone for "
                f"another {wait_s} s.",
                origin=request.origin,
                failures=failed.count,
                retry_after_s=wait_s,
            )
