"""Associations and what they brought."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import select

from db.associations import close_association, lose_open_associations, open_association
from db.audit import AuditAction, AuditOutcome
from db.queries import audit_events
from db.session import Database
from db.states import AssociationOutcome, Disposition
from db.tables import Association

Arrive = Callable[..., Disposition]


@pytest.fixture
def opened(database: Database, now: datetime) -> Callable[..., None]:
    def opens(association_id: str = "a1", listener: str = "host") -> None:
        with database.transaction() as session:
            open_association(
                session,
                association_id,
                listener=listener,
                calling_ae="SCANNER",
                called_ae="UPTAKE",
                address="192.0.2.7",
                now=now,
            )

    return opens


def test_closing_tells_for_each_study_what_was_brought(
    database: Database, opened: Callable[..., None], arrive: Arrive, now: datetime
) -> None:
    opened()
    for number in (1, 2, 3):
        arrive("1.1", number, association_id="a1")
    arrive("1.1", 3, association_id="a1")
    arrive("1.1", 3, association_id="a1", digest="e" * 64)
    arrive("1.2", 1, association_id="a1")
    with database.transaction() as session:
        close_association(session, "a1", AssociationOutcome.RELEASED, now)
    with database.reading() as session:
        assert session.scalars(select(Association.instance_count)).one() == 6
        brought = audit_events(session, action=AuditAction.INSTANCES_RECEIVED)
    assert [(event.study_uid, event.who, event.patient_id) for event in brought] == [
        ("1.1", "SCANNER", "P1"),
        ("1.2", "SCANNER", "P1"),
    ]
    assert brought[0].detail == {
        "revision": 1,
        "association": "a1",
        "address": "192.0.2.7",
        "accepted": 3,
        "duplicates": 1,
        "conflicts": 1,
    }


def test_closing_twice_is_closing_once(database: Database, opened: Callable[..., None], now: datetime) -> None:
    opened()
    for outcome in (AssociationOutcome.ABORTED, AssociationOutcome.RELEASED):
        with database.transaction() as session:
            close_association(session, "a1", outcome, now)
    with database.reading() as session:
        assert session.scalars(select(Association.outcome)).one() is AssociationOutcome.ABORTED
        closed = audit_events(session, action=AuditAction.ASSOCIATION_CLOSED)
    assert [event.outcome for event in closed] == [AuditOutcome.WARNING]


def test_a_listener_loses_what_it_held_when_it_died_and_nothing_of_others(
    database: Database, opened: Callable[..., None], now: datetime
) -> None:
    opened("a1")
    opened("a2")
    opened("b1", listener="other host")
    with database.transaction() as session:
        close_association(session, "a1", AssociationOutcome.RELEASED, now)
    with database.transaction() as session:
        assert lose_open_associations(session, "host", now) == 1
    with database.reading() as session:
        outcomes = dict(session.execute(select(Association.id, Association.outcome)).all())  # type: ignore[arg-type]
    assert outcomes == {"a1": AssociationOutcome.RELEASED, "a2": AssociationOutcome.LOST, "b1": None}


def test_what_intake_has_yet_to_take_stays_open(database: Database, opened: Callable[..., None], now: datetime) -> None:
    opened("a1")
    opened("a2")
    with database.transaction() as session:
        assert lose_open_associations(session, "host", now, except_for=["a2"]) == 1
    with database.reading() as session:
        assert session.scalars(select(Association.id).where(Association.closed_at.is_(None))).all() == ["a2"]


def test_an_association_opened_twice_is_one(database: Database, opened: Callable[..., None]) -> None:
    opened("a1")
    opened("a1")
    with database.reading() as session:
        assert len(audit_events(session, action=AuditAction.ASSOCIATION_OPENED)) == 1


def test_the_end_of_one_that_never_came_on_record_changes_nothing(database: Database, now: datetime) -> None:
    with database.transaction() as session:
        close_association(session, "unknown", AssociationOutcome.LOST, now)
    with database.reading() as session:
        assert audit_events(session) == ()
