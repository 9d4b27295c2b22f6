"""Everything about one study, for ``uptake status STUDY_UID`` and the pages that show a study."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from config.finding import FindingKind, UptakeGrade
from config.reasons import Reason, Remark
from config.result_kind import ResultKind
from config.vocabulary import Laterality
from db.queries import StudySummary, study_summary
from db.reports import FaultRecord
from db.states import AssociationOutcome, DeliveryState, Disposition, ReportOutcome
from db.studies import UnknownStudy
from db.tables import Association, AssociationStudy, Delivery, FindingRow, Instance, Report, ResultObject, Series, Study

_REASONS = {reason.value: reason for reason in Reason}


@dataclass(frozen=True, slots=True)
class SeriesDetail:
    series_uid: str
    modality: str | None
    description: str | None
    kind: str | None
    why: str | None
    instances: int


@dataclass(frozen=True, slots=True)
class ArrivalDetail:
    """An association that brought instances of the study."""

    calling_ae: str
    address: str
    opened_at: datetime
    closed_at: datetime | None
    outcome: AssociationOutcome | None
    accepted: int
    duplicates: int
    conflicts: int


@dataclass(frozen=True, slots=True)
class UnusedInstance:
    """An instance that was rejected or kept aside."""

    sop_instance_uid: str | None
    disposition: Disposition
    reason: Reason | None
    detail: str | None
    path: str | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class FindingDetail:
    """A finding; units as in `config.finding.Measurements`."""

    number: int
    kind: FindingKind
    reason: str
    tracking_uid: str
    location_id: str
    location_name: str
    laterality: Laterality
    location_confidence: float
    suv_max: float
    suv_peak: float
    suv_mean: float
    mtv_ml: float
    tlg: float
    long_axis_mm: float
    short_axis_mm: float
    centroid_mm: tuple[float, float, float]
    slices: tuple[int, int]
    grade: UptakeGrade | None
    caption: str


@dataclass(frozen=True, slots=True)
class DeliveryDetail:
    """Where a result object is on its way; ``sent_instead``: what this destination gets in its place."""

    destination: str
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime
    last_status: int | None
    reason: Reason | None
    detail: str | None
    sent_at: datetime | None
    sent_instead: ResultKind | None
    committed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ResultDetail:
    kind: ResultKind
    sop_class_uid: str
    sop_instance_uid: str
    path: str
    digest: str
    size_bytes: int
    faults: tuple[FaultRecord, ...]
    deliveries: tuple[DeliveryDetail, ...]


@dataclass(frozen=True, slots=True)
class ReportDetail:
    """A report; of one that tells why there was no analysis, ``remarks`` holds the reason."""

    revision: int
    outcome: ReportOutcome
    created_at: datetime
    pet_series_uid: str
    ct_series_uid: str | None
    tracer: str | None
    suv_factor: float | None
    input_digest: str
    settings_digest: str
    software_version: str
    remarks: tuple[Remark, ...]
    timings_s: dict[str, float]
    summary: str
    quarantined: bool
    findings: tuple[FindingDetail, ...]
    results: tuple[ResultDetail, ...]


@dataclass(frozen=True, slots=True)
class StudyDetail:
    """A study with all that belongs to it; ``reports`` in the order of their revisions."""

    summary: StudySummary
    series: tuple[SeriesDetail, ...]
    arrivals: tuple[ArrivalDetail, ...]
    unused: tuple[UnusedInstance, ...]
    reports: tuple[ReportDetail, ...]


def study_detail(session: Session, study_uid: str) -> StudyDetail:
    """Everything about one study; `db.session.Database.reading` suffices.

    Raises
    ------
    UnknownStudy
        If it never arrived.
    """
    summary = study_summary(session, study_uid)
    if summary is None:
        raise UnknownStudy(study_uid)
    study = session.scalars(
        select(Study)
        .where(Study.study_instance_uid == study_uid)
        .options(
            selectinload(Study.series),
            selectinload(Study.reports).selectinload(Report.findings),
            selectinload(Study.reports).selectinload(Report.result_objects).selectinload(ResultObject.deliveries),
        )
    ).one()
    arrivals = session.execute(
        select(Association, AssociationStudy)
        .join(AssociationStudy, AssociationStudy.association_id == Association.id)
        .where(AssociationStudy.study_id == study.id)
        .order_by(Association.opened_at, Association.id)
    )
    unused = session.scalars(
        select(Instance)
        .where(
            Instance.study_instance_uid == study_uid,
            Instance.disposition.not_in((Disposition.ACCEPTED, Disposition.EXPIRED)),
        )
        .order_by(Instance.id)
    )
    return StudyDetail(
        summary,
        tuple(_series(series) for series in study.series),
        tuple(_arrival(association, count) for association, count in arrivals),
        tuple(_unused(instance) for instance in unused),
        tuple(_report(report) for report in study.reports),
    )


def _series(series: Series) -> SeriesDetail:
    return SeriesDetail(
        series.series_instance_uid,
        series.modality,
        series.description,
        series.kind,
        series.why,
        series.number_of_instances,
    )


def _arrival(association: Association, count: AssociationStudy) -> ArrivalDetail:
    return ArrivalDetail(
        association.calling_ae,
        association.address,
        association.opened_at,
        association.closed_at,
        association.outcome,
        count.accepted,
        count.duplicates,
        count.conflicts,
    )


def _unused(instance: Instance) -> UnusedInstance:
    return UnusedInstance(
        instance.sop_instance_uid,
        instance.disposition,
        instance.reason,
        instance.detail,
        instance.path,
        instance.received_at,
    )


def _report(report: Report) -> ReportDetail:
    assert isinstance(report.remarks, list)
    assert isinstance(report.timings_s, dict)
    return ReportDetail(
        report.revision,
        report.outcome,
        report.created_at,
        report.pet_series_uid,
        report.ct_series_uid,
        report.tracer,
        report.suv_factor,
        report.input_digest,
        report.settings_digest,
        report.software_version,
        tuple(Remark(_REASONS[remark["reason"]], remark["detail"]) for remark in report.remarks),
        report.timings_s,
        report.summary,
        report.quarantined,
        tuple(_finding(finding) for finding in report.findings),
        tuple(_result(result) for result in report.result_objects),
    )


def _finding(row: FindingRow) -> FindingDetail:
    return FindingDetail(
        number=row.number,
        kind=row.kind,
        reason=row.reason,
        tracking_uid=row.tracking_uid,
        location_id=row.location_id,
        location_name=row.location_name,
        laterality=row.laterality,
        location_confidence=row.location_confidence,
        suv_max=row.suv_max,
        suv_peak=row.suv_peak,
        suv_mean=row.suv_mean,
        mtv_ml=row.mtv_ml,
        tlg=row.tlg,
        long_axis_mm=row.long_axis_mm,
        short_axis_mm=row.short_axis_mm,
        centroid_mm=(row.centroid_x_mm, row.centroid_y_mm, row.centroid_z_mm),
        slices=(row.first_slice, row.last_slice),
        grade=_grade(row),
        caption=row.caption,
    )


def _grade(row: FindingRow) -> UptakeGrade | None:
    if row.grade_scale is None or row.grade_score is None or row.grade_why is None:
        return None
    return UptakeGrade(row.grade_scale, row.grade_score, row.grade_why)


def _result(result: ResultObject) -> ResultDetail:
    assert isinstance(result.faults, list)
    return ResultDetail(
        result.kind,
        result.sop_class_uid,
        result.sop_instance_uid,
        result.path,
        result.digest,
        result.size_bytes,
        tuple(FaultRecord(**fault) for fault in result.faults),
        tuple(_delivery(delivery) for delivery in result.deliveries),
    )


def _delivery(delivery: Delivery) -> DeliveryDetail:
    return DeliveryDetail(
        delivery.destination,
        delivery.state,
        delivery.attempts,
        delivery.next_attempt_at,
        delivery.last_status,
        delivery.reason,
        delivery.detail,
        delivery.sent_at,
        delivery.sent_instead,
        delivery.committed_at,
    )
