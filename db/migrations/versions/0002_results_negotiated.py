"""What destinations take and got instead, refusals, faults, grades and summaries, and who issued a Patient ID."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CODE = sa.String(64)
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add what is new; nothing that is on record changes."""
    op.add_column("studies", sa.Column("issuer_of_patient_id", sa.Text(), nullable=True))
    op.add_column("deliveries", sa.Column("sent_instead", CODE, nullable=True))
    op.add_column("result_objects", sa.Column("faults", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("findings", sa.Column("grade_scale", CODE, nullable=True))
    op.add_column("findings", sa.Column("grade_score", sa.Integer(), nullable=True))
    op.add_column("findings", sa.Column("grade_why", sa.Text(), nullable=True))
    with op.batch_alter_table("reports") as reports:
        reports.add_column(sa.Column("summary", sa.Text(), nullable=False, server_default=""))
        reports.add_column(sa.Column("quarantined", sa.Boolean(), nullable=False, server_default=sa.false()))
        reports.alter_column("tracer", existing_type=sa.Text(), nullable=True)
        reports.alter_column("suv_factor", existing_type=sa.Double(), nullable=True)
    op.create_table(
        "capabilities",
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("accepted", sa.Text(), nullable=False),
        sa.Column("storage_commitment", sa.Boolean(), nullable=False),
        sa.Column("implementation_class_uid", sa.Text(), nullable=False),
        sa.Column("implementation_version_name", sa.Text(), nullable=False),
        sa.Column("maximum_pdu_bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("destination", name="pk_capabilities"),
    )


def downgrade() -> None:
    """Refuse: what was refused, replaced or quarantined would be forgotten."""
    raise NotImplementedError("Version 0002 can't be downgraded; restore the backup of the older version.")
