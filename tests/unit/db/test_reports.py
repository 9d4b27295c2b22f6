"""Recording reports."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import func, select

from config.reasons import Reason
from config.result_kind import ResultKind
from db.audit import AuditAction
from db.detail import study_detail
from db.queries import audit_events, study_summary
from db.reports import (
    FaultRecord,
    Recorded,
    ReportDiffers,
    ReportRecord,
    ResultRecord,
    TrackedFinding,
    Wanted,
    keep_report,
    record_report,
)
from db.session import Database
from db.states import DeliveryState, Disposition, StudyState
from db.tables import Delivery, FindingRow, Report, ResultObject
from db.work import Claimed, claim_study, expire_leases, mark_complete, studies_receiving

Results = Callable[..., tuple[ResultRecord, ...]]
Record = Callable[..., Recorded]


@pytest.fixture
def record(
    database: Database,
    report: ReportRecord,
    findings: tuple[TrackedFinding, ...],
    results: Results,
    wanting: Callable[..., Wanted],
    now: datetime,
) -> Record:
    def records(claim: Claimed, destinations: tuple[str, ...] = ("pacs",), **changes: object) -> Recorded:
        changed = replace(report, **changes)  # type: ignore[arg-type]
        made = results(claim.study_uid, claim.revision)
        with database.transaction() as session:
            return record_report(session, claim, changed, findings, made, wanting(*destinations), now)

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
    assert (lesion.grade, kept.findings[1].grade) == (findings[0].finding.grade, None)
    assert kept.summary == "One lesion, TMTV 12.5 ml."


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


def test_a_destination_gets_the_kinds_that_it_wants_and_no_others(
    database: Database,
    claimed: Callable[..., Claimed],
    report: ReportRecord,
    results: Results,
    now: datetime,
) -> None:
    made = results("1.2.3", 1, ResultKind.ENHANCED_TEXT)
    wanted = {"pacs": (ResultKind.SEGMENTATION, ResultKind.REPORT), "archive": (ResultKind.ENHANCED_TEXT,)}
    claim = claimed()
    with database.transaction() as session:
        record_report(session, claim, report, (), made, wanted, now)
    with database.reading() as session:
        [kept] = study_detail(session, "1.2.3").reports
    assert {str(one.kind): [delivery.destination for delivery in one.deliveries] for one in kept.results} == {
        "SEG": ["pacs"],
        "SR": ["pacs"],
        "picture": [],
        "SR text": ["archive"],
    }


FAULT = FaultRecord("ContentSequence[3]", "no Value Type", "content-item", "PS3.3 C.17.3")


@pytest.fixture
def quarantined(
    database: Database,
    claimed: Callable[..., Claimed],
    report: ReportRecord,
    results: Results,
    wanting: Callable[..., Wanted],
    now: datetime,
) -> Claimed:
    """A report whose SR has a fault."""
    segmentation, sr, picture = results()
    claim = claimed()
    with database.transaction() as session:
        made = (segmentation, replace(sr, faults=(FAULT,)), picture)
        assert record_report(session, claim, report, (), made, wanting("pacs"), now) is Recorded.QUARANTINED
    return claim


def test_of_a_report_with_a_fault_nothing_is_sent_and_everything_kept(database: Database, quarantined: Claimed) -> None:
    with database.reading() as session:
        [kept] = study_detail(session, "1.2.3").reports
        summary = study_summary(session, "1.2.3")
    assert kept.quarantined
    assert [result.faults for result in kept.results] == [(), (FAULT,), ()]
    assert [result.deliveries for result in kept.results] == [(), (), ()]
    assert summary is not None
    assert (summary.state, summary.reason) == (StudyState.FAILED, Reason.RESULT_NOT_CONFORMANT)
    assert summary.detail == "SR: ContentSequence[3]: no Value Type (content-item, PS3.3 C.17.3)"


def test_the_audit_trail_holds_every_fault(database: Database, quarantined: Claimed) -> None:
    with database.reading() as session:
        [event] = audit_events(session, action=AuditAction.REPORT_QUARANTINED)
    assert event.detail["faults"] == {
        "1.2.3.91.7": [
            {
                "where": "ContentSequence[3]",
                "what": "no Value Type",
                "rule": "content-item",
                "section": "PS3.3 C.17.3",
            }
        ]
    }


def test_a_quarantined_report_is_never_kept_for_another_revision(
    database: Database, quarantined: Claimed, arrive: Callable[..., Disposition], report: ReportRecord, now: datetime
) -> None:
    arrive(n=2)
    with database.transaction() as session:
        [seen] = studies_receiving(session)
        mark_complete(session, seen, "2 of 2 slices", now)
        claim = claim_study(session, "worker", 60, now)
        assert claim is not None
        same = (report.input_digest, report.settings_digest, report.software_version)
        assert not keep_report(session, claim, *same, now)
