"""The nodes of a cluster and their heartbeats, and who is about to make a request for commitment."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add what is new; nothing that is on record changes."""
    op.create_table(
        "nodes",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("listener", sa.Text(), nullable=False),
        sa.Column("incarnation", sa.Text(), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("beats", sa.BigInteger(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("beat_at", MOMENT, nullable=False),
        sa.Column("destinations", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_nodes"),
    )
    op.add_column("commitments", sa.Column("lease_owner", sa.Text(), nullable=True))


def downgrade() -> None:
    """Refuse: it would be forgotten which nodes were lost."""
    raise NotImplementedError("Version 0005 can't be downgraded; restore the backup of the older version.")
