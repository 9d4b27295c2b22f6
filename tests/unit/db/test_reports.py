"""Recording reports."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import func, select

from config.finding import ResultKind
from db.audit import AuditAction
from db.delivery import claim_deliveries, record_sent
from db.detail import study_detail
from db.queries import audit_events, study_summary
from db.reports import (
    Recorded,
    ReportDiffers,
    ReportRecord,
    ResultRecord,
    TrackedFinding,
    predecessors,
    record_report,
)
from db.session import Database
from db.states import DeliveryState, Disposition, StudyState
from db.tables import Delivery, FindingRow, Report, ResultObject
from db.work import Claimed, claim_study, expire_leases

Results = Callable[..., tuple[ResultRecord, ...]]
Record = Callable[..., Recorded]


@pytest.fixture
def record(
    database: Database,
    report: ReportRecord,
    findings: tuple[TrackedFinding, ...],
    results: Results,
    now: datetime,
) -> Record:
    def records(claim: Claimed, destinations: tuple[str, ...] = ("pacs",), **changes: object) -> Recorded:
        changed = replace(report, **changes)  # type: ignore[arg-type]
        made = results(claim.study_uid, claim.revision)
        with database.transaction() as session:
            return record_report(session, claim, changed, findings, made, destinations, now)

    return records


def state(database: Database) -> tuple[StudyState, str | None]:
    with database.reading() as session:
        summary = study_summary(session, "1.2.3")
    assert summary is not None
    return summary.state, summary.detail


def rows(database: Database) -> tuple[int, ...]:
    with database.reading() as session:
        return tuple(
            session.scalar(select(func.count()).select_from(table)) or 0
            for table in (Report, FindingRow, ResultObject, Delivery)
        )


def test_a_report_makes_every_result_due_at_every_destination(
    database: Database, claimed: Callable[..., Claimed], record: Record
) -> None:
    assert record(claimed(), ("pacs", "archive")) is Recorded.RECORDED
    assert state(database) == (StudyState.ENCODED, None)
    with database.reading() as session:
        due = session.execute(
            select(ResultObject.kind, Delivery.destination, Delivery.state)
            .join(Delivery)
            .order_by(ResultObject.id, Delivery.id)
        ).all()
    assert [tuple(row) for row in due] == [
        (kind, destination, DeliveryState.PENDING)
        for kind in (ResultKind.SEGMENTATION, ResultKind.REPORT, ResultKind.PICTURE)
        for destination in ("pacs", "archive")
    ]


def test_what_was_measured_comes_back_unchanged(
    database: Database,
    claimed: Callable[..., Claimed],
    record: Record,
    report: ReportRecord,
    findings: tuple[TrackedFinding, ...],
) -> None:
    record(claimed())
    with database.reading() as session:
        [kept] = study_detail(session, "1.2.3").reports
    assert (kept.suv_factor, kept.remarks, kept.timings_s) == (0.00042111, report.remarks, {"segmentation": 1.25})
    lesion = kept.findings[0]
    measured, location = findings[0].finding.measurements, findings[0].finding.location.location
    assert (lesion.suv_max, lesion.tlg, lesion.centroid_mm) == (measured.suv_max, measured.tlg, (-61.5, -12.25, 803.0))
    assert (lesion.location_name, lesion.laterality, lesion.slices) == (location.name, location.laterality, (147, 155))
    assert (lesion.tracking_uid, lesion.caption) == ("2.25.1", "Caption 1.")


def test_the_audit_names_inputs_settings_version_and_every_result(
    database: Database, claimed: Callable[..., Claimed], record: Record
) -> None:
    record(claimed())
    with database.reading() as session:
        [event] = audit_events(session, action=AuditAction.REPORT_RECORDED)
    assert event.detail["input_digest"] == "a" * 64
    assert event.detail["software_version"] == "0.1.0"
    assert event.detail["results"]["1.2.3.91.8"] == f"{1:064x}"
    assert event.who == "worker"


def test_without_destinations_a_study_is_delivered_at_once(
    database: Database, claimed: Callable[..., Claimed], record: Record
) -> None:
    record(claimed(), ())
    assert state(database) == (StudyState.DELIVERED, "No destination is configured.")


def test_recording_the_same_report_again_changes_nothing(
    database: Database, claimed: Callable[..., Claimed], record: Record
) -> None:
    claim = claimed()
    record(claim)
    before = rows(database)
    assert record(claim, timings_s={"segmentation": 9.0}) is Recorded.ALREADY
    assert rows(database) == before == (1, 2, 3, 3)
    with database.reading() as session:
        assert len(audit_events(session, action=AuditAction.REPORT_RECORDED)) == 1


def test_another_report_of_the_same_revision_is_refused(claimed: Callable[..., Claimed], record: Record) -> None:
    claim = claimed()
    record(claim)
    with pytest.raises(ReportDiffers, match="input"):
        record(claim, input_digest="f" * 64)


def test_a_report_overtaken_by_a_late_slice_is_discarded(
    database: Database, claimed: Callable[..., Claimed], record: Record, arrive: Callable[..., Disposition]
) -> None:
    claim = claimed()
    arrive(n=2)
    assert record(claim) is Recorded.SUPERSEDED
    assert rows(database) == (0, 0, 0, 0)
    assert state(database)[0] is StudyState.RECEIVING
    with database.reading() as session:
        [event] = audit_events(session, action=AuditAction.ANALYSIS_SUPERSEDED)
    assert event.detail == {"revision": 2, "analysed_revision": 1, "state": "receiving"}


def test_of_two_workers_on_one_study_the_second_finds_the_report_there(
    database: Database, claimed: Callable[..., Claimed], record: Record, later: Callable[[float], datetime]
) -> None:
    slow = claimed()
    with database.transaction() as session:
        expire_leases(session, later(61), maximum_attempts=3)
        quick = claim_study(session, "quick", 60, later(61))
    assert quick is not None
    assert record(quick) is Recorded.RECORDED
    assert record(slow) is Recorded.ALREADY


def test_a_new_revision_knows_what_of_its_predecessor_was_sent(
    database: Database, encoded: Callable[..., Claimed], arrive: Callable[..., Disposition], now: datetime
) -> None:
    encoded()
    with database.transaction() as session:
        segmentation, *_ = claim_deliveries(session, "pacs", "sender", 60, now)
        record_sent(session, segmentation, 0, None, now)
    arrive(n=2)
    with database.reading() as session:
        assert predecessors(session, "1.2.3", 1) == ()
        (earlier,) = predecessors(session, "1.2.3", 2)
    assert (earlier.kind, earlier.sop_instance_uid) == (ResultKind.SEGMENTATION, "1.2.3.91.8")
    assert earlier.path == segmentation.path
