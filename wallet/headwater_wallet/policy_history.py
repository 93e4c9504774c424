"""What a policy may look back on: signatures, prices, failures and people's answers.

The ledger answers from inside the transaction that reserves the payment; `NO_HISTORY` answers for a
wallet that has never paid.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from headwater_payments.address import Address
from headwater_payments.pricing import TokenPrice


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed in a time: atomic units, and in how many payments."""

    atomic: int
    payments: int


@dataclass(frozen=True, slots=True)
class Failures:
    """Failures in a row at one origin, and the Unix second of the last."""

    count: int
    last_at: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said about a payment."""

    state: Literal["approved", "denied"]
    reason: str


class SpendHistory(Protocol):
    """The past of one budget, with all budgets that spend from it."""

    def signed_after(self, moment: int, payee: Address | None = None) -> Signed:
        """What was signed after a Unix second, to one payee or to all."""
        ...

    def has_signed_for(self, payee: Address) -> bool:
        """Whether this payee was ever to be paid."""
        ...

    def last_price(self, url: str) -> int | None:
        """Atomic units that the last payment at this URL was to cost at most."""
        ...

    def last_token_price(self, url: str) -> TokenPrice | None:
        """What the seller stated of its tokens' price, when this URL was last paid for."""
        ...

    def failures(self, origin: str) -> Failures:
        """Failures in a row at an origin."""
        ...

    def answer(self, payee: Address, url: str, atomic: int, *, after: int) -> Answer | None:
        """What a person said, after a Unix second, about this very payment; None while unsaid."""
        ...


class _NoHistory:
    def signed_after(self, moment: int, payee: Address | None = None) -> Signed:
        return Signed(0, 0)

    def has_signed_for(self, payee: Address) -> bool:
        return False

    def last_price(self, url: str) -> int | None:
        return None

    def last_token_price(self, url: str) -> TokenPrice | None:
        return None

    def failures(self, origin: str) -> Failures:
        return Failures(0, 0)

    def answer(self, payee: Address, url: str, atomic: int, *, after: int) -> Answer | None:
        return None


NO_HISTORY: SpendHistory = _NoHistory()
"""A wallet that has never paid."""
