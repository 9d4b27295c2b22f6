"""What people ask."""

from collections.abc import Callable
from datetime import datetime

import pytest

from config.reasons import Reason
from db.associations import open_association
from db.audit import AuditAction, AuditOutcome, record
from db.delivery import claim_deliveries, record_sent
from db.detail import study_detail
from db.intake import RejectedInstance, record_rejected_instance
from db.queries import audit_events, study_list, study_summary
from db.session import Database
from db.states import DeliveryState, Disposition, ReportOutcome, StudyState
from db.studies import UnknownStudy
from db.work import Claimed

Arrive = Callable[..., Disposition]
Later = Callable[[float], datetime]


def test_the_list_is_newest_first_and_can_be_narrowed(
    database: Database, arrive: Arrive, complete: Callable[..., None], later: Later
) -> None:
    arrive("1.1", at=later(1))
    complete("1.3", at=later(3))
    arrive("1.2", at=later(2))
    with database.reading() as session:
        assert [s.study_uid for s in study_list(session)] == ["1.3", "1.2", "1.1"]
        assert [s.study_uid for s in study_list(session, limit=2)] == ["1.3", "1.2"]
        assert [s.study_uid for s in study_list(session, states=[StudyState.RECEIVING])] == ["1.2", "1.1"]
        assert study_summary(session, "9") is None


def test_a_line_of_the_list_counts_what_matters(
    database: Database, arrive: Arrive, encoded: Callable[..., Claimed], now: datetime
) -> None:
    arrive(n=2)
    with database.reading() as session:
        assert study_list(session)[0].lesions is None
    encoded()
    with database.transaction() as session:
        record_sent(session, claim_deliveries(session, "pacs", "sender", 60, now)[0], 0, None, now)
    with database.reading() as session:
        [line] = study_list(session)
    assert (line.instances, line.lesions, line.deliveries_sent, line.deliveries) == (2, 1, 1, 3)


def test_the_detail_of_a_study_holds_everything_about_it(
    database: Database, arrive: Arrive, encoded: Callable[..., Claimed], now: datetime
) -> None:
    with database.transaction() as session:
        open_association(
            session, "a1", listener="h", calling_ae="SCANNER", called_ae="UPTAKE", address="192.0.2.7", now=now
        )
    arrive(n=2, association_id="a1")
    arrive(n=2, association_id="a1", digest="f" * 64, path="aside.dcm")
    with database.transaction() as session:
        record_rejected_instance(
            session,
            RejectedInstance(association_id="a1", reason=Reason.TRUNCATED, detail="short", study_uid="1.2.3"),
            now,
        )
    encoded()
    with database.reading() as session:
        detail = study_detail(session, "1.2.3")
    assert detail.summary.patient_name == "Yamada^Tarou=山田^太郎"
    assert [(s.series_uid, s.modality, s.instances) for s in detail.series] == [("1.2.3.1", "PT", 2)]
    assert [(a.calling_ae, a.accepted, a.conflicts) for a in detail.arrivals] == [("SCANNER", 1, 1)]
    assert [u.reason for u in detail.unused] == [Reason.UID_CONFLICT, Reason.TRUNCATED]
    assert detail.summary.conflicts == 1
    [report] = detail.reports
    assert (report.outcome, len(report.findings), len(report.results)) == (ReportOutcome.LESIONS, 2, 3)
    assert report.results[0].deliveries[0].state is DeliveryState.PENDING


def test_an_unknown_study_has_no_detail(database: Database) -> None:
    with pytest.raises(UnknownStudy, match="9"), database.reading() as session:
        study_detail(session, "9")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ({}, [1, 2, 3, 4]),
        ({"study": "1.1"}, [1, 3]),
        ({"patient": "P2"}, [2]),
        ({"action": AuditAction.STUDY_REJECTED}, [3]),
        ({"outcome": AuditOutcome.FAILURE}, [3]),
        ({"study": "1.1", "outcome": AuditOutcome.SUCCESS}, [1]),
        ({"limit": 2}, [3, 4]),
        ({"since": 2}, [2, 3, 4]),
        ({"until": 2}, [1]),
        ({"since": 2, "until": 4}, [2, 3]),
    ],
)
def test_the_audit_trail_answers_by_every_criterion(
    database: Database, later: Later, question: dict[str, object], answer: list[int]
) -> None:
    said = [
        (AuditAction.STUDY_ARRIVED, AuditOutcome.SUCCESS, "1.1", "P1"),
        (AuditAction.STUDY_ARRIVED, AuditOutcome.SUCCESS, "1.2", "P2"),
        (AuditAction.STUDY_REJECTED, AuditOutcome.FAILURE, "1.1", "P1"),
        (AuditAction.NODE_STOPPED, AuditOutcome.WARNING, None, None),
    ]
    with database.transaction() as session:
        for second, (action, outcome, study, patient) in enumerate(said, 1):
            record(session, action, outcome, later(second), who="node", study_uid=study, patient_id=patient)
    times = {name: later(value) for name, value in question.items() if name in ("since", "until")}  # type: ignore[arg-type]
    with database.reading() as session:
        assert [event.sequence for event in audit_events(session, **(question | times))] == answer  # type: ignore[arg-type]
