"""The wallet's tables: budgets, channels, payments, and what policies look back on.

Amounts are atomic units in 64 bits.
"""

from sqlalchemy import BigInteger, Index, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

MAX_STORED = 2**63 - 1


LEDGER_TABLES = frozenset({"wallet_budget", "wallet_channel", "wallet_intent"})
"""What a spend ledger of any release has, and another database has not."""


class WalletTable(SQLModel, registry=registry()):
    """Base of the wallet's tables, with metadata of their own."""


class BudgetRow(WalletTable, table=True):
    """How much may be signed away, and how much has been."""

    __tablename__ = "wallet_budget"

    name: str = Field(primary_key=True)
    limit: int = Field(sa_type=BigInteger)
    used: int = Field(default=0, sa_type=BigInteger)


class ChannelRow(WalletTable, table=True):
    """The buyer's side of a payment channel; cumulative amounts as in `BuyerChannel`."""

    __tablename__ = "wallet_channel"

    channel_id: str = Field(primary_key=True)
    chain_id: int = Field(sa_type=BigInteger)
    receiver: str = Field(index=True)
    config: str = Field(sa_type=Text)
    balance: int = Field(default=0, sa_type=BigInteger)
    charged: int = Field(default=0, sa_type=BigInteger)
    reserved: int = Field(default=0, sa_type=BigInteger)
    signed: int = Field(default=0, sa_type=BigInteger)
    blocked: str | None = None


class ShareRow(WalletTable, table=True):
    """One budget's part of what is signed on a channel, and what of it is charged or under way.

    `signed` is None while the budget is alone on the channel: all that is signed there is its own.
    """

    __tablename__ = "wallet_share"

    channel_id: str = Field(primary_key=True)
    budget: str = Field(primary_key=True)
    signed: int | None = Field(default=None, sa_type=BigInteger)
    committed: int = Field(default=0, sa_type=BigInteger)


class IntentRow(WalletTable, table=True):
    """One payment from its reservation to its end.

    States: `reserved` (nothing has left), `sent`, then `settled`, `released` or `unknown`.
    """

    __tablename__ = "wallet_intent"

    payment_id: str = Field(primary_key=True)
    state: str = Field(index=True)
    budget: str
    scheme: str
    url: str
    payee: str
    network: str
    asset: str
    amount: int = Field(sa_type=BigInteger)
    budgeted: int = Field(sa_type=BigInteger)
    max_claimable: int = Field(default=0, sa_type=BigInteger)
    deposit: int = Field(default=0, sa_type=BigInteger)
    charge: int | None = Field(default=None, sa_type=BigInteger)
    channel_id: str | None = Field(default=None, index=True)
    header: str | None = Field(default=None, sa_type=Text)
    receipt: str | None = Field(default=None, sa_type=Text)
    created_at: int = Field(sa_type=BigInteger)


class BudgetParentRow(WalletTable, table=True):
    """A budget that spends from another: what is used of it is used of its parent too."""

    __tablename__ = "wallet_budget_parent"

    name: str = Field(primary_key=True)
    parent: str = Field(index=True)


class SignedRow(WalletTable, table=True):
    """What one payment took from one budget; one row for each budget up to the root.

    The rows of a budget add up to what is used of it. An intent that is reserved again under its
    id starts anew; these rows stay, so that a window counts every signature. A row without a URL is
    headroom that a payment took over: added to the budgets that use it, and taken off those that
    signed it, before all time, so that their windows still count what they have signed.
    """

    __tablename__ = "wallet_signed"
    __table_args__ = (Index("wallet_signed_window", "budget", "signed_at"),)

    id: int | None = Field(default=None, primary_key=True)
    payment_id: str = Field(index=True)
    budget: str
    payee: str = Field(index=True)
    url: str = Field(index=True)
    price: int = Field(sa_type=BigInteger)
    signed: int = Field(sa_type=BigInteger)
    signed_at: int = Field(sa_type=BigInteger)


class StopRow(WalletTable, table=True):
    """The kill switch: while the one row is there, nothing is paid."""

    __tablename__ = "wallet_stop"

    id: int = Field(primary_key=True)
    reason: str = Field(sa_type=Text)


class CircuitRow(WalletTable, table=True):
    """Failures at an origin since the last payment that went well there."""

    __tablename__ = "wallet_circuit"

    origin: str = Field(primary_key=True)
    failures: int
    last_failure_at: int = Field(sa_type=BigInteger)


class ApprovalRow(WalletTable, table=True):
    """A payment that a person is asked about.

    States: `pending`, then `approved` or `denied`; `used` once an approved payment was reserved.
    """

    __tablename__ = "wallet_approval"

    id: str = Field(primary_key=True)
    state: str = Field(index=True)
    budget: str
    payee: str
    url: str
    amount: int = Field(sa_type=BigInteger)
    reason: str = Field(sa_type=Text)
    answer: str = Field(default="", sa_type=Text)
    payment_id: str | None = None
    asked_at: int = Field(sa_type=BigInteger)
    decided_at: int | None = Field(default=None, sa_type=BigInteger)


class StatementRow(WalletTable, table=True):
    """What a seller signed about a payment: its offer, or its receipt for the delivery.

    `digest` is the SHA-256 of `signed`, the statement's canonical JSON; `problem` says what it
    contradicts.
    """

    __tablename__ = "wallet_statement"

    payment_id: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    kind: str
    signer: str
    vouched: bool
    signed: str = Field(sa_type=Text)
    problem: str | None = Field(default=None, sa_type=Text)
    received_at: int = Field(sa_type=BigInteger)


class AuditRow(WalletTable, table=True):
    """One entry of the audit log; hashes are hexadecimal, `body` is canonical JSON."""

    __tablename__ = "wallet_audit"

    sequence: int = Field(primary_key=True, sa_type=BigInteger)
    event: str
    subject: str = Field(index=True)
    body: str = Field(sa_type=Text)
    previous: str
    hash: str
