"""The seller's tables: channels, payments, used nonces, and the journal of money."""

from sqlalchemy import BigInteger, LargeBinary, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class SellerTable(SQLModel, registry=registry()):
    """Base of the seller's tables, with metadata of their own."""


class SellerChannelRow(SellerTable, table=True):
    """The seller's side of a channel; cumulative atomic units as in `SellerChannel`.

    `signature` belongs to the voucher of `signed`. `synced_at` is when the chain was last read.
    `concurrent` is set once a request used rising vouchers, and for good.
    """

    __tablename__ = "seller_channel"

    channel_id: str = Field(primary_key=True)
    config: str = Field(sa_type=Text)
    receiver: str = Field(index=True)
    balance: int = Field(default=0, sa_type=BigInteger)
    claimed: int = Field(default=0, sa_type=BigInteger)
    charged: int = Field(default=0, sa_type=BigInteger)
    reserved: int = Field(default=0, sa_type=BigInteger)
    signed: int = Field(default=0, sa_type=BigInteger)
    signature: str | None = None
    withdraw_requested_at: int = Field(default=0, sa_type=BigInteger)
    refund_nonce: int = Field(default=0, sa_type=BigInteger)
    synced_at: int = Field(default=0, sa_type=BigInteger)
    concurrent: bool = False


class PaymentRow(SellerTable, table=True):
    """One paid request. States: `reserved`, then `charged` or `released`.

    `owner` is the store that admitted it: one for each life of each process. `response_headers` is
    JSON, a list of names with their values.
    """

    __tablename__ = "seller_payment"

    payment_id: str = Field(primary_key=True)
    fingerprint: str
    owner: str | None = None
    state: str = Field(index=True)
    scheme: str
    payer: str = Field(index=True)
    payee: str = Field(index=True)
    route: str
    method: str | None = None
    channel_id: str | None = Field(default=None, index=True)
    amount: int = Field(sa_type=BigInteger)
    max_claimable: int = Field(default=0, sa_type=BigInteger, index=True)
    charge: int = Field(default=0, sa_type=BigInteger)
    cumulative: int = Field(default=0, sa_type=BigInteger)
    settlement: str | None = Field(default=None, sa_type=Text)
    receipt: str | None = Field(default=None, sa_type=Text)
    evidence: str | None = Field(default=None, sa_type=Text)
    response_status: int | None = None
    response_type: str | None = None
    response_headers: str | None = Field(default=None, sa_type=Text)
    response: bytes | None = Field(default=None, sa_type=LargeBinary)
    created_at: int = Field(sa_type=BigInteger)


class WindowRow(SellerTable, table=True):
    """A voucher that covered a further window of a stream; it serves no other payment."""

    __tablename__ = "seller_window"

    channel_id: str = Field(primary_key=True)
    max_claimable: int = Field(primary_key=True, sa_type=BigInteger)
    payment_id: str


class NonceRow(SellerTable, table=True):
    """An EIP-3009 nonce that has bought something, or is about to."""

    __tablename__ = "seller_nonce"

    asset: str = Field(primary_key=True)
    payer: str = Field(primary_key=True)
    nonce: str = Field(primary_key=True)
    payment_id: str


class JournalRow(SellerTable, table=True):
    """One entry of the hash-chained journal; `postings` is JSON."""

    __tablename__ = "journal"

    sequence: int = Field(primary_key=True, sa_type=BigInteger)
    memo: str
    reference: str
    postings: str = Field(sa_type=Text)
    previous: str
    hash: str


class TransferRow(SellerTable, table=True):
    """A single transfer that was given to a facilitator and has no outcome in the books yet.

    `receipt` is what is to be signed once it has settled; the answer is kept with the payment.
    """

    __tablename__ = "seller_transfer"

    payment_id: str = Field(primary_key=True)
    header: str = Field(sa_type=Text)
    terms: str = Field(sa_type=Text)
    receipt: str | None = Field(default=None, sa_type=Text)
    transaction: str | None = None


class TransactionRow(SellerTable, table=True):
    """A transaction that was written down before it left, until its outcome is in the books."""

    __tablename__ = "seller_transaction"

    transaction: str = Field(primary_key=True)
    purpose: str = Field(index=True)
    sender: str
    nonce: int = Field(sa_type=BigInteger)
    raw: str = Field(sa_type=Text)
    sent_at: int = Field(sa_type=BigInteger)


class LeaseRow(SellerTable, table=True):
    """Work that one process at a time does, and until when (Unix seconds) it holds it."""

    __tablename__ = "seller_lease"

    name: str = Field(primary_key=True)
    holder: str
    expires_at: int = Field(sa_type=BigInteger)
