"""The wallet's tables: budgets, channels, payment intents. Amounts are atomic units in 64 bits."""

from sqlalchemy import BigInteger, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

MAX_STORED = 2**63 - 1


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
