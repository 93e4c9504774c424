"""The vouchers that covered a further window of a stream."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "seller_window",
        sa.Column("channel_id", sa.String(), nullable=False),
        sa.Column("max_claimable", sa.BigInteger(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", "max_claimable"),
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_table("seller_window")
