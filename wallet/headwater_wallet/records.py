"""The wallet's rows as plain values: what a payment reads, changes and adds.

Each has the fields of its table's columns, by name and in any order; `Books` reads and writes them.
Amounts are atomic units, times Unix seconds, as in `tables`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import Table

from headwater_wallet.tables import (
    ApprovalRow,
    BudgetParentRow,
    BudgetRow,
    ChannelRow,
    CircuitRow,
    IntentRow,
    ShareRow,
    SignedRow,
    StopRow,
)


@dataclass(slots=True, eq=False)
class BudgetRecord:
    """How much may be signed away, and how much has been."""

    name: str
    limit: int
    used: int = 0


@dataclass(slots=True, eq=False)
class BudgetParentRecord:
    """A budget that spends from another."""

    name: str
    parent: str


@dataclass(slots=True, eq=False)
class ChannelRecord:
    """The buyer's side of a payment channel."""

    channel_id: str
    chain_id: int
    receiver: str
    config: str
    balance: int = 0
    charged: int = 0
    reserved: int = 0
    signed: int = 0
    blocked: str | None = None


@dataclass(slots=True, eq=False)
class ShareRecord:
    """One budget's part of what is signed on a channel."""

    channel_id: str
    budget: str
    signed: int | None = None
    committed: int = 0


@dataclass(slots=True, eq=False)
class IntentRecord:
    """One payment from its reservation to its end."""

    payment_id: str
    state: str
    budget: str
    scheme: str
    url: str
    payee: str
    network: str
    asset: str
    amount: int
    budgeted: int
    created_at: int
    max_claimable: int = 0
    deposit: int = 0
    charge: int | None = None
    channel_id: str | None = None
    header: str | None = None
    receipt: str | None = None


@dataclass(slots=True, eq=False)
class SignedRecord:
    """What one payment took from one budget."""

    payment_id: str
    budget: str
    payee: str
    url: str
    price: int
    signed: int
    signed_at: int
    id: int | None = None


@dataclass(slots=True, eq=False)
class StopRecord:
    """The kill switch."""

    id: int
    reason: str


@dataclass(slots=True, eq=False)
class CircuitRecord:
    """Failures in a row at an origin."""

    origin: str
    failures: int
    last_failure_at: int


@dataclass(slots=True, eq=False)
class ApprovalRecord:
    """A payment that a person is asked about."""

    id: str
    state: str
    budget: str
    payee: str
    url: str
    amount: int
    reason: str
    asked_at: int
    answer: str = ""
    payment_id: str | None = None
    decided_at: int | None = None


_KINDS: Final[tuple[tuple[type[Any], type[Any]], ...]] = (
    (BudgetRecord, BudgetRow),
    (BudgetParentRecord, BudgetParentRow),
    (ChannelRecord, ChannelRow),
    (ShareRecord, ShareRow),
    (IntentRecord, IntentRow),
    (SignedRecord, SignedRow),
    (StopRecord, StopRow),
    (CircuitRecord, CircuitRow),
    (ApprovalRecord, ApprovalRow),
)
TABLES: Final[Mapping[type[Any], Table]] = {
    record: cast("Table", row.__table__) for record, row in _KINDS
}
"""The table of each kind of record."""
BUDGETS: Final = TABLES[BudgetRecord].c
PARENTS: Final = TABLES[BudgetParentRecord].c
CHANNELS: Final = TABLES[ChannelRecord].c
SHARES: Final = TABLES[ShareRecord].c
INTENTS: Final = TABLES[IntentRecord].c
SIGNED: Final = TABLES[SignedRecord].c
APPROVALS: Final = TABLES[ApprovalRecord].c
