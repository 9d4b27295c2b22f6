"""Bring a database to the tables of this version, by Alembic and without an ``alembic.ini``."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select

from db.session import open_engine

_UPGRADE_LOCK = 0x7570_6772_6164  # "upgrad": nodes that start together upgrade one after the other


def upgrade(url: str) -> None:
    """Create or upgrade all tables, in one transaction. Does nothing where they are current.

    Raises
    ------
    UnsupportedDatabase
        If the URL is neither of SQLite in a file nor of PostgreSQL.
    alembic.util.CommandError
        If the database was made by a newer version of the node.
    """
    engine = open_engine(url)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
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


def _config() -> Config:
    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
