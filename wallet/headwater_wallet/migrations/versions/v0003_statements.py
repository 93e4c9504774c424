"""What sellers sign about payments: offers and receipts."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Create the table where it is not there."""
    if "wallet_statement" in sa.inspect(op.get_bind()).get_table_names():
        return
    op.create_table(
        "wallet_statement",
        *(_text(name) for name in ("payment_id", "digest", "kind", "signer")),
        sa.Column("vouched", sa.Boolean(), nullable=False),
        sa.Column("signed", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("payment_id", "digest"),
    )


def downgrade() -> None:
    """Forget what was signed; the audit log still commits to it."""
    op.drop_table("wallet_statement")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)
