"""What the node's database user may do."""

import itertools
import os
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from db.audit import AuditAction, AuditOutcome, record, verify_chain
from db.intake import InstanceRecord, record_instance
from db.privileges import NoPrivileges, grant_to_node
from db.session import Database
from db.upgrade import is_current, upgrade

ON_POSTGRESQL = [pytest.param("postgresql", marks=pytest.mark.postgresql)]
NUMBERS = itertools.count(1)


@pytest.fixture
def role(database_url: str) -> Iterator[str]:
    """A role that may log in and no more."""
    name = f"node {os.getpid()} {next(NUMBERS)}"
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE ROLE "{name}" LOGIN'))
        yield name
        connection.execute(text(f'DROP OWNED BY "{name}"'))
        connection.execute(text(f'DROP ROLE "{name}"'))
    engine.dispose()


@pytest.fixture
def as_node(database_url: str, role: str) -> Iterator[Database]:
    """The database as the node's role sees it."""
    grant_to_node(database_url, role)
    database = Database.open(url_of(database_url, role))
    yield database
    database.close()


def url_of(database_url: str, role: str) -> str:
    return make_url(database_url).set(username=role).render_as_string(hide_password=False)


@pytest.mark.parametrize("database_url", ON_POSTGRESQL, indirect=True)
def test_the_node_can_work_and_its_start_finds_the_schema_current(
    database_url: str, role: str, as_node: Database, instance: Callable[..., InstanceRecord], now: datetime
) -> None:
    with as_node.transaction() as session:
        record_instance(session, instance(), now)
    with as_node.reading() as session:
        assert verify_chain(session) is None
    url = url_of(database_url, role)
    upgrade(url)
    assert is_current(url)


@pytest.mark.parametrize("database_url", ON_POSTGRESQL, indirect=True)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET who = 'nobody'",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
        "DROP TABLE audit_events",
        "ALTER TABLE audit_events DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_events_no_change ON audit_events",
        "CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "SET session_replication_role = replica",
        "UPDATE alembic_version SET version_num = '0001'",
    ],
)
def test_the_node_can_not_touch_what_is_on_record(as_node: Database, now: datetime, statement: str) -> None:
    with as_node.transaction() as session:
        record(session, AuditAction.STUDY_ARRIVED, AuditOutcome.SUCCESS, now, who="clerk")
    with pytest.raises(DBAPIError, match=r"permission denied|must be owner"), as_node.transaction() as session:
        session.execute(text(statement))


@pytest.mark.parametrize("database_url", ON_POSTGRESQL, indirect=True)
@pytest.mark.parametrize("role_named", ["postgres", "nobody-there", 'x"; DROP TABLE audit_events; --'])
def test_a_role_that_no_grant_could_hold_is_refused(database_url: str, role_named: str) -> None:
    with pytest.raises(NoPrivileges, match=r"superuser|no role"):
        grant_to_node(database_url, role_named)
    assert is_current(database_url)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sqlite_has_no_users(database_url: str) -> None:
    with pytest.raises(NoPrivileges, match="no users"):
        grant_to_node(database_url, "node")
