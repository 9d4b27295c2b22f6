"""Studies that can't be analysed honestly, and the reports that tell their destinations so."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.reasons import Remark
from db.audit_actions import AuditAction, AuditOutcome
from db.columns import JsonValue
from db.reports import ReportRecord, ResultRecord, Wanted, add_report, return_to
from db.states import ReportOutcome
from db.studies import audit_study, locked
from db.tables import Report, Study
from db.work import COMPLETENESS, Claimed, Receiving, reject


def reject_and_tell(
    session: Session,
    token: Receiving | Claimed,
    remark: Remark,
    report: ReportRecord,
    results: Sequence[ResultRecord],
    destinations: Wanted,
    now: datetime,
) -> bool:
    """Reject a study as `db.work.reject` does, with a report that says why; it stays rejected when that is delivered.

    An earlier report that says the same of the same inputs stands, and the study returns to its revision. Takes a
    session of `db.session.Database.transaction`; the result files must be durable before.
    """
    if not reject(session, token, remark.reason, remark.detail, now):
        return False
    study = locked(session, token.study_uid)
    who = token.owner if isinstance(token, Claimed) else COMPLETENESS
    told = _told_before(session, study, report)
    if told is None:
        add_report(session, study, report, (), results, destinations, now, who=who)
        return True
    return_to(session, study, told)
    detail: dict[str, JsonValue] = {"claimed_revision": token.revision, "input_digest": report.input_digest}
    audit_study(session, study, AuditAction.REPORT_STANDS, AuditOutcome.SUCCESS, now, who=who, detail=detail)
    return True


def _told_before(session: Session, study: Study, report: ReportRecord) -> Report | None:
    """The latest report, if it is a refusal that nothing has changed about."""
    latest = session.scalar(select(Report).where(Report.study_id == study.id).order_by(Report.revision.desc()).limit(1))
    if latest is None or latest.outcome is not ReportOutcome.NOT_ANALYSED or latest.quarantined:
        return None
    said = (latest.input_digest, latest.settings_digest, latest.software_version, latest.remarks)
    remarks = [{"reason": remark.reason.value, "detail": remark.detail} for remark in report.remarks]
    return latest if said == (report.input_digest, report.settings_digest, report.software_version, remarks) else None
