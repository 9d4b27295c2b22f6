"""How far collectors have been told the trail."""

from collections.abc import Callable
from datetime import datetime

import pytest

from config.reasons import Reason, Remark
from db.audit import AuditAction, AuditOutcome, record
from db.audit_export import (
    claim_export,
    collector_states,
    events_after,
    is_told,
    record_export_failed,
    record_exported,
)
from db.queries import audit_events
from db.session import Database

Later = Callable[[float], datetime]
DEAD = Remark(Reason.AUDIT_COLLECTOR_UNREACHABLE, "nobody there")


@pytest.fixture(autouse=True)
def trail(database: Database, now: datetime) -> None:
    """Of five events."""
    with database.transaction() as session:
        for _ in range(5):
            record(session, AuditAction.STUDY_ARRIVED, AuditOutcome.SUCCESS, now, who="clerk")


def tell(database: Database, now: datetime, count: int, owner: str = "one") -> list[int]:
    """A collector is told the next events; which."""
    with database.transaction() as session:
        told = claim_export(session, "siem", owner, 60, now)
        assert told is not None
        events = events_after(session, told, count)
        assert record_exported(session, "siem", owner, events, now)
    return [event.sequence for event in events]


def test_a_collector_is_told_everything_once_and_in_order(database: Database, now: datetime) -> None:
    assert [tell(database, now, 2) for _ in range(3)] == [[1, 2], [3, 4], [5]]
    with database.reading() as session:
        assert is_told(session, "siem")
        assert not is_told(session, "another")


def test_what_was_not_recorded_as_told_is_told_again(database: Database, now: datetime, later: Later) -> None:
    tell(database, now, 2)
    with database.transaction() as session:
        assert claim_export(session, "siem", "one", 60, now) == 2  # and it dies
    assert tell(database, later(61), 2, owner="two") == [3, 4]


def test_only_one_tells_at_a_time(database: Database, now: datetime, later: Later) -> None:
    with database.transaction() as session:
        assert claim_export(session, "siem", "one", 60, now) == 0
        assert claim_export(session, "siem", "two", 60, later(59)) is None
        assert claim_export(session, "siem", "one", 60, later(59)) == 0
        assert claim_export(session, "siem", "two", 60, later(120)) == 0
        assert not record_exported(session, "siem", "one", events_after(session, 0, 1), later(121))


def test_an_outage_is_audited_as_it_begins_and_as_it_ends(database: Database, now: datetime, later: Later) -> None:
    for second in range(3):
        with database.transaction() as session:
            claim_export(session, "siem", "one", 60, later(second))
            record_export_failed(session, "siem", "one", DEAD, later(second))
    with database.reading() as session:
        (state,) = collector_states(session)
    assert (state.sequence, state.behind, state.failing_since, state.detail) == (0, 6, now, "nobody there")
    tell(database, later(9), 6)
    with database.reading() as session:
        said = [(event.action, event.at) for event in audit_events(session)[5:]]
        (state,) = collector_states(session)
    assert said == [(AuditAction.AUDIT_EXPORT_FAILED, now), (AuditAction.AUDIT_EXPORT_RESUMED, later(9))]
    assert (state.sequence, state.behind, state.failing_since, state.detail) == (6, 1, None, None)
