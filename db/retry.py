"""A person sends a study on its way again."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.reasons import Reason, UptakeError
from db.audit_actions import AuditAction, AuditOutcome
from db.delivery import deliveries_of_revision, supersede_deliveries
from db.states import DELIVERY_TRANSITIONS, DeliveryState, StudyState, transition
from db.studies import audit_study, locked, move
from db.tables import Report, Study


class NotRetryable(UptakeError):
    """The study is not at an end from which, nor in a wait in which, trying again makes sense."""


def retry(session: Session, study_uid: str, who: str, now: datetime) -> StudyState:
    """Send a study on its way again, with all attempts before it; the state in which it now waits.

    - rejected: back to ``receiving``, where completeness is judged anew;
    - failed in analysis, or its results not fit to be sent: back to ``complete``;
    - failed in delivery: back to ``encoded``, and what was not sent is due at once;
    - waiting for another attempt (``complete``, ``encoded``): that is due at once;
    - delivered, but a destination has yet to commit itself: it is asked at once.

    Where the present revision has a report already that says otherwise, the next one begins. Takes a session of
    `db.session.Database.transaction`.

    Raises
    ------
    UnknownStudy
        If it never arrived.
    NotRetryable
        If it is in any other state.
    """
    study = locked(session, study_uid)
    before, report = study.state, _report(session, study)
    if before is StudyState.REJECTED:
        move(study, StudyState.RECEIVING, now)
    elif before is StudyState.FAILED and (report is None or report.quarantined):
        move(study, StudyState.COMPLETE, now)
    elif before is StudyState.FAILED:
        move(study, StudyState.ENCODED, now)
    elif not _waits(session, study):
        raise NotRetryable(f"{study_uid} is {before}; only studies that failed, were rejected or wait can be retried.")
    if report is not None and study.state not in (StudyState.ENCODED, StudyState.DELIVERED):
        _make_due(session, study, now)
        supersede_deliveries(session, study)
        study.revision += 1
    study.attempts = 0
    study.next_attempt_at = None
    if study.state in (StudyState.ENCODED, StudyState.DELIVERED):
        _make_due(session, study, now)
    audit_study(session, study, AuditAction.STUDY_RETRIED, AuditOutcome.SUCCESS, now, who=who, detail={"was": before})
    return study.state


def failed_for(session: Session, reason: Reason) -> tuple[str, ...]:
    """The UIDs of all studies that failed for a reason, now locked, longest ago first."""
    failed = select(Study.study_instance_uid).where(Study.state == StudyState.FAILED, Study.reason == reason)
    return tuple(session.scalars(failed.order_by(Study.updated_at, Study.id).with_for_update()))


def _waits(session: Session, study: Study) -> bool:
    """Whether something of a locked study is to be tried again."""
    if study.state is StudyState.DELIVERED:
        return any(one.state is DeliveryState.UNCOMMITTED for one in deliveries_of_revision(session, study))
    return study.state in (StudyState.COMPLETE, StudyState.ENCODED)


def _report(session: Session, study: Study) -> Report | None:
    return session.scalar(select(Report).where(Report.study_id == study.id, Report.revision == study.revision))


def _make_due(session: Session, study: Study, now: datetime) -> None:
    for delivery in deliveries_of_revision(session, study):
        if delivery.state in (DeliveryState.REFUSED, DeliveryState.FAILED):
            delivery.state = transition(DELIVERY_TRANSITIONS, delivery.state, DeliveryState.PENDING)
        if delivery.state in (DeliveryState.PENDING, DeliveryState.UNCOMMITTED):
            delivery.attempts = 0
            delivery.next_attempt_at = now
            delivery.commitment_id = None
