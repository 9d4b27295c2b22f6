"""A person tries again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from config.reasons import Reason
from db.audit import AuditAction
from db.delivery import claim_deliveries, record_not_sent, record_sent
from db.detail import study_detail
from db.queries import audit_events
from db.reports import FaultRecord, ReportRecord, ResultRecord, Wanted, record_report
from db.retry import NotRetryable, retry
from db.session import Database
from db.states import Disposition, StudyState
from db.studies import UnknownStudy
from db.work import Claimed, claim_study, reject, release_claim_failed, studies_receiving


def retried(database: Database, at: datetime) -> StudyState:
    with database.transaction() as session:
        return retry(session, "1.2.3", "radiographer", at)


def test_a_rejected_study_is_judged_anew(database: Database, arrive: Callable[..., Disposition], now: datetime) -> None:
    arrive()
    with database.transaction() as session:
        reject(session, studies_receiving(session)[0], Reason.NO_CT, "none", now)
    assert retried(database, now) is StudyState.RECEIVING
    with database.reading() as session:
        assert [(s.study_uid, s.revision) for s in studies_receiving(session)] == [("1.2.3", 1)]
        [event] = audit_events(session, action=AuditAction.STUDY_RETRIED)
    assert (event.who, event.detail) == ("radiographer", {"revision": 1, "was": "rejected"})


def test_a_failed_analysis_gets_all_its_attempts_back(
    database: Database, claimed: Callable[..., Claimed], now: datetime
) -> None:
    claim = claimed()
    with database.transaction() as session:
        release_claim_failed(session, claim, Reason.OUT_OF_MEMORY, "", now, maximum_attempts=1, retry_at=now)
    assert retried(database, now) is StudyState.COMPLETE
    with database.transaction() as session:
        again = claim_study(session, "worker", 60, now)
    assert again is not None
    assert again.attempt == 1


def test_a_failed_delivery_sends_only_what_was_not_sent(
    database: Database, encoded: Callable[..., Claimed], now: datetime
) -> None:
    encoded()
    with database.transaction() as session:
        first, second, third = claim_deliveries(session, "pacs", "sender", 60, now)
        record_sent(session, first, 0, None, now)
        for claim in (second, third):
            record_not_sent(
                session,
                claim,
                Reason.DESTINATION_REFUSED_OBJECT,
                "no",
                0xC000,
                now,
                retry_at=None,
                maximum_attempts=5,
            )
    assert retried(database, now) is StudyState.ENCODED
    with database.transaction() as session:
        again = claim_deliveries(session, "pacs", "sender", 60, now)
    assert [(c.delivery_id, c.attempt) for c in again] == [(second.delivery_id, 1), (third.delivery_id, 1)]


def test_a_delivery_that_waits_is_due_at_once(
    database: Database, encoded: Callable[..., Claimed], now: datetime, later: Callable[[float], datetime]
) -> None:
    encoded()
    with database.transaction() as session:
        for claim in claim_deliveries(session, "pacs", "sender", 60, now):
            record_not_sent(
                session,
                claim,
                Reason.DESTINATION_UNREACHABLE,
                "down",
                None,
                now,
                retry_at=later(900),
                maximum_attempts=5,
            )
        assert claim_deliveries(session, "pacs", "sender", 60, later(1)) == ()
    assert retried(database, later(1)) is StudyState.ENCODED
    with database.transaction() as session:
        assert len(claim_deliveries(session, "pacs", "sender", 60, later(1))) == 3


def test_an_analysis_that_waits_is_due_at_once(
    database: Database, claimed: Callable[..., Claimed], now: datetime, later: Callable[[float], datetime]
) -> None:
    claim = claimed()
    with database.transaction() as session:
        release_claim_failed(session, claim, Reason.OUT_OF_MEMORY, "", now, maximum_attempts=3, retry_at=later(900))
    assert retried(database, later(1)) is StudyState.COMPLETE
    with database.transaction() as session:
        assert claim_study(session, "worker", 60, later(1)) is not None


def test_what_is_not_fit_to_be_sent_is_analysed_anew_as_the_next_revision(
    database: Database,
    claimed: Callable[..., Claimed],
    report: ReportRecord,
    results: Callable[..., tuple[ResultRecord, ...]],
    wanting: Callable[..., Wanted],
    now: datetime,
) -> None:
    faulty = [replace(result, faults=(FaultRecord("here", "this", "value", "PS3.5 6.2"),)) for result in results()]
    claim = claimed()
    with database.transaction() as session:
        record_report(session, claim, report, (), faulty, wanting("pacs"), now)
    assert retried(database, now) is StudyState.COMPLETE
    with database.transaction() as session:
        again = claim_study(session, "worker", 60, now)
        assert again is not None
        assert (again.revision, again.attempt) == (2, 1)
        record_report(session, again, report, (), results("1.2.3", 2), wanting("pacs"), now)
    with database.reading() as session:
        assert [one.quarantined for one in study_detail(session, "1.2.3").reports] == [True, False]


def test_a_study_on_its_way_is_left_alone(database: Database, claimed: Callable[..., Claimed], now: datetime) -> None:
    claimed()
    with pytest.raises(NotRetryable, match="is analysing"):
        retried(database, now)


def test_a_study_that_never_arrived_is_named(database: Database, now: datetime) -> None:
    with pytest.raises(UnknownStudy, match=r"1\.2\.3"):
        retried(database, now)
