"""What the audit trail answers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from config.reasons import Reason
from db.associations import close_association, open_association
from db.audit import AuditAction, AuditOutcome, record
from db.audit_answers import what_failed, what_was_said, what_went_where, who_sent
from db.delivery import claim_deliveries, record_not_sent, record_sent
from db.reports import ReportRecord, TrackedFinding, record_report
from db.session import Database
from db.states import AssociationOutcome, Disposition
from db.work import Claimed

Later = Callable[[float], datetime]


def test_who_sent_a_study_from_where_and_how_much(
    database: Database, arrive: Callable[..., Disposition], now: datetime, later: Later
) -> None:
    for name, address in (("a1", "192.0.2.7"), ("a2", "192.0.2.8")):
        with database.transaction() as session:
            open_association(
                session, name, listener="h", calling_ae="SCANNER", called_ae="UPTAKE", address=address, now=now
            )
    arrive(n=1, association_id="a1")
    arrive(n=1, association_id="a2")
    arrive("9.9", n=5, association_id="a2")
    with database.transaction() as session:
        close_association(session, "a1", AssociationOutcome.RELEASED, later(1))
        close_association(session, "a2", AssociationOutcome.ABORTED, later(2))
    with database.reading() as session:
        first, second = who_sent(session, "1.2.3")
    assert (first.at, first.calling_ae, first.address) == (later(1), "SCANNER", "192.0.2.7")
    assert (first.accepted, first.duplicates, first.outcome) == (1, 0, AuditOutcome.SUCCESS)
    assert (second.address, second.accepted, second.duplicates) == ("192.0.2.8", 0, 1)
    assert second.outcome is AuditOutcome.WARNING


def test_which_model_said_what(
    database: Database,
    claimed: Callable[..., Claimed],
    report: ReportRecord,
    findings: tuple[TrackedFinding, ...],
    now: datetime,
) -> None:
    models = {"lesion segmentation": {"name": "fdg", "version": "1.2", "digest": "c" * 64, "engine": "openvino"}}
    claim = claimed()
    with database.transaction() as session:
        record_report(session, claim, replace(report, models=models), findings, (), {}, now)
    with database.reading() as session:
        said = what_was_said(session, "1.2.3")
    assert [one.number for one in said] == [None, 1, 2]
    assert said[0].said.startswith("lesions; pet-without-ct")
    assert (said[1].said, said[1].suv_max, said[1].mtv_ml, said[1].tracking_uid) == (
        "Caption 1.",
        14.25,
        12.5,
        "2.25.1",
    )
    assert said[1].location == findings[0].finding.location.location.name
    assert {one.models for one in said} == {f"lesion segmentation: fdg 1.2 sha256:{'c' * 64}"}
    assert {one.software_version for one in said} == {"0.1.0"}


def test_what_went_where_and_when_it_was_committed(
    database: Database, encoded: Callable[..., Claimed], later: Later
) -> None:
    encoded(destinations=("pacs", "archive"))
    with database.transaction() as session:
        segmentation, *_ = claim_deliveries(session, "pacs", "sender", 60, later(0))
        record_not_sent(
            session,
            segmentation,
            Reason.DESTINATION_UNREACHABLE,
            "nobody there",
            None,
            later(1),
            retry_at=later(2),
            maximum_attempts=9,
        )
    with database.transaction() as session:
        again = next(
            claim
            for claim in claim_deliveries(session, "pacs", "sender", 60, later(3))
            if claim.sop_instance_uid == segmentation.sop_instance_uid
        )
        record_sent(session, again, 0, None, later(4))
    with database.transaction() as session:
        refused, *_ = claim_deliveries(session, "archive", "sender", 60, later(5))
        record_not_sent(
            session,
            refused,
            Reason.DESTINATION_REFUSED_OBJECT,
            "0xA900",
            0xA900,
            later(6),
            retry_at=None,
            maximum_attempts=9,
        )
    with database.reading() as session:
        pacs, archive = what_went_where(session, "1.2.3")
    assert (pacs.destination, pacs.attempts, pacs.sent_at, pacs.last) == ("pacs", 2, later(4), "result-sent")
    assert pacs.sop_instance_uid == segmentation.sop_instance_uid
    assert (archive.destination, archive.sent_at, archive.last, archive.found) == (
        "archive",
        None,
        "result-not-sent",
        "0xA900",
    )


def test_what_failed_lately(database: Database, later: Later) -> None:
    said = [
        (1, AuditOutcome.FAILURE),
        (10, AuditOutcome.FAILURE),
        (11, AuditOutcome.WARNING),
        (12, AuditOutcome.FAILURE),
        (20, AuditOutcome.FAILURE),
    ]
    with database.transaction() as session:
        for second, outcome in said:
            record(session, AuditAction.STUDY_FAILED, outcome, later(second), who="worker")
    with database.reading() as session:
        assert [event.sequence for event in what_failed(session, later(10), later(20), 9)] == [2, 4]
        assert [event.sequence for event in what_failed(session, later(0), later(99), 2)] == [4, 5]


def test_a_study_that_never_came_has_no_answers(database: Database) -> None:
    with database.reading() as session:
        assert (who_sent(session, "9"), what_was_said(session, "9"), what_went_where(session, "9")) == ((), (), ())
