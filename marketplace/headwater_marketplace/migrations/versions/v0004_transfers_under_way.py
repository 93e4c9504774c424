"""Single transfers that were given to a facilitator and have no outcome in the books yet."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Add the table, empty."""
    op.create_table(
        "seller_transfer",
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("header", sa.Text(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=True),
        sa.Column("transaction", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("payment_id"),
    )


def downgrade() -> None:
    """Remove it; the payments stay reserved."""
    op.drop_table("seller_transfer")
