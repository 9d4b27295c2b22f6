"""Bring a database to the tables of this version, by Alembic and without an ``alembic.ini``."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, func, select
from sqlalchemy.pool import ConnectionPoolEntry

from db.session import open_engine

_UPGRADE_LOCK = 0x7570_6772_6164  # "upgrad": nodes that start together upgrade one after the other


def upgrade(url: str, to: str = "head") -> None:
    """Create or upgrade all tables, in one transaction, to those of this version. Does nothing where they are current.

    Raises
    ------
    UnsupportedDatabase
        If the URL is neither of SQLite in a file nor of PostgreSQL.
    alembic.util.CommandError
        If the database was made by a newer version of the node.
    """
    engine = open_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _leave_references_alone)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, to)
    finally:
        engine.dispose()


def is_current(url: str) -> bool:
    """Whether the database has the tables of this version; False for an empty one. Raises as `upgrade` does."""
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_heads()
    finally:
        engine.dispose()
    return set(current) == set(ScriptDirectory.from_config(_config()).get_heads())


def _leave_references_alone(connection: Any, _entry: ConnectionPoolEntry) -> None:
    # SQLite makes a column optional by making its table anew, to which other tables refer all the while.
    connection.execute("PRAGMA foreign_keys=OFF")


def _config() -> Config:
    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
