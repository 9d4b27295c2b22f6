"""A person sends a study on its way again."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.reasons import UptakeError
from db.audit_actions import AuditAction, AuditOutcome
from db.delivery import deliveries_of_revision
from db.states import DELIVERY_TRANSITIONS, DeliveryState, StudyState, transition
from db.studies import audit_study, locked, move
from db.tables import Report, Study


class NotRetryable(UptakeError):
    """The study is not at an end from which, nor in a wait in which, trying again makes sense."""


def retry(session: Session, study_uid: str, who: str, now: datetime) -> StudyState:
    """Send a study on its way again, with all attempts before it; the state in which it now waits.

    - rejected: back to ``receiving``, where completeness is judged anew;
    - failed in analysis: back to ``complete``;
    - failed in delivery: back to ``encoded``, and what was not sent is due at once;
    - waiting for another attempt (``complete``, ``encoded``): that is due at once.

    Takes a session of `db.session.Database.transaction`.

    Raises
    ------
    UnknownStudy
        If it never arrived.
    NotRetryable
        If it is in any other state.
    """
    study = locked(session, study_uid)
    before = study.state
    if before is StudyState.REJECTED:
        move(study, StudyState.RECEIVING, now)
    elif before is StudyState.FAILED:
        move(study, StudyState.ENCODED if _has_report(session, study) else StudyState.COMPLETE, now)
    elif before not in (StudyState.COMPLETE, StudyState.ENCODED):
        raise NotRetryable(f"{study_uid} is {before}; only studies that failed, were rejected or wait can be retried.")
    study.attempts = 0
    study.next_attempt_at = None
    if study.state is StudyState.ENCODED:
        _make_due(session, study, now)
    audit_study(session, study, AuditAction.STUDY_RETRIED, AuditOutcome.SUCCESS, now, who=who, detail={"was": before})
    return study.state


def _has_report(session: Session, study: Study) -> bool:
    of_revision = select(Report.id).where(Report.study_id == study.id, Report.revision == study.revision)
    return session.scalar(of_revision) is not None


def _make_due(session: Session, study: Study, now: datetime) -> None:
    for delivery in deliveries_of_revision(session, study):
        if delivery.state in (DeliveryState.REFUSED, DeliveryState.FAILED):
            delivery.state = transition(DELIVERY_TRANSITIONS, delivery.state, DeliveryState.PENDING)
        if delivery.state is DeliveryState.PENDING:
            delivery.attempts = 0
            delivery.next_attempt_at = now
