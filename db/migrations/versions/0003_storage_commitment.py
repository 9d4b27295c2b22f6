"""Requests for storage commitment, and which deliveries wait for an answer or have it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add what is new; what was sent before stays sent and is not asked for."""
    op.create_table(
        "commitments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("transaction_uid", sa.Text(), nullable=False),
        sa.Column("report_id", sa.Integer(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("requested_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["report_id"], ["reports.id"], name="fk_commitments_report_id"),
        sa.PrimaryKeyConstraint("id", name="pk_commitments"),
        sa.UniqueConstraint("transaction_uid", name="uq_commitments_transaction_uid"),
    )
    with op.batch_alter_table("deliveries") as deliveries:
        deliveries.add_column(sa.Column("commitment_id", sa.Integer(), nullable=True))
        deliveries.add_column(sa.Column("committed_at", MOMENT, nullable=True))
        deliveries.create_foreign_key("fk_deliveries_commitment_id", "commitments", ["commitment_id"], ["id"])


def downgrade() -> None:
    """Refuse: it would be forgotten what destinations answer for."""
    raise NotImplementedError("Version 0003 can't be downgraded; restore the backup of the older version.")
