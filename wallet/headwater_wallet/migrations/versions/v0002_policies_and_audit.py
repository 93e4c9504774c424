"""What policies look back on, sub-budgets, approvals, the kill switch, and the audit log.

What payments of before had signed is entered for the windows: without it a ledger with a full
budget would begin its hours and days as if nothing had been spent.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_BACKFILL = """
INSERT INTO wallet_signed (payment_id, budget, payee, url, price, signed, signed_at)
SELECT payment_id, budget, payee, url, amount, budgeted, created_at FROM wallet_intent
WHERE budgeted > 0 ORDER BY created_at, payment_id
"""


def upgrade() -> None:
    """Create what is not there, and enter what was signed."""
    there = set(sa.inspect(op.get_bind()).get_table_names())
    tables = {
        "wallet_share": _share,
        "wallet_budget_parent": _parent,
        "wallet_signed": _signed,
        "wallet_stop": _stop,
        "wallet_circuit": _circuit,
        "wallet_approval": _approval,
        "wallet_audit": _audit,
    }
    for name, make in tables.items():
        if name not in there:
            make()
    if "wallet_signed" not in there:
        op.execute(_BACKFILL)


def downgrade() -> None:
    """Forget it all; budgets, channels and payments stay."""
    for name in ("audit", "approval", "circuit", "stop", "signed", "budget_parent", "share"):
        op.drop_table(f"wallet_{name}")


def _share() -> None:
    op.create_table(
        "wallet_share",
        *(_text(name) for name in ("channel_id", "budget")),
        _long("signed", null=True),
        _long("committed"),
        sa.PrimaryKeyConstraint("channel_id", "budget"),
    )


def _parent() -> None:
    op.create_table(
        "wallet_budget_parent",
        *(_text(name) for name in ("name", "parent")),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index("ix_wallet_budget_parent_parent", "wallet_budget_parent", ["parent"])


def _signed() -> None:
    op.create_table(
        "wallet_signed",
        sa.Column("id", sa.Integer(), nullable=False),
        *(_text(name) for name in ("payment_id", "budget", "payee", "url")),
        *(_long(name) for name in ("price", "signed", "signed_at")),
        sa.PrimaryKeyConstraint("id"),
    )
    for column in ("payment_id", "payee", "url"):
        op.create_index(f"ix_wallet_signed_{column}", "wallet_signed", [column])
    op.create_index("wallet_signed_window", "wallet_signed", ["budget", "signed_at"])


def _stop() -> None:
    op.create_table(
        "wallet_stop",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _circuit() -> None:
    op.create_table(
        "wallet_circuit",
        _text("origin"),
        sa.Column("failures", sa.Integer(), nullable=False),
        _long("last_failure_at"),
        sa.PrimaryKeyConstraint("origin"),
    )


def _approval() -> None:
    op.create_table(
        "wallet_approval",
        *(_text(name) for name in ("id", "state", "budget", "payee", "url")),
        _long("amount"),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("reason", "answer")),
        _text("payment_id", null=True),
        _long("asked_at"),
        _long("decided_at", null=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_wallet_approval_state", "wallet_approval", ["state"])


def _audit() -> None:
    op.create_table(
        "wallet_audit",
        _long("sequence"),
        *(_text(name) for name in ("event", "subject")),
        sa.Column("body", sa.Text(), nullable=False),
        *(_text(name) for name in ("previous", "hash")),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_index("ix_wallet_audit_subject", "wallet_audit", ["subject"])


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=null)


def _long(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null)
