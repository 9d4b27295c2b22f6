"""Recording what an analysis found, and the deliveries that follow from it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.finding import Finding
from config.reasons import Reason, Remark, UptakeError
from config.result_kind import ResultKind
from config.tracers import Tracer
from db.audit_actions import AuditAction, AuditOutcome
from db.columns import JsonValue
from db.delivery import deliveries_of_revision, settle_study
from db.states import DELIVERY_TRANSITIONS, DeliveryState, ReportOutcome, StudyState, transition
from db.studies import audit_study, locked, move
from db.tables import Delivery, FindingRow, Report, ResultObject, Study
from db.work import Claimed, claimed_study

Wanted = Mapping[str, Collection[ResultKind]]
"""By the name of each destination the kinds of results that it wants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRecord:
    """One analysis, or why there is none: then ``tracer`` and ``suv_factor`` are None.

    ``suv_factor``: rescaled value to SUVbw, of the first slice. Digests are SHA-256 in hexadecimal. ``models``: for
    each task that a trained model did, which it was; the audit trail keeps it.
    """

    outcome: ReportOutcome
    pet_series_uid: str
    ct_series_uid: str | None
    tracer: Tracer | None
    suv_factor: float | None
    input_digest: str
    settings_digest: str
    software_version: str
    remarks: tuple[Remark, ...]
    timings_s: Mapping[str, float]
    summary: str = ""
    models: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrackedFinding:
    """A finding and the Tracking UID (0062,0021) that it bears in result objects."""

    finding: Finding
    tracking_uid: str


@dataclass(frozen=True, slots=True)
class FaultRecord:
    """Where a result object does not conform, what was found there, the rule that it breaks and where that stands."""

    where: str
    what: str
    rule: str
    section: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what} ({self.rule}, {self.section})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRecord:
    """A result object that lies safely in the spool; ``path`` is relative to it."""

    kind: ResultKind
    sop_class_uid: str
    sop_instance_uid: str
    path: str
    digest: str
    size_bytes: int
    faults: tuple[FaultRecord, ...] = ()


class Recorded(StrEnum):
    """What became of a report that was to be recorded.

    ``QUARANTINED``: it is on record and nothing of it will be sent. ``ALREADY``: it is on record with these very
    results. ``SUPERSEDED``: the claim no longer holds, because instances arrived or the lease ran out; nothing was
    recorded and the result files may be deleted.
    """

    RECORDED = "recorded"
    QUARANTINED = "quarantined"
    ALREADY = "already"
    SUPERSEDED = "superseded"


class ReportDiffers(UptakeError):
    """Another report of the same revision is on record: two analyses of the same inputs did not give the same bytes."""


def record_report(
    session: Session,
    claim: Claimed,
    report: ReportRecord,
    findings: Sequence[TrackedFinding],
    results: Sequence[ResultRecord],
    destinations: Wanted,
    now: datetime,
) -> Recorded:
    """Put the outcome of a claimed analysis on record: the study is ``encoded`` and results due where they are wanted.

    Without destinations the study is ``delivered`` at once. Results are sent in the order given here. If one has
    faults, nothing is sent and the study has failed. Takes a session of `db.session.Database.transaction`; the result
    files must be durable before.

    Raises
    ------
    ReportDiffers
        If the revision has a report with other digests.
    """
    study = locked(session, claim.study_uid)
    on_record = session.scalar(select(Report).where(Report.study_id == study.id, Report.revision == claim.revision))
    if on_record is not None:
        _refuse_other(on_record, report, results, claim)
        return Recorded.ALREADY
    if claimed_study(session, claim) is None:
        audit_study(
            session,
            study,
            AuditAction.ANALYSIS_SUPERSEDED,
            AuditOutcome.WARNING,
            now,
            who=claim.owner,
            detail={"analysed_revision": claim.revision, "state": study.state},
        )
        return Recorded.SUPERSEDED
    row = add_report(session, study, report, findings, results, destinations, now, who=claim.owner)
    if row.quarantined:
        detail = _first_fault(results)
        move(study, StudyState.FAILED, now, Reason.RESULT_NOT_CONFORMANT, detail)
        found: dict[str, JsonValue] = {"reason": study.reason, "found": detail}
        audit_study(session, study, AuditAction.STUDY_FAILED, AuditOutcome.FAILURE, now, who=claim.owner, detail=found)
        return Recorded.QUARANTINED
    move(study, StudyState.ENCODED, now)
    settle_study(session, study, now)
    return Recorded.RECORDED


def add_report(
    session: Session,
    study: Study,
    report: ReportRecord,
    findings: Sequence[TrackedFinding],
    results: Sequence[ResultRecord],
    destinations: Wanted,
    now: datetime,
    *,
    who: str,
) -> Report:
    """The report of a locked study's present revision, with its deliveries; none if it is quarantined."""
    faults = {result.sop_instance_uid: [asdict(fault) for fault in result.faults] for result in results}
    quarantined = any(faults.values())
    row = _report(study, report, now)
    row.quarantined = quarantined
    row.findings = [_finding(tracked) for tracked in findings]
    row.result_objects = [_result(result, {} if quarantined else destinations, now) for result in results]
    session.add(row)
    audit_study(
        session,
        study,
        AuditAction.REPORT_RECORDED,
        AuditOutcome.SUCCESS,
        now,
        who=who,
        detail={
            "outcome": report.outcome,
            "findings": len(findings),
            "remarks": [str(remark) for remark in report.remarks],
            "results": {result.sop_instance_uid: result.digest for result in results},
            "destinations": list(destinations),
            "input_digest": report.input_digest,
            "settings_digest": report.settings_digest,
            "software_version": report.software_version,
            "models": {task: dict(model) for task, model in report.models.items()},
        },
    )
    for tracked in findings:
        audit_study(
            session, study, AuditAction.FINDING_RECORDED, AuditOutcome.SUCCESS, now, who=who, detail=_told(tracked)
        )
    if quarantined:
        found: dict[str, JsonValue] = {
            "reason": Reason.RESULT_NOT_CONFORMANT,
            "faults": {uid: of_result for uid, of_result in faults.items() if of_result},
        }
        audit_study(session, study, AuditAction.REPORT_QUARANTINED, AuditOutcome.FAILURE, now, who=who, detail=found)
    return row


def keep_report(
    session: Session, claim: Claimed, input_digest: str, settings_digest: str, software_version: str, now: datetime
) -> bool:
    """Whether the latest report is of the very inputs that were claimed; then it stands, and the study returns to it.

    So a series that arrives late and takes no part in the analysis makes no new revision. What was superseded by its
    arrival is due again. Takes a session of `db.session.Database.transaction`.
    """
    study = claimed_study(session, claim)
    if study is None:
        return False
    report = session.scalar(
        select(Report)
        .where(Report.study_id == study.id, Report.revision < claim.revision)
        .order_by(Report.revision.desc())
        .limit(1)
    )
    given = (input_digest, settings_digest, software_version)
    if report is None or report.outcome is ReportOutcome.NOT_ANALYSED or report.quarantined:
        return False
    if (report.input_digest, report.settings_digest, report.software_version) != given:
        return False
    return_to(session, study, report)
    move(study, StudyState.ENCODED, now)
    detail: dict[str, JsonValue] = {"claimed_revision": claim.revision, "input_digest": input_digest}
    audit_study(session, study, AuditAction.REPORT_STANDS, AuditOutcome.SUCCESS, now, who=claim.owner, detail=detail)
    settle_study(session, study, now)
    return True


def return_to(session: Session, study: Study, report: Report) -> None:
    """Make the revision of an earlier report a locked study's present one again; what a later one superseded is due."""
    study.revision = report.revision
    for delivery in deliveries_of_revision(session, study):
        if delivery.state is DeliveryState.SUPERSEDED:
            delivery.state = transition(DELIVERY_TRANSITIONS, delivery.state, DeliveryState.PENDING)


def _told(tracked: TrackedFinding) -> dict[str, JsonValue]:
    finding = tracked.finding
    return {
        "number": finding.number,
        "kind": finding.kind,
        "tracking_uid": tracked.tracking_uid,
        "location": finding.location.location.name,
        "suv_max": float(finding.measurements.suv_max),
        "mtv_ml": float(finding.measurements.mtv_ml),
        "caption": finding.caption,
    }


def _first_fault(results: Sequence[ResultRecord]) -> str:
    faults = [f"{result.kind}: {fault}" for result in results for fault in result.faults]
    return faults[0] + (f", and {len(faults) - 1} more" if len(faults) > 1 else "")


def _refuse_other(on_record: Report, report: ReportRecord, results: Sequence[ResultRecord], claim: Claimed) -> None:
    known = {result.sop_instance_uid: result.digest for result in on_record.result_objects}
    given = {result.sop_instance_uid: result.digest for result in results}
    known |= {"input": on_record.input_digest, "settings": on_record.settings_digest}
    given |= {"input": report.input_digest, "settings": report.settings_digest}
    differing = sorted(name for name in known | given if known.get(name) != given.get(name))
    if differing:
        raise ReportDiffers(
            f"{claim.study_uid} revision {claim.revision}: digests differ from the report on record for "
            f"{', '.join(differing)}."
        )


def _report(study: Study, report: ReportRecord, now: datetime) -> Report:
    return Report(
        study_id=study.id,
        revision=study.revision,
        outcome=report.outcome,
        pet_series_uid=report.pet_series_uid,
        ct_series_uid=report.ct_series_uid,
        tracer=report.tracer,
        suv_factor=report.suv_factor,
        input_digest=report.input_digest,
        settings_digest=report.settings_digest,
        software_version=report.software_version,
        remarks=[{"reason": remark.reason, "detail": remark.detail} for remark in report.remarks],
        timings_s=dict(report.timings_s),
        summary=report.summary,
        created_at=now,
    )


def _finding(tracked: TrackedFinding) -> FindingRow:
    finding, measured, location = tracked.finding, tracked.finding.measurements, tracked.finding.location.location
    grade = finding.grade
    x, y, z = measured.centroid_mm
    return FindingRow(
        number=finding.number,
        kind=finding.kind,
        reason=finding.reason,
        tracking_uid=tracked.tracking_uid,
        location_id=location.id,
        location_name=location.name,
        location_coarse=location.coarse,
        laterality=location.laterality,
        location_confidence=finding.location.confidence,
        suv_max=measured.suv_max,
        suv_peak=measured.suv_peak,
        suv_mean=measured.suv_mean,
        mtv_ml=measured.mtv_ml,
        tlg=measured.tlg,
        long_axis_mm=measured.long_axis_mm,
        short_axis_mm=measured.short_axis_mm,
        centroid_x_mm=x,
        centroid_y_mm=y,
        centroid_z_mm=z,
        first_slice=measured.slices[0],
        last_slice=measured.slices[1],
        grade_scale=None if grade is None else grade.scale,
        grade_score=None if grade is None else grade.score,
        grade_why=None if grade is None else grade.why,
        caption=finding.caption,
    )


def _result(result: ResultRecord, destinations: Wanted, now: datetime) -> ResultObject:
    return ResultObject(
        kind=result.kind,
        sop_class_uid=result.sop_class_uid,
        sop_instance_uid=result.sop_instance_uid,
        path=result.path,
        digest=result.digest,
        size_bytes=result.size_bytes,
        faults=[asdict(fault) for fault in result.faults],
        deliveries=[
            Delivery(destination=destination, state=DeliveryState.PENDING, attempts=0, next_attempt_at=now)
            for destination, kinds in destinations.items()
            if result.kind in kinds
        ],
    )
