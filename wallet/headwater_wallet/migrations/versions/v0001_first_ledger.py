"""The tables of the first ledger: budgets, channels, payments."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Create what is not there: ledgers were made before their form was written down."""
    if "wallet_budget" in sa.inspect(op.get_bind()).get_table_names():
        return
    op.create_table(
        "wallet_budget",
        _text("name"),
        *(_long(name) for name in ("limit", "used")),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "wallet_channel",
        _text("channel_id"),
        _long("chain_id"),
        _text("receiver"),
        sa.Column("config", sa.Text(), nullable=False),
        *(_long(name) for name in ("balance", "charged", "reserved", "signed")),
        _text("blocked", null=True),
        sa.PrimaryKeyConstraint("channel_id"),
    )
    named = ("payment_id", "state", "budget", "scheme", "url", "payee", "network", "asset")
    op.create_table(
        "wallet_intent",
        *(_text(name) for name in named),
        *(_long(name) for name in ("amount", "budgeted", "max_claimable", "deposit")),
        _long("charge", null=True),
        _text("channel_id", null=True),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("header", "receipt")),
        _long("created_at"),
        sa.PrimaryKeyConstraint("payment_id"),
    )
    op.create_index("ix_wallet_channel_receiver", "wallet_channel", ["receiver"])
    for column in ("state", "channel_id"):
        op.create_index(f"ix_wallet_intent_{column}", "wallet_intent", [column])


def downgrade() -> None:
    """Remove everything: there is nothing before the first ledger."""
    for table in ("wallet_intent", "wallet_channel", "wallet_budget"):
        op.drop_table(table)


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=null)


def _long(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null)
