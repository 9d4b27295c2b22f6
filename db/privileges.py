"""What the database user of a running node may do: everything it needs, and nothing to the trail but add to it."""

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from config.reasons import UptakeError
from db.session import open_engine
from db.tables import AuditEvent, Base


class NoPrivileges(UptakeError):
    """A database without users of its own, or a user that can't be given or can't be held to these privileges."""


def grant_to_node(url: str, role: str) -> None:
    """Let a role of PostgreSQL run the node, and take from it all else that it was granted; to be called by the owner.

    It may read and write every table, read and add audit events, and read which version the schema has.

    Raises
    ------
    NoPrivileges
        If the database isn't PostgreSQL's, the role doesn't exist, owns the trail or is a superuser (no grant binds
        these), or the caller isn't the owner.
    """
    engine = open_engine(url)
    if engine.dialect.name != "postgresql":
        raise NoPrivileges("Found SQLite, expected PostgreSQL: a file has no users; its triggers refuse changes.")
    quoted = engine.dialect.identifier_preparer.quote_identifier(role)
    try:
        with engine.begin() as connection:
            bound = connection.scalar(_IS_BOUND, {"role": role, "table": AuditEvent.__tablename__})
            if bound is None:
                raise NoPrivileges(f"There is no role {role}; make it with CREATE ROLE first.")
            if not bound:
                raise NoPrivileges(f"{role} is a superuser or owns the audit trail; choose another role for the node.")
            for table in (*Base.metadata.tables, _VERSION):
                connection.execute(text(f"REVOKE ALL ON {table} FROM {quoted}, PUBLIC"))
                connection.execute(text(f"GRANT {_verbs(table)} ON {table} TO {quoted}"))
            connection.execute(text(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {quoted}"))
    except DBAPIError as error:
        raise NoPrivileges(f"The privileges of {role} could not be set: {error.orig}") from error
    finally:
        engine.dispose()


_VERSION = "alembic_version"

_IS_BOUND = text(
    "SELECT NOT rolsuper AND NOT EXISTS (SELECT FROM pg_tables WHERE tablename = :table"
    " AND schemaname = current_schema() AND pg_has_role(:role, tableowner, 'MEMBER'))"
    " FROM pg_roles WHERE rolname = :role"
)


def _verbs(table: str) -> str:
    if table == _VERSION:
        return "SELECT"
    return "SELECT, INSERT" if table == AuditEvent.__tablename__ else "SELECT, INSERT, UPDATE, DELETE"
