"""What people and programs ask the database. Every function only reads; `db.session.Database.reading` suffices."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from config.finding import FindingKind
from config.reasons import Reason
from db.audit_actions import AuditAction, AuditOutcome
from db.delivery import SPARED
from db.states import HELD, Disposition, ReportOutcome, StudyState
from db.tables import AuditEvent, Delivery, FindingRow, Instance, Report, ResultObject, Series, Study


@dataclass(frozen=True, slots=True)
class StudySummary:
    """A line of the list of studies. ``lesions`` (None where nothing was analysed) and deliveries: of this revision.

    What destinations do without, since they do not take it, is not among the ``deliveries``. ``conflicts``: instances
    kept aside, because others of their UIDs came first.
    """

    study_uid: str
    state: StudyState
    reason: Reason | None
    detail: str | None
    revision: int
    attempts: int
    patient_id: str | None
    patient_name: str | None
    accession_number: str | None
    study_date: str | None
    first_arrival: datetime
    last_arrival: datetime
    next_attempt_at: datetime | None
    updated_at: datetime
    instances: int
    lesions: int | None
    deliveries_sent: int
    deliveries: int
    conflicts: int


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An event of the audit trail."""

    sequence: int
    at: datetime
    action: AuditAction
    outcome: AuditOutcome
    who: str
    study_uid: str | None
    sop_instance_uid: str | None
    patient_id: str | None
    detail: dict[str, Any]
    hash: str


def study_list(session: Session, *, limit: int = 100, states: Collection[StudyState] = ()) -> tuple[StudySummary, ...]:
    """Studies, latest change first; of the given ``states`` only, if any are given."""
    query = _summaries().order_by(Study.updated_at.desc(), Study.id.desc()).limit(limit)
    if states:
        query = query.where(Study.state.in_(states))
    return tuple(_summary(row) for row in session.execute(query))


def study_summary(session: Session, study_uid: str) -> StudySummary | None:
    """One study, or None if it never arrived."""
    row = session.execute(_summaries().where(Study.study_instance_uid == study_uid)).first()
    return None if row is None else _summary(row)


def audit_events(
    session: Session,
    *,
    study: str | None = None,
    patient: str | None = None,
    who: str | None = None,
    action: AuditAction | None = None,
    outcome: AuditOutcome | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> tuple[AuditEntry, ...]:
    """Events that match everything given, in order; the latest ``limit`` of them. ``until`` is exclusive."""
    conditions: list[ColumnElement[bool]] = []
    if study is not None:
        conditions.append(AuditEvent.study_instance_uid == study)
    if patient is not None:
        conditions.append(AuditEvent.patient_id == patient)
    if who is not None:
        conditions.append(AuditEvent.who == who)
    if action is not None:
        conditions.append(AuditEvent.action == action)
    if outcome is not None:
        conditions.append(AuditEvent.outcome == outcome)
    if since is not None:
        conditions.append(AuditEvent.at >= since)
    if until is not None:
        conditions.append(AuditEvent.at < until)
    newest_first = (AuditEvent.at.desc(), AuditEvent.sequence.desc())  # as indexes have them
    query = select(AuditEvent).where(*conditions).order_by(*newest_first).limit(limit)
    return tuple(sorted((entry(event) for event in session.scalars(query)), key=lambda event: event.sequence))


def entry(event: AuditEvent) -> AuditEntry:
    """A row of the audit trail as people and programs read it."""
    assert isinstance(event.detail, dict)
    return AuditEntry(
        event.sequence,
        event.at,
        event.action,
        event.outcome,
        event.who,
        event.study_instance_uid,
        event.sop_instance_uid,
        event.patient_id,
        event.detail,
        event.hash,
    )


def _summaries() -> Select[Any]:
    instances = (
        select(func.coalesce(func.sum(Series.number_of_instances), 0))
        .where(Series.study_id == Study.id)
        .correlate(Study)
        .scalar_subquery()
    )
    of_revision = (Report.study_id == Study.id, Report.revision == Study.revision)
    analysed = Report.outcome != ReportOutcome.NOT_ANALYSED
    report = select(Report.id).where(*of_revision, analysed).correlate(Study).scalar_subquery()
    lesions = (
        select(func.count())
        .select_from(FindingRow)
        .join(Report, Report.id == FindingRow.report_id)
        .where(*of_revision, FindingRow.kind == FindingKind.LESION)
        .correlate(Study)
        .scalar_subquery()
    )
    deliveries = (
        select(func.count())
        .select_from(Delivery)
        .join(ResultObject, ResultObject.id == Delivery.result_object_id)
        .join(Report, Report.id == ResultObject.report_id)
        .where(*of_revision, Delivery.state.not_in(SPARED))
        .correlate(Study)
    )
    sent = deliveries.where(Delivery.state.in_(HELD))
    conflicts = (
        select(func.count())
        .select_from(Instance)
        .where(Instance.study_instance_uid == Study.study_instance_uid, Instance.disposition == Disposition.CONFLICT)
        .correlate(Study)
        .scalar_subquery()
    )
    return select(Study, instances, report, lesions, sent.scalar_subquery(), deliveries.scalar_subquery(), conflicts)


def _summary(row: Any) -> StudySummary:
    study, instances, report, lesions, sent, deliveries, conflicts = row
    return StudySummary(
        study_uid=study.study_instance_uid,
        state=study.state,
        reason=study.reason,
        detail=study.detail,
        revision=study.revision,
        attempts=study.attempts,
        patient_id=study.patient_id,
        patient_name=study.patient_name,
        accession_number=study.accession_number,
        study_date=study.study_date,
        first_arrival=study.first_arrival,
        last_arrival=study.last_arrival,
        next_attempt_at=study.next_attempt_at,
        updated_at=study.updated_at,
        instances=instances,
        lesions=None if report is None else lesions,
        deliveries_sent=sent,
        deliveries=deliveries,
        conflicts=conflicts,
    )
