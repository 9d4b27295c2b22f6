"""Results of earlier reports: of the revision before, and of earlier examinations of the same patient. Reads only."""

from dataclasses import dataclass

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, selectinload

from config.result_kind import ResultKind
from db.states import HELD, ReportOutcome
from db.tables import Delivery, Report, ResultObject, Study

_SENT = exists().where(Delivery.result_object_id == ResultObject.id, Delivery.state.in_(HELD))


@dataclass(frozen=True, slots=True)
class EarlierResult:
    """A result object of an earlier report; ``path`` is relative to the spool. ``sent``: some destination has it."""

    kind: ResultKind
    sop_instance_uid: str
    path: str
    sent: bool


@dataclass(frozen=True, slots=True)
class PriorReport:
    """The report of an earlier examination of the same patient, with its results."""

    study_uid: str
    revision: int
    study_date: str
    results: tuple[EarlierResult, ...]


def predecessors(session: Session, study_uid: str, revision: int) -> tuple[EarlierResult, ...]:
    """What destinations have of the newest earlier revision of which they have anything (PS3.3 C.17.2)."""
    rows = session.execute(
        select(Report.revision, ResultObject)
        .join(Report, Report.id == ResultObject.report_id)
        .join(Study, Study.id == Report.study_id)
        .where(Study.study_instance_uid == study_uid, Report.revision < revision, _SENT)
        .order_by(Report.revision.desc(), ResultObject.id)
    ).all()
    return tuple(_earlier(result, sent=True) for of_revision, result in rows if of_revision == rows[0][0])


def prior_reports(session: Session, study_uid: str) -> tuple[PriorReport, ...]:
    """The analysed earlier examinations of a study's patient, latest first, each with its latest report.

    The same patient: Patient ID and its issuer are equal, an absent issuer being one of its own. Earlier: by Study
    Date. Without either there are none.
    """
    study = session.scalar(select(Study).where(Study.study_instance_uid == study_uid))
    if study is None or not study.patient_id or not study.study_date:
        return ()
    rows = session.execute(
        select(Study, Report)
        .join(Report, Report.study_id == Study.id)
        .where(
            Study.id != study.id,
            Study.patient_id == study.patient_id,
            func.coalesce(Study.issuer_of_patient_id, "") == (study.issuer_of_patient_id or ""),
            Study.study_date < study.study_date,
            Report.outcome != ReportOutcome.NOT_ANALYSED,
            Report.quarantined.is_(False),
        )
        .options(selectinload(Report.result_objects).selectinload(ResultObject.deliveries))
        .order_by(Study.study_date.desc(), Study.id.desc(), Report.revision.desc())
    ).all()
    latest: dict[int, PriorReport] = {}
    for earlier, report in rows:
        latest.setdefault(earlier.id, _prior(earlier, report))
    return tuple(latest.values())


def _prior(study: Study, report: Report) -> PriorReport:
    results = tuple(
        _earlier(result, sent=any(delivery.state in HELD for delivery in result.deliveries))
        for result in report.result_objects
    )
    return PriorReport(study.study_instance_uid, report.revision, study.study_date or "", results)


def _earlier(result: ResultObject, *, sent: bool) -> EarlierResult:
    return EarlierResult(result.kind, result.sop_instance_uid, result.path, sent)
