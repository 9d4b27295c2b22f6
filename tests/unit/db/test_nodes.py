"""Nodes of a cluster, and what becomes of what a dead one held."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from db import audit
from db.associations import open_association
from db.audit_actions import AuditAction, AuditOutcome
from db.audit_export import claim_export
from db.commitment import Patience, claim_commitment, record_answer, record_requested
from db.delivery import claim_deliveries, record_sent
from db.nodes import (
    NodeRemains,
    NodeSeen,
    beat,
    forget,
    give_back,
    inherit,
    is_gone,
    join,
    known_destinations,
    leave,
    lose,
    nodes,
)
from db.queries import audit_events, study_summary
from db.retention import delete_files, hold_files
from db.session import Database
from db.states import NodeState, StudyState
from db.tables import Association
from db.work import Claimed, claim_study, claimed_study

ON_POSTGRESQL = [pytest.param("postgresql", marks=pytest.mark.postgresql)]
A, B = "UPTAKE on a", "UPTAKE on b"


def start(database: Database, name: str, now: datetime, *destinations: str) -> str:
    with database.transaction() as session:
        return join(session, name, f"UPTAKE on {name}", destinations, now)


def seen(database: Database, name: str) -> NodeSeen:
    with database.reading() as session:
        (found,) = [one for one in nodes(session) if one.name == name]
    return found


def found_lost(database: Database, node: NodeSeen, now: datetime) -> bool:
    with database.transaction() as session:
        return lose(session, node, B, now, maximum_attempts=3, journal=()) is not None


def test_a_node_that_beats_moves_its_counter(database: Database, now: datetime) -> None:
    incarnation = start(database, "a", now)
    with database.transaction() as session:
        assert beat(session, "a", incarnation, now + timedelta(seconds=2))
    after = seen(database, "a")
    assert (after.state, after.beats, after.beat_at - after.started_at) == (NodeState.UP, 1, timedelta(seconds=2))


def test_a_node_that_has_moved_since_is_not_lost(database: Database, now: datetime) -> None:
    incarnation = start(database, "a", now)
    stale = seen(database, "a")
    with database.transaction() as session:
        beat(session, "a", incarnation, now)
    assert not found_lost(database, stale, now)
    assert seen(database, "a").state is NodeState.UP


def test_a_node_that_will_not_come_back_is_forgotten_by_somebody(database: Database, now: datetime) -> None:
    start(database, "a", now)
    assert found_lost(database, seen(database, "a"), now)
    with database.transaction() as session:
        forget(session, "a", "anna", now)
    with database.reading() as session:
        assert nodes(session) == ()
        (event,) = audit_events(session, action=AuditAction.NODE_FORGOTTEN)
    assert (event.who, event.detail["node"]) == ("anna", "a")


def test_a_node_that_is_up_is_not_forgotten_nor_is_one_that_never_was(database: Database, now: datetime) -> None:
    start(database, "a", now)
    for name, said in (("a", "a is up; stop it first"), ("b", "There is no node b")):
        with pytest.raises(NodeRemains, match=said), database.transaction() as session:
            forget(session, name, "anna", now)
    assert seen(database, "a").state is NodeState.UP


def test_a_node_is_lost_once_and_its_beat_fails(database: Database, now: datetime) -> None:
    incarnation = start(database, "a", now)
    still = seen(database, "a")
    assert found_lost(database, still, now)
    assert not found_lost(database, still, now)
    with database.transaction() as session:
        assert not beat(session, "a", incarnation, now)
        assert not leave(session, "a", incarnation, now)
    assert seen(database, "a").state is NodeState.LOST
    with database.reading() as session:
        (event,) = audit_events(session, action=AuditAction.NODE_LOST)
    assert (event.who, event.outcome, event.detail["node"]) == (B, AuditOutcome.WARNING, "a")


def test_a_node_that_starts_again_makes_its_earlier_life_fail(database: Database, now: datetime) -> None:
    before, after = start(database, "a", now), start(database, "a", now)
    with database.transaction() as session:
        assert not beat(session, "a", before, now)
        assert beat(session, "a", after, now)


def test_who_is_up_is_not_gone(database: Database, now: datetime) -> None:
    incarnation = start(database, "a", now)
    with database.transaction() as session:
        assert not is_gone(session, "a")
        leave(session, "a", incarnation, now)
    with database.transaction() as session:
        assert is_gone(session, "a")
        assert not is_gone(session, "never there")


def test_destinations_are_known_that_any_node_knows_which_is_up(database: Database, now: datetime) -> None:
    start(database, "a", now, "pacs", "archive")
    gone = start(database, "b", now, "pacs", "old archive")
    with database.transaction() as session:
        leave(session, "b", gone, now)
        assert known_destinations(session) == {"pacs", "archive"}


def test_a_study_under_analysis_is_given_back_at_once_and_the_late_report_does_not_count(
    database: Database, claimed: Callable[..., Claimed], now: datetime
) -> None:
    held = claimed("1.1", owner=f"worker 1 of {A}")
    others = claimed("1.2", owner="worker 1 of UPTAKE on aa")
    with database.transaction() as session:
        given = give_back(session, A, now, maximum_attempts=3, journal=())
        assert given.studies == ("1.1",)
        assert claimed_study(session, held) is None
        assert claimed_study(session, others) is not None
        again = claim_study(session, f"worker 1 of {B}", 60, now)
    assert again is not None
    assert (again.study_uid, again.attempt) == ("1.1", 2)


@pytest.mark.parametrize("name", ["UPTAKE on a_b", "UP%TAKE on a"])
def test_names_are_no_patterns(database: Database, claimed: Callable[..., Claimed], now: datetime, name: str) -> None:
    claimed("1.1", owner=f"worker 1 of {name}")
    claimed("1.2", owner=f"worker 1 of {name.replace('_', 'x').replace('%', 'xx')}")
    with database.transaction() as session:
        assert give_back(session, name, now, maximum_attempts=3, journal=()).studies == ("1.1",)


def test_a_delivery_under_way_is_given_back_at_once(
    database: Database, encoded: Callable[..., Claimed], now: datetime
) -> None:
    encoded()
    with database.transaction() as session:
        claims = claim_deliveries(session, "pacs", f"delivery of {A}", 600, now)
        assert give_back(session, A, now, maximum_attempts=3, journal=()).deliveries == len(claims) == 3
        assert not record_sent(session, claims[0], 0, None, now)
        assert len(claim_deliveries(session, "pacs", f"delivery of {B}", 600, now)) == 3


def test_a_request_for_commitment_that_was_about_to_be_made_is_made_by_another_at_once(
    database: Database, encoded: Callable[..., Claimed], now: datetime
) -> None:
    encoded()
    with database.transaction() as session:
        for claim in claim_deliveries(session, "pacs", f"delivery of {A}", 600, now):
            record_sent(session, claim, 0, None, now, to_be_committed=True)
        first = claim_commitment(session, "pacs", "2.25.1", f"delivery of {A}", 600, now)
    assert first is not None
    with database.transaction() as session:
        assert claim_commitment(session, "pacs", "2.25.2", f"delivery of {B}", 600, now) is None
        assert give_back(session, A, now, maximum_attempts=3, journal=()).commitments == 1
    with database.transaction() as session:
        second = claim_commitment(session, "pacs", "2.25.3", f"delivery of {B}", 600, now)
        assert second is not None
        assert second.instances == first.instances
        record_requested(session, first, now + timedelta(hours=1))
    patience = Patience(3, lambda attempts: now)
    with database.transaction() as session:
        uids = [uid for _, uid in first.instances]
        assert record_answer(session, "2.25.3", uids, {}, "PACS", now, patience)
    with database.reading() as session:
        summary = study_summary(session, "1.2.3")
    assert summary is not None
    assert summary.state is StudyState.COMMITTED


def test_a_request_that_was_made_stands_when_its_node_dies(
    database: Database, encoded: Callable[..., Claimed], now: datetime
) -> None:
    encoded()
    with database.transaction() as session:
        for claim in claim_deliveries(session, "pacs", f"delivery of {A}", 600, now):
            record_sent(session, claim, 0, None, now, to_be_committed=True)
        asked = claim_commitment(session, "pacs", "2.25.1", f"delivery of {A}", 600, now)
        assert asked is not None
        record_requested(session, asked, now + timedelta(hours=1))
        assert give_back(session, A, now, maximum_attempts=3, journal=()).commitments == 0
        assert claim_commitment(session, "pacs", "2.25.2", f"delivery of {B}", 600, now) is None


def test_an_export_of_the_trail_goes_on_with_another_at_once(database: Database, now: datetime) -> None:
    with database.transaction() as session:
        assert claim_export(session, "collector", f"audit export of {A}", 600, now) == 0
        assert claim_export(session, "collector", f"audit export of {B}", 600, now) is None
        give_back(session, A, now, maximum_attempts=3, journal=())
        assert claim_export(session, "collector", f"audit export of {B}", 600, now) == 0


def test_open_associations_are_lost_unless_their_journal_is_still_to_be_taken(
    database: Database, now: datetime
) -> None:
    with database.transaction() as session:
        for association, listener in (("a1", A), ("a2", A), ("b1", B)):
            open_association(
                session, association, listener=listener, calling_ae="X", called_ae="UPTAKE", address="::1", now=now
            )
        assert give_back(session, A, now, maximum_attempts=3, journal=["a2"]).associations == 1
        inherit(session, ["a1", "a2"], B)
    with database.reading() as session:
        still_open = select(Association.id, Association.listener).where(Association.closed_at.is_(None))
        assert sorted(tuple(row) for row in session.execute(still_open)) == [("a2", B), ("b1", B)]


@pytest.mark.parametrize("database_url", ON_POSTGRESQL, indirect=True)
def test_files_are_not_deleted_while_instances_are_recorded(database: Database) -> None:
    def delete() -> None:
        with database.transaction() as session:
            session.execute(text("SET LOCAL lock_timeout = '100ms'"))
            delete_files(session)

    with database.transaction() as session:
        hold_files(session)
        with database.transaction() as other:
            hold_files(other)
        with pytest.raises(OperationalError, match="lock timeout"):
            delete()
    delete()


@pytest.mark.parametrize("database_url", ON_POSTGRESQL, indirect=True)
def test_a_node_that_stands_still_in_a_transaction_does_not_hold_the_others_up(
    database_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.session.IDLE_TIMEOUT_MS", 300)
    still, other = Database.open(database_url), Database.open(database_url)

    def record(database: Database, who: str, meanwhile: Callable[[], None]) -> None:
        with database.transaction() as session:
            audit.record(session, AuditAction.NODE_STARTED, AuditOutcome.SUCCESS, now, who=who)
            audit.seal(session)
            meanwhile()

    with pytest.raises(DBAPIError, match="idle-in-transaction"):
        record(still, "still", lambda: record(other, "other", lambda: None))
    with other.reading() as session:
        assert [event.who for event in audit_events(session)] == ["other"]
    for database in (still, other):
        database.close()
