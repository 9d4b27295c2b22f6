"""Recording what an analysis found, and the deliveries that follow from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from config.finding import Finding, ResultKind
from config.reasons import Remark, UptakeError
from config.tracers import Tracer
from db.audit_actions import AuditAction, AuditOutcome
from db.columns import JsonValue
from db.delivery import deliveries_of_revision, settle_study
from db.states import DELIVERY_TRANSITIONS, DeliveryState, ReportOutcome, StudyState, transition
from db.studies import audit_study, locked, move
from db.tables import Delivery, FindingRow, Report, ResultObject, Study
from db.work import Claimed, claimed_study


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRecord:
    """One analysis.

    ``suv_factor``: rescaled value to SUVbw, of the first slice. Digests are SHA-256 in hexadecimal. ``models``: for
    each task that a trained model did, which it was; the audit trail keeps it.
    """

    outcome: ReportOutcome
    pet_series_uid: str
    ct_series_uid: str | None
    tracer: Tracer
    suv_factor: float
    input_digest: str
    settings_digest: str
    software_version: str
    remarks: tuple[Remark, ...]
    timings_s: Mapping[str, float]
    models: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrackedFinding:
    """A finding and the Tracking UID (0062,0021) that it bears in result objects."""

    finding: Finding
    tracking_uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRecord:
    """A result object that lies safely in the spool; ``path`` is relative to it."""

    kind: ResultKind
    sop_class_uid: str
    sop_instance_uid: str
    path: str
    digest: str
    size_bytes: int


class Recorded(StrEnum):
    """What became of a report that was to be recorded.

    ``ALREADY``: it is on record with these very results. ``SUPERSEDED``: the claim no longer holds, because instances
    arrived or the lease ran out; nothing was recorded and the result files may be deleted.
    """

    RECORDED = "recorded"
    ALREADY = "already"
    SUPERSEDED = "superseded"


class ReportDiffers(UptakeError):
    """Another report of the same revision is on record: two analyses of the same inputs did not give the same bytes."""


@dataclass(frozen=True, slots=True)
class EarlierResult:
    """A result object of an earlier revision that a destination has (Predecessor Documents Sequence, PS3.3 C.17.2).

    ``path`` is relative to the spool.
    """

    kind: ResultKind
    sop_instance_uid: str
    path: str


def record_report(
    session: Session,
    claim: Claimed,
    report: ReportRecord,
    findings: Sequence[TrackedFinding],
    results: Sequence[ResultRecord],
    destinations: Sequence[str],
    now: datetime,
) -> Recorded:
    """Put the outcome of a claimed analysis on record: the study is ``encoded`` and every result due everywhere.

    Without destinations the study is ``delivered`` at once. Results are sent in the order given here. Takes a session
    of `db.session.Database.transaction`; the result files must be durable before.

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
    row = _report(study, claim, report, now)
    row.findings = [_finding(tracked) for tracked in findings]
    row.result_objects = [_result(result, destinations, now) for result in results]
    session.add(row)
    move(study, StudyState.ENCODED, now)
    audit_study(
        session,
        study,
        AuditAction.REPORT_RECORDED,
        AuditOutcome.SUCCESS,
        now,
        who=claim.owner,
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
    settle_study(session, study, now)
    return Recorded.RECORDED


def keep_report(
    session: Session, claim: Claimed, input_digest: str, settings_digest: str, software_version: str, now: datetime
) -> bool:
    """Whether the latest report is of the very inputs that were claimed; then it stands, and the study goes back to it.

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
    if report is None or (report.input_digest, report.settings_digest, report.software_version) != given:
        return False
    study.revision = report.revision
    for delivery in deliveries_of_revision(session, study):
        if delivery.state is DeliveryState.SUPERSEDED:
            delivery.state = transition(DELIVERY_TRANSITIONS, delivery.state, DeliveryState.PENDING)
    move(study, StudyState.ENCODED, now)
    detail: dict[str, JsonValue] = {"claimed_revision": claim.revision, "input_digest": input_digest}
    audit_study(session, study, AuditAction.REPORT_STANDS, AuditOutcome.SUCCESS, now, who=claim.owner, detail=detail)
    settle_study(session, study, now)
    return True


def predecessors(session: Session, study_uid: str, revision: int) -> tuple[EarlierResult, ...]:
    """Result objects of the newest earlier revision of which a destination has received any. Reads only."""
    sent = exists().where(Delivery.result_object_id == ResultObject.id, Delivery.state == DeliveryState.SENT)
    rows = session.execute(
        select(Report.revision, ResultObject)
        .join(Report, Report.id == ResultObject.report_id)
        .join(Study, Study.id == Report.study_id)
        .where(Study.study_instance_uid == study_uid, Report.revision < revision, sent)
        .order_by(Report.revision.desc(), ResultObject.id)
    ).all()
    return tuple(
        EarlierResult(result.kind, result.sop_instance_uid, result.path)
        for of_revision, result in rows
        if of_revision == rows[0][0]
    )


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


def _report(study: Study, claim: Claimed, report: ReportRecord, now: datetime) -> Report:
    return Report(
        study_id=study.id,
        revision=claim.revision,
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
        created_at=now,
    )


def _finding(tracked: TrackedFinding) -> FindingRow:
    finding, measured, location = tracked.finding, tracked.finding.measurements, tracked.finding.location.location
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
        caption=finding.caption,
    )


def _result(result: ResultRecord, destinations: Sequence[str], now: datetime) -> ResultObject:
    return ResultObject(
        kind=result.kind,
        sop_class_uid=result.sop_class_uid,
        sop_instance_uid=result.sop_instance_uid,
        path=result.path,
        digest=result.digest,
        size_bytes=result.size_bytes,
        deliveries=[
            Delivery(destination=destination, state=DeliveryState.PENDING, attempts=0, next_attempt_at=now)
            for destination in destinations
        ],
    )
