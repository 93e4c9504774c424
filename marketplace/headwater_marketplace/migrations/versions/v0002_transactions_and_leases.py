"""Transactions written down before they leave, and leases for work that one process does."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Add both tables, empty."""
    op.create_table(
        "seller_transaction",
        *(sa.Column(name, sa.String(), nullable=False) for name in _TEXTS),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("transaction"),
    )
    op.create_index("ix_seller_transaction_purpose", "seller_transaction", ["purpose"])
    op.create_table(
        "seller_lease",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    """Remove both; transactions under way are then known to the chain only."""
    op.drop_table("seller_lease")
    op.drop_table("seller_transaction")


_TEXTS = ("transaction", "purpose", "sender")
