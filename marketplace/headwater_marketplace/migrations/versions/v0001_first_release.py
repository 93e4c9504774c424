"""The tables of the first release: channels, payments, nonces, the journal, listings."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_INDEXES = {
    "seller_channel": ("receiver",),
    "seller_payment": ("channel_id", "max_claimable", "payee", "payer", "state"),
    "listing": ("ceiling", "kind", "provider"),
}


def upgrade() -> None:
    """Create everything."""
    _channels()
    _payments()
    _journal()
    _listings()
    for table, columns in _INDEXES.items():
        for column in columns:
            op.create_index(f"ix_{table}_{column}", table, [column])


def downgrade() -> None:
    """Remove everything: there is nothing before the first release."""
    for table in ("listing", "journal", "seller_nonce", "seller_payment", "seller_channel"):
        op.drop_table(table)


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=null)


def _long(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _channels() -> None:
    amounts = ("balance", "claimed", "charged", "reserved", "signed")
    chain = ("withdraw_requested_at", "refund_nonce", "synced_at")
    op.create_table(
        "seller_channel",
        _text("channel_id"),
        sa.Column("config", sa.Text(), nullable=False),
        _text("receiver"),
        *(_long(name) for name in amounts),
        _text("signature", null=True),
        *(_long(name) for name in chain),
        sa.Column("concurrent", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id"),
    )


def _payments() -> None:
    named = ("payment_id", "fingerprint", "state", "scheme", "payer", "payee", "route")
    amounts = ("amount", "max_claimable", "charge", "cumulative")
    documents = ("settlement", "receipt", "evidence")
    op.create_table(
        "seller_payment",
        *(_text(name) for name in named),
        _text("channel_id", null=True),
        *(_long(name) for name in amounts),
        *(sa.Column(name, sa.Text(), nullable=True) for name in documents),
        sa.Column("response_status", sa.Integer(), nullable=True),
        _text("response_type", null=True),
        sa.Column("response", sa.LargeBinary(), nullable=True),
        _long("created_at"),
        sa.PrimaryKeyConstraint("payment_id"),
    )
    op.create_table(
        "seller_nonce",
        *(_text(name) for name in ("asset", "payer", "nonce", "payment_id")),
        sa.PrimaryKeyConstraint("asset", "payer", "nonce"),
    )


def _journal() -> None:
    op.create_table(
        "journal",
        _long("sequence"),
        _text("memo"),
        _text("reference"),
        sa.Column("postings", sa.Text(), nullable=False),
        _text("previous"),
        _text("hash"),
        sa.PrimaryKeyConstraint("sequence"),
    )


def _listings() -> None:
    op.create_table(
        "listing",
        *(_text(name) for name in ("id", "kind", "provider")),
        _long("ceiling"),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
