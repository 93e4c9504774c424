"""What the spend ledger takes and gives: payments, channels' terms, budgets."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from headwater_payments.amount import Amount
from headwater_payments.structs import ChannelConfig
from headwater_wallet.policy_history import SpendHistory

Permit = Callable[[SpendHistory, int], object]
"""Raises to refuse a payment, by what was signed before and what it would newly sign."""
INTENT_STATES = ("reserved", "sent", "settled", "released", "unknown")
OPEN_STATES = ("reserved", "sent", "unknown")


@dataclass(frozen=True, slots=True)
class Intent:
    """A payment as the ledger knows it; amounts in atomic units, `created_at` in Unix seconds.

    `budgeted` is what it newly signed away, and still counts against its budget.
    """

    payment_id: str
    state: Literal["reserved", "sent", "settled", "released", "unknown"]
    scheme: str
    url: str
    payee: str
    amount: int
    budgeted: int
    max_claimable: int
    deposit: int
    charge: int | None
    channel_id: str | None
    header: str | None
    receipt: str | None
    created_at: int


@dataclass(frozen=True, slots=True)
class NewPayment:
    """What a payment is for, before the ledger has agreed to it."""

    payment_id: str
    scheme: str
    url: str
    payee: str
    amount: Amount
    created_at: int
    price: int | None = None
    """Atomic units that it costs at most in all, where `amount` is only the first part."""


@dataclass(frozen=True, slots=True)
class ChannelTerms:
    """The channel that a payment would use, how it may be used, and how much escrow to place.

    Attributes:
        identifier: the channel's id.
        chain_id: where it is.
        config: what makes it.
        concurrent: whether several requests may share it at once.
        deposit_limit: atomic units of escrow to place at a time, beyond what a payment is missing.
        seller_limit: atomic units that may lie uncharged in all lanes with the seller after a
            deposit, beyond what a payment is missing; None where there are no lanes.
        deposit_ahead_s: seconds of spending, at its present rate, to place at a time; None for all
            that the limits allow.
    """

    identifier: bytes
    chain_id: int
    config: ChannelConfig
    concurrent: bool
    deposit_limit: int
    seller_limit: int | None = None
    deposit_ahead_s: int | None = None


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A budget in atomic units: what is signed away can be claimed, so `left` is the rest."""

    name: str
    limit: int
    used: int
    charged: int
    left_above: int | None = field(default=None, repr=False)
    """What the budgets that it spends from have left; None where there are none."""

    @property
    def left(self) -> int:
        """What may still be signed, under this budget and those above it."""
        own = self.limit - self.used
        return own if self.left_above is None else min(own, self.left_above)
