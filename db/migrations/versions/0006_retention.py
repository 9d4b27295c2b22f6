"""What retention still has to do is found without reading what it has done, and what is being sent without what was."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add what is new. Studies of which nothing is kept any more are marked as such."""
    op.add_column("studies", sa.Column("let_go_until", MOMENT, nullable=True))
    op.execute(
        "UPDATE studies SET let_go_until = last_arrival WHERE NOT EXISTS (SELECT 1 FROM instances "
        "WHERE instances.study_instance_uid = studies.study_instance_uid "
        "AND instances.disposition IN ('accepted', 'conflict', 'returned'))"
    )
    _index("ix_studies_kept", "studies", "updated_at", "let_go_until IS NULL OR let_go_until < last_arrival")
    _index("ix_instances_to_delete", "instances", "id", "disposition = 'expired' AND path IS NOT NULL")
    _index("ix_instances_rejected_path", "instances", "path", "disposition = 'rejected'")
    _index("ix_instances_rejected_received_at", "instances", "received_at", "disposition = 'rejected'")
    _index("ix_deliveries_sending", "deliveries", "id", "state = 'sending'")


def downgrade() -> None:
    """Refuse, as every version does."""
    raise NotImplementedError("Version 0006 can't be downgraded; restore the backup of the older version.")


def _index(name: str, table: str, column: str, where: str) -> None:
    op.create_index(name, table, [column], sqlite_where=sa.text(where), postgresql_where=sa.text(where))
