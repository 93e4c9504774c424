"""Who admitted a payment, so that what a dead process had reserved can be told from live calls."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Payments admitted before have no owner; those still reserved are judged by their age."""
    op.add_column("seller_payment", sa.Column("owner", sa.String(), nullable=True))


def downgrade() -> None:
    """Forget the owners."""
    with op.batch_alter_table("seller_payment") as table:
        table.drop_column("owner")
