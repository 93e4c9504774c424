"""What a payment was asked by, and the headers of its kept answer."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Earlier payments have neither: any method may be theirs, and a type is all they replay."""
    op.add_column("seller_payment", sa.Column("method", sa.String(), nullable=True))
    op.add_column("seller_payment", sa.Column("response_headers", sa.Text(), nullable=True))


def downgrade() -> None:
    """Forget both."""
    with op.batch_alter_table("seller_payment") as table:
        table.drop_column("response_headers")
        table.drop_column("method")
