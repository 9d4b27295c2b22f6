"""The chain of audit events."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from config.reasons import Reason
from db.audit import AuditAction, AuditOutcome, ChainHead, chain_head, record, verify_chain
from db.session import Database
from db.tables import AuditEvent

MOMENT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
UNLOCK = {
    "sqlite": ("DROP TRIGGER audit_events_no_update", "DROP TRIGGER audit_events_no_delete"),
    "postgresql": ("ALTER TABLE audit_events DISABLE TRIGGER ALL",),
}


@pytest.fixture
def chain(database: Database) -> Callable[[int], None]:
    def write(count: int) -> None:
        with database.transaction() as session:
            for number in range(count):
                record(
                    session,
                    AuditAction.STUDY_ARRIVED,
                    AuditOutcome.SUCCESS,
                    MOMENT,
                    who="SCANNER",
                    study_uid="1.2.3",
                    patient_id="P\0\udc80",
                    detail={"number": number, "reason": Reason.NO_PET, "factor": 0.1, "name": "山田\0"},
                )

    return write


@pytest.fixture
def tamper(database: Database) -> Callable[[str], None]:
    """Run a statement as somebody who owns the database and has removed its triggers."""

    def run(statement: str) -> None:
        with database.transaction() as session:
            for unlock in UNLOCK[session.get_bind().dialect.name]:
                session.execute(text(unlock))
            session.execute(text(statement))

    return run


def broken_at(database: Database, anchor: ChainHead | None = None) -> int | None:
    with database.reading() as session:
        return verify_chain(session, anchor)


def test_an_empty_chain_is_whole(database: Database) -> None:
    assert broken_at(database) is None


def test_a_chain_over_several_transactions_is_whole(database: Database, chain: Callable[[int], None]) -> None:
    chain(3)
    chain(0)
    chain(2)
    assert broken_at(database) is None
    with database.reading() as session:
        assert session.scalars(select(AuditEvent.sequence).order_by(AuditEvent.sequence)).all() == [1, 2, 3, 4, 5]


def test_the_hash_can_be_computed_by_others(database: Database) -> None:
    with database.transaction() as session:
        record(session, AuditAction.NODE_STARTED, AuditOutcome.SUCCESS, MOMENT, who="root", detail={"b": 1, "a": "é"})
    told = (
        '{"action":"node-started","at":"2026-03-04T05:06:07.000000+00:00","detail":{"a":"\\u00e9","b":1},'
        '"outcome":"success","patient_id":null,"sequence":1,"sop_instance_uid":null,"study_instance_uid":null,'
        '"who":"root"}'
    )
    with database.reading() as session:
        assert chain_head(session) == ChainHead(1, hashlib.sha256(f"{'0' * 64}\n{told}".encode()).hexdigest())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET who = 'nobody' WHERE sequence = 2",
        "DELETE FROM audit_events WHERE sequence = 2",
    ],
)
def test_the_database_refuses_to_change_or_delete_an_event(
    database: Database, chain: Callable[[int], None], statement: str
) -> None:
    chain(3)
    with pytest.raises(DBAPIError, match="append-only"), database.transaction() as session:
        session.execute(text(statement))
    assert broken_at(database) is None


@pytest.mark.parametrize(
    "change",
    [
        "who = 'nobody'",
        "at = '2026-03-04 05:06:08'",
        "action = 'study-rejected'",
        "outcome = 'failure'",
        "study_instance_uid = '1.2.4'",
        "sop_instance_uid = '1'",
        "patient_id = NULL",
        "detail = '{}'",
        "previous_hash = hash",
        "hash = previous_hash",
        "sequence = 9",
        "action = 'nonsense'",
        "outcome = 'nonsense'",
        "detail = '{'",
        "detail = '{\"number\"\\:NaN}'",
    ],
)
def test_a_changed_event_breaks_the_chain_where_it_stands(
    database: Database, chain: Callable[[int], None], tamper: Callable[[str], None], change: str
) -> None:
    chain(4)
    tamper(f"UPDATE audit_events SET {change} WHERE sequence = 3")
    assert broken_at(database) == 3


def test_a_missing_event_breaks_the_chain(
    database: Database, chain: Callable[[int], None], tamper: Callable[[str], None]
) -> None:
    chain(4)
    tamper("DELETE FROM audit_events WHERE sequence = 1")
    assert broken_at(database) == 1


def test_an_anchor_shows_that_the_newest_events_were_cut_off(
    database: Database, chain: Callable[[int], None], tamper: Callable[[str], None]
) -> None:
    chain(4)
    with database.reading() as session:
        anchor = chain_head(session)
    assert broken_at(database, anchor) is None
    tamper("DELETE FROM audit_events WHERE sequence > 2")
    assert broken_at(database) is None
    assert broken_at(database, anchor) == 3


def test_an_anchor_shows_that_the_chain_was_written_anew(database: Database, chain: Callable[[int], None]) -> None:
    chain(3)
    assert broken_at(database, ChainHead(2, "f" * 64)) == 2


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True)
def test_postgresql_refuses_to_truncate_the_trail(database: Database, chain: Callable[[int], None]) -> None:
    chain(1)
    with pytest.raises(DBAPIError, match="append-only"), database.transaction() as session:
        session.execute(text("TRUNCATE audit_events"))
