from collections.abc import Callable
from datetime import datetime

import pytest

from config.reasons import Reason
from db.audit import chain_head
from db.audit_actions import AuditAction, AuditOutcome
from db.delivery import claim_deliveries, record_not_sent
from db.metrics import Queues, events_between, milestones, queues, stage_timings
from db.session import Database
from db.states import DeliveryState, Disposition, StudyState
from db.work import Claimed, release_claim_failed


@pytest.fixture
def ask(database: Database) -> Callable[[], Queues]:
    def asks() -> Queues:
        with database.reading() as session:
            return queues(session)

    return asks


def test_an_empty_database_has_nothing_waiting(ask: Callable[[], Queues]) -> None:
    found = ask()
    assert (found.studies, found.deliveries, found.open_associations) == ({}, {}, 0)
    assert set(found.arrivals.values()) == {0}


def test_studies_are_counted_by_state_with_the_longest_in_it(
    ask: Callable[[], Queues],
    arrive: Callable[..., Disposition],
    complete: Callable[..., None],
    later: Callable[[float], datetime],
) -> None:
    arrive("1.2.3", at=later(50))
    arrive("1.2.4", at=later(20))
    complete("1.2.5", at=later(30))
    found = ask()
    assert found.studies == {StudyState.RECEIVING: 2, StudyState.COMPLETE: 1}
    assert found.since == {StudyState.RECEIVING: later(20), StudyState.COMPLETE: later(30)}


def test_a_study_that_waits_for_another_try_says_why(
    database: Database, ask: Callable[[], Queues], claimed: Callable[..., Claimed], now: datetime
) -> None:
    claim = claimed()
    with database.transaction() as session:
        release_claim_failed(session, claim, Reason.OUT_OF_MEMORY, "", now, maximum_attempts=3, retry_at=now)
    assert ask().study_reasons == {(StudyState.COMPLETE, Reason.OUT_OF_MEMORY): 1}


def test_deliveries_are_counted_by_destination_and_wait_since_their_report(
    database: Database, ask: Callable[[], Queues], encoded: Callable[..., Claimed], later: Callable[[float], datetime]
) -> None:
    encoded("1.2.3", ("pacs", "archive"), at=later(10))
    encoded("1.2.4", ("pacs",), at=later(5))
    with database.transaction() as session:
        claim = claim_deliveries(session, "archive", "sender", 60, later(20))[0]
        record_not_sent(
            session,
            claim,
            Reason.DESTINATION_UNREACHABLE,
            "",
            None,
            later(20),
            retry_at=later(80),
            maximum_attempts=20,
        )
    found = ask()
    assert found.deliveries[("pacs", DeliveryState.PENDING)] == 6
    assert (found.deliveries[("archive", DeliveryState.PENDING)], found.deliveries[("archive", "sending")]) == (1, 2)
    assert found.due_since == {"pacs": later(5), "archive": later(10)}
    assert found.delivery_reasons == {("archive", Reason.DESTINATION_UNREACHABLE): 1}


def test_events_are_counted_from_where_the_last_count_ended(
    database: Database, arrive: Callable[..., Disposition]
) -> None:
    arrive("1.2.3")
    with database.reading() as session:
        middle = chain_head(session).sequence
    arrive("1.2.4")
    arrive("1.2.5")
    with database.reading() as session:
        head = chain_head(session).sequence
        first, second = events_between(session, 0, middle), events_between(session, middle, head)
    arrived = (AuditAction.STUDY_ARRIVED, AuditOutcome.SUCCESS)
    assert (first[arrived], second[arrived]) == (1, 2)


def test_milestones_are_the_actions_asked_for_and_whatever_failed(
    database: Database, claimed: Callable[..., Claimed], now: datetime
) -> None:
    claim = claimed()
    with database.transaction() as session:
        release_claim_failed(session, claim, Reason.OUT_OF_MEMORY, "", now, maximum_attempts=3, retry_at=now)
    with database.reading() as session:
        found = milestones(session, (AuditAction.STUDY_COMPLETE,), 0, chain_head(session).sequence)
    assert [one.action for one in found] == [AuditAction.STUDY_COMPLETE, AuditAction.ANALYSIS_FAILED]
    assert found[1].detail["reason"] == Reason.OUT_OF_MEMORY


def test_the_timings_of_a_report_are_read_once(database: Database, encoded: Callable[..., Claimed]) -> None:
    encoded("1.2.3")
    with database.reading() as session:
        ((report_id, timings_s),) = stage_timings(session, 0, limit=10)
        assert timings_s == {"segmentation": 1.25}
        assert stage_timings(session, report_id, limit=10) == ()
