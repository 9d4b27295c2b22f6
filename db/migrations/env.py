"""Alembic runs this; `db.upgrade.upgrade` hands over the connection and owns the transaction."""

from alembic import context

from db.tables import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
