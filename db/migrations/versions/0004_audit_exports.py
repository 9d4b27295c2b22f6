"""How far the audit trail has been told to collectors, and indexes for what people ask it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add what is new; no event changes."""
    op.create_table(
        "audit_exports",
        sa.Column("collector", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("exported_at", MOMENT, nullable=True),
        sa.Column("failing_since", MOMENT, nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_expires_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("collector", name="pk_audit_exports"),
    )
    for column in ("action", "outcome", "who"):
        name = f"ix_audit_events_{column}_at_sequence"
        op.create_index(name, "audit_events", [column, "at", "sequence"], unique=False)


def downgrade() -> None:
    """Refuse: collectors would be told everything again."""
    raise NotImplementedError("Version 0004 can't be downgraded; restore the backup of the older version.")
