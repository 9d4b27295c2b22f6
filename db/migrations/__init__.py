"""Alembic's environment and the versions of the schema; run by `db.upgrade`."""
